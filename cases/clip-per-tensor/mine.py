"""A large number from two, by a 2-6-1 network with ReLU, momentum and clipped gradients."""

import numpy as np
from common import Record, dtype, random

MAX_NORM = 1.0
X = random.normal(size=(30, 2)).astype(dtype)
T = 10 * X[:, :1] * X[:, 1:] + 5
W1, b1 = random.normal(size=(2, 6)).astype(dtype), np.full(6, 0.1, dtype)
W2, b2 = random.normal(size=(6, 1)).astype(dtype), np.zeros(1, dtype)
weights, velocity = [W1, b1, W2, b2], [0, 0, 0, 0]
names = ["W1", "b1", "W2", "b2"]


def norm(*arrays):
    return np.sqrt(sum((a**2).sum() for a in arrays))


record = Record()
record.start(dict(zip(names, weights)))
for step in range(12):
    x, t = X[step % 3 * 10 :][:10], T[step % 3 * 10 :][:10]
    W1, b1, W2, b2 = weights
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    y = h @ W2 + b2
    loss = ((y - t) ** 2).mean()
    dy = 2 * (y - t) / len(x)
    dz = dy @ W2.T * (z > 0)
    grads = [x.T @ dz, dz.sum(axis=0), h.T @ dy, dy.sum(axis=0)]
    for i, g in enumerate(grads):
        total = norm(g)  # right: total = norm(*grads)
        if total > MAX_NORM:
            g = g * (MAX_NORM / (total + 1e-6)).astype(dtype)
        velocity[i] = 0.5 * velocity[i] + g
        weights[i] = weights[i] - 0.05 * velocity[i]
    record.step(
        dict(zip(names, weights)),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, grads)),
        activations=[z, h, y],
        output_gradient=dy,
    )
