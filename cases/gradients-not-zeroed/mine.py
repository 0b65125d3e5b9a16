"""Two numbers from four, by parameters that carry their gradient, as PyTorch's do."""

import numpy as np
from common import Record, dtype, random


class Parameter:
    def __init__(self, *shape):
        self.data = (0.5 * random.normal(size=shape)).astype(dtype)
        self.grad = np.zeros_like(self.data)


def zero_grad(parameters):
    for parameter in parameters.values():
        parameter.grad = np.zeros_like(parameter.data)


X = random.normal(size=(32, 4)).astype(dtype)
T = np.stack([X[:, 0] - X[:, 1], X[:, 2] * X[:, 3]], axis=1)
net = {"W1": Parameter(4, 5), "b1": Parameter(5), "W2": Parameter(5, 2), "b2": Parameter(2)}
record = Record()
record.start({name: p.data for name, p in net.items()})
for step in range(12):
    pass  # right: zero_grad(net)
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    s = x @ net["W1"].data + net["b1"].data
    h = np.tanh(s)
    y = h @ net["W2"].data + net["b2"].data
    loss = ((y - t) ** 2).mean()

    dy = 2 * (y - t) / y.size
    ds = dy @ net["W2"].data.T * (1 - h * h)
    net["W2"].grad += h.T @ dy
    net["b2"].grad += dy.sum(axis=0)
    net["W1"].grad += x.T @ ds
    net["b1"].grad += ds.sum(axis=0)
    for parameter in net.values():
        parameter.data = parameter.data - 0.05 * parameter.grad
    record.step(
        {name: p.data for name, p in net.items()},
        batch=(x, t),
        loss=loss,
        gradients={name: p.grad for name, p in net.items()},
        activations=[s, h, y],
        output_gradient=dy,
    )
