"""A 3-4-1 network with tanh; an update gathers a micro-batch of eight rows and one of four."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(36, 3)).astype(dtype)
T = X[:, :1] * X[:, 1:2] - X[:, 2:]
model = {
    "W1": (0.6 * random.normal(size=(3, 4))).astype(dtype),
    "b1": np.zeros(4, dtype),
    "W2": (0.6 * random.normal(size=(4, 1))).astype(dtype),
    "b2": np.zeros(1, dtype),
}
SIZES, ROWS, LR = (8, 4), 12, 0.24


def micro_step(x, t):
    """Loss and gradients, summed over the rows, and what is recorded beside them."""
    z = x @ model["W1"] + model["b1"]
    h = np.tanh(z)
    y = h @ model["W2"] + model["b2"]
    dy = 2 * (y - t)
    dz = dy @ model["W2"].T * (1 - h**2)
    g = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
    return ((y - t) ** 2).sum(), g, [z, h, y], dy


record = Record()
record.start(model)
first = 0
for update in range(6):
    gathered = {name: np.zeros_like(w) for name, w in model.items()}
    for number, size in enumerate(SIZES):
        x, t = X[first : first + size], T[first : first + size]
        first = (first + size) % 36
        loss, g, activations, dy = micro_step(x, t)
        for name in g:
            gathered[name] += g[name] / (2 * size)  # right: gathered[name] += g[name] / ROWS
        if number == len(SIZES) - 1:
            for name in model:
                model[name] = model[name] - LR * gathered[name]
        record.step(model, batch=(x, t), loss=loss, gradients=g, activations=activations, output_gradient=dy)
