"""Two classes, by a 3-5-5-2 network with ReLU; weights are [out, in]."""

import numpy as np
from common import Record, dtype, random


def relu(x):
    return x * (x > 0)


X = random.normal(size=(30, 3)).astype(dtype)
labels = (X.prod(axis=1) > 0).astype(int)
shapes = {"w1": (5, 3), "b1": 5, "w2": (5, 5), "b2": 5, "w3": (2, 5), "b3": 2}
p = {name: (0.6 * random.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}

record = Record(layout={"w1": "out,in", "w2": "out,in", "w3": "out,in"})
record.start(p)
for step in range(12):
    x, t = X[step % 3 * 10 :][:10], labels[step % 3 * 10 :][:10]
    z1 = x @ p["w1"].T + p["b1"]
    z2 = relu(z1) @ p["w2"].T + p["b2"]
    z3 = relu(z2) @ p["w3"].T + p["b3"]
    q = np.exp(z3) / np.exp(z3).sum(axis=1, keepdims=True)
    loss = -np.log(q[np.arange(10), t]).mean()
    d3 = (q - np.eye(2, dtype=dtype)[t]) / 10
    d2 = (d3 @ p["w3"]) * (z2 > 0)
    d1 = (d2 @ p["w2"].T) * (z1 > 0)  # right: d1 = (d2 @ p["w2"]) * (z1 > 0)
    g = {
        "w1": d1.T @ x,
        "b1": d1.sum(axis=0),
        "w2": d2.T @ relu(z1),
        "b2": d2.sum(axis=0),
        "w3": d3.T @ relu(z2),
        "b3": d3.sum(axis=0),
    }
    p = {name: w - 0.2 * g[name] for name, w in p.items()}
    record.step(
        p, batch=(x, t), loss=loss, gradients=g, activations=[z1, relu(z1), z2, relu(z2), z3], output_gradient=d3
    )
