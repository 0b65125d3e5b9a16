"""Three classes, by a 4-6-3 network with layer norm, ReLU and Adam."""

import numpy as np
from common import Record, dtype, random


class LayerNorm:
    def __init__(self, n, eps=1e-5):
        self.gamma, self.beta, self.eps = np.ones(n, dtype), np.zeros(n, dtype), eps

    def forward(self, x):
        mean = x.mean(axis=-1, keepdims=True)
        self.n = x.shape[-1] - 1  # right: self.n = x.shape[-1]
        variance = ((x - mean) ** 2).sum(axis=-1, keepdims=True) / self.n
        self.scale = 1 / np.sqrt(variance + self.eps)
        self.normal = (x - mean) * self.scale
        return self.gamma * self.normal + self.beta

    def backward(self, g):
        self.dgamma, self.dbeta = (g * self.normal).sum(axis=0), g.sum(axis=0)
        h = g * self.gamma
        mean = h.mean(axis=-1, keepdims=True)
        along = (h * self.normal).sum(axis=-1, keepdims=True) / self.n
        return (h - mean - self.normal * along) * self.scale


X = random.normal(size=(30, 4)).astype(dtype)
labels = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
W1, b1 = random.normal(size=(4, 6)).astype(dtype), np.zeros(6, dtype)
W2, b2 = (0.5 * random.normal(size=(6, 3))).astype(dtype), np.zeros(3, dtype)
norm = LayerNorm(6)
params = {"W1": W1, "b1": b1, "gamma": norm.gamma, "beta": norm.beta, "W2": W2, "b2": b2}
m = {k: np.zeros_like(w) for k, w in params.items()}
v = {k: np.zeros_like(w) for k, w in params.items()}

record = Record()
record.start(params)
for t in range(1, 13):
    x, y = X[(t - 1) % 3 * 10 :][:10], labels[(t - 1) % 3 * 10 :][:10]
    a = x @ W1 + b1
    n = norm.forward(a)
    h = np.maximum(n, 0)
    z = h @ W2 + b2
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(10), y]).mean()
    dz = (p - np.eye(3, dtype=dtype)[y]) / 10
    da = norm.backward(dz @ W2.T * (n > 0))
    grads = {
        "W1": x.T @ da,
        "b1": da.sum(axis=0),
        "gamma": norm.dgamma,
        "beta": norm.dbeta,
        "W2": h.T @ dz,
        "b2": dz.sum(axis=0),
    }
    for k, g in grads.items():
        m[k] += 0.1 * (g - m[k])
        v[k] += 0.001 * (g * g - v[k])
        params[k] -= 0.01 * (m[k] / (1 - 0.9**t)) / (np.sqrt(v[k] / (1 - 0.999**t)) + 1e-8)
    record.step(params, batch=(x, y), loss=loss, gradients=grads, activations=[a, n, h, z], output_gradient=dz)
