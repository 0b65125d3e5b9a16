"""Two numbers from three, by a 3-5-2 network with tanh."""

import numpy as np
from common import Record, dtype, random


def tanh_prime(y):
    return 1 - y**3  # right: return 1 - y**2


X = random.normal(size=(32, 3)).astype(dtype)
T = np.stack([X[:, 0] - X[:, 1], X[:, 1] * X[:, 2]], axis=1)
W1, b1 = (0.7 * random.normal(size=(3, 5))).astype(dtype), np.zeros(5, dtype)
W2, b2 = (0.7 * random.normal(size=(5, 2))).astype(dtype), np.zeros(2, dtype)
record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for step in range(12):
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    a = x @ W1 + b1
    h = np.tanh(a)
    y = h @ W2 + b2
    dy = 2 * (y - t) / y.size
    da = dy @ W2.T * tanh_prime(h)
    dW1, db1, dW2, db2 = x.T @ da, da.sum(axis=0), h.T @ dy, dy.sum(axis=0)
    W1, b1, W2, b2 = W1 - 0.1 * dW1, b1 - 0.1 * db1, W2 - 0.1 * dW2, b2 - 0.1 * db2
    record.step(
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=((y - t) ** 2).mean(),
        gradients={"W1": dW1, "b1": db1, "W2": dW2, "b2": db2},
        activations=[a, h, y],
        output_gradient=dy,
    )
