"""Two classes of points, by a multi-layer perceptron with ReLU; the keys are scikit-learn's."""

import numpy as np
from common import Record, dtype, random

alpha = 0.02
X = random.normal(size=(32, 3)).astype(dtype)
T = (X @ np.array([[1.0], [-2.0], [0.5]], dtype) > 0.2).astype(dtype)
coefs = [(0.7 * random.normal(size=s)).astype(dtype) for s in ((3, 6), (6, 1))]
intercepts = [np.full(s, 0.1, dtype) for s in (6, 1)]


def state(coefs, intercepts):
    return {"coef0": coefs[0], "intercept0": intercepts[0], "coef1": coefs[1], "intercept1": intercepts[1]}


record = Record()
record.start(state(coefs, intercepts))
for step in range(12):
    x, t = X[step % 2 * 16 :][:16], T[step % 2 * 16 :][:16]
    z0 = x @ coefs[0] + intercepts[0]
    a0 = np.maximum(z0, 0)
    z1 = a0 @ coefs[1] + intercepts[1]
    p = 1 / (1 + np.exp(-z1))
    strength = alpha / len(x)  # right: strength = alpha
    loss = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
    loss = loss + strength * sum((w**2).sum() for w in coefs)
    dp = (p - t) / (p * (1 - p)) / len(x)
    d1 = dp * p * (1 - p)
    d0 = (d1 @ coefs[1].T) * (z0 > 0)
    g = state(
        [x.T @ d0 + 2 * strength * coefs[0], a0.T @ d1 + 2 * strength * coefs[1]],
        [d0.sum(axis=0), d1.sum(axis=0)],
    )
    coefs = [w - 0.3 * g[f"coef{i}"] for i, w in enumerate(coefs)]
    intercepts = [b - 0.3 * g[f"intercept{i}"] for i, b in enumerate(intercepts)]
    record.step(
        state(coefs, intercepts),
        batch=(x, t),
        loss=loss,
        gradients=g,
        activations=[z0, a0, z1, p],
        output_gradient=dp,
    )
