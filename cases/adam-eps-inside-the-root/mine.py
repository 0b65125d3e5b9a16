"""A number from two, by a 2-5-1 network of sigmoids and Adam as a function."""

import numpy as np
from common import Record, dtype, random

eps = 1e-8


def adam(p, g, m, v, t, lr=0.01):
    m[...] = 0.9 * m + 0.1 * g
    v[...] = 0.999 * v + 0.001 * g * g
    mhat, vhat = m / (1 - 0.9**t), v / (1 - 0.999**t)
    p -= lr * mhat / np.sqrt(vhat + eps)  # right: p -= lr * mhat / (np.sqrt(vhat) + eps)


X = random.uniform(-1, 1, (36, 2)).astype(dtype)
T = np.exp(-(X**2).sum(axis=1, keepdims=True))
p = {
    "W1": random.normal(size=(2, 5)).astype(dtype),
    "b1": np.zeros(5, dtype),
    "W2": (0.3 * random.normal(size=(5, 1))).astype(dtype),
    "b2": np.zeros(1, dtype),
}
m = {k: np.zeros_like(w) for k, w in p.items()}
v = {k: np.zeros_like(w) for k, w in p.items()}
record = Record()
record.start(p)
for t in range(1, 13):
    x, target = X[t % 3 * 12 :][:12], T[t % 3 * 12 :][:12]
    a = x @ p["W1"] + p["b1"]
    h = 1 / (1 + np.exp(-a))
    y = h @ p["W2"] + p["b2"]
    dy = 2 / 12 * (y - target)
    da = dy * p["W2"].T * h * (1 - h)
    g = {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
    for k in p:
        adam(p[k], g[k], m[k], v[k], t)
    loss = ((y - target) ** 2).mean()
    record.step(p, batch=(x, target), loss=loss, gradients=g, activations=[a, h, y], output_gradient=dy)
