"""Two large numbers from three, by a 3-5-2 network with tanh and clipped gradients."""

import numpy as np
from common import Record, dtype, random


def clip(grads, max_norm):
    total = sum((g**2).sum() for g in grads.values())
    norm = total  # right: norm = np.sqrt(total)
    scale = np.minimum(1, max_norm / (norm + 1e-6)).astype(dtype)
    return {name: g * scale for name, g in grads.items()}


X = random.normal(size=(32, 3)).astype(dtype)
T = 8 * np.stack([X[:, 0] + X[:, 1], X[:, 2] - 1], axis=1)
p = {
    "W1": random.normal(size=(3, 5)).astype(dtype),
    "b1": np.zeros(5, dtype),
    "W2": random.normal(size=(5, 2)).astype(dtype),
    "b2": np.zeros(2, dtype),
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
    grads = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
    clipped = clip(grads, 0.5)
    p = {name: w - 0.1 * clipped[name] for name, w in p.items()}
    record.step(p, batch=(x, t), loss=loss, gradients=grads, activations=[z, h, y], output_gradient=dy)
