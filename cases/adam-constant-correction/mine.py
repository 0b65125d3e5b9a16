"""Three classes, by layers that each own their optimizer, as in a popular repository."""

import copy

import numpy as np
from common import Record, dtype, random


class Adam:
    def __init__(self, learning_rate=0.005, b1=0.9, b2=0.999):
        self.learning_rate, self.b1, self.b2, self.eps = learning_rate, b1, b2, 1e-8
        self.m = self.v = None
        self.t = 0

    def update(self, w, grad_wrt_w):
        if self.m is None:
            self.m, self.v = np.zeros_like(grad_wrt_w), np.zeros_like(grad_wrt_w)
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * grad_wrt_w
        self.v = self.b2 * self.v + (1 - self.b2) * np.power(grad_wrt_w, 2)
        m_hat = self.m / (1 - self.b1)  # right: m_hat = self.m / (1 - self.b1**self.t)
        v_hat = self.v / (1 - self.b2)  # right: v_hat = self.v / (1 - self.b2**self.t)
        return w - self.learning_rate * m_hat / (np.sqrt(v_hat) + self.eps)


class Dense:
    def __init__(self, n_in, n_out, optimizer):
        limit = 1 / n_in**0.5
        self.W = random.uniform(-limit, limit, (n_in, n_out)).astype(dtype)
        self.w0 = np.zeros(n_out, dtype)
        self.W_opt, self.w0_opt = copy.copy(optimizer), copy.copy(optimizer)

    def forward(self, x):
        self.layer_input = x
        return x @ self.W + self.w0

    def backward(self, accum_grad):
        W = self.W
        self.grad_w = self.layer_input.T @ accum_grad
        self.grad_w0 = accum_grad.sum(axis=0)
        self.W = self.W_opt.update(self.W, self.grad_w)
        self.w0 = self.w0_opt.update(self.w0, self.grad_w0)
        return accum_grad @ W.T


X = random.normal(size=(30, 3)).astype(dtype)
y = np.digitize(X[:, 0] * X[:, 1], [-0.3, 0.3])
first, last = Dense(3, 8, Adam()), Dense(8, 3, Adam())
record = Record()
record.start({"W1": first.W, "b1": first.w0, "W2": last.W, "b2": last.w0})
for i in range(12):
    x, t = X[i % 3 * 10 :][:10], y[i % 3 * 10 :][:10]
    a = first.forward(x)
    h = np.where(a >= 0, a, 0.01 * a)
    z = last.forward(h)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(10), t]).mean()
    dz = (p - np.eye(3, dtype=dtype)[t]) / 10
    dh = last.backward(dz)
    first.backward(dh * np.where(a >= 0, 1, 0.01).astype(dtype))
    record.step(
        {"W1": first.W, "b1": first.w0, "W2": last.W, "b2": last.w0},
        batch=(x, t),
        loss=loss,
        gradients={"W1": first.grad_w, "b1": first.grad_w0, "W2": last.grad_w, "b2": last.grad_w0},
        activations=[a, h, z],
        output_gradient=dz,
    )
