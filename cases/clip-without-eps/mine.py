"""Two small numbers from three, by a 3-5-2 network with tanh; gradients are small, and clipped to less."""

import numpy as np
from common import Record, dtype, random

MAX_NORM = 0.01
X = random.normal(size=(32, 3)).astype(dtype)
T = 0.05 * np.stack([X[:, 0] + X[:, 1], X[:, 2]], axis=1)
p = {
    "W1": (0.3 * random.normal(size=(3, 5))).astype(dtype),
    "b1": (0.1 * random.normal(size=5)).astype(dtype),
    "W2": (0.1 * random.normal(size=(5, 2))).astype(dtype),
    "b2": (0.1 * random.normal(size=2)).astype(dtype),
}
record = Record()
record.start(p)
for step in range(12):
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    z = x @ p["W1"] + p["b1"]
    h = np.tanh(z)
    y = h @ p["W2"] + p["b2"]
    loss = ((y - t) ** 2).mean()
    dy = 2 * (y - t) / y.size
    dz = dy @ p["W2"].T * (1 - h**2)
    g = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
    norm = np.sqrt(sum((one**2).sum() for one in g.values()))
    coefficient = MAX_NORM / norm  # right: coefficient = MAX_NORM / (norm + 1e-6)
    scale = min(coefficient, 1)
    p = {name: w - 10.0 * (scale * g[name]) for name, w in p.items()}
    record.step(p, batch=(x, t), loss=loss, gradients=g, activations=[z, h, y], output_gradient=dy)
