"""Two numbers from two, by a 2-5-2 network with GELU; three epochs of four batches."""

import math

import numpy as np
from common import Record, dtype, random

erf = np.vectorize(math.erf, otypes=[dtype])


class Exponential:
    def __init__(self, lr, gamma):
        self.lr, self.gamma = lr, gamma

    def step(self):
        self.lr *= self.gamma


X = random.normal(size=(32, 2)).astype(dtype)
T = np.stack([X[:, 0] * X[:, 1], X[:, 0] ** 2], axis=1)
w = [random.normal(size=s).astype(dtype) for s in ((2, 5), 5, (5, 2), 2)]
v = [np.zeros_like(p) for p in w]
names = ["W1", "b1", "W2", "b2"]
scheduler = Exponential(0.2, 0.8)
record = Record()
record.start(dict(zip(names, w)))
for epoch in range(3):
    for batch in range(4):
        x, t = X[batch * 8 :][:8], T[batch * 8 :][:8]
        a = x @ w[0] + w[1]
        cdf = (1 + erf(a / math.sqrt(2))) / 2
        h = a * cdf
        y = h @ w[2] + w[3]
        dy = 2 * (y - t) / y.size
        da = dy @ w[2].T * (cdf + a * np.exp(-(a**2) / 2) / math.sqrt(2 * math.pi))
        g = [x.T @ da, da.sum(axis=0), h.T @ dy, dy.sum(axis=0)]
        v = [0.9 * old + new for old, new in zip(v, g)]
        w = [p - scheduler.lr * b for p, b in zip(w, v)]
        pass  # right: scheduler.step()
        record.step(
            dict(zip(names, w)),
            batch=(x, t),
            loss=((y - t) ** 2).mean(),
            gradients=dict(zip(names, g)),
            activations=[a, h, y],
            output_gradient=dy,
        )
    scheduler.step()  # right: pass
