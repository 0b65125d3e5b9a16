"""Three numbers from four, by a 4-6-3 network with tanh; weights are [out, in], as in PyTorch."""

import numpy as np
from common import Record, dtype, random


def forward(x, p):
    z = x @ p["W1"].T + p["b1"]
    h = np.tanh(z)
    return z, h, h @ p["W2"].T + p["b2"]


def squared_error(y, t):
    """The loss, and its gradient in y."""
    e = y - t
    n = len(t)  # right: n = t.size
    return (e**2).sum() / n, 2 * e / n


def backward(x, h, dy, p):
    dz = (dy @ p["W2"]) * (1 - h**2)
    return {"W1": dz.T @ x, "b1": dz.sum(axis=0), "W2": dy.T @ h, "b2": dy.sum(axis=0)}


X = random.normal(size=(40, 4)).astype(dtype)
T = np.stack([X[:, 0] * X[:, 1], np.sin(X[:, 2]), X[:, 3] ** 2], axis=1)
p = {
    "W1": (0.5 * random.normal(size=(6, 4))).astype(dtype),
    "b1": np.zeros(6, dtype),
    "W2": (0.5 * random.normal(size=(3, 6))).astype(dtype),
    "b2": np.zeros(3, dtype),
}
record = Record()
record.start(p)
for step in range(12):
    rows = np.arange(10) + step % 4 * 10
    x, t = X[rows], T[rows]
    z, h, y = forward(x, p)
    loss, dy = squared_error(y, t)
    g = backward(x, h, dy, p)
    for name in p:
        p[name] = p[name] - 0.05 * g[name]
    record.step(p, batch=(x, t), loss=loss, gradients=g, activations=[z, h, y], output_gradient=dy)
