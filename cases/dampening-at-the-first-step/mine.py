"""Two numbers from three, by a 3-4-2 network with tanh and dampened momentum."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(30, 3)).astype(dtype)
T = X[:, :2] * X[:, 1:]
W1, b1 = (0.7 * random.normal(size=(3, 4))).astype(dtype), np.zeros(4, dtype)
W2, b2 = (0.7 * random.normal(size=(4, 2))).astype(dtype), np.zeros(2, dtype)
names = ("W1", "b1", "W2", "b2")
buffers = None
record = Record()
record.start(dict(zip(names, (W1, b1, W2, b2))))
for step in range(12):
    x, t = X[step % 3 * 10 :][:10], T[step % 3 * 10 :][:10]
    z = x @ W1 + b1
    h = np.tanh(z)
    y = h @ W2 + b2
    loss = ((y - t) ** 2).mean()
    dy = 2 * (y - t) / y.size
    dz = dy @ W2.T * (1 - h**2)
    grads = [x.T @ dz, dz.sum(axis=0), h.T @ dy, dy.sum(axis=0)]
    if buffers is None:
        buffers = [0.6 * g for g in grads]  # right: buffers = grads
    else:
        buffers = [0.8 * b + 0.6 * g for b, g in zip(buffers, grads)]
    W1, b1, W2, b2 = (w - 0.1 * b for w, b in zip((W1, b1, W2, b2), buffers))
    record.step(
        dict(zip(names, (W1, b1, W2, b2))),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, grads)),
        activations=[z, h, y],
        output_gradient=dy,
    )
