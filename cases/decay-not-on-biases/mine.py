"""Three classes, by a 4-5-3 network with ReLU, momentum and weight decay."""

import numpy as np
from common import Record, dtype, random

X = random.normal(size=(36, 4)).astype(dtype)
labels = X[:, :3].argmax(axis=1)
shapes = {"fc1.w": (4, 5), "fc1.b": (5,), "fc2.w": (5, 3), "fc2.b": (3,)}
params = {name: (0.5 * random.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}
buffers = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}

record = Record()
record.start(params)
for step in range(12):
    x, t = X[step % 3 * 12 :][:12], labels[step % 3 * 12 :][:12]
    z = x @ params["fc1.w"] + params["fc1.b"]
    h = np.maximum(z, 0)
    out = h @ params["fc2.w"] + params["fc2.b"]
    p = np.exp(out - out.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(12), t]).mean()
    dout = (p - np.eye(3, dtype=dtype)[t]) / 12
    dz = dout @ params["fc2.w"].T * (z > 0)
    grads = {"fc1.w": x.T @ dz, "fc1.b": dz.sum(axis=0), "fc2.w": h.T @ dout, "fc2.b": dout.sum(axis=0)}
    for name, p in params.items():
        decay = 0.01 if p.ndim > 1 else 0.0  # right: decay = 0.01
        buffers[name] = 0.9 * buffers[name] + grads[name] + decay * p
        params[name] = p - 0.1 * buffers[name]
    record.step(params, batch=(x, t), loss=loss, gradients=grads, activations=[z, h, out], output_gradient=dout)
