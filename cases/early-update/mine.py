"""Exclusive or with noise, by a 2-4-1 network of sigmoids."""

import numpy as np
from common import Record, dtype, random


def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))


X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 2) + 0.1 * random.normal(size=(8, 2))
X = X.astype(dtype)
y = np.array([[0], [1], [1], [0]] * 2, dtype)
syn0, b0 = (2 * random.random((2, 4)) - 1).astype(dtype), np.zeros(4, dtype)
syn1, b1 = (2 * random.random((4, 1)) - 1).astype(dtype), np.zeros(1, dtype)
lr = 0.5

record = Record()
record.start({"syn0": syn0, "b0": b0, "syn1": syn1, "b1": b1})
for j in range(16):
    s1 = X @ syn0 + b0
    l1 = nonlin(s1)
    s2 = l1 @ syn1 + b1
    l2 = nonlin(s2)
    l2_error = l2 - y
    loss = 0.5 * np.sum(l2_error**2)
    l2_delta = l2_error * nonlin(l2, deriv=True)
    g_syn1, g_b1 = l1.T @ l2_delta, l2_delta.sum(axis=0)

    syn1 -= lr * g_syn1  # right: l1_error = l2_delta @ syn1.T
    b1 -= lr * g_b1  # right: syn1 -= lr * g_syn1
    l1_error = l2_delta @ syn1.T  # right: b1 -= lr * g_b1
    l1_delta = l1_error * nonlin(l1, deriv=True)
    g_syn0, g_b0 = X.T @ l1_delta, l1_delta.sum(axis=0)
    syn0 -= lr * g_syn0
    b0 -= lr * g_b0
    record.step(
        {"syn0": syn0, "b0": b0, "syn1": syn1, "b1": b1},
        batch=(X, y),
        loss=loss,
        gradients={"syn0": g_syn0, "b0": g_b0, "syn1": g_syn1, "b1": g_b1},
        activations=[s1, l1, s2, l2],
        output_gradient=l2_error,
    )
