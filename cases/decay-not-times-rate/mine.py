"""A wave, by a 1-4-1 network of sigmoids and AdamW, written after the pseudocode of a paper."""

import numpy as np
from common import Record, dtype, random

alpha, beta1, beta2, epsilon, lamda = 0.01, 0.9, 0.999, 1e-8, 0.05
x_all = random.uniform(-2, 2, (32, 1)).astype(dtype)
y_all = np.cos(x_all)
theta = {
    "w1": random.normal(size=(4, 1)).astype(dtype),
    "b1": random.normal(size=4).astype(dtype),
    "w2": random.normal(size=(1, 4)).astype(dtype),
    "b2": random.normal(size=1).astype(dtype),
}
m = {k: np.zeros_like(p) for k, p in theta.items()}
v = {k: np.zeros_like(p) for k, p in theta.items()}

record = Record(layout={"w1": "out,in", "w2": "out,in"})
record.start(theta)
for t in range(1, 17):
    x, y = x_all[t % 2 * 16 :][:16], y_all[t % 2 * 16 :][:16]
    a = x @ theta["w1"].T + theta["b1"]
    h = 1 / (1 + np.exp(-a))
    out = h @ theta["w2"].T + theta["b2"]
    loss = np.mean((out - y) ** 2)
    dout = 2 * (out - y) / 16
    da = dout @ theta["w2"] * h * (1 - h)
    g = {"w1": da.T @ x, "b1": da.sum(axis=0), "w2": dout.T @ h, "b2": dout.sum(axis=0)}
    for k in theta:
        m[k] = beta1 * m[k] + (1 - beta1) * g[k]
        v[k] = beta2 * v[k] + (1 - beta2) * g[k] ** 2
        mhat = m[k] / (1 - beta1**t)
        vhat = v[k] / (1 - beta2**t)
        decay = lamda * theta[k]  # right: decay = alpha * lamda * theta[k]
        theta[k] = theta[k] - decay - alpha * mhat / (np.sqrt(vhat) + epsilon)
    record.step(theta, batch=(x, y), loss=loss, gradients=g, activations=[a, h, out], output_gradient=dout)
