"""Three classes, by a 3-5-3 network with tanh and Adam in its fast form."""

import math

import numpy as np
from common import Record, dtype, random

BETA1, BETA2, EPSILON, LR = 0.9, 0.999, 1e-8, 0.02
X = random.normal(size=(30, 3)).astype(dtype)
labels = X.argmin(axis=1)
weights = {
    "hidden/kernel": (0.5 * random.normal(size=(3, 5))).astype(dtype),
    "hidden/bias": np.zeros(5, dtype),
    "output/kernel": (0.5 * random.normal(size=(5, 3))).astype(dtype),
    "output/bias": np.zeros(3, dtype),
}
weights = {name.replace("/", "."): w for name, w in weights.items()}
m = {name: np.zeros_like(w) for name, w in weights.items()}
v = {name: np.zeros_like(w) for name, w in weights.items()}
record = Record()
record.start(weights)
for iteration in range(1, 13):
    first = iteration % 3 * 10
    x, t = X[first : first + 10], labels[first : first + 10]
    s = x @ weights["hidden.kernel"] + weights["hidden.bias"]
    h = np.tanh(s)
    logits = h @ weights["output.kernel"] + weights["output.bias"]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(10), t]).mean()
    dlogits = (p - np.eye(3, dtype=dtype)[t]) / 10
    ds = dlogits @ weights["output.kernel"].T * (1 - h**2)
    gradients = {
        "hidden.kernel": x.T @ ds,
        "hidden.bias": ds.sum(axis=0),
        "output.kernel": h.T @ dlogits,
        "output.bias": dlogits.sum(axis=0),
    }
    root = math.sqrt(1 - BETA2**iteration)
    rate = LR * root / (1 - BETA1**iteration)
    for name, g in gradients.items():
        m[name] = BETA1 * m[name] + (1 - BETA1) * g
        v[name] = BETA2 * v[name] + (1 - BETA2) * g**2
        eps = EPSILON  # right: eps = EPSILON * root
        weights[name] = weights[name] - rate * m[name] / (np.sqrt(v[name]) + eps)
    record.step(
        weights, batch=(x, t), loss=loss, gradients=gradients, activations=[s, h, logits], output_gradient=dlogits
    )
