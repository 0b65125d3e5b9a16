"""Whether a point lies above a curve, by a 2-3-1 network of sigmoids; weights are [out, in]."""

import numpy as np
from common import Record, dtype, random


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step_of(w1, b1, w2, b2, x, t, lr):
    """New weights, and what is recorded of the step."""
    z1 = x @ w1.T + b1
    a1 = sigmoid(z1)
    z2 = a1 @ w2.T + b2
    a2 = sigmoid(z2)
    error = 2 * (a2 - t) / len(t)
    delta2 = error  # right: delta2 = error * a2 * (1 - a2)
    delta1 = delta2 @ w2 * a1 * (1 - a1)
    grads = delta1.T @ x, delta1.sum(0), delta2.T @ a1, delta2.sum(0)
    new = [w - lr * g for w, g in zip((w1, b1, w2, b2), grads)]
    return new, grads, np.mean((a2 - t) ** 2), [z1, a1, z2, a2], error


data = random.uniform(-1, 1, (40, 2)).astype(dtype)
above = (data[:, 1:] > data[:, :1] ** 2).astype(dtype)
weights = [random.normal(size=s).astype(dtype) for s in ((3, 2), 3, (1, 3), 1)]
names = ["w1", "b1", "w2", "b2"]
record = Record()
record.start(dict(zip(names, weights)))
for epoch in range(3):
    for x, t in zip(np.split(data, 4), np.split(above, 4)):
        weights, grads, loss, activations, error = step_of(*weights, x, t, 0.4)
        record.step(
            dict(zip(names, weights)),
            batch=(x, t),
            loss=loss,
            gradients=dict(zip(names, grads)),
            activations=activations,
            output_gradient=error,
        )
