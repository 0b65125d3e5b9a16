"""Three classes, the rare ones weighted up, by a 2-5-3 network with ReLU."""

import numpy as np
from common import Record, dtype, random

weights = np.array([1.0, 2.0, 5.0], dtype)


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def weighted_cross_entropy(z, t):
    w = weights[t]
    logp = log_softmax(z)
    picked = -logp[np.arange(len(t)), t]
    norm = len(t)  # right: norm = w.sum()
    onehot = np.eye(3, dtype=dtype)[t]
    return (w * picked).sum() / norm, w[:, None] * (np.exp(logp) - onehot) / norm


X = random.normal(size=(32, 2)).astype(dtype)
labels = (X[:, 0] > 0).astype(int) + (X[:, 0] + X[:, 1] > 1)
p = {
    "W1": random.normal(size=(2, 5)).astype(dtype),
    "b1": np.full(5, 0.2, dtype),
    "W2": random.normal(size=(5, 3)).astype(dtype),
    "b2": np.zeros(3, dtype),
}
record = Record()
record.start(p)
for step in range(12):
    rows = np.arange(8) + step % 4 * 8
    x, t = X[rows], labels[rows]
    a = x @ p["W1"] + p["b1"]
    h = a * (a > 0)
    z = h @ p["W2"] + p["b2"]
    loss, dz = weighted_cross_entropy(z, t)
    da = dz @ p["W2"].T * (a > 0)
    g = {"W1": x.T @ da, "b1": da.sum(0), "W2": h.T @ dz, "b2": dz.sum(0)}
    for key in p:
        p[key] -= 0.1 * g[key]
    record.step(p, batch=(x, t), loss=loss, gradients=g, activations=[a, h, z], output_gradient=dz)
