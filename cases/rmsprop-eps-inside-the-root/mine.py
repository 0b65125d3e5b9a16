"""The values of two actions from three numbers, by a 3-5-2 network with ReLU and RMSprop."""

import numpy as np
from common import Record, dtype, random

states = random.normal(size=(32, 3)).astype(dtype)
returns = np.stack([states[:, 0] - states[:, 1], states[:, 2] * 2], axis=1)
q = {
    "W1": (0.7 * random.normal(size=(3, 5))).astype(dtype),
    "b1": np.full(5, 0.1, dtype),
    "W2": (0.7 * random.normal(size=(5, 2))).astype(dtype),
    "b2": np.zeros(2, dtype),
}
cache = {name: np.zeros_like(w) for name, w in q.items()}
learning_rate, decay_rate, eps = 0.01, 0.9, 1e-8

record = Record()
record.start(q)
for episode in range(12):
    s, r = states[episode % 4 * 8 :][:8], returns[episode % 4 * 8 :][:8]
    a = s @ q["W1"] + q["b1"]
    h = np.maximum(a, 0)
    value = h @ q["W2"] + q["b2"]
    td = value - r
    loss = np.where(np.abs(td) < 1, td**2 / 2, np.abs(td) - 0.5).mean()
    dvalue = np.clip(td, -1, 1) / td.size
    da = dvalue @ q["W2"].T * (a > 0)
    grad = {"W1": s.T @ da, "b1": da.sum(axis=0), "W2": h.T @ dvalue, "b2": dvalue.sum(axis=0)}
    for name, g in grad.items():
        cache[name] = decay_rate * cache[name] + (1 - decay_rate) * g**2
        root = np.sqrt(cache[name] + eps)  # right: root = np.sqrt(cache[name]) + eps
        q[name] = q[name] - learning_rate * g / root
    record.step(q, batch=(s, r), loss=loss, gradients=grad, activations=[a, h, value], output_gradient=dvalue)
