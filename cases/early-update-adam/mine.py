"""Two numbers from three, by a 3-5-4-2 network with tanh and Adam, from the last layer to the first."""

import numpy as np
from common import Record, dtype, random


class Adam:
    def __init__(self, w, lr=0.02, betas=(0.9, 0.999), eps=1e-8):
        self.lr, self.betas, self.eps = lr, betas, eps
        self.m, self.v, self.t = np.zeros_like(w), np.zeros_like(w), 0

    def __call__(self, w, g):
        b1, b2 = self.betas
        self.t += 1
        self.m = b1 * self.m + (1 - b1) * g
        self.v = b2 * self.v + (1 - b2) * g * g
        return w - self.lr * self.m / (1 - b1**self.t) / (np.sqrt(self.v / (1 - b2**self.t)) + self.eps)


sizes = (3, 5, 4, 2)
W = [(random.normal(size=(o, i)) / i**0.5).astype(dtype) for i, o in zip(sizes, sizes[1:])]
B = [np.zeros(o, dtype) for o in sizes[1:]]
of_w, of_b = [Adam(w) for w in W], [Adam(b) for b in B]
X = random.normal(size=(36, 3)).astype(dtype)
T = np.stack([X[:, 0] * X[:, 1], X[:, 2] ** 2], axis=1)


def state(w, b):
    return {"W1": w[0], "b1": b[0], "W2": w[1], "b2": b[1], "W3": w[2], "b3": b[2]}


record = Record()
record.start(state(W, B))
for step in range(12):
    x, t = X[step % 3 * 12 :][:12], T[step % 3 * 12 :][:12]
    sums, hidden = [], [x]
    for i in range(3):
        sums.append(hidden[-1] @ W[i].T + B[i])
        hidden.append(np.tanh(sums[-1]) if i < 2 else sums[-1])
    y = hidden[-1]
    loss = ((y - t) ** 2).mean()
    dy = delta = 2 * (y - t) / y.size
    dW, dB = [0, 0, 0], [0, 0, 0]
    for i in (2, 1, 0):
        old = W[i]
        dW[i], dB[i] = delta.T @ hidden[i], delta.sum(axis=0)
        W[i], B[i] = of_w[i](W[i], dW[i]), of_b[i](B[i], dB[i])
        delta = delta @ W[i]  # right: delta = delta @ old
        if i > 0:
            delta = delta * (1 - hidden[i] ** 2)
    record.step(
        state(W, B),
        batch=(x, t),
        loss=loss,
        gradients=state(dW, dB),
        activations=[sums[0], hidden[1], sums[1], hidden[2], y],
        output_gradient=dy,
    )
