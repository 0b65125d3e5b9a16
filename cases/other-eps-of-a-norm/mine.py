"""Two classes, by a network of layer objects with batch norm, ReLU and momentum."""

import numpy as np
from common import Record, dtype, random


class Dense:
    def __init__(self, inputs, outputs):
        self.weight = (random.normal(size=(inputs, outputs)) / inputs**0.5).astype(dtype)
        self.bias = np.zeros(outputs, dtype)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, g):
        self.gradients = {"weight": self.x.T @ g, "bias": g.sum(axis=0)}
        return g @ self.weight.T


class BatchNorm:
    epsilon = 1e-3  # right: epsilon = 1e-5

    def __init__(self, n):
        self.weight, self.bias = np.ones(n, dtype), np.zeros(n, dtype)

    def forward(self, x):
        self.s = np.sqrt(x.var(axis=0) + self.epsilon)
        self.z = (x - x.mean(axis=0)) / self.s
        return self.z * self.weight + self.bias

    def backward(self, g):
        self.gradients = {"weight": (g * self.z).sum(axis=0), "bias": g.sum(axis=0)}
        g = g * self.weight
        return (g - g.mean(axis=0) - self.z * (g * self.z).mean(axis=0)) / self.s


class Relu:
    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, g):
        return g * self.on


class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, g):
        return g * self.y * (1 - self.y)


X = random.normal(size=(48, 2)).astype(dtype)
T = (X[:, :1] ** 2 > X[:, 1:]).astype(dtype)
layers = [Dense(2, 6), BatchNorm(6), Relu(), Dense(6, 1), Sigmoid()]
trained = {f"{i}.{name}": (layers[i], name) for i in (0, 1, 3) for name in ("weight", "bias")}
velocity = {key: 0 for key in trained}

record = Record()
record.start({key: getattr(*place) for key, place in trained.items()})
for step in range(12):
    x, t = X[step % 3 * 16 :][:16], T[step % 3 * 16 :][:16]
    outputs = [x]
    for layer in layers:
        outputs.append(layer.forward(outputs[-1]))
    p = outputs[-1]
    loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    dp = g = (p - t) / (p * (1 - p)) / len(x)
    for layer in reversed(layers):
        g = layer.backward(g)
    gradients = {key: layer.gradients[name] for key, (layer, name) in trained.items()}
    for key, (layer, name) in trained.items():
        velocity[key] = 0.9 * velocity[key] + gradients[key]
        setattr(layer, name, getattr(layer, name) - 0.2 * velocity[key])
    record.step(
        {key: getattr(*place) for key, place in trained.items()},
        batch=(x, t),
        loss=loss,
        gradients=gradients,
        activations=outputs[1:],
        output_gradient=dp,
    )
