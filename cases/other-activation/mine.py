"""Two numbers from three, by a 3-6-4-2 network whose layers are a list."""

import numpy as np
from common import Record, dtype, random


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def identity(x):
    return x


derivative = {np.tanh: lambda y: 1 - y**2, sigmoid: lambda y: y * (1 - y), identity: np.ones_like}
sizes = [3, 6, 4, 2]
activations = [np.tanh, np.tanh, identity]  # right: activations = [np.tanh, sigmoid, identity]
weights = [(random.normal(size=s) / s[0] ** 0.5).astype(dtype) for s in zip(sizes, sizes[1:])]
biases = [(0.1 * random.normal(size=n)).astype(dtype) for n in sizes[1:]]

X = random.normal(size=(40, 3)).astype(dtype)
T = np.stack([X[:, 0] * X[:, 1], np.abs(X[:, 2])], axis=1)


def named(weights, biases):
    pairs = {f"W{i}": w for i, w in enumerate(weights)}, {f"b{i}": b for i, b in enumerate(biases)}
    return pairs[0] | pairs[1]


record = Record()
record.start(named(weights, biases))
for step in range(12):
    rows = slice(step % 4 * 10, step % 4 * 10 + 10)
    sums, outputs = [], [X[rows]]
    for w, b, activation in zip(weights, biases, activations):
        sums.append(outputs[-1] @ w + b)
        outputs.append(activation(sums[-1]))
    error = outputs[-1] - T[rows]
    output_gradient = g = 2 * error / error.size
    dW, db = [], []
    for i in (2, 1, 0):
        g = g * derivative[activations[i]](outputs[i + 1])
        dW.insert(0, outputs[i].T @ g)
        db.insert(0, g.sum(axis=0))
        g = g @ weights[i].T
    weights = [w - 0.1 * d for w, d in zip(weights, dW)]
    biases = [b - 0.1 * d for b, d in zip(biases, db)]
    record.step(
        named(weights, biases),
        batch=(X[rows], T[rows]),
        loss=np.mean(error**2),
        gradients=named(dW, db),
        activations=[sums[0], outputs[1], sums[1], outputs[2], sums[2]],
        output_gradient=output_gradient,
    )
