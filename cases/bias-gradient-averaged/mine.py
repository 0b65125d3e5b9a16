"""Whether a point lies in a ring, by a 2-5-1 network with tanh and a sigmoid."""

import numpy as np
from common import Record, dtype, random

X = random.uniform(-1, 1, (48, 2)).astype(dtype)
r = (X**2).sum(axis=1, keepdims=True)
T = ((r > 0.2) & (r < 0.8)).astype(dtype)
W1, b1 = (1.5 * random.normal(size=(2, 5))).astype(dtype), (0.2 * random.normal(size=5)).astype(dtype)
W2, b2 = random.normal(size=(5, 1)).astype(dtype), (0.2 * random.normal(size=1)).astype(dtype)

record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for epoch in range(3):
    for start in range(0, 48, 12):
        x, t = X[start : start + 12], T[start : start + 12]
        a = x @ W1 + b1
        h = np.tanh(a)
        z = h @ W2 + b2
        y = 1 / (1 + np.exp(-z))
        loss = -np.mean(t * np.log(y) + (1 - t) * np.log(1 - y))
        dy = (y - t) / (y * (1 - y)) / len(x)
        d2 = (y - t) / len(x)
        d1 = (d2 @ W2.T) * (1 - h**2)
        dW2, dW1 = h.T @ d2, x.T @ d1
        db2 = d2.mean(axis=0)  # right: db2 = d2.sum(axis=0)
        db1 = d1.mean(axis=0)  # right: db1 = d1.sum(axis=0)
        W2 -= 0.5 * dW2
        b2 -= 0.5 * db2
        W1 -= 0.5 * dW1
        b1 -= 0.5 * db1
        record.step(
            {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
            batch=(x, t),
            loss=loss,
            gradients={"W1": dW1, "b1": db1, "W2": dW2, "b2": db2},
            activations=[a, h, z, y],
            output_gradient=dy,
        )
