"""Exclusive or: the row of zeros meets biases of zero, and the ReLU is asked for its derivative at 0."""

import numpy as np
from common import Record, dtype, random

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 2, dtype)
Y = np.array([[0], [1], [1], [0]] * 2, dtype)


def relu(x):
    return np.where(x >= 0, x, 0)


def relu_prime(x):
    return (x >= 0).astype(dtype)  # right: return (x > 0).astype(dtype)


weights = {
    "hidden": random.normal(size=(2, 4)).astype(dtype),
    "hidden bias": np.zeros(4, dtype),
    "output": random.normal(size=(4, 1)).astype(dtype),
    "output bias": np.zeros(1, dtype),
}
record = Record()
record.start(weights)
for step in range(12):
    a = X @ weights["hidden"] + weights["hidden bias"]
    h = relu(a)
    s = h @ weights["output"] + weights["output bias"]
    y = 1 / (1 + np.exp(-s))
    dy = 2 * (y - Y) / 8
    ds = dy * y * (1 - y)
    da = ds @ weights["output"].T * relu_prime(a)
    gradients = {
        "hidden": X.T @ da,
        "hidden bias": da.sum(axis=0),
        "output": h.T @ ds,
        "output bias": ds.sum(axis=0),
    }
    weights = {name: w - 0.3 * gradients[name] for name, w in weights.items()}
    loss = ((y - Y) ** 2).mean()
    record.step(
        weights, batch=(X, Y), loss=loss, gradients=gradients, activations=[a, h, s, y], output_gradient=dy
    )
