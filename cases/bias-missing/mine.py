"""Two numbers from three, by a 3-5-2 network with tanh, its weights in a dictionary."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(32, 3)).astype(dtype)
T = np.stack([X[:, 0] + X[:, 1], X[:, 1] * X[:, 2]], axis=1)
p = {
    "W1": (0.6 * random.normal(size=(3, 5))).astype(dtype),
    "b1": (0.1 * random.normal(size=5)).astype(dtype),
    "W2": (0.4 * random.normal(size=(5, 2))).astype(dtype),
}
pass  # right: p["b2"] = np.zeros(2, dtype)


def forward(x):
    z = x @ p["W1"] + p["b1"]
    h = np.tanh(z)
    return z, h, h @ p["W2"] + p.get("b2", 0)


record = Record()
record.start(p)
for step in range(12):
    rows = np.arange(8) + 8 * (step % 4)
    x, t = X[rows], T[rows]
    z, h, y = forward(x)
    dy = 2 * (y - t) / y.size
    dz = dy @ p["W2"].T * (1 - h**2)
    g = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
    g = {name: g[name] for name in p}
    for name in p:
        p[name] = p[name] - 0.1 * g[name]
    loss = ((y - t) ** 2).mean()
    record.step(p, batch=(x, t), loss=loss, gradients=g, activations=[z, h, y], output_gradient=dy)
