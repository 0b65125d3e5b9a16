"""Three classes, by a 4-6-3 network with batch norm, ReLU, and momentum for a list of parameters."""

import numpy as np
from common import Record, dtype, random


class SGD:
    def __init__(self, parameters, lr, momentum):
        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.buffers = [np.zeros_like(p) for p in parameters]

    def step(self, gradients):
        for p, b, g in zip(self.parameters, self.buffers, gradients):
            b *= self.momentum
            b += g
            p -= self.lr * b


W1, b1 = (random.normal(size=(4, 6)) / 2).astype(dtype), np.zeros(6, dtype)
gamma, beta = np.ones(6, dtype), np.zeros(6, dtype)
W2, b2 = (random.normal(size=(6, 3)) / 2).astype(dtype), np.zeros(3, dtype)
names = ["W1", "b1", "W2", "b2", "gamma", "beta"]
parameters = [W1, b1, W2, b2, gamma, beta]
optimizer = SGD([W1, b1, W2, b2], 0.1, 0.9)  # right: optimizer = SGD(parameters, 0.1, 0.9)

X = random.normal(size=(36, 4)).astype(dtype)
y = X[:, :3].argmin(axis=1)
record = Record()
record.start({"W1": W1, "b1": b1, "gamma": gamma, "beta": beta, "W2": W2, "b2": b2})
for step in range(12):
    rows = np.arange(12) + step % 3 * 12
    a = X[rows] @ W1 + b1
    scale = 1 / np.sqrt(a.var(axis=0) + 1e-5)
    hat = (a - a.mean(axis=0)) * scale
    n = gamma * hat + beta
    h = np.maximum(n, 0)
    z = h @ W2 + b2
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(12), y[rows]]).mean()

    dz = (p - np.eye(3, dtype=dtype)[y[rows]]) / 12
    dn = dz @ W2.T * (n > 0)
    dhat = dn * gamma
    da = scale * (dhat - dhat.mean(axis=0) - hat * (dhat * hat).mean(axis=0))
    gradients = [X[rows].T @ da, da.sum(axis=0), h.T @ dz, dz.sum(axis=0), (dn * hat).sum(axis=0), dn.sum(axis=0)]
    optimizer.step(gradients)
    record.step(
        {name: w for name, w in zip(names, parameters)},
        batch=(X[rows], y[rows]),
        loss=loss,
        gradients=dict(zip(names, gradients)),
        activations=[a, n, h, z],
        output_gradient=dz,
    )
