"""Times a training step of each workload in NumPy, or in Python's PyTorch: `python bench.py numpy|torch full|quick`.

Reads the workloads as JSON from stdin and prints a line of JSON for each: the microseconds of a step, block by block.
`lockstep bench all` runs it. The NumPy part is written as one would by hand: whole batches, float32, no loops over rows.
"""

import json
import sys
import time


def numpy_step(workload):
    import numpy as np

    random = np.random.default_rng(0)
    sizes, after, rows = workload["sizes"], workload["after"], workload["rows"]
    x = random.standard_normal((rows, sizes[0]), dtype=np.float32)
    if workload["loss"] == "cross-entropy":
        t = np.eye(sizes[-1], dtype=np.float32)[random.integers(sizes[-1], size=rows)]
    else:
        t = random.integers(2, size=(rows, sizes[-1])).astype(np.float32)
    bound = [1 / np.sqrt(k) for k in sizes[:-1]]
    weights = [random.uniform(-b, b, (k, m)).astype(np.float32) for b, k, m in zip(bound, sizes, sizes[1:])]
    biases = [random.uniform(-b, b, m).astype(np.float32) for b, m in zip(bound, sizes[1:])]
    lr, parameters = np.float32(workload["lr"]), weights + biases
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
    count = 0

    def activate(z, name):
        if name == "relu":
            return np.maximum(z, 0)
        if name == "tanh":
            return np.tanh(z)
        if name == "sigmoid":
            return 1 / (1 + np.exp(-z))
        return z

    def derivative(a, name):
        if name == "relu":
            return a > 0
        if name == "tanh":
            return 1 - a * a
        if name == "sigmoid":
            return a * (1 - a)
        return np.float32(1)

    def step():
        nonlocal count
        activations = [x]
        for weight, bias, name in zip(weights, biases, after):
            activations.append(activate(activations[-1] @ weight + bias, name))
        p = activations[-1]
        if workload["loss"] == "mse":
            loss = np.mean((p - t) ** 2)
            delta = 2 * (p - t) / p.size * derivative(p, after[-1])
        elif workload["loss"] == "bce":
            loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
            delta = (p - t) / p.size
        else:
            e = np.exp(p - p.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            loss = -np.mean(np.log(p[t > 0]))
            delta = (p - t) / len(p)
        gradients = [None] * len(parameters)
        for layer in reversed(range(len(weights))):
            gradients[layer] = activations[layer].T @ delta
            gradients[len(weights) + layer] = delta.sum(axis=0)
            if layer:
                delta = (delta @ weights[layer].T) * derivative(activations[layer], after[layer - 1])
        count += 1
        for parameter, gradient, (m, v) in zip(parameters, gradients, moments):
            if workload["optimizer"] == "sgd":
                parameter -= lr * gradient
            else:
                m += np.float32(0.1) * (gradient - m)
                v += np.float32(0.001) * (gradient * gradient - v)
                scale = np.float32(1 / np.sqrt(1 - 0.999**count))
                parameter -= lr / np.float32(1 - 0.9**count) * m / (np.sqrt(v) * scale + np.float32(1e-8))
        return float(loss)

    return "numpy " + np.__version__, step


def torch_step(workload):
    import os

    import torch
    from torch import nn

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    sizes, rows = workload["sizes"], workload["rows"]
    modules = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
    layers = []
    for k, m, name in zip(sizes, sizes[1:], workload["after"]):
        layers.append(nn.Linear(k, m))
        if name != "none":
            layers.append(modules[name]())
    model = nn.Sequential(*layers)
    x = torch.randn(rows, sizes[0])
    if workload["loss"] == "cross-entropy":
        t, criterion = torch.randint(sizes[-1], (rows,)), nn.CrossEntropyLoss()
    else:
        t = torch.randint(2, (rows, sizes[-1])).float()
        criterion = nn.MSELoss() if workload["loss"] == "mse" else nn.BCELoss()
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    optimizer = kinds[workload["optimizer"]](model.parameters(), lr=workload["lr"])

    def step():
        optimizer.zero_grad()
        loss = criterion(model(x), t)
        loss.backward()
        optimizer.step()
        return loss.item()

    return "torch " + torch.__version__.split("+")[0], step


def main():
    library, pace = sys.argv[1:]
    seconds, blocks = (0.4, 31) if pace == "full" else (0.0, 6)
    for workload in json.load(sys.stdin):
        name, step = (numpy_step if library == "numpy" else torch_step)(workload)
        for _ in range(3):
            step()
        start = time.perf_counter()
        step()
        repeats = max(1, int(0.002 / (time.perf_counter() - start)))
        us, begun = [], time.perf_counter()
        while len(us) < 6 or (time.perf_counter() - begun < seconds and len(us) < blocks):
            start = time.perf_counter()
            for _ in range(repeats):
                step()
            us.append((time.perf_counter() - start) * 1e6 / repeats)
        print(json.dumps({"library": name, "workload": workload["name"], "us": us}), flush=True)


main()
