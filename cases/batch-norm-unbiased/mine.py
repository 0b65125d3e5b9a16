"""Two numbers from three, by a 3-5-2 network with batch norm and tanh."""

import numpy as np
from common import Record, dtype, random

EPS = 1e-5
DDOF = 1  # right: DDOF = 0


def batch_norm(x, gamma, beta):
    mean, var = x.mean(axis=0), x.var(axis=0, ddof=DDOF)
    inverse = 1 / np.sqrt(var + EPS)
    hat = (x - mean) * inverse
    return gamma * hat + beta, (hat, inverse, gamma)


def batch_norm_backward(dout, cache):
    hat, inverse, gamma = cache
    dgamma, dbeta = (dout * hat).sum(axis=0), dout.sum(axis=0)
    dhat = dout * gamma
    n = len(dout)
    dx = inverse * (dhat - dhat.sum(axis=0) / n - hat * (dhat * hat).sum(axis=0) / (n - DDOF))
    return dx, dgamma, dbeta


X = random.normal(size=(36, 3)).astype(dtype)
T = np.stack([X[:, 0] ** 2, X[:, 1] * X[:, 2]], axis=1)
W1 = random.normal(size=(3, 5)).astype(dtype)
gamma, beta = np.ones(5, dtype), np.zeros(5, dtype)
W2, b2 = (0.5 * random.normal(size=(5, 2))).astype(dtype), np.zeros(2, dtype)

record = Record()
record.start({"W1": W1, "gamma": gamma, "beta": beta, "W2": W2, "b2": b2})
for step in range(12):
    x, t = X[step % 3 * 12 :][:12], T[step % 3 * 12 :][:12]
    a = x @ W1
    n, cache = batch_norm(a, gamma, beta)
    h = np.tanh(n)
    y = h @ W2 + b2
    loss = np.mean((y - t) ** 2)
    dy = 2 * (y - t) / y.size
    da, dgamma, dbeta = batch_norm_backward(dy @ W2.T * (1 - h**2), cache)
    dW1, dW2, db2 = x.T @ da, h.T @ dy, dy.sum(axis=0)
    W1 -= 0.1 * dW1
    gamma -= 0.1 * dgamma
    beta -= 0.1 * dbeta
    W2 -= 0.1 * dW2
    b2 -= 0.1 * db2
    record.step(
        {"W1": W1, "gamma": gamma, "beta": beta, "W2": W2, "b2": b2},
        batch=(x, t),
        loss=loss,
        gradients={"W1": dW1, "gamma": dgamma, "beta": dbeta, "W2": dW2, "b2": db2},
        activations=[a, n, h, y],
        output_gradient=dy,
    )
