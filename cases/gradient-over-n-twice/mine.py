"""Four classes, by a 3-6-4 network with ReLU; examples are columns, as in lecture notes."""

import numpy as np
from common import Record, dtype, random


def one_hot(y):
    return np.eye(4, dtype=dtype)[:, y]


def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + b2
    A2 = np.exp(Z2) / np.exp(Z2).sum(axis=0)
    return Z1, A1, Z2, A2


def backward_prop(Z1, A1, A2, W2, X, Y):
    m = X.shape[1]
    dZ2 = (A2 - one_hot(Y)) / m
    dW2 = 1 / m * dZ2.dot(A1.T)  # right: dW2 = dZ2.dot(A1.T)
    db2 = 1 / m * dZ2.sum(axis=1, keepdims=True)  # right: db2 = dZ2.sum(axis=1, keepdims=True)
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1 = 1 / m * dZ1.dot(X.T)  # right: dW1 = dZ1.dot(X.T)
    db1 = 1 / m * dZ1.sum(axis=1, keepdims=True)  # right: db1 = dZ1.sum(axis=1, keepdims=True)
    return dZ2, dW1, db1, dW2, db2


def named(W1, b1, W2, b2):
    return {"W1": W1, "b1": b1[:, 0], "W2": W2, "b2": b2[:, 0]}


X = random.normal(size=(3, 40)).astype(dtype)
Y = 2 * (X[0] > 0) + (X[1] > X[2])
params = [
    (random.random((6, 3)) - 0.5).astype(dtype),
    (random.random((6, 1)) - 0.5).astype(dtype),
    (random.random((4, 6)) - 0.5).astype(dtype),
    (random.random((4, 1)) - 0.5).astype(dtype),
]
record = Record()
record.start(named(*params))
for i in range(12):
    x, y = X[:, i % 4 * 10 :][:, :10], Y[i % 4 * 10 :][:10]
    Z1, A1, Z2, A2 = forward_prop(*params, x)
    loss = -np.mean(np.log(A2[y, np.arange(10)]))
    dZ2, *grads = backward_prop(Z1, A1, A2, params[2], x, y)
    params = [w - 1.0 * g for w, g in zip(params, grads)]
    record.step(
        named(*params),
        batch=(x.T, y),
        loss=loss,
        gradients=named(*grads),
        activations=[Z1.T, A1.T, Z2.T],
        output_gradient=dZ2.T,
    )
