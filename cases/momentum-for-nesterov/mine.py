"""Two numbers from three, by a 3-5-4-2 network with ReLU, the Huber loss and Nesterov's momentum."""

import numpy as np
from common import Record, dtype, random

LR, MU, DELTA = 0.05, 0.8, 1.0
shapes = {"W1": (3, 5), "b1": (5,), "W2": (5, 4), "b2": (4,), "W3": (4, 2), "b3": (2,)}
W = {k: (0.6 * random.normal(size=s) + (len(s) == 1) * 0.1).astype(dtype) for k, s in shapes.items()}
V = {k: np.zeros(s, dtype) for k, s in shapes.items()}
X = random.normal(size=(32, 3)).astype(dtype)
T = np.stack([3 * X[:, 0] * X[:, 1], X[:, 2] ** 3], axis=1)


def huber(y, t):
    e = y - t
    small = np.abs(e) <= DELTA
    terms = np.where(small, e**2 / 2, DELTA * (np.abs(e) - DELTA / 2))
    return terms.mean(), np.where(small, e, DELTA * np.sign(e)) / e.size


record = Record()
record.start(W)
for step in range(12):
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    z1 = x @ W["W1"] + W["b1"]
    h1 = np.maximum(z1, 0)
    z2 = h1 @ W["W2"] + W["b2"]
    h2 = np.maximum(z2, 0)
    y = h2 @ W["W3"] + W["b3"]
    loss, d3 = huber(y, t)
    d2 = d3 @ W["W3"].T * (z2 > 0)
    d1 = d2 @ W["W2"].T * (z1 > 0)
    G = {"W1": x.T @ d1, "b1": d1.sum(0), "W2": h1.T @ d2, "b2": d2.sum(0), "W3": h2.T @ d3, "b3": d3.sum(0)}
    for k in W:
        V[k] = MU * V[k] + G[k]
        step_of = V[k]  # right: step_of = G[k] + MU * V[k]
        W[k] = W[k] - LR * step_of
    record.step(W, batch=(x, t), loss=loss, gradients=G, activations=[z1, h1, z2, h2, y], output_gradient=d3)
