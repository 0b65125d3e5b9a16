"""Two numbers from two, by a 2-4-2 network with SiLU and momentum."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(32, 2)).astype(dtype)
T = np.stack([X[:, 0] ** 2, X[:, 0] - X[:, 1]], axis=1)
W = [(0.8 * random.normal(size=s)).astype(dtype) for s in ((2, 4), 4, (4, 2), 2)]
V = [np.zeros_like(w) for w in W]
names = ["W1", "b1", "W2", "b2"]
record = Record()
record.start(dict(zip(names, W)))
for step in range(12):
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    a = x @ W[0] + W[1]
    s = 1 / (1 + np.exp(-a))
    h = a * s
    y = h @ W[2] + W[3]
    dy = 2 * (y - t) / y.size
    da = dy @ W[2].T * (s + h * (1 - s))
    G = [x.T @ da, da.sum(axis=0), h.T @ dy, dy.sum(axis=0)]
    for i in range(4):
        V[i] = 0.9 * np.abs(V[i]) + G[i]  # right: V[i] = 0.9 * V[i] + G[i]
        W[i] = W[i] - 0.05 * V[i]
    record.step(
        dict(zip(names, W)),
        batch=(x, t),
        loss=((y - t) ** 2).mean(),
        gradients=dict(zip(names, G)),
        activations=[a, h, y],
        output_gradient=dy,
    )
