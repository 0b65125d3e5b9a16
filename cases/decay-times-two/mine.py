"""Two numbers from four, by a 4-5-2 network with tanh and weight decay."""

import numpy as np
from common import Record, dtype, random

LR, DECAY = 0.1, 0.02

X = random.normal(size=(32, 4)).astype(dtype)
T = np.tanh(X[:, :2] - X[:, 2:])
W = [(0.5 * random.normal(size=s)).astype(dtype) for s in ((4, 5), (5, 2))]
B = [(0.5 * random.normal(size=s)).astype(dtype) for s in (5, 2)]


def named(w, b):
    return {"W1": w[0], "b1": b[0], "W2": w[1], "b2": b[1]}


def sgd(w, g):
    return w - LR * (g + 2 * DECAY * w)  # right: return w - LR * (g + DECAY * w)


record = Record()
record.start(named(W, B))
for step in range(12):
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    z = x @ W[0] + B[0]
    h = np.tanh(z)
    y = h @ W[1] + B[1]
    loss = np.mean((y - t) ** 2)
    dy = 2 * (y - t) / y.size
    dz = dy @ W[1].T * (1 - h**2)
    dW, dB = [x.T @ dz, h.T @ dy], [dz.sum(0), dy.sum(0)]
    W = [sgd(w, g) for w, g in zip(W, dW)]
    B = [sgd(b, g) for b, g in zip(B, dB)]
    record.step(
        named(W, B), batch=(x, t), loss=loss, gradients=named(dW, dB), activations=[z, h, y], output_gradient=dy
    )
