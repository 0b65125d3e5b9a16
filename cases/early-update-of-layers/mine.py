"""Three classes, by a 4-6-5-3 network of layer objects that update themselves in backward."""

import numpy as np
from common import Record, dtype, random


class Dense:
    def __init__(self, inputs, outputs):
        self.W = (random.normal(size=(inputs, outputs)) * (2 / inputs) ** 0.5).astype(dtype)
        self.b = np.full(outputs, 0.1, dtype)

    def forward(self, x):
        self.x = x
        self.out = x @ self.W + self.b
        return self.out

    def backward(self, grad, lr):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        self.W -= lr * self.dW  # right: back = grad @ self.W.T
        back = grad @ self.W.T  # right: self.W -= lr * self.dW
        self.b -= lr * self.db
        return back


class ReLU:
    def forward(self, x):
        self.x = x
        self.out = np.maximum(0, x)
        return self.out

    def backward(self, grad, lr):
        return grad * (self.x > 0)


def softmax_cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    n = len(labels)
    loss = -np.log(p[np.arange(n), labels]).mean()
    p[np.arange(n), labels] -= 1
    return loss, p / n


network = [Dense(4, 6), ReLU(), Dense(6, 5), ReLU(), Dense(5, 3)]
dense = [layer for layer in network if isinstance(layer, Dense)]
X = random.normal(size=(40, 4)).astype(dtype)
Y = (X[:, 0] > X[:, 1]).astype(int) + (X[:, 2] > X[:, 3])


def weights():
    return {f"{name}{i}": getattr(layer, name) for i, layer in enumerate(dense) for name in ("W", "b")}


record = Record()
record.start(weights())
for step in range(12):
    x, labels = X[step % 4 * 10 :][:10], Y[step % 4 * 10 :][:10]
    out = x
    for layer in network:
        out = layer.forward(out)
    loss, output_gradient = softmax_cross_entropy(out, labels)
    grad = output_gradient
    for layer in reversed(network):
        grad = layer.backward(grad, lr=0.2)
    record.step(
        weights(),
        batch=(x, labels),
        loss=loss,
        gradients={f"{name}{i}": getattr(layer, "d" + name) for i, layer in enumerate(dense) for name in ("W", "b")},
        activations=[layer.out for layer in network],
        output_gradient=output_gradient,
    )
