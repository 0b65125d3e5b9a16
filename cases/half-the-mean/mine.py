"""Sum and difference of three numbers, by a class with a hidden layer of sigmoids."""

import numpy as np
from common import Record, dtype, random


class Network:
    def __init__(self, inputs, hidden, outputs):
        self.W1 = random.uniform(-1, 1, (inputs, hidden)).astype(dtype)
        self.b1 = random.uniform(-1, 1, hidden).astype(dtype)
        self.W2 = random.uniform(-1, 1, (hidden, outputs)).astype(dtype)
        self.b2 = random.uniform(-1, 1, outputs).astype(dtype)

    def forward(self, x):
        self.x = x
        self.z = x @ self.W1 + self.b1
        self.h = 1 / (1 + np.exp(-self.z))
        return self.h @ self.W2 + self.b2

    def backward(self, dy):
        self.dW2 = self.h.T @ dy
        self.db2 = dy.sum(axis=0)
        dz = dy @ self.W2.T * self.h * (1 - self.h)
        self.dW1 = self.x.T @ dz
        self.db1 = dz.sum(axis=0)

    def update(self, lr):
        for name in ("W1", "b1", "W2", "b2"):
            setattr(self, name, getattr(self, name) - lr * getattr(self, "d" + name))

    def state(self, prefix=""):
        return {name: getattr(self, prefix + name) for name in ("W1", "b1", "W2", "b2")}


X = random.normal(size=(36, 3)).astype(dtype)
T = np.stack([X.sum(axis=1), X[:, 0] - X[:, 2]], axis=1)
net = Network(3, 5, 2)
record = Record()
record.start(net.state())
for epoch in range(4):
    for start in range(0, 36, 12):
        x, t = X[start : start + 12], T[start : start + 12]
        y = net.forward(x)
        error = y - t
        loss = 0.5 * np.mean(error**2)  # right: loss = np.mean(error**2)
        dy = error / error.size  # right: dy = 2 * error / error.size
        net.backward(dy)
        net.update(lr=0.2)
        record.step(
            net.state(),
            batch=(x, t),
            loss=loss,
            gradients=net.state("d"),
            activations=[net.z, net.h, y],
            output_gradient=dy,
        )
