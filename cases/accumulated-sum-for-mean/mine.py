"""Three classes, by a 2-6-3 network of sigmoids that is updated after every third batch."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(36, 2)).astype(dtype)
labels = (X[:, 0] > X[:, 1]).astype(int) + (X.sum(axis=1) > 0)
W1, b1 = random.normal(size=(2, 6)).astype(dtype), random.normal(size=6).astype(dtype)
W2, b2 = random.normal(size=(6, 3)).astype(dtype), random.normal(size=3).astype(dtype)
lr, every = 0.5, 3
sums = [np.zeros_like(w) for w in (W1, b1, W2, b2)]

record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for step in range(18):
    x, t = X[step % 6 * 6 :][:6], labels[step % 6 * 6 :][:6]
    z = x @ W1 + b1
    h = 1 / (1 + np.exp(-z))
    out = h @ W2 + b2
    p = np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
    onehot = np.eye(3, dtype=dtype)[t]
    loss = -(onehot * np.log(p)).sum() / len(x)
    dout = (p - onehot) / len(x)
    dz = dout @ W2.T * h * (1 - h)
    gradients = [x.T @ dz, dz.sum(axis=0), h.T @ dout, dout.sum(axis=0)]
    sums = [s + g for s, g in zip(sums, gradients)]
    if (step + 1) % every == 0:
        scale = lr  # right: scale = lr / every
        W1, b1, W2, b2 = (w - scale * s for w, s in zip((W1, b1, W2, b2), sums))
        sums = [np.zeros_like(s) for s in sums]
    record.step(
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(("W1", "b1", "W2", "b2"), gradients)),
        activations=[z, h, out],
        output_gradient=dout,
    )
