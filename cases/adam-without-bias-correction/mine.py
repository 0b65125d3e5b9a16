"""Two numbers from four, by a 4-6-2 network with tanh and Adam as a class."""

import numpy as np
from common import Record, dtype, random


class Adam:
    def __init__(self, parameters, lr=0.01, b1=0.9, b2=0.999, eps=1e-8):
        self.lr, self.b1, self.b2, self.eps, self.t = lr, b1, b2, eps, 0
        self.m = [np.zeros_like(p) for p in parameters]
        self.v = [np.zeros_like(p) for p in parameters]

    def step(self, parameters, gradients):
        self.t += 1
        for i, (p, g) in enumerate(zip(parameters, gradients)):
            self.m[i] = self.b1 * self.m[i] + (1 - self.b1) * g
            self.v[i] = self.b2 * self.v[i] + (1 - self.b2) * g * g
            m = self.m[i]  # right: m = self.m[i] / (1 - self.b1**self.t)
            v = self.v[i]  # right: v = self.v[i] / (1 - self.b2**self.t)
            p -= self.lr * m / (np.sqrt(v) + self.eps)


X = random.normal(size=(32, 4)).astype(dtype)
T = X[:, :2] * X[:, 2:]
parameters = [(random.normal(size=s) / 2).astype(dtype) for s in ((4, 6), 6, (6, 2), 2)]
names = ["W1", "b1", "W2", "b2"]
optimizer = Adam(parameters)
record = Record()
record.start(dict(zip(names, parameters)))
for step in range(12):
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    W1, b1, W2, b2 = parameters
    a = x @ W1 + b1
    h = np.tanh(a)
    y = h @ W2 + b2
    loss = np.square(y - t).mean()
    dy = 2 * (y - t) / y.size
    da = (dy @ W2.T) * (1 - h * h)
    gradients = [x.T @ da, da.sum(0), h.T @ dy, dy.sum(0)]
    optimizer.step(parameters, gradients)
    record.step(
        dict(zip(names, parameters)),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, gradients)),
        activations=[a, h, y],
        output_gradient=dy,
    )
