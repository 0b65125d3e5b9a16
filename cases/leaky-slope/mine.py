"""A discriminator: real or not, by a 3-6-1 network with leaky ReLU and RMSprop."""

import numpy as np
from common import Record, dtype, random


class Discriminator:
    slope = 0.2  # right: slope = 0.01

    def __init__(self):
        self.w1 = random.normal(size=(3, 6)).astype(dtype)
        self.b1 = np.zeros(6, dtype)
        self.w2 = random.normal(size=(6, 1)).astype(dtype)
        self.b2 = np.zeros(1, dtype)
        self.square = [0, 0, 0, 0]

    def parameters(self):
        return [self.w1, self.b1, self.w2, self.b2]

    def forward(self, x):
        self.x = x
        self.a1 = x @ self.w1 + self.b1
        self.h1 = np.where(self.a1 > 0, self.a1, self.slope * self.a1)
        self.a2 = self.h1 @ self.w2 + self.b2
        self.p = 1 / (1 + np.exp(-self.a2))
        return self.p

    def backward(self, grad):
        da2 = grad * self.p * (1 - self.p)
        dh1 = da2 @ self.w2.T
        da1 = np.where(self.a1 > 0, dh1, self.slope * dh1)
        return [self.x.T @ da1, da1.sum(axis=0), self.h1.T @ da2, da2.sum(axis=0)]

    def rmsprop(self, grads, lr=0.005, alpha=0.99, eps=1e-8):
        for i, (w, g) in enumerate(zip(self.parameters(), grads)):
            self.square[i] = alpha * self.square[i] + (1 - alpha) * g**2
            w -= lr * g / (np.sqrt(self.square[i]) + eps)


real = random.normal(size=(20, 3)).astype(dtype) + 1
fake = random.normal(size=(20, 3)).astype(dtype) - 1
net = Discriminator()
names = ("w1", "b1", "w2", "b2")
record = Record()
record.start(dict(zip(names, net.parameters())))
for step in range(12):
    part = slice(step % 4 * 5, step % 4 * 5 + 5)
    x = np.concatenate([real[part], fake[part]])
    t = np.concatenate([np.ones((5, 1), dtype), np.zeros((5, 1), dtype)])
    p = net.forward(x)
    loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    grad = ((1 - t) / (1 - p) - t / p) / len(x)
    grads = net.backward(grad)
    net.rmsprop(grads)
    record.step(
        dict(zip(names, net.parameters())),
        batch=(x, t),
        loss=loss,
        gradients=dict(zip(names, grads)),
        activations=[net.a1, net.h1, net.a2, p],
        output_gradient=grad,
    )
