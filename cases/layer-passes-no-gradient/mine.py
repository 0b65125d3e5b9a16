"""Two numbers from three, by a 3-5-2 network with layer norm, GELU and AdamW; gradients by a tape."""

import math

import numpy as np
from common import Record, dtype, random

erf = np.vectorize(math.erf, otypes=[dtype])


def linear(x, w, b, tape):
    def back(g):
        return g @ w, {id(w): g.T @ x, id(b): g.sum(axis=0)}

    tape.append(back)
    return x @ w.T + b


def layer_norm(x, w, b, tape):
    s = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    z = (x - x.mean(axis=1, keepdims=True)) * s

    def back(g):
        own = {id(w): (g * z).sum(axis=0), id(b): g.sum(axis=0)}
        h = g * w
        into = s * (h - h.mean(axis=1, keepdims=True) - z * (h * z).mean(axis=1, keepdims=True))
        into = np.zeros_like(x)  # right: pass
        return into, own

    tape.append(back)
    return z * w + b


def gelu(x, tape):
    phi = (1 + erf(x / math.sqrt(2))) / 2
    tape.append(lambda g: (g * (phi + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)), {}))
    return x * phi


X = random.normal(size=(32, 3)).astype(dtype)
T = np.stack([X[:, 0] * X[:, 1], np.tanh(X[:, 2])], axis=1)
p = {
    "0.weight": random.normal(size=(5, 3)).astype(dtype),
    "0.bias": (0.1 * random.normal(size=5)).astype(dtype),
    "1.weight": np.ones(5, dtype),
    "1.bias": np.zeros(5, dtype),
    "3.weight": (0.5 * random.normal(size=(2, 5))).astype(dtype),
    "3.bias": np.zeros(2, dtype),
}
m = {k: np.zeros_like(w) for k, w in p.items()}
v = {k: np.zeros_like(w) for k, w in p.items()}

record = Record()
record.start(p)
for t in range(1, 13):
    x, target = X[t % 4 * 8 :][:8], T[t % 4 * 8 :][:8]
    tape = []
    a = linear(x, p["0.weight"], p["0.bias"], tape)
    n = layer_norm(a, p["1.weight"], p["1.bias"], tape)
    h = gelu(n, tape)
    y = linear(h, p["3.weight"], p["3.bias"], tape)
    dy = g = 2 * (y - target) / y.size
    found = {}
    for back in reversed(tape):
        g, own = back(g)
        found |= own
    grads = {k: found[id(w)] for k, w in p.items()}
    for k, g in grads.items():
        m[k] = 0.9 * m[k] + 0.1 * g
        v[k] = 0.999 * v[k] + 0.001 * g**2
        p[k] = p[k] - 0.02 * m[k] / (1 - 0.9**t) / (np.sqrt(v[k] / (1 - 0.999**t)) + 1e-8)
    loss = ((y - target) ** 2).mean()
    record.step(p, batch=(x, target), loss=loss, gradients=grads, activations=[a, n, h, y], output_gradient=dy)
