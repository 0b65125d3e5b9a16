"""Two numbers from two, by a 2-5-2 network with tanh and the absolute error."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(35, 2)).astype(dtype)
T = np.stack([X.max(axis=1), X.min(axis=1)], axis=1)
shapes = {"V": (5, 2), "c": 5, "W": (2, 5), "d": 2}
net = {name: (0.6 * random.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}


def inputs_of(first, rows=7):
    index = np.arange(first, first + rows)
    index[-1] = index[0]  # right: pass
    return X[index]


record = Record()
record.start(net)
for step in range(12):
    first = step % 5 * 7
    x, t = inputs_of(first), T[first : first + 7]
    a = x @ net["V"].T + net["c"]
    h = np.tanh(a)
    y = h @ net["W"].T + net["d"]
    dy = np.sign(y - t) / y.size
    da = dy @ net["W"] * (1 - h**2)
    g = {"V": da.T @ x, "c": da.sum(axis=0), "W": dy.T @ h, "d": dy.sum(axis=0)}
    net = {name: w - 0.05 * g[name] for name, w in net.items()}
    record.step(
        net,
        batch=(X[first : first + 7], t),
        loss=np.abs(y - t).mean(),
        gradients=g,
        activations=[a, h, y],
        output_gradient=dy,
    )
