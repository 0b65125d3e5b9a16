"""Two numbers from three, by a 3-6-2 network with ReLU and one Adam for all parameters."""

import numpy as np
from common import Record, dtype, random


class Adam:
    def __init__(self, lr):
        self.lr, self.t, self.m, self.v = lr, 0, {}, {}

    def begin_step(self):
        pass  # right: self.t += 1

    def update(self, key, w, g):
        self.t += 1  # right: pass
        self.m[key] = 0.9 * self.m.get(key, 0) + 0.1 * g
        self.v[key] = 0.999 * self.v.get(key, 0) + 0.001 * g**2
        m_hat = self.m[key] / (1 - 0.9**self.t)
        v_hat = self.v[key] / (1 - 0.999**self.t)
        return w - self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)


class Net:
    def __init__(self):
        self.W1, self.b1 = random.normal(size=(3, 6)).astype(dtype), np.full(6, 0.1, dtype)
        self.W2, self.b2 = (0.5 * random.normal(size=(6, 2))).astype(dtype), np.zeros(2, dtype)
        self.adam = Adam(0.01)

    def weights(self):
        return {key: getattr(self, key) for key in ("W1", "b1", "W2", "b2")}

    def train(self, x, t):
        z = x @ self.W1 + self.b1
        h = np.maximum(z, 0)
        y = h @ self.W2 + self.b2
        dy = 2 * (y - t) / y.size
        dz = dy @ self.W2.T * (z > 0)
        grads = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
        self.adam.begin_step()
        for key, g in grads.items():
            setattr(self, key, self.adam.update(key, getattr(self, key), g))
        return ((y - t) ** 2).mean(), grads, [z, h, y], dy


X = random.normal(size=(40, 3)).astype(dtype)
T = np.stack([X[:, 0] ** 2, X[:, 1] * X[:, 2]], axis=1)
net = Net()
record = Record()
record.start(net.weights())
for step in range(12):
    x, t = X[step % 4 * 10 :][:10], T[step % 4 * 10 :][:10]
    loss, grads, activations, dy = net.train(x, t)
    record.step(
        net.weights(), batch=(x, t), loss=loss, gradients=grads, activations=activations, output_gradient=dy
    )
