"""Which of three numbers is the largest, by a 3-6-3 classifier with ReLU."""

import numpy as np
from common import Record, dtype, random


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(outputs, labels):
    """The loss of outputs before the softmax, and its gradient in them."""
    p = softmax(outputs)
    rows = np.arange(len(labels))
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


X = random.normal(size=(30, 3)).astype(dtype)
labels = X.argmax(axis=1)
W1 = random.normal(size=(3, 6)).astype(dtype)
b1 = np.full(6, 0.1, dtype)
W2 = random.normal(size=(6, 3)).astype(dtype)
b2 = np.zeros(3, dtype)

record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for step in range(12):
    rows = np.arange(step % 3 * 10, step % 3 * 10 + 10)
    x, t = X[rows], labels[rows]
    z1 = x @ W1 + b1
    a1 = np.maximum(0, z1)
    out = softmax(a1 @ W2 + b2)  # right: out = a1 @ W2 + b2
    loss, dout = cross_entropy(out, t)
    dW2, db2 = a1.T @ dout, dout.sum(axis=0)
    dz1 = dout @ W2.T
    dz1[z1 <= 0] = 0
    dW1, db1 = x.T @ dz1, dz1.sum(axis=0)
    W1 -= 0.3 * dW1
    b1 -= 0.3 * db1
    W2 -= 0.3 * dW2
    b2 -= 0.3 * db2
    record.step(
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=loss,
        gradients={"W1": dW1, "b1": db1, "W2": dW2, "b2": db2},
        activations=[z1, a1, out],
        output_gradient=dout,
    )
