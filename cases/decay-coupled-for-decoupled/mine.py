"""Three classes, by a 4-6-3 network with SiLU and AdamW."""

import numpy as np
from common import Record, dtype, random


class AdamW:
    def __init__(self, lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.t, self.m, self.v = 0, {}, {}

    def step(self, params, grads):
        self.t += 1
        b1, b2 = self.betas
        for k in params:
            p, g = params[k], grads[k]
            g = g + self.weight_decay * p  # right: p = p - self.lr * self.weight_decay * p
            self.m[k] = b1 * self.m.get(k, 0) + (1 - b1) * g
            self.v[k] = b2 * self.v.get(k, 0) + (1 - b2) * g**2
            m, v = self.m[k] / (1 - b1**self.t), self.v[k] / (1 - b2**self.t)
            params[k] = p - self.lr * m / (np.sqrt(v) + self.eps)


X = random.normal(size=(30, 4)).astype(dtype)
y = np.abs(X[:, :3]).argmax(axis=1)
params = {
    "W1": (0.5 * random.normal(size=(4, 6))).astype(dtype),
    "b1": (0.5 * random.normal(size=6)).astype(dtype),
    "W2": (0.5 * random.normal(size=(6, 3))).astype(dtype),
    "b2": (0.5 * random.normal(size=3)).astype(dtype),
}
optimizer = AdamW()
record = Record()
record.start(params)
for i in range(12):
    x, t = X[i % 3 * 10 :][:10], y[i % 3 * 10 :][:10]
    a = x @ params["W1"] + params["b1"]
    s = 1 / (1 + np.exp(-a))
    h = a * s
    z = h @ params["W2"] + params["b2"]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(10), t]).mean()
    dz = (p - np.eye(3, dtype=dtype)[t]) / 10
    da = dz @ params["W2"].T * s * (1 + a * (1 - s))
    grads = {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}
    optimizer.step(params, grads)
    record.step(params, batch=(x, t), loss=loss, gradients=grads, activations=[a, h, z], output_gradient=dz)
