"""Whether a point lies in a checkerboard's field, by a 2-6-1 network with tanh and momentum."""

import numpy as np
from common import Record, dtype, random

points = random.uniform(-1, 1, (40, 2)).astype(dtype)
black = (points[:, :1] * points[:, 1:] > 0).astype(dtype)
w = [(random.normal(size=s)).astype(dtype) for s in ((2, 6), (6,), (6, 1), (1,))]
v = [np.zeros_like(p) for p in w]
names = ["W1", "b1", "W2", "b2"]
mu, lr = 0.9, 0.2

record = Record()
record.start(dict(zip(names, w)))
for step in range(12):
    x, t = points[step % 4 * 10 :][:10], black[step % 4 * 10 :][:10]
    a = x @ w[0] + w[1]
    h = np.tanh(a)
    s = h @ w[2] + w[3]
    p = 1 / (1 + np.exp(-s))
    loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    dp = (p - t) / (p * (1 - p)) / len(x)
    ds = (p - t) / len(x)
    da = ds @ w[2].T * (1 - h**2)
    g = [x.T @ da, da.sum(axis=0), h.T @ ds, ds.sum(axis=0)]
    for i in range(4):
        v[i] = mu * v[i] + g[i]
        w[i] = w[i] - lr * (g[i] + mu * v[i])  # right: w[i] = w[i] - lr * v[i]
    record.step(
        dict(zip(names, w)),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, g)),
        activations=[a, h, s, p],
        output_gradient=dp,
    )
