"""Two numbers from three, by a 3-5-2 network with tanh and Adam with a decay."""

import numpy as np
from common import Record, dtype, random

LR, DECAY = 0.02, 0.05
X = random.normal(size=(24, 3)).astype(dtype)
T = np.stack([X[:, 0] * X[:, 1], X[:, 2] - X[:, 0]], axis=1)
W = [(0.6 * random.normal(size=s)).astype(dtype) for s in ((3, 5), 5, (5, 2), 2)]
M, V = [0, 0, 0, 0], [0, 0, 0, 0]
NAMES = ["W1", "b1", "W2", "b2"]


def adam(i, w, g, t):
    decayed = w - LR * DECAY * w  # right: decayed = w
    pass  # right: g = g + DECAY * w
    M[i] = 0.9 * M[i] + 0.1 * g
    V[i] = 0.999 * V[i] + 0.001 * g**2
    return decayed - LR * (M[i] / (1 - 0.9**t)) / (np.sqrt(V[i] / (1 - 0.999**t)) + 1e-8)


record = Record()
record.start(dict(zip(NAMES, W)))
for t in range(1, 13):
    x, target = X[t % 3 * 8 :][:8], T[t % 3 * 8 :][:8]
    z = x @ W[0] + W[1]
    h = np.tanh(z)
    y = h @ W[2] + W[3]
    dy = 2 * (y - target) / y.size
    dz = dy @ W[2].T * (1 - h**2)
    G = [x.T @ dz, dz.sum(axis=0), h.T @ dy, dy.sum(axis=0)]
    W = [adam(i, w, g, t) for i, (w, g) in enumerate(zip(W, G))]
    record.step(
        dict(zip(NAMES, W)),
        batch=(x, target),
        loss=((y - target) ** 2).mean(),
        gradients=dict(zip(NAMES, G)),
        activations=[z, h, y],
        output_gradient=dy,
    )
