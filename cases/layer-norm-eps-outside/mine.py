"""One number from three, by a 3-4-1 network with layer norm and tanh."""

import numpy as np
from common import Record, dtype, random

eps = 1e-3
X = random.normal(size=(32, 3)).astype(dtype)
T = X[:, :1] * X[:, 1:2] + X[:, 2:]
W1, b1 = (0.5 * random.normal(size=(3, 4))).astype(dtype), (0.5 * random.normal(size=4)).astype(dtype)
a_2, b_2 = np.ones(4, dtype), np.zeros(4, dtype)
W2, b2 = random.normal(size=(4, 1)).astype(dtype), np.zeros(1, dtype)
names = ("linear1.w", "linear1.b", "norm.w", "norm.b", "linear2.w", "linear2.b")

record = Record()
record.start(dict(zip(names, (W1, b1, a_2, b_2, W2, b2))))
for step in range(12):
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    a = x @ W1 + b1
    centered = a - a.mean(axis=-1, keepdims=True)
    var = (centered**2).mean(axis=-1, keepdims=True)
    std = np.sqrt(var) + eps  # right: std = np.sqrt(var + eps)
    hat = centered / std
    n = a_2 * hat + b_2
    h = np.tanh(n)
    y = h @ W2 + b2
    loss = np.mean((y - t) ** 2)

    dy = 2 * (y - t) / len(x)
    dn = dy @ W2.T * (1 - h**2)
    dhat = dn * a_2
    da = (dhat - dhat.mean(axis=-1, keepdims=True) - hat * (dhat * hat).mean(axis=-1, keepdims=True)) / std
    grads = (x.T @ da, da.sum(0), (dn * hat).sum(0), dn.sum(0), h.T @ dy, dy.sum(0))
    W1, b1, a_2, b_2, W2, b2 = (w - 0.1 * g for w, g in zip((W1, b1, a_2, b_2, W2, b2), grads))
    record.step(
        dict(zip(names, (W1, b1, a_2, b_2, W2, b2))),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, grads)),
        activations=[a, n, h, y],
        output_gradient=dy,
    )
