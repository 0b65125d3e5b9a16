"""A number from three, by a 3-6-1 network with ReLU whose targets arrive by a queue."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(40, 3)).astype(dtype)
T = X[:, :1] * X[:, 1:2] - np.abs(X[:, 2:])
W1, b1 = (0.7 * random.normal(size=(3, 6))).astype(dtype), np.full(6, 0.1, dtype)
W2, b2 = (0.7 * random.normal(size=(6, 1))).astype(dtype), np.zeros(1, dtype)
queue = []
record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for step in range(12):
    x, t = X[step % 4 * 10 :][:10], T[step % 4 * 10 :][:10]
    queue.append(t)
    a = x @ W1 + b1
    h = np.maximum(a, 0)
    y = h @ W2 + b2
    loss = ((y - t) ** 2).mean()
    wanted = queue[max(step - 1, 0)]  # right: wanted = queue[step]
    dy = 2 * (y - wanted) / 10
    da = dy @ W2.T * (a > 0)
    dW1, db1, dW2, db2 = x.T @ da, da.sum(axis=0), h.T @ dy, dy.sum(axis=0)
    W1, b1, W2, b2 = W1 - 0.05 * dW1, b1 - 0.05 * db1, W2 - 0.05 * dW2, b2 - 0.05 * db2
    record.step(
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=loss,
        gradients={"W1": dW1, "b1": db1, "W2": dW2, "b2": db2},
        activations=[a, h, y],
        output_gradient=dy,
    )
