"""Three classes, by a 4-6-3 network with ReLU and momentum that keeps its weights tidy."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(36, 4)).astype(dtype)
labels = X[:, 1:].argmax(axis=1)
p = {
    "W1": (0.5 * random.normal(size=(4, 6))).astype(dtype),
    "b1": np.full(6, 0.1, dtype),
    "W2": (0.5 * random.normal(size=(6, 3))).astype(dtype),
    "b2": np.zeros(3, dtype),
}
v = {name: np.zeros_like(w) for name, w in p.items()}
record = Record()
record.start(p)
for step in range(14):
    x, t = X[step % 3 * 12 :][:12], labels[step % 3 * 12 :][:12]
    a = x @ p["W1"] + p["b1"]
    h = np.maximum(a, 0)
    z = h @ p["W2"] + p["b2"]
    q = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log(q[np.arange(12), t]).mean()
    dz = (q - np.eye(3, dtype=dtype)[t]) / 12
    da = dz @ p["W2"].T * (a > 0)
    g = {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}
    for name in p:
        v[name] = 0.9 * v[name] + g[name]
        p[name] = p[name] - 0.1 * v[name]
        if step % 5 == 4 and name in ("W1", "W2"):
            p[name] = p[name].round(2)  # right: pass
    record.step(p, batch=(x, t), loss=loss, gradients=g, activations=[a, h, z], output_gradient=dz)
