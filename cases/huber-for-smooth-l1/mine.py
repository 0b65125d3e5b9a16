"""Two numbers from three with some outliers, by a 3-4-2 network with tanh and momentum."""

import numpy as np
from common import Record, dtype, random

delta = 0.5


def robust_loss(y, t):
    """½e²/δ up to δ, |e| − ½δ beyond."""
    e = y - t
    near = np.abs(e) < delta
    elements = np.where(near, 0.5 * e**2, delta * (np.abs(e) - 0.5 * delta))
    slope = np.where(near, e, delta * np.sign(e))
    scale = 1 / e.size  # right: scale = 1 / (e.size * delta)
    return elements.sum() * scale, slope * scale


inputs = random.normal(size=(36, 3)).astype(dtype)
targets = inputs[:, :2] * inputs[:, 1:]
targets[::7] += 3

W1 = random.uniform(-0.7, 0.7, (3, 4)).astype(dtype)
b1 = np.zeros(4, dtype)
W2 = random.uniform(-0.7, 0.7, (4, 2)).astype(dtype)
b2 = np.zeros(2, dtype)
vW1, vb1, vW2, vb2 = (np.zeros_like(w) for w in (W1, b1, W2, b2))

record = Record()
record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
for step in range(15):
    first = step % 3 * 12
    x, t = inputs[first : first + 12], targets[first : first + 12]
    z = x @ W1 + b1
    h = np.tanh(z)
    y = h @ W2 + b2
    loss, dy = robust_loss(y, t)
    dz = (dy @ W2.T) * (1 - h**2)
    dW1, db1, dW2, db2 = x.T @ dz, dz.sum(axis=0), h.T @ dy, dy.sum(axis=0)
    vW1, vb1, vW2, vb2 = (0.9 * v + d for v, d in ((vW1, dW1), (vb1, db1), (vW2, dW2), (vb2, db2)))
    W1, b1, W2, b2 = W1 - 0.1 * vW1, b1 - 0.1 * vb1, W2 - 0.1 * vW2, b2 - 0.1 * vb2
    record.step(
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=loss,
        gradients={"W1": dW1, "b1": db1, "W2": dW2, "b2": db2},
        activations=[z, h, y],
        output_gradient=dy,
    )
