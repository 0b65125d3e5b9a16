"""The feed-forward half of a transformer's block: a 4-8-2 network with GELU and AdamW."""

import math

import numpy as np
from common import Record, dtype, random

ROOT = math.sqrt(2 / math.pi)
erf = np.vectorize(math.erf, otypes=[dtype])


def gelu(x):
    return x * (1 + erf(x / math.sqrt(2))) / 2


def gelu_prime(x):
    return (1 + erf(x / math.sqrt(2))) / 2 + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def gelu_by_tanh(x):
    return 0.5 * x * (1 + np.tanh(ROOT * (x + 0.044715 * x**3)))


def gelu_by_tanh_prime(x):
    t = np.tanh(ROOT * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * ROOT * (1 + 3 * 0.044715 * x**2)


act, act_prime = gelu_by_tanh, gelu_by_tanh_prime  # right: act, act_prime = gelu, gelu_prime

X = random.normal(size=(32, 4)).astype(dtype)
T = X[:, :2] * X[:, 2:]
p = {
    "c_fc.weight": random.normal(size=(8, 4)).astype(dtype),
    "c_fc.bias": np.zeros(8, dtype),
    "c_proj.weight": (0.3 * random.normal(size=(2, 8))).astype(dtype),
    "c_proj.bias": np.zeros(2, dtype),
}
m = {k: np.zeros_like(w) for k, w in p.items()}
v = {k: np.zeros_like(w) for k, w in p.items()}
lr, decay = 0.01, 0.1

record = Record()
record.start(p)
for t in range(1, 13):
    x, target = X[(t - 1) % 4 * 8 :][:8], T[(t - 1) % 4 * 8 :][:8]
    a = x @ p["c_fc.weight"].T + p["c_fc.bias"]
    h = act(a)
    y = h @ p["c_proj.weight"].T + p["c_proj.bias"]
    loss = np.mean((y - target) ** 2)
    dy = 2 * (y - target) / y.size
    da = dy @ p["c_proj.weight"] * act_prime(a)
    g = {
        "c_fc.weight": da.T @ x,
        "c_fc.bias": da.sum(axis=0),
        "c_proj.weight": dy.T @ h,
        "c_proj.bias": dy.sum(axis=0),
    }
    for k in p:
        m[k] = 0.9 * m[k] + 0.1 * g[k]
        v[k] = 0.999 * v[k] + 0.001 * g[k] ** 2
        step = m[k] / (1 - 0.9**t) / (np.sqrt(v[k] / (1 - 0.999**t)) + 1e-8)
        p[k] = p[k] - lr * decay * p[k] - lr * step
    record.step(p, batch=(x, target), loss=loss, gradients=g, activations=[a, h, y], output_gradient=dy)
