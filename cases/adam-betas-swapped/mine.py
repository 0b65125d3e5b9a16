"""Two numbers from two, by a 2-4-2 network with softplus and Adam."""

import numpy as np
from common import Record, dtype, random

lr, eps = 0.02, 1e-8
b1, b2 = 0.999, 0.9  # right: b1, b2 = 0.9, 0.999


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


X = random.normal(size=(28, 2)).astype(dtype)
T = np.stack([X.prod(axis=1), X.max(axis=1)], axis=1)
theta = [random.normal(size=s).astype(dtype) for s in ((2, 4), 4, (4, 2), 2)]
m, v = [np.zeros_like(w) for w in theta], [np.zeros_like(w) for w in theta]
names = ["W1", "b1", "W2", "b2"]
record = Record()
record.start(dict(zip(names, theta)))
for k in range(12):
    x, t = X[k % 4 * 7 :][:7], T[k % 4 * 7 :][:7]
    a = x @ theta[0] + theta[1]
    h = softplus(a)
    y = h @ theta[2] + theta[3]
    loss = ((y - t) ** 2).mean()
    dy = 2 * (y - t) / y.size
    da = dy @ theta[2].T / (1 + np.exp(-a))
    g = [x.T @ da, da.sum(axis=0), h.T @ dy, dy.sum(axis=0)]
    for i in range(4):
        m[i] = b1 * m[i] + (1 - b1) * g[i]
        v[i] = b2 * v[i] + (1 - b2) * g[i] ** 2
        m_hat, v_hat = m[i] / (1 - b1 ** (k + 1)), v[i] / (1 - b2 ** (k + 1))
        theta[i] = theta[i] - lr * m_hat / (np.sqrt(v_hat) + eps)
    record.step(
        dict(zip(names, theta)),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, g)),
        activations=[a, h, y],
        output_gradient=dy,
    )
