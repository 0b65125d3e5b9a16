"""Three classes, by a 3-5-3 network with tanh, whose rate grows over the first five steps."""

import numpy as np
from common import Record, dtype, random

base, start, length = 0.5, 0.2, 5
X = random.normal(size=(30, 3)).astype(dtype)
labels = np.digitize(X.sum(axis=1), [-1, 1])
W1, b1 = random.normal(size=(3, 5)).astype(dtype), np.zeros(5, dtype)
W2, b2 = random.normal(size=(5, 3)).astype(dtype), np.zeros(3, dtype)
record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for step in range(12):
    done = min(step / length, 1)
    lr = base * done  # right: lr = base * (start + (1 - start) * done)
    x, t = X[step % 3 * 10 :][:10], labels[step % 3 * 10 :][:10]
    a = x @ W1 + b1
    h = np.tanh(a)
    z = h @ W2 + b2
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(10), t]).mean()
    dz = (p - np.eye(3, dtype=dtype)[t]) / 10
    da = dz @ W2.T * (1 - h**2)
    dW1, db1, dW2, db2 = x.T @ da, da.sum(axis=0), h.T @ dz, dz.sum(axis=0)
    W1, b1, W2, b2 = W1 - lr * dW1, b1 - lr * db1, W2 - lr * dW2, b2 - lr * db2
    record.step(
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=loss,
        gradients={"W1": dW1, "b1": db1, "W2": dW2, "b2": db2},
        activations=[a, h, z],
        output_gradient=dz,
    )
