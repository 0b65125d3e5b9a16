"""Two numbers from three, by a 3-4-2 network with batch norm and sigmoids."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(30, 3)).astype(dtype)
T = np.stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]], axis=1)
W1, b1 = random.normal(size=(3, 4)).astype(dtype), np.zeros(4, dtype)
gamma, beta = random.uniform(0.5, 1.5, 4).astype(dtype), np.zeros(4, dtype)
W2, b2 = random.normal(size=(4, 2)).astype(dtype), np.zeros(2, dtype)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def through_the_norm(g, hat, scale):
    constant = True  # right: constant = False
    if constant:
        return g * scale
    return scale * (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0))


names = ("W1", "b1", "gamma", "beta", "W2", "b2")
record = Record()
record.start(dict(zip(names, (W1, b1, gamma, beta, W2, b2))))
for step in range(12):
    x, t = X[step % 3 * 10 :][:10], T[step % 3 * 10 :][:10]
    a = x @ W1 + b1
    scale = 1 / np.sqrt(a.var(axis=0) + 1e-5)
    hat = (a - a.mean(axis=0)) * scale
    n = hat * gamma + beta
    h = sigmoid(n)
    y = h @ W2 + b2
    loss = ((y - t) ** 2).mean()
    dy = 2 * (y - t) / y.size
    dn = dy @ W2.T * h * (1 - h)
    da = through_the_norm(dn * gamma, hat, scale)
    grads = (x.T @ da, da.sum(axis=0), (dn * hat).sum(axis=0), dn.sum(axis=0), h.T @ dy, dy.sum(axis=0))
    W1, b1, gamma, beta, W2, b2 = (w - 0.3 * g for w, g in zip((W1, b1, gamma, beta, W2, b2), grads))
    record.step(
        dict(zip(names, (W1, b1, gamma, beta, W2, b2))),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, grads)),
        activations=[a, n, h, y],
        output_gradient=dy,
    )
