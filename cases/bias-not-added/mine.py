"""Three classes, by a 4-5-3 network with SiLU and momentum."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(36, 4)).astype(dtype)
y = X[:, :3].argmax(axis=1)
W1, b1 = (0.5 * random.normal(size=(5, 4))).astype(dtype), (0.3 * random.normal(size=5)).astype(dtype)
W2, b2 = (0.5 * random.normal(size=(3, 5))).astype(dtype), (0.3 * random.normal(size=3)).astype(dtype)
params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
velocity = {name: np.zeros_like(w) for name, w in params.items()}

record = Record()
record.start(params)
for step in range(12):
    x, label = X[step % 3 * 12 :][:12], y[step % 3 * 12 :][:12]
    a = x @ W1.T + b1
    s = 1 / (1 + np.exp(-a))
    h = a * s
    z = h @ W2.T  # right: z = h @ W2.T + b2
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(12), label]).mean()
    dz = p.copy()
    dz[np.arange(12), label] -= 1
    dz /= 12
    da = dz @ W2 * (s + a * s * (1 - s))
    grads = {"W1": da.T @ x, "b1": da.sum(0), "W2": dz.T @ h, "b2": dz.sum(0)}
    for name, w in params.items():
        velocity[name] = 0.9 * velocity[name] + grads[name]
        w -= 0.2 * velocity[name]
    record.step(params, batch=(x, label), loss=loss, gradients=grads, activations=[a, h, z], output_gradient=dz)
