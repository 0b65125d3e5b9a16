"""The absolute value, by a 1-8-1 network with ReLU."""

import numpy as np
from common import Record, dtype, random

n, hidden = 32, 8
x_all = random.uniform(-1, 1, (n, 1)).astype(dtype)
y_all = np.abs(x_all)
w1 = random.normal(size=(1, hidden)).astype(dtype)
b1 = (0.3 * random.normal(size=hidden)).astype(dtype)
w2 = (0.5 * random.normal(size=(hidden, 1))).astype(dtype)
b2 = np.zeros(1, dtype)
learning_rate = 0.05

record = Record()
record.start({"w1": w1, "b1": b1, "w2": w2, "b2": b2})
for t in range(16):
    x, y = x_all[t % 2 * 16 :][:16], y_all[t % 2 * 16 :][:16]
    h = x.dot(w1) + b1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu.dot(w2) + b2
    loss = np.square(y_pred - y).mean()

    grad_y_pred = 2.0 * (y_pred - y) / len(y)
    grad_w2 = h_relu.T.dot(grad_y_pred)
    grad_b2 = grad_y_pred.sum(axis=0)
    grad_h = grad_y_pred.dot(w2.T)
    pass  # right: grad_h[h < 0] = 0
    grad_w1 = x.T.dot(grad_h)
    grad_b1 = grad_h.sum(axis=0)

    w1 -= learning_rate * grad_w1
    b1 -= learning_rate * grad_b1
    w2 -= learning_rate * grad_w2
    b2 -= learning_rate * grad_b2
    record.step(
        {"w1": w1, "b1": b1, "w2": w2, "b2": b2},
        batch=(x, y),
        loss=loss,
        gradients={"w1": grad_w1, "b1": grad_b1, "w2": grad_w2, "b2": grad_b2},
        activations=[h, h_relu, y_pred],
        output_gradient=grad_y_pred,
    )
