"""Two numbers from three, by a 3-6-2 network with ReLU and AdamW."""

import numpy as np
from common import Record, dtype, random

lr, weight_decay, eps = 0.05, 0.2, 1e-8
W1, b1 = random.normal(size=(3, 6)).astype(dtype), (0.5 * random.normal(size=6)).astype(dtype)
W2, b2 = random.normal(size=(6, 2)).astype(dtype), (0.5 * random.normal(size=2)).astype(dtype)
params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
moments = {name: (np.zeros_like(p), np.zeros_like(p)) for name, p in params.items()}
X = random.normal(size=(32, 3)).astype(dtype)
T = np.stack([np.sin(X[:, 0]), np.cos(X[:, 1] + X[:, 2])], axis=1)

record = Record()
record.start(params)
for t in range(1, 13):
    rows = slice((t - 1) % 4 * 8, (t - 1) % 4 * 8 + 8)
    x, target = X[rows], T[rows]
    z = x @ W1 + b1
    h = np.where(z > 0, z, 0)
    y = h @ W2 + b2
    loss = ((y - target) ** 2).mean()
    dy = (y - target) * 2 / y.size
    dz = np.where(z > 0, dy @ W2.T, 0)
    grads = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
    for name, p in params.items():
        m, v = moments[name]
        m += 0.1 * (grads[name] - m)
        v += 0.001 * (grads[name] ** 2 - v)
        update = lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + eps)
        p -= update  # right: p *= 1 - lr * weight_decay
        p *= 1 - lr * weight_decay  # right: p -= update
    record.step(params, batch=(x, target), loss=loss, gradients=grads, activations=[z, h, y], output_gradient=dy)
