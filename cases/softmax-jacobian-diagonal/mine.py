"""Three classes, by layer objects: dense, ReLU, dense, softmax, and the negative logarithm."""

import numpy as np
from common import Record, dtype, random


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, g):
        p = self.p
        return g * p * (1 - p)  # right: return p * (g - (g * p).sum(axis=1, keepdims=True))


class Dense:
    def __init__(self, n, m):
        self.w, self.b = (random.normal(size=(n, m)) / n**0.5).astype(dtype), np.full(m, 0.05, dtype)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, g):
        self.dw, self.db = self.x.T @ g, g.sum(axis=0)
        return g @ self.w.T


class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return np.where(self.mask, x, 0)

    def backward(self, g):
        return np.where(self.mask, g, 0)


X = random.normal(size=(36, 3)).astype(dtype)
labels = np.abs(X).argmax(axis=1)
first, last = Dense(3, 6), Dense(6, 3)
layers = [first, ReLU(), last, Softmax()]
record = Record()
record.start({"w1": first.w, "b1": first.b, "w2": last.w, "b2": last.b})
for step in range(12):
    x, t = X[step % 3 * 12 :][:12], labels[step % 3 * 12 :][:12]
    outputs = []
    for layer in layers:
        x = layer.forward(x)
        outputs.append(x)
    onehot = np.eye(3, dtype=dtype)[t]
    loss = -np.log((x * onehot).sum(axis=1)).mean()
    dp = g = -onehot / x / len(t)
    for layer in layers[::-1]:
        g = layer.backward(g)
    for layer in (first, last):
        layer.w = layer.w - 0.1 * layer.dw
        layer.b = layer.b - 0.1 * layer.db
    record.step(
        {"w1": first.w, "b1": first.b, "w2": last.w, "b2": last.b},
        batch=(first.x, t),
        loss=loss,
        gradients={"w1": first.dw, "b1": first.db, "w2": last.dw, "b2": last.db},
        activations=outputs,
        output_gradient=dp,
    )
