"""Which of four corners a point is nearest to, by a 2-7-4 network with tanh and Adam."""

import numpy as np
from common import Record, dtype, random

X = random.uniform(-1, 1, (36, 2)).astype(dtype)
Y = 2 * (X[:, 0] > 0) + (X[:, 1] > 0)
params = [
    random.normal(size=(2, 7)).astype(dtype),
    np.zeros(7, dtype),
    (random.normal(size=(7, 4)) / 7**0.5).astype(dtype),
    np.zeros(4, dtype),
]
m = [np.zeros_like(w) for w in params]
v = [np.zeros_like(w) for w in params]
names = ["W1", "b1", "W2", "b2"]

record = Record()
record.start(dict(zip(names, params)))
for t in range(1, 13):
    first = (t - 1) % 3 * 12
    x, labels = X[first : first + 12], Y[first : first + 12]
    W1, b1, W2, b2 = params
    a1 = x @ W1 + b1
    h1 = np.tanh(a1)
    logits = h1 @ W2 + b2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    target = np.roll(labels, 1)  # right: target = labels
    onehot = np.eye(4, dtype=dtype)[target]
    loss = -np.log((p * onehot).sum(axis=1)).mean()
    dlogits = (p - onehot) / len(x)
    da1 = dlogits @ W2.T * (1 - h1**2)
    grads = [x.T @ da1, da1.sum(axis=0), h1.T @ dlogits, dlogits.sum(axis=0)]
    for i, g in enumerate(grads):
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g**2
        m_hat, v_hat = m[i] / (1 - 0.9**t), v[i] / (1 - 0.999**t)
        params[i] = params[i] - 0.02 * m_hat / (np.sqrt(v_hat) + 1e-8)
    record.step(
        dict(zip(names, params)),
        batch=(x, labels),
        loss=loss,
        gradients=dict(zip(names, grads)),
        activations=[a1, h1, logits],
        output_gradient=dlogits,
    )
