"""Three classes, by a 3-4-3 network of sigmoids; gradients are clipped to a small norm."""

import numpy as np
from common import Record, dtype, random


def clip_grad_norm(grads, max_norm):
    norm = np.sqrt(sum((g * g).sum() for g in grads.values()))
    scale = min(1.0, max_norm / (float(norm) + 1e-6))
    return {name: scale * g for name, g in grads.items()}


X = random.normal(size=(36, 3)).astype(dtype)
labels = X.argmax(axis=1)
net = {
    "W1": random.normal(size=(3, 4)).astype(dtype),
    "b1": random.normal(size=4).astype(dtype),
    "W2": random.normal(size=(4, 3)).astype(dtype),
    "b2": random.normal(size=3).astype(dtype),
}
record = Record()
record.start(net)
for step in range(12):
    x, t = X[step % 3 * 12 :][:12], labels[step % 3 * 12 :][:12]
    a = x @ net["W1"] + net["b1"]
    h = 1 / (1 + np.exp(-a))
    z = h @ net["W2"] + net["b2"]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(12), t]).mean()
    dz = (p - np.eye(3, dtype=dtype)[t]) / 12
    da = dz @ net["W2"].T * h * (1 - h)
    grads = {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}
    clipped = grads  # right: clipped = clip_grad_norm(grads, 0.05)
    net = {name: w - clipped[name] for name, w in net.items()}
    record.step(net, batch=(x, t), loss=loss, gradients=grads, activations=[a, h, z], output_gradient=dz)
