"""Three classes, by a 4-6-3 network of sigmoids and Adam; arrays are named as Keras names them."""

import numpy as np
from common import Record, dtype, random

rng = random
epsilon = 1e-7  # right: epsilon = 1e-8
x_train = rng.normal(size=(36, 4)).astype(dtype)
y_train = x_train[:, 1:].argmax(axis=1)
kernel1, bias1 = rng.uniform(-0.7, 0.7, (4, 6)).astype(dtype), np.zeros(6, dtype)
kernel2, bias2 = rng.uniform(-0.1, 0.1, (6, 3)).astype(dtype), np.zeros(3, dtype)
variables = [kernel1, bias1, kernel2, bias2]
momentums, velocities = [np.zeros_like(w) for w in variables], [np.zeros_like(w) for w in variables]
names = ["kernel1", "bias1", "kernel2", "bias2"]

record = Record()
record.start(dict(zip(names, variables)))
for t in range(1, 13):
    x, y = x_train[t % 3 * 12 :][:12], y_train[t % 3 * 12 :][:12]
    z = x @ kernel1 + bias1
    h = 1 / (1 + np.exp(-z))
    logits = h @ kernel2 + bias2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(12), y]).mean()
    dlogits = (p - np.eye(3, dtype=dtype)[y]) / 12
    dz = dlogits @ kernel2.T * h * (1 - h)
    gradients = [x.T @ dz, dz.sum(axis=0), h.T @ dlogits, dlogits.sum(axis=0)]
    for w, m, v, g in zip(variables, momentums, velocities, gradients):
        m += 0.1 * (g - m)
        v += 0.001 * (g**2 - v)
        w -= 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + epsilon)
    record.step(
        dict(zip(names, variables)),
        batch=(x, y),
        loss=loss,
        gradients=dict(zip(names, gradients)),
        activations=[z, h, logits],
        output_gradient=dlogits,
    )
