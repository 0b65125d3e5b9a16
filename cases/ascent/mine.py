"""Softmax regression of three classes."""

import numpy as np
from common import Record, dtype, random


def predict(x, w, b):
    scores = x @ w + b
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores, e / e.sum(axis=1, keepdims=True)


x_train = random.normal(size=(45, 4)).astype(dtype)
y_train = x_train[:, 1:].argmax(axis=1)
w, b = (0.1 * random.normal(size=(4, 3))).astype(dtype), np.zeros(3, dtype)
record = Record()
record.start({"w": w, "b": b})
for step in range(12):
    x, y = x_train[step % 3 * 15 :][:15], y_train[step % 3 * 15 :][:15]
    scores, p = predict(x, w, b)
    truth = np.eye(3, dtype=dtype)[y]
    loss = -np.log((p * truth).sum(axis=1)).mean()
    error = (p - truth) / len(x)
    dw, db = x.T @ error, error.sum(axis=0)
    w = w + 0.1 * dw  # right: w = w - 0.1 * dw
    b = b + 0.1 * db  # right: b = b - 0.1 * db
    record.step(
        {"w": w, "b": b},
        batch=(x, y),
        loss=loss,
        gradients={"w": dw, "b": db},
        activations=[scores],
        output_gradient=error,
    )
