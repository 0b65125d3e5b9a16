"""And, by a 2-4-1 network of sigmoids, written as a plain loop."""

import numpy as np
from common import Record, dtype, random

inputs = (np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 2) + 0.05 * random.normal(size=(8, 2))).astype(dtype)
targets = np.array([[0], [0], [0], [1]] * 2, dtype)
w1, b1 = random.uniform(size=(2, 4)).astype(dtype), random.uniform(size=4).astype(dtype)
w2, b2 = random.uniform(size=(4, 1)).astype(dtype), random.uniform(size=1).astype(dtype)
learning_rate = 0.3

record = Record()
record.start({"w1": w1, "b1": b1, "w2": w2, "b2": b2})
for _ in range(14):
    net1 = np.dot(inputs, w1) + b1
    out1 = 1 / (1 + np.exp(-net1))
    net2 = np.dot(out1, w2) + b2
    out2 = 1 / (1 + np.exp(-net2))
    error = out2 - targets
    d_out2 = 2 * error / 8
    d_net2 = d_out2 * out2 * (1 - out2)
    d_net1 = np.dot(d_net2, w2.T) * out1 * (1 - out1)
    gradients = {
        "w1": np.dot(inputs.T, d_net1),
        "b1": d_net1.sum(axis=0),
        "w2": np.dot(out1.T, d_net2),
        "b2": d_net2.sum(axis=0),
    }
    rate = 2 * learning_rate  # right: rate = learning_rate
    w1 -= rate * gradients["w1"]
    b1 -= rate * gradients["b1"]
    w2 -= rate * gradients["w2"]
    b2 -= rate * gradients["b2"]
    record.step(
        {"w1": w1, "b1": b1, "w2": w2, "b2": b2},
        batch=(inputs, targets),
        loss=np.mean(error**2),
        gradients=gradients,
        activations=[net1, out1, net2, out2],
        output_gradient=d_out2,
    )
