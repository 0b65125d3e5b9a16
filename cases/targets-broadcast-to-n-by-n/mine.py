"""The product of two of three numbers, by a 3-5-1 network with tanh."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(48, 3)).astype(dtype)
target = X[:, 0] * X[:, 1] + 0.5 * X[:, 2]
w1, b1 = (0.6 * random.normal(size=(3, 5))).astype(dtype), (0.1 * random.normal(size=5)).astype(dtype)
w2, b2 = (0.6 * random.normal(size=(5, 1))).astype(dtype), np.zeros(1, dtype)

record = Record()
record.start({"w1": w1, "b1": b1, "w2": w2, "b2": b2})
for i in range(12):
    batch = slice(i % 4 * 12, i % 4 * 12 + 12)
    x = X[batch]
    t = target[batch]  # right: t = target[batch, None]
    z = x @ w1 + b1
    h = np.tanh(z)
    y = h @ w2 + b2
    error = y - t
    loss = (error**2).mean()
    grad_y = 2 * error.sum(axis=1, keepdims=True) / error.size
    grad_z = grad_y @ w2.T * (1 - h * h)
    grads = {"w1": x.T @ grad_z, "b1": grad_z.sum(0), "w2": h.T @ grad_y, "b2": grad_y.sum(0)}
    for w, name in ((w1, "w1"), (b1, "b1"), (w2, "w2"), (b2, "b2")):
        w -= 0.1 * grads[name]
    record.step(
        {"w1": w1, "b1": b1, "w2": w2, "b2": b2},
        batch=(x, target[batch, None]),
        loss=loss,
        gradients=grads,
        activations=[z, h, y],
        output_gradient=grad_y,
    )
