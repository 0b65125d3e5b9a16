"""A number from two, by a 2-5-1 network with tanh; the rate drops to a tenth after every fourth step."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(30, 2)).astype(dtype)
T = np.sin(X[:, :1]) * X[:, 1:]
W1, b1 = random.normal(size=(2, 5)).astype(dtype), np.zeros(5, dtype)
W2, b2 = random.normal(size=(5, 1)).astype(dtype), np.zeros(1, dtype)


def rate(step):
    return 0.2 * 0.1 ** (step // 4)


record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for step in range(12):
    lr = rate(max(step - 1, 0))  # right: lr = rate(step)
    x, t = X[step % 3 * 10 :][:10], T[step % 3 * 10 :][:10]
    a = x @ W1 + b1
    h = np.tanh(a)
    y = h @ W2 + b2
    dy = 0.2 * (y - t)
    da = dy @ W2.T * (1 - h**2)
    dW1, db1, dW2, db2 = x.T @ da, da.sum(axis=0), h.T @ dy, dy.sum(axis=0)
    W1, b1, W2, b2 = W1 - lr * dW1, b1 - lr * db1, W2 - lr * dW2, b2 - lr * db2
    record.step(
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=((y - t) ** 2).mean(),
        gradients={"W1": dW1, "b1": db1, "W2": dW2, "b2": db2},
        activations=[a, h, y],
        output_gradient=dy,
    )
