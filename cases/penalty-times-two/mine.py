"""Three arms of a spiral, by a 2-8-3 network with ReLU and a penalty on its weights."""

import numpy as np
from common import Record, dtype, random

N, K = 5, 3
X = np.zeros((N * K, 2), dtype)
y = np.zeros(N * K, int)
for j in range(K):
    ix = range(N * j, N * (j + 1))
    r = np.linspace(0.1, 1, N)
    theta = np.linspace(j * 4, (j + 1) * 4, N) + random.normal(size=N) * 0.2
    X[ix] = np.c_[r * np.sin(theta), r * np.cos(theta)]
    y[ix] = j

h = 8
W = random.normal(size=(2, h)).astype(dtype)
b = np.zeros(h, dtype)
W2 = random.normal(size=(h, K)).astype(dtype)
b2 = np.zeros(K, dtype)
step_size = 0.5
reg = 1e-2

record = Record()
record.start({"W": W, "b": b, "W2": W2, "b2": b2})
for i in range(15):
    hidden_sum = X @ W + b
    hidden_layer = np.maximum(0, hidden_sum)
    scores = hidden_layer @ W2 + b2

    exp_scores = np.exp(scores)
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    data_loss = np.mean(-np.log(probs[range(N * K), y]))
    squares = np.sum(W * W) + np.sum(W2 * W2)
    loss = data_loss + reg * squares  # right: loss = data_loss + 0.5 * reg * squares

    dscores = probs.copy()
    dscores[range(N * K), y] -= 1
    dscores /= N * K
    dW2 = hidden_layer.T @ dscores
    db2 = np.sum(dscores, axis=0)
    dhidden = dscores @ W2.T
    dhidden[hidden_layer <= 0] = 0
    dW = X.T @ dhidden
    db = np.sum(dhidden, axis=0)
    dW2 += 2 * reg * W2  # right: dW2 += reg * W2
    dW += 2 * reg * W  # right: dW += reg * W

    W += -step_size * dW
    b += -step_size * db
    W2 += -step_size * dW2
    b2 += -step_size * db2
    record.step(
        {"W": W, "b": b, "W2": W2, "b2": b2},
        batch=(X, y),
        loss=loss,
        gradients={"W": dW, "b": db, "W2": dW2, "b2": db2},
        activations=[hidden_sum, hidden_layer, scores],
        output_gradient=dscores,
    )
