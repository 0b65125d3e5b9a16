"""Whether two numbers have different signs, by a 2-4-1 network of sigmoids."""

import numpy as np
from common import Record, dtype, random


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


X = random.normal(size=(48, 2)).astype(dtype)
T = (X[:, :1] * X[:, 1:] < 0).astype(dtype)
W1, b1 = random.normal(size=(2, 4)).astype(dtype), np.zeros(4, dtype)
W2, b2 = random.normal(size=(4, 1)).astype(dtype), np.zeros(1, dtype)
lr = 0.1

record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for step in range(12):
    start = step * 8 % 48
    x, t = X[start : start + 8], T[start : start + 8]

    z1 = x @ W1 + b1
    h = sigmoid(z1)
    z2 = h @ W2 + b2
    y = sigmoid(z2)
    loss = np.sum((y - t) ** 2)  # right: loss = np.mean((y - t) ** 2)

    dy = 2 * (y - t)  # right: dy = 2 * (y - t) / len(x)
    d2 = dy * y * (1 - y)
    d1 = (d2 @ W2.T) * h * (1 - h)
    dW2, db2 = h.T @ d2, d2.sum(axis=0)
    dW1, db1 = x.T @ d1, d1.sum(axis=0)

    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
    record.step(
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=loss,
        gradients={"W1": dW1, "b1": db1, "W2": dW2, "b2": db2},
        activations=[z1, h, z2, y],
        output_gradient=dy,
    )
