"""Two numbers from two, by a 2-6-2 network of sigmoids that knows its derivative by a function."""

import numpy as np
from common import Record, dtype, random


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def sigmoid_prime(x):
    return sigmoid(x) * (1 - sigmoid(x))


class Net:
    def __init__(self):
        self.w = [random.normal(size=s).astype(dtype) for s in ((2, 6), (6, 2))]
        self.b = [random.normal(size=s).astype(dtype) for s in (6, 2)]

    def forward(self, x):
        self.x = x
        self.z = x @ self.w[0] + self.b[0]
        self.a = sigmoid(self.z)
        self.y = self.a @ self.w[1] + self.b[1]

    def backprop(self, delta):
        nabla_w, nabla_b = [None, self.a.T @ delta], [None, delta.sum(axis=0)]
        slope = sigmoid_prime(self.a)  # right: slope = sigmoid_prime(self.z)
        delta = (delta @ self.w[1].T) * slope
        nabla_w[0], nabla_b[0] = self.x.T @ delta, delta.sum(axis=0)
        return nabla_w, nabla_b


def flat(w, b):
    return {"w0": w[0], "w1": w[1], "b0": b[0], "b1": b[1]}


X = random.uniform(-1, 1, (24, 2)).astype(dtype)
T = np.sin(3 * X)
net = Net()
record = Record()
record.start(flat(net.w, net.b))
for i in range(12):
    rows = np.arange(8) + i % 3 * 8
    net.forward(X[rows])
    error = net.y - T[rows]
    delta = error / 8
    nabla_w, nabla_b = net.backprop(delta)
    net.w = [w - 0.3 * d for w, d in zip(net.w, nabla_w)]
    net.b = [b - 0.3 * d for b, d in zip(net.b, nabla_b)]
    record.step(
        flat(net.w, net.b),
        batch=(X[rows], T[rows]),
        loss=np.mean(error**2),
        gradients=flat(nabla_w, nabla_b),
        activations=[net.z, net.a, net.y],
        output_gradient=delta,
    )
