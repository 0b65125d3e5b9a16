"""A wave, by a 1-5-1 network of sigmoids with a penalty on its weights."""

import math

import numpy as np
from common import Record, dtype, random

ALPHA = 0.01


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class WaveNet:
    def __init__(self):
        self.parameters = {
            "W1": random.normal(size=(1, 5)).astype(dtype),
            "b1": random.normal(size=5).astype(dtype),
            "W2": random.normal(size=(5, 1)).astype(dtype),
            "b2": random.normal(size=1).astype(dtype),
        }

    def forward(self, x):
        p = self.parameters
        z = x @ p["W1"] + p["b1"]
        h = sigmoid(z)
        return z, h, h @ p["W2"] + p["b2"]

    def penalty(self):
        return ALPHA * sum((w**2).sum() for name, w in self.parameters.items() if name[0] == "W")

    def backward(self, x, h, dy):
        p = self.parameters
        dz = dy @ p["W2"].T * h * (1 - h)
        g = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
        for name in p:  # right: for name in ("W1", "W2"):
            g[name] = g[name] + 2 * ALPHA * p[name]
        return g


X = random.uniform(-1, 1, (30, 1)).astype(dtype)
T = np.sin(math.pi * X)
net = WaveNet()
record = Record()
record.start(net.parameters)
for step in range(12):
    x, t = X[step % 3 * 10 :][:10], T[step % 3 * 10 :][:10]
    z, h, y = net.forward(x)
    loss = ((y - t) ** 2).mean() + net.penalty()
    dy = 2 / len(x) * (y - t)
    g = net.backward(x, h, dy)
    for name in g:
        net.parameters[name] = net.parameters[name] - 0.2 * g[name]
    record.step(net.parameters, batch=(x, t), loss=loss, gradients=g, activations=[z, h, y], output_gradient=dy)
