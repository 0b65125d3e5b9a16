"""A number from two, by a 2-4-1 network with softplus and the absolute error."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(30, 2)).astype(dtype)
T = np.maximum(X[:, :1], X[:, 1:])
W1, b1 = random.normal(size=(2, 4)).astype(dtype), random.normal(size=4).astype(dtype)
W2, b2 = random.normal(size=(4, 1)).astype(dtype), random.normal(size=1).astype(dtype)
eta = 0.1

record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for k in range(12):
    x, t = X[k % 3 * 10 :][:10], T[k % 3 * 10 :][:10]
    s = x @ W1 + b1
    h = np.log1p(np.exp(s))
    y = h @ W2 + b2
    loss = np.abs(y - t).mean()
    dy = np.sign(y - t) / len(t)
    ds = dy @ W2.T / (1 + np.exp(-s))
    dW1, db1, dW2, db2 = x.T @ ds, ds.sum(axis=0), h.T @ dy, dy.sum(axis=0)
    W2 = W2 - eta * dW2
    b2 = b2 - eta * db2
    W1 = W1 - eta * dW1
    pass  # right: b1 = b1 - eta * db1
    record.step(
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=loss,
        gradients={"W1": dW1, "b1": db1, "W2": dW2, "b2": db2},
        activations=[s, h, y],
        output_gradient=dy,
    )
