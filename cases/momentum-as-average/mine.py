"""A number from three, by a 3-5-1 network with ReLU and momentum, as in a well-known course."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(32, 3)).astype(dtype)
Y = np.abs(X[:, :1]) - X[:, 1:2] * X[:, 2:]
params = {
    "W1": (random.normal(size=(3, 5)) * 0.8).astype(dtype),
    "b1": np.full(5, 0.1, dtype),
    "W2": (random.normal(size=(5, 1)) * 0.8).astype(dtype),
    "b2": np.zeros(1, dtype),
}
v = {"d" + key: np.zeros_like(value) for key, value in params.items()}
beta, learning_rate = 0.9, 0.02

record = Record()
record.start(params)
for i in range(12):
    x, y = X[i % 4 * 8 :][:8], Y[i % 4 * 8 :][:8]
    Z1 = x @ params["W1"] + params["b1"]
    A1 = np.maximum(0, Z1)
    yhat = A1 @ params["W2"] + params["b2"]
    cost = np.mean((yhat - y) ** 2)
    dyhat = 2 * (yhat - y) / 8
    dZ1 = dyhat @ params["W2"].T * (Z1 > 0)
    grads = {"W1": x.T @ dZ1, "b1": dZ1.sum(axis=0), "W2": A1.T @ dyhat, "b2": dyhat.sum(axis=0)}
    for key, g in grads.items():
        v["d" + key] = beta * v["d" + key] + (1 - beta) * g  # right: v["d" + key] = beta * v["d" + key] + g
        params[key] = params[key] - learning_rate * v["d" + key]
    record.step(params, batch=(x, y), loss=cost, gradients=grads, activations=[Z1, A1, yhat], output_gradient=dyhat)
