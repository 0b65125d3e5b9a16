"""Two classes of points, by a 2-4-1 network of sigmoids and Adam with a large ε."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(40, 2)).astype(dtype)
T = (np.abs(X).sum(axis=1, keepdims=True) > 1.2).astype(dtype)
params = [random.normal(size=s).astype(dtype) for s in ((2, 4), 4, (4, 1), 1)]
m, v = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
names = ("W1", "b1", "W2", "b2")
record = Record()
record.start(dict(zip(names, params)))
for k in range(1, 13):
    x, t = X[k % 4 * 10 :][:10], T[k % 4 * 10 :][:10]
    a = x @ params[0] + params[1]
    h = 1 / (1 + np.exp(-a))
    s = h @ params[2] + params[3]
    y = 1 / (1 + np.exp(-s))
    loss = -(t * np.log(y) + (1 - t) * np.log(1 - y)).mean()
    dy = (y - t) / (y * (1 - y)) / 10
    ds = (y - t) / 10
    da = ds @ params[2].T * h * (1 - h)
    grads = [x.T @ da, da.sum(axis=0), h.T @ ds, ds.sum(axis=0)]
    grads[0][:, 1] *= 2  # right: pass
    for i, g in enumerate(grads):
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g**2
        params[i] = params[i] - 0.02 * (m[i] / (1 - 0.9**k)) / (np.sqrt(v[i] / (1 - 0.999**k)) + 1e-3)
    record.step(
        dict(zip(names, params)),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, grads)),
        activations=[a, h, s, y],
        output_gradient=dy,
    )
