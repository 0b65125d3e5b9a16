"""Two classes of points, by a 3-4-1 network with ReLU, a sigmoid and Adam."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(40, 3)).astype(dtype)
T = (X.sum(axis=1, keepdims=True) > 0).astype(dtype)
W1, b1 = random.normal(size=(3, 4)).astype(dtype), np.full(4, 0.2, dtype)
W2, b2 = random.normal(size=(4, 1)).astype(dtype), np.zeros(1, dtype)
state = {"t": 1, "m": [0] * 4, "v": [0] * 4}  # right: state = {"t": 0, "m": [0] * 4, "v": [0] * 4}


def step_of_adam(params, grads):
    state["t"] += 1
    t, new = state["t"], []
    for i, (p, g) in enumerate(zip(params, grads)):
        state["m"][i] = 0.9 * state["m"][i] + (1 - 0.9) * g
        state["v"][i] = 0.999 * state["v"][i] + (1 - 0.999) * g**2
        m, v = state["m"][i] / (1 - 0.9**t), state["v"][i] / (1 - 0.999**t)
        new.append(p - 0.02 * m / (np.sqrt(v) + 1e-8))
    return new


names = ("W1", "b1", "W2", "b2")
record = Record()
record.start(dict(zip(names, (W1, b1, W2, b2))))
for epoch in range(3):
    for x, t in zip(np.split(X, 4), np.split(T, 4)):
        z1 = x @ W1 + b1
        h = np.maximum(z1, 0)
        z2 = h @ W2 + b2
        p = 1 / (1 + np.exp(-z2))
        loss = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
        dp = (p - t) / (p * (1 - p)) / 10
        d2 = (p - t) / 10
        d1 = d2 @ W2.T * (z1 > 0)
        grads = (x.T @ d1, d1.sum(axis=0), h.T @ d2, d2.sum(axis=0))
        W1, b1, W2, b2 = step_of_adam((W1, b1, W2, b2), grads)
        record.step(
            dict(zip(names, (W1, b1, W2, b2))),
            batch=(x, t),
            loss=loss,
            gradients=dict(zip(names, grads)),
            activations=[z1, h, z2, p],
            output_gradient=dp,
        )
