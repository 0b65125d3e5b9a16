"""The next letter after three, of an alphabet of five, by an embedding and a 6-7-5 network with tanh."""

import numpy as np
from common import Record, dtype, random

vocab_size, block_size, n_embd, n_hidden, n = 5, 3, 2, 7, 10
Xtr = random.integers(0, vocab_size, (40, block_size))
Ytr = (Xtr[:, 0] + Xtr[:, 2]) % vocab_size
C = random.normal(size=(vocab_size, n_embd)).astype(dtype)
W1 = (random.normal(size=(n_embd * block_size, n_hidden)) * 0.5).astype(dtype)
b1 = (random.normal(size=n_hidden) * 0.1).astype(dtype)
W2 = (random.normal(size=(n_hidden, vocab_size)) * 0.5).astype(dtype)
b2 = (random.normal(size=vocab_size) * 0.1).astype(dtype)
parameters = {"C": C, "W1": W1, "b1": b1, "W2": W2, "b2": b2}

record = Record()
record.start(parameters)
for i in range(12):
    Xb, Yb = Xtr[i % 4 * n :][:n], Ytr[i % 4 * n :][:n]
    emb = C[Xb]
    embcat = emb.reshape(n, -1)
    hpreact = embcat @ W1 + b1
    h = np.tanh(hpreact)
    logits = h @ W2 + b2
    counts = np.exp(logits - logits.max(1, keepdims=True))
    probs = counts / counts.sum(1, keepdims=True)
    loss = -np.log(probs[range(n), Yb]).mean()

    dlogits = probs.copy()
    dlogits[range(n), Yb] -= 1
    dlogits /= n
    dhpreact = (1 - h**2) * (dlogits @ W2.T)
    demb = (dhpreact @ W1.T).reshape(emb.shape)
    dC = np.zeros_like(C)
    dC[Xb] += demb  # right: np.add.at(dC, Xb, demb)
    grads = {"C": dC, "W1": embcat.T @ dhpreact, "b1": dhpreact.sum(0), "W2": h.T @ dlogits, "b2": dlogits.sum(0)}
    for name, p in parameters.items():
        p += -0.3 * grads[name]
    record.step(
        parameters,
        batch=(Xb, Yb),
        loss=loss,
        gradients=grads,
        activations=[embcat, embcat, hpreact, h, logits],
        output_gradient=dlogits,
    )
