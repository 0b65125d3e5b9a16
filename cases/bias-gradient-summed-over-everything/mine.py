"""Three classes one-hot, by a 2-5-3 network of sigmoids and the squared error."""

import numpy as np
from common import Record, dtype, random


def int_to_onehot(y, num_labels):
    ary = np.zeros((y.shape[0], num_labels), dtype)
    for i, val in enumerate(y):
        ary[i, val] = 1
    return ary


class NeuralNetMLP:
    def __init__(self, num_features, num_hidden, num_classes):
        self.weight_h = (0.8 * random.normal(size=(num_hidden, num_features))).astype(dtype)
        self.bias_h = np.zeros(num_hidden, dtype)
        self.weight_out = (0.8 * random.normal(size=(num_classes, num_hidden))).astype(dtype)
        self.bias_out = np.zeros(num_classes, dtype)

    def forward(self, x):
        z_h = x @ self.weight_h.T + self.bias_h
        a_h = 1 / (1 + np.exp(-z_h))
        z_out = a_h @ self.weight_out.T + self.bias_out
        a_out = 1 / (1 + np.exp(-z_out))
        return z_h, a_h, z_out, a_out

    def backward(self, x, a_h, a_out, y_onehot):
        d_loss__d_a_out = 2 * (a_out - y_onehot) / y_onehot.size
        delta_out = d_loss__d_a_out * a_out * (1 - a_out)
        d_w_out = delta_out.T @ a_h
        d_b_out = np.full(3, np.sum(delta_out))  # right: d_b_out = np.sum(delta_out, axis=0)
        delta_h = delta_out @ self.weight_out * a_h * (1 - a_h)
        d_w_h = delta_h.T @ x
        d_b_h = np.full(5, np.sum(delta_h))  # right: d_b_h = np.sum(delta_h, axis=0)
        return d_loss__d_a_out, d_w_h, d_b_h, d_w_out, d_b_out


X = random.normal(size=(30, 2)).astype(dtype)
y = int_to_onehot((X[:, 0] > 0).astype(int) + (X[:, 1] > 0), 3)
model = NeuralNetMLP(2, 5, 3)
names = ("weight_h", "bias_h", "weight_out", "bias_out")
record = Record()
record.start({name: getattr(model, name) for name in names})
for step in range(12):
    batch = slice(step % 3 * 10, step % 3 * 10 + 10)
    activations = model.forward(X[batch])
    loss = np.mean((activations[-1] - y[batch]) ** 2)
    dy, *grads = model.backward(X[batch], activations[1], activations[3], y[batch])
    for name, grad in zip(names, grads):
        setattr(model, name, getattr(model, name) - 0.5 * grad)
    record.step(
        {name: getattr(model, name) for name in names},
        batch=(X[batch], y[batch]),
        loss=loss,
        gradients=dict(zip(names, grads)),
        activations=list(activations),
        output_gradient=dy,
    )
