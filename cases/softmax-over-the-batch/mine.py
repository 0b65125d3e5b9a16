"""Three classes of points, by a 2-5-3 network that ends with a softmax."""

import numpy as np
from common import Record, dtype, random

centers = np.array([[2, 0], [-1, 2], [-1, -2]])
kind = np.tile([0, 1, 2], 10)
X = (centers[kind] + random.normal(size=(30, 2))).astype(dtype)
W1 = (0.5 * random.normal(size=(2, 5))).astype(dtype)
b1 = np.zeros((1, 5), dtype)
W2 = (0.5 * random.normal(size=(5, 3))).astype(dtype)
b2 = np.zeros((1, 3), dtype)


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum(axis=0)  # right: return e / e.sum(axis=1, keepdims=True)


record = Record()
record.start({"W1": W1, "b1": b1[0], "W2": W2, "b2": b2[0]})
for step in range(12):
    i = step % 3 * 10
    x, t = X[i : i + 10], kind[i : i + 10]
    z1 = np.dot(x, W1) + b1
    a1 = np.tanh(z1)
    z2 = np.dot(a1, W2) + b2
    a2 = softmax(z2)
    loss = -np.mean(np.log(a2[np.arange(10), t]))

    onehot = np.eye(3, dtype=dtype)[t]
    da2 = -onehot / a2 / 10
    dz2 = (a2 - onehot) / 10
    dW2 = np.dot(a1.T, dz2)
    db2 = np.sum(dz2, axis=0, keepdims=True)
    dz1 = np.dot(dz2, W2.T) * (1 - a1**2)
    dW1 = np.dot(x.T, dz1)
    db1 = np.sum(dz1, axis=0, keepdims=True)

    W1, b1, W2, b2 = W1 - 0.2 * dW1, b1 - 0.2 * db1, W2 - 0.2 * dW2, b2 - 0.2 * db2
    record.step(
        {"W1": W1, "b1": b1[0], "W2": W2, "b2": b2[0]},
        batch=(x, t),
        loss=loss,
        gradients={"W1": dW1, "b1": db1[0], "W2": dW2, "b2": db2[0]},
        activations=[z1, a1, z2, a2],
        output_gradient=da2,
    )
