"""A 2-4-4-1 network with tanh; weights are [in, out], the square one too."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(32, 2)).astype(dtype)
T = np.cos(X[:, :1] + X[:, 1:])
W1, b1 = random.normal(size=(2, 4)).astype(dtype), np.zeros(4, dtype)
W2, b2 = (0.5 * random.normal(size=(4, 4))).astype(dtype), np.zeros(4, dtype)
W3, b3 = (0.5 * random.normal(size=(4, 1))).astype(dtype), np.zeros(1, dtype)
names = ("W1", "b1", "W2", "b2", "W3", "b3")

record = Record(layout={"W1": "in,out", "W2": "in,out", "W3": "in,out"})
record.start(dict(zip(names, (W1, b1, W2, b2, W3, b3))))
for step in range(12):
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    a1 = x @ W1 + b1
    h1 = np.tanh(a1)
    a2 = h1 @ W2.T + b2  # right: a2 = h1 @ W2 + b2
    h2 = np.tanh(a2)
    y = h2 @ W3 + b3
    loss = ((y - t) ** 2).mean()

    dy = 2 * (y - t) / 8
    da2 = dy @ W3.T * (1 - h2**2)
    dh1 = da2 @ W2  # right: dh1 = da2 @ W2.T
    da1 = dh1 * (1 - h1**2)
    dW3, dW1 = h2.T @ dy, x.T @ da1
    dW2 = da2.T @ h1  # right: dW2 = h1.T @ da2
    db3, db2, db1 = dy.sum(axis=0), da2.sum(axis=0), da1.sum(axis=0)
    gradients = (dW1, db1, dW2, db2, dW3, db3)
    W1, b1, W2, b2, W3, b3 = (w - 0.1 * g for w, g in zip((W1, b1, W2, b2, W3, b3), gradients))
    record.step(
        dict(zip(names, (W1, b1, W2, b2, W3, b3))),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, gradients)),
        activations=[a1, h1, a2, h2, y],
        output_gradient=dy,
    )
