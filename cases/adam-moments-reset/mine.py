"""A number from three, by a 3-5-1 network with tanh and Adam."""

import numpy as np
from common import Record, dtype, random

moments = {}


def adam_step(weights, gradients, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    moments.clear()  # right: pass
    moments["t"] = moments.get("t", 0) + 1
    new = {}
    for name, g in gradients.items():
        m, v = moments.get(name, (0, 0))
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        moments[name] = m, v
        m_hat, v_hat = m / (1 - beta1 ** moments["t"]), v / (1 - beta2 ** moments["t"])
        new[name] = weights[name] - lr * m_hat / (np.sqrt(v_hat) + eps)
    return new


X = random.normal(size=(32, 3)).astype(dtype)
T = X[:, :1] * X[:, 1:2] + X[:, 2:]
weights = {
    "W1": (0.5 * random.normal(size=(3, 5))).astype(dtype),
    "b1": np.zeros(5, dtype),
    "W2": (0.5 * random.normal(size=(5, 1))).astype(dtype),
    "b2": np.zeros(1, dtype),
}
record = Record()
record.start(weights)
for step in range(12):
    x, t = X[step % 4 * 8 :][:8], T[step % 4 * 8 :][:8]
    a = x @ weights["W1"] + weights["b1"]
    h = np.tanh(a)
    y = h @ weights["W2"] + weights["b2"]
    dy = (y - t) / 4
    da = dy @ weights["W2"].T * (1 - h**2)
    gradients = {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
    weights = adam_step(weights, gradients)
    loss = ((y - t) ** 2).mean()
    record.step(weights, batch=(x, t), loss=loss, gradients=gradients, activations=[a, h, y], output_gradient=dy)
