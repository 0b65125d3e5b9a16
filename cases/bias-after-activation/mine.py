"""The distance of a point from 0, by a 2-4-1 network of sigmoids."""

import numpy as np
from common import Record, dtype, random


def layer(x, w, b):
    """The weighted sum, and the sigmoid of it."""
    z = x @ w  # right: z = x @ w + b
    y = 1 / (1 + np.exp(-z))
    return z, y + b  # right: return z, y


points = random.uniform(-2, 2, (24, 2)).astype(dtype)
distances = np.sqrt((points**2).sum(axis=1, keepdims=True))
syn0, bias0 = random.normal(size=(2, 4)).astype(dtype), (0.5 * random.normal(size=4)).astype(dtype)
syn1, bias1 = random.normal(size=(4, 1)).astype(dtype), (0.5 * random.normal(size=1)).astype(dtype)

record = Record()
record.start({"syn0": syn0, "bias0": bias0, "syn1": syn1, "bias1": bias1})
for step in range(12):
    l0, t = points[step % 2 * 12 :][:12], distances[step % 2 * 12 :][:12]
    z1, l1 = layer(l0, syn0, bias0)
    l2 = l1 @ syn1 + bias1
    error = l2 - t
    loss = (error**2).mean()
    l2_delta = 2 * error / 12
    sigma = 1 / (1 + np.exp(-z1))
    l1_delta = l2_delta @ syn1.T * sigma * (1 - sigma)
    gradients = {
        "syn0": l0.T @ l1_delta,
        "bias0": l1_delta.sum(axis=0),
        "syn1": l1.T @ l2_delta,
        "bias1": l2_delta.sum(axis=0),
    }
    syn0 = syn0 - 0.2 * gradients["syn0"]
    bias0 = bias0 - 0.2 * gradients["bias0"]
    syn1 = syn1 - 0.2 * gradients["syn1"]
    bias1 = bias1 - 0.2 * gradients["bias1"]
    record.step(
        {"syn0": syn0, "bias0": bias0, "syn1": syn1, "bias1": bias1},
        batch=(l0, t),
        loss=loss,
        gradients=gradients,
        activations=[z1, l1, l2],
        output_gradient=l2_delta,
    )
