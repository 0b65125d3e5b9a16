"""Three classes, by a 2-6-3 network with ReLU, Adam and a rate along half a cosine."""

import math

import numpy as np
from common import Record, dtype, random

TOTAL, LR, LOWEST = 14, 0.05, 0.001
X = random.normal(size=(28, 2)).astype(dtype)
labels = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
p = {
    "W1": random.normal(size=(2, 6)).astype(dtype),
    "b1": np.full(6, 0.2, dtype),
    "W2": (0.6 * random.normal(size=(6, 3))).astype(dtype),
    "b2": np.zeros(3, dtype),
}
m, v = {k: 0 for k in p}, {k: 0 for k in p}
record = Record()
record.start(p)
for step in range(TOTAL):
    progress = step / (TOTAL - 1)  # right: progress = step / TOTAL
    lr = LOWEST + (LR - LOWEST) * (1 + math.cos(math.pi * progress)) / 2
    x, t = X[step % 2 * 14 :][:14], labels[step % 2 * 14 :][:14]
    a = x @ p["W1"] + p["b1"]
    h = np.maximum(a, 0)
    z = h @ p["W2"] + p["b2"]
    q = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log(q[np.arange(14), t]).mean()
    dz = (q - np.eye(3, dtype=dtype)[t]) / 14
    da = dz @ p["W2"].T * (a > 0)
    g = {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}
    for k in p:
        m[k] = 0.9 * m[k] + 0.1 * g[k]
        v[k] = 0.999 * v[k] + 0.001 * g[k] ** 2
        p[k] = p[k] - lr * (m[k] / (1 - 0.9 ** (step + 1))) / (np.sqrt(v[k] / (1 - 0.999 ** (step + 1))) + 1e-8)
    record.step(p, batch=(x, t), loss=loss, gradients=g, activations=[a, h, z], output_gradient=dz)
