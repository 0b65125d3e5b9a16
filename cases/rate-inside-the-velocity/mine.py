"""Three classes, by a 2-5-3 network of sigmoids; the rate is halved after every fourth step."""

import numpy as np
from common import Record, dtype, random


class Momentum:
    def __init__(self, mu=0.9):
        self.mu, self.v = mu, {}

    def update(self, weights, gradients, lr):
        for name, g in gradients.items():
            v = self.v.get(name, np.zeros_like(g))
            self.v[name] = self.mu * v + lr * g  # right: self.v[name] = self.mu * v + g
            weights[name] -= self.v[name]  # right: weights[name] -= lr * self.v[name]


X = random.normal(size=(36, 2)).astype(dtype)
labels = ((X**2).sum(axis=1) > 1).astype(int) + ((X**2).sum(axis=1) > 2.5)
net = {
    "W1": random.normal(size=(2, 5)).astype(dtype),
    "b1": random.normal(size=5).astype(dtype),
    "W2": random.normal(size=(5, 3)).astype(dtype),
    "b2": random.normal(size=3).astype(dtype),
}
optimizer = Momentum()
record = Record()
record.start(net)
for step in range(14):
    lr = 0.4 * 0.5 ** (step // 4)
    x, t = X[step % 3 * 12 :][:12], labels[step % 3 * 12 :][:12]
    z = x @ net["W1"] + net["b1"]
    h = 1 / (1 + np.exp(-z))
    out = h @ net["W2"] + net["b2"]
    p = np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(12), t]).mean()
    dout = (p - np.eye(3, dtype=dtype)[t]) / 12
    dz = dout @ net["W2"].T * h * (1 - h)
    gradients = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dout, "b2": dout.sum(axis=0)}
    optimizer.update(net, gradients, lr)
    record.step(net, batch=(x, t), loss=loss, gradients=gradients, activations=[z, h, out], output_gradient=dout)
