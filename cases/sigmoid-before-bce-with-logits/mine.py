"""Whether a point lies in a circle, by a 2-4-1 network with tanh and momentum."""

import numpy as np
from common import Record, dtype, random


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def bce_with_logits(x, t):
    """The mean loss of logits, and its gradient in them."""
    loss = np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))
    return loss.mean(), (sigmoid(x) - t) / x.size


points = random.uniform(-1, 1, (42, 2)).astype(dtype)
inside = ((points**2).sum(axis=1, keepdims=True) < 0.6).astype(dtype)
weights = {
    "fc1.weight": random.normal(size=(4, 2)).astype(dtype),
    "fc1.bias": random.normal(size=4).astype(dtype),
    "fc2.weight": random.normal(size=(1, 4)).astype(dtype),
    "fc2.bias": np.zeros(1, dtype),
}
velocity = {name: np.zeros_like(w) for name, w in weights.items()}

record = Record()
record.start(weights)
for step in range(14):
    x, t = points[step % 3 * 14 :][:14], inside[step % 3 * 14 :][:14]
    z = x @ weights["fc1.weight"].T + weights["fc1.bias"]
    h = np.tanh(z)
    y = h @ weights["fc2.weight"].T + weights["fc2.bias"]
    y = sigmoid(y)  # right: pass
    loss, dy = bce_with_logits(y, t)
    dz = dy @ weights["fc2.weight"] * (1 - h**2)
    gradients = {
        "fc1.weight": dz.T @ x,
        "fc1.bias": dz.sum(axis=0),
        "fc2.weight": dy.T @ h,
        "fc2.bias": dy.sum(axis=0),
    }
    for name, g in gradients.items():
        velocity[name] = 0.5 * velocity[name] + g
        weights[name] = weights[name] - 0.4 * velocity[name]
    record.step(weights, batch=(x, t), loss=loss, gradients=gradients, activations=[z, h, y], output_gradient=dy)
