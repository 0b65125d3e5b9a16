"""Networks that people write in NumPy, right and wrong, each recorded and judged by `lockstep`.

    LOCKSTEP=target/debug/lockstep .python/bin/python tests/python/programs.py [SEEDS]

Nothing here comes from lockstep but the recorder: forward, backward and update are written out, as in a notebook.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "python"))
from lockstep_parity import Recorder  # noqa: E402

STEPS = 12
ROWS, BATCH = 24, 8


class Layer:
    """What a layer trains, by name; forward keeps what backward needs."""

    names = ()

    def __init__(self, wrong=None):
        self.wrong = wrong
        self.gradients = {}

    def look(self, x):
        """In evaluation mode."""
        return self.forward(x)


class Linear(Layer):
    def __init__(self, inputs, outputs, random, dtype, wrong=None):
        super().__init__(wrong)
        self.W = (random.standard_normal((inputs, outputs)) / np.sqrt(inputs)).astype(dtype)
        self.b = (0.1 * random.standard_normal(outputs)).astype(dtype)
        self.names = ("W", "b")

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.gradients = {"W": self.x.T @ g, "b": g.sum(axis=0)}
        if self.wrong == "bias-mean":
            self.gradients["b"] = g.mean(axis=0)
        if self.wrong == "bias-forgotten":
            self.gradients["b"] = np.zeros_like(self.b)
        return g @ self.W.T


class Sigmoid(Layer):
    def forward(self, x):
        self.x, self.y = x, 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, g):
        y = self.x if self.wrong == "derivative-of-the-sum" else self.y
        return g * y * (1 - y)


class Tanh(Layer):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, g):
        return g * (1 - self.y) if self.wrong == "square-forgotten" else g * (1 - self.y**2)


class Relu(Layer):
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, g):
        return g if self.wrong == "passes-everything" else g * (self.x > 0)


class Dropout(Layer):
    def __init__(self, p, random, wrong=None):
        super().__init__(wrong)
        self.p, self.random = p, random

    def forward(self, x):
        self.kept = (self.random.random(x.shape) >= self.p).astype(x.dtype)
        return x * self.kept if self.wrong == "unscaled" else x * self.kept / x.dtype.type(1 - self.p)

    def look(self, x):
        return self.forward(x) if self.wrong == "on in evaluation" else x

    def backward(self, g):
        if self.wrong == "mask-forgotten":
            return g
        return g * self.kept if self.wrong == "unscaled" else g * self.kept / g.dtype.type(1 - self.p)


class BatchNorm(Layer):
    def __init__(self, columns, dtype, wrong=None):
        super().__init__(wrong)
        self.w, self.b, self.names = np.ones(columns, dtype), np.zeros(columns, dtype), ("w", "b")
        self.mean, self.var = np.zeros(columns, dtype), np.ones(columns, dtype)

    def forward(self, x):
        variance = x.var(axis=0, ddof=1 if self.wrong == "unbiased-variance" else 0)
        share = x.dtype.type(0.9 if self.wrong == "running-momentum" else 0.1)
        unbiased = x.var(axis=0, ddof=1)
        self.mean, self.var = (1 - share) * self.mean + share * x.mean(axis=0), (1 - share) * self.var + share * unbiased
        self.s = 1 / np.sqrt(variance + x.dtype.type(1e-5))
        self.z = (x - x.mean(axis=0)) * self.s
        return self.z * self.w + self.b

    def look(self, x):
        mean, var = (x.mean(axis=0), x.var(axis=0)) if self.wrong == "batch-in-evaluation" else (self.mean, self.var)
        return (x - mean) / np.sqrt(var + x.dtype.type(1e-5)) * self.w + self.b

    def backward(self, g):
        self.gradients = {"w": (g * self.z).sum(axis=0), "b": g.sum(axis=0)}
        h = g * self.w
        if self.wrong == "statistics-constant":
            return h * self.s
        return self.s * (h - h.mean(axis=0) - self.z * (h * self.z).mean(axis=0))


class LayerNorm(Layer):
    def __init__(self, columns, dtype, wrong=None):
        super().__init__(wrong)
        self.w, self.b, self.names = np.ones(columns, dtype), np.zeros(columns, dtype), ("w", "b")

    def forward(self, x):
        variance = x.var(axis=1, keepdims=True)
        eps = x.dtype.type(1e-3)
        self.s = 1 / (np.sqrt(variance) + eps) if self.wrong == "eps-outside" else 1 / np.sqrt(variance + eps)
        self.z = (x - x.mean(axis=1, keepdims=True)) * self.s
        return self.z * self.w + self.b

    def backward(self, g):
        self.gradients = {"w": (g * self.z).sum(axis=0), "b": g.sum(axis=0)}
        h = g * self.w
        return self.s * (h - h.mean(axis=1, keepdims=True) - self.z * (h * self.z).mean(axis=1, keepdims=True))


class Embedding(Layer):
    def __init__(self, words, columns, random, dtype, wrong=None):
        super().__init__(wrong)
        self.W, self.names = random.standard_normal((words, columns)).astype(dtype), ("W",)

    def forward(self, x):
        self.x = x.astype(int)
        return self.W[self.x].reshape(len(x), -1)

    def backward(self, g):
        g = g.reshape(*self.x.shape, -1)
        table = np.zeros_like(self.W)
        if self.wrong == "last-word-wins":
            table[self.x] = g
        else:
            np.add.at(table, self.x, g)
        self.gradients = {"W": table}


def squared_error(y, t, wrong):
    """Mean squared error and its gradient."""
    e = y - t
    count = {None: e.size, "over-rows": len(e), "sum": 1, "usual": BATCH * e.shape[1]}[wrong]
    return (e**2).mean(), 2 * e / count


def cross_entropy(y, t, wrong):
    z = y - y.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    rows = np.arange(len(t))
    g = p.copy()
    g[rows, t.astype(int).ravel()] -= 1
    return -np.log(p[rows, t.astype(int).ravel()]).mean(), g if wrong == "sum" else g / len(t)


class Sgd:
    def __init__(self, lr, momentum=0.0, decay=0.0, wrong=None):
        self.lr, self.momentum, self.decay, self.wrong, self.velocity = lr, momentum, decay, wrong, {}

    def __call__(self, name, w, g, step):
        if self.wrong == "ascent":
            g = -g
        if self.wrong == "decay-of-weights-only" and w.ndim == 1:
            pass
        else:
            g = g + self.decay * w
        if self.momentum:
            old = self.velocity.get(name)
            fresh = 1 - self.momentum if self.wrong == "average" else 1
            v = g * (fresh if self.wrong == "average" else 1) if old is None else self.momentum * old + fresh * g
            self.velocity[name] = v
            g = v
        return w - self.lr * g


class Adam:
    def __init__(self, lr, wrong=None, eps=1e-8):
        self.lr, self.wrong, self.eps, self.m, self.v = lr, wrong, eps, {}, {}

    def __call__(self, name, w, g, step):
        m = self.m[name] = 0.9 * self.m.get(name, 0 * g) + 0.1 * g
        v = self.v[name] = 0.999 * self.v.get(name, 0 * g) + 0.001 * g * g
        t = step + 1
        if self.wrong == "no-power":
            t = 1
        if self.wrong == "no-correction":
            return w - self.lr * m / (np.sqrt(v) + self.eps)
        m, v = m / (1 - 0.9**t), v / (1 - 0.999**t)
        if self.wrong == "eps-inside":
            return w - self.lr * m / np.sqrt(v + self.eps)
        if self.wrong == "eps-1e-7":
            return w - self.lr * m / (np.sqrt(v) + 1e-7)
        return w - self.lr * m / (np.sqrt(v) + self.eps)


# Every how many steps the network is looked at in evaluation mode.
LOOKED = 5
# Of a recording with gaps, every how many steps one is recorded.
EVERY = 2


def train(layers, loss, optimizer, data, kept, record, loss_wrong=None, early=False, shuffled=None):
    """Trains, and records as much as `kept` says."""

    def named(values):
        return {f"{number}.{name}": values(layer, name) for number, layer in enumerate(layers) for name in layer.names}

    def weights():
        return named(lambda layer, name: getattr(layer, name))

    def update(number, layer, step):
        for name in layer.names:
            w = getattr(layer, name)
            setattr(layer, name, optimizer(f"{number}.{name}", w, layer.gradients[name], step).astype(w.dtype))

    def state():
        """What the optimizer keeps, by PyTorch's names."""
        if kept != "gaps":
            return None
        moments = {
            Sgd: lambda name: {"momentum_buffer": optimizer.velocity[name]} if optimizer.velocity else {},
            Adam: lambda name: {"exp_avg": optimizer.m[name], "exp_avg_sq": optimizer.v[name]},
        }[type(optimizer)]
        return {name: moments(name) for name in weights()}

    def buffers():
        """The running statistics, under names of one's own."""
        norms = [(number, layer) for number, layer in enumerate(layers) if isinstance(layer, BatchNorm)]
        kept_beside = {f"{own} {number}": getattr(layer, own) for number, layer in norms for own in ("mean", "var")}
        return kept_beside if kept_beside and kept != "gaps" else None

    inputs, targets = data
    order = np.random.default_rng(3)
    record.start(weights(), buffers=buffers())
    for step in range(STEPS):
        first = step * BATCH % ROWS
        rows = np.arange(first, first + BATCH)
        if shuffled:
            # Rows in an order of its own; every third batch is a smaller one.
            rows = order.permutation(ROWS)[: BATCH - 3 * (step % 3 == 2)]
        x, t = inputs[rows], targets[rows]
        given = {"rows": {"rows": rows}, "batch": {"batch": (x, t)}, None: {}}[shuffled]
        outputs = []
        for layer in layers:
            x = layer.forward(x)
            outputs.append(x)
        given["buffers"] = buffers()
        masks = {number: layer.kept for number, layer in enumerate(layers) if isinstance(layer, Dropout)}
        given["masks"] = masks or None
        value, g = loss(x, t, loss_wrong)
        output_gradient = g
        for number in reversed(range(len(layers))):
            if early and layers[number].names:
                layers[number].backward(g)
                update(number, layers[number], step)
            g = layers[number].backward(g)
        gradients = named(lambda layer, name: layer.gradients[name].astype(getattr(layer, name).dtype))
        for number, layer in enumerate(layers):
            if not (early and layer.names):
                update(number, layer, step)
        if kept == "weights":
            record.step(weights(), loss=value, **given)
        else:
            activations = None if kept == "without activations" else outputs
            record.step(
                weights(),
                loss=value,
                gradients=gradients,
                activations=activations,
                output_gradient=output_gradient,
                state=state(),
                **given,
            )
        if step % LOOKED == LOOKED - 1:
            x, t = inputs[: BATCH - 1], targets[: BATCH - 1]
            for layer in layers:
                x = layer.look(x)
            record.evaluation(inputs[: BATCH - 1], t, output=x, loss=loss(x, t, None)[0])


def definition(layers, loss, optimizer, dtype):
    return f"""
dtype = "{dtype}"
data = {{ kind = "npz", path = "data.npz" }}
model.layers = [{layers}]
training = {{ loss = "{loss}", optimizer = {optimizer}, batch_size = {BATCH}, steps = {STEPS} }}
"""


def programs(random, dtype):
    """Name, definition's layers, loss and optimizer, what is trained, and the phase and step at which it is wrong, where it is:
    with everything recorded, and with the weights alone."""
    d = np.dtype(dtype).type
    linear = lambda i, o, wrong=None: Linear(i, o, random, d, wrong)  # noqa: E731
    numbers = lambda o: (random.standard_normal((ROWS, 4)).astype(d), random.standard_normal((ROWS, o)).astype(d))  # noqa: E731
    classes = lambda k: (random.standard_normal((ROWS, 4)).astype(d), random.integers(0, k, (ROWS, 1)))  # noqa: E731
    words = lambda: (random.integers(0, 6, (ROWS, 3)), random.standard_normal((ROWS, 2)).astype(d))  # noqa: E731
    sgd, momentum = "{ sgd = { lr = 0.1 } }", "{ sgd = { lr = 0.1, momentum = 0.9, weight_decay = 0.01 } }"
    adam, large = "{ adam = { lr = 0.01 } }", "{ adam = { lr = 0.01, eps = 1e-3 } }"
    two = lambda name: f'{{ linear = {{ outputs = 5 }} }}, "{name}", {{ linear = {{ outputs = 2 }} }}'  # noqa: E731
    norm = lambda name: f'{{ linear = {{ outputs = 5 }} }}, {name}, "relu", {{ linear = {{ outputs = 3 }} }}'  # noqa: E731
    bag = '{ embedding = { words = 6, columns = 2 } }, "flatten", { linear = { outputs = 2 } }'

    class Flat(Layer):
        def forward(self, x):
            return x

        def backward(self, g):
            return g

    def mlp(activation, wrong=None, first=None):
        return [linear(4, 5, first), activation, linear(5, 2, wrong)]

    def normed(layer):
        return [linear(4, 5), layer, Relu(), linear(5, 3)]

    def tabled(wrong=None):
        return [Embedding(6, 2, random, d, wrong), Flat(), linear(6, 2)]

    def dropped(wrong=None):
        return [linear(4, 5), Tanh(), Dropout(0.25, random, wrong), linear(5, 2)]

    masked = '{ linear = { outputs = 5 } }, "tanh", { dropout = { p = 0.25 } }, { linear = { outputs = 2 } }'
    mse, ce = squared_error, cross_entropy
    right = [
        ("sigmoid, SGD", two("sigmoid"), "mse", sgd, mlp(Sigmoid()), mse, Sgd(0.1), numbers(2), {}),
        ("tanh, momentum and decay", two("tanh"), "mse", momentum, mlp(Tanh()), mse, Sgd(0.1, 0.9, 0.01), numbers(2), {}),
        ("ReLU, cross-entropy", two("relu"), "cross-entropy", sgd, mlp(Relu()), ce, Sgd(0.1), classes(2), {}),
        ("tanh, Adam", two("tanh"), "mse", adam, mlp(Tanh()), mse, Adam(0.01), numbers(2), {}),
        ("batch norm", norm('"batch-norm"'), "cross-entropy", sgd, normed(BatchNorm(5, d)), ce, Sgd(0.1), classes(3), {}),
        ("layer norm, Adam", norm("{ layer-norm = { eps = 0.001 } }"), "cross-entropy", adam, normed(LayerNorm(5, d)), ce, Adam(0.01), classes(3), {}),
        ("embedding", bag, "mse", sgd, tabled(), mse, Sgd(0.1), words(), {}),
        ("own order, rows told", two("tanh"), "mse", adam, mlp(Tanh()), mse, Adam(0.01), numbers(2), {"shuffled": "rows"}),
        ("own order, batches told", two("tanh"), "mse", adam, mlp(Tanh()), mse, Adam(0.01), numbers(2), {"shuffled": "batch"}),
        ("own batches of classes", two("relu"), "cross-entropy", sgd, mlp(Relu()), ce, Sgd(0.1), classes(2), {"shuffled": "batch"}),
    ]
    def square():
        return [linear(4, 4), Tanh(), linear(4, 1)]

    lone = '{ linear = { outputs = 4 } }, "tanh", { linear = { outputs = 1 } }'
    right += [
        ("a square weight, and a column", lone, "mse", sgd, square(), mse, Sgd(0.1), numbers(1), {}),
        ("dropout with its masks", masked, "mse", sgd, dropped(), mse, Sgd(0.1), numbers(2), {}),
        ("dropout in an own order", masked, "mse", adam, dropped(), mse, Adam(0.01), numbers(2), {"shuffled": "batch"}),
    ]
    backward, forward, update = ("backward", 0), ("forward", 0), ("update", 0)
    wrong = [
        ("sum for mean", two("sigmoid"), "mse", sgd, mlp(Sigmoid()), mse, Sgd(0.1), numbers(2), {"loss_wrong": "sum"}, backward),
        ("over rows", two("sigmoid"), "mse", sgd, mlp(Sigmoid()), mse, Sgd(0.1), numbers(2), {"loss_wrong": "over-rows"}, backward),
        ("cross-entropy not over N", two("relu"), "cross-entropy", sgd, mlp(Relu()), ce, Sgd(0.1), classes(2), {"loss_wrong": "sum"}, backward),
        ("sigma-prime of the sum", two("sigmoid"), "mse", sgd, mlp(Sigmoid("derivative-of-the-sum")), mse, Sgd(0.1), numbers(2), {}, backward),
        ("square forgotten", two("tanh"), "mse", sgd, mlp(Tanh("square-forgotten")), mse, Sgd(0.1), numbers(2), {}, backward),
        ("ReLU passes everything", two("relu"), "mse", sgd, mlp(Relu("passes-everything")), mse, Sgd(0.1), numbers(2), {}, backward),
        ("bias averaged", two("tanh"), "mse", sgd, mlp(Tanh(), "bias-mean"), mse, Sgd(0.1), numbers(2), {}, backward),
        ("bias forgotten", two("tanh"), "mse", sgd, mlp(Tanh(), None, "bias-forgotten"), mse, Sgd(0.1), numbers(2), {}, backward),
        ("early update", two("tanh"), "mse", sgd, mlp(Tanh()), mse, Sgd(0.1), numbers(2), {"early": True}, backward),
        ("ascent", two("tanh"), "mse", sgd, mlp(Tanh()), mse, Sgd(0.1, wrong="ascent"), numbers(2), {}, update),
        ("momentum as an average", two("tanh"), "mse", momentum, mlp(Tanh()), mse, Sgd(0.1, 0.9, 0.01, "average"), numbers(2), {}, update),
        ("momentum forgotten", two("tanh"), "mse", momentum, mlp(Tanh()), mse, Sgd(0.1, 0, 0.01), numbers(2), {}, ("update", 1)),
        ("no decay on biases", two("tanh"), "mse", momentum, mlp(Tanh()), mse, Sgd(0.1, 0.9, 0.01, "decay-of-weights-only"), numbers(2), {}, update),
        ("Adam without correction", two("tanh"), "mse", adam, mlp(Tanh()), mse, Adam(0.01, "no-correction"), numbers(2), {}, update),
        ("Adam, 1 - beta", two("tanh"), "mse", adam, mlp(Tanh()), mse, Adam(0.01, "no-power"), numbers(2), {}, ("update", 1)),
        # An ε of 1e-8 is beyond what weights in f32 can show.
        ("Adam, eps inside the root", two("tanh"), "mse", large, mlp(Tanh()), mse, Adam(0.01, "eps-inside", 1e-3), numbers(2), {}, update),
        ("unbiased variance", norm('"batch-norm"'), "cross-entropy", sgd, normed(BatchNorm(5, d, "unbiased-variance")), ce, Sgd(0.1), classes(3), {}, forward),
        ("statistics as constants", norm('"batch-norm"'), "cross-entropy", sgd, normed(BatchNorm(5, d, "statistics-constant")), ce, Sgd(0.1), classes(3), {}, backward),
        ("eps outside the root", norm("{ layer-norm = { eps = 0.001 } }"), "cross-entropy", sgd, normed(LayerNorm(5, d, "eps-outside")), ce, Sgd(0.1), classes(3), {}, forward),
        ("sum for mean, own batches", two("tanh"), "mse", sgd, mlp(Tanh()), mse, Sgd(0.1), numbers(2), {"loss_wrong": "sum", "shuffled": "batch"}, backward),
        ("divided by the usual batch", two("tanh"), "mse", sgd, mlp(Tanh()), mse, Sgd(0.1), numbers(2), {"loss_wrong": "usual", "shuffled": "batch"}, ("backward", 2)),
        ("dropout unscaled", masked, "mse", sgd, dropped("unscaled"), mse, Sgd(0.1), numbers(2), {}, forward),
        ("mask forgotten", masked, "mse", sgd, dropped("mask-forgotten"), mse, Sgd(0.1), numbers(2), {}, backward),
        ("momentum of the running mean", norm('"batch-norm"'), "cross-entropy", sgd, normed(BatchNorm(5, d, "running-momentum")), ce, Sgd(0.1), classes(3), {}, ("evaluation", 0)),
        ("the batch's own statistics in evaluation", norm('"batch-norm"'), "cross-entropy", sgd, normed(BatchNorm(5, d, "batch-in-evaluation")), ce, Sgd(0.1), classes(3), {}, ("evaluation", 4)),
        ("dropout on in evaluation", masked, "mse", sgd, dropped("on in evaluation"), mse, Sgd(0.1), numbers(2), {}, ("evaluation", 4)),
        ("last word wins", bag, "mse", sgd, tabled("last-word-wins"), mse, Sgd(0.1), words(), {}, backward),
    ]
    return [(*program, None) for program in right] + wrong


def judged(folder, program, dtype, kept):
    """The verdict on one program."""
    name, layers, loss, rule, built, of_loss, optimizer, (inputs, targets), more, _ = program
    t = targets.ravel() if loss == "cross-entropy" else targets
    np.savez(folder / "data.npz", inputs=inputs, targets=t)
    # A trace that brings its batches needs no [data], and no number of steps.
    text = definition(layers, loss, rule, dtype)
    if more.get("shuffled") == "batch":
        text = "\n".join(line for line in text.splitlines() if not line.startswith("data"))
        text = text.replace(f", batch_size = {BATCH}, steps = {STEPS}", "")
    (folder / "net.toml").write_text(text)
    record = Recorder(folder / "run", definition=folder / "net.toml", every=EVERY if kept == "gaps" else 1)
    train(built, of_loss, optimizer, (inputs, targets), kept, record, **more)
    record.finish()
    arguments = ["run", str(folder / "net.toml"), "--candidate", str(folder / "run"), "--json", "--out", str(folder / "out")]
    done = subprocess.run([os.environ["LOCKSTEP"], *arguments], capture_output=True, text=True)
    assert done.returncode in (0, 1, 3), f"{name}: {done.stderr}"
    return json.loads(done.stdout)


def expected(name, place, kept):
    """Where a mistake shows, of what was kept: the loss is always recorded, outputs and gradients are not."""
    if place is None or kept == "all":
        return place
    phase, step = place
    if phase == "evaluation":
        # With gaps there are no running statistics, without which batch norm's evaluation mode is not known.
        return None if kept == "gaps" and "dropout" not in name else place
    if kept == "gaps":
        # At the first recorded step that has it.
        return (phase, -(-step // EVERY) * EVERY)
    if phase == "forward":
        return ("loss", step)
    return (phase if kept == "without activations" else "update", step)


def a_lone_square_weight(folder):
    """Which way round it is its first values tell, where the experiment says them; one that was not turned is found."""
    random = np.random.default_rng(5)
    first, x, t = (random.standard_normal(shape) for shape in ((4, 4), (6, 4), (6, 4)))
    np.savez(folder / "first.npz", **{"0.weight": first})
    layers = "model.layers = [{ linear = { outputs = 4, bias = false } }]"
    rest = 'dtype = "f64"\ntraining = { loss = "mse", optimizer = { sgd = { lr = 0.1 } } }\n'
    (folder / "untold.toml").write_text(f"{layers}\n{rest}")
    (folder / "told.toml").write_text(f'{layers}\nmodel.init = {{ file = "first.npz" }}\n{rest}')
    found = []
    for w, name in ((first.T, "untold"), (first.T, "told"), (first, "told")):
        record = Recorder(folder / "run")
        record.start({"W": w})
        for _ in range(5):
            w = w - 0.1 * x.T @ (2 * (x @ w - t) / t.size)
            record.step({"W": w}, batch=(x, t))
        record.finish()
        arguments = ["run", str(folder / f"{name}.toml"), "--candidate", str(folder / "run"), "--out", str(folder / "out")]
        done = subprocess.run([os.environ["LOCKSTEP"], *arguments], capture_output=True, text=True)
        found.append((done.returncode, " ".join((done.stdout + done.stderr).split())))
    codes, (untold, right, wrong) = [code for code, _ in found], [text for _, text in found]
    assert codes == [2, 0, 1] and "is square" in untold and "W is 0.weight transposed" in right, found
    assert "MISMATCH: first in update at step 0" in wrong and "W is 0.weight," not in wrong, wrong


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    runs, failed = 0, []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        a_lone_square_weight(folder)
        for seed, dtype in ((seed, dtype) for seed in range(seeds) for dtype in ("f64", "f32")):
            made = lambda: programs(np.random.default_rng(seed), {"f64": "float64", "f32": "float32"}[dtype])  # noqa: E731
            for number in range(len(made())):
                for kept in ("all", "without activations", "weights", "gaps"):
                    program = made()[number]
                    verdict = judged(folder, program, dtype, kept)
                    first = verdict["first_divergence"]
                    found = (verdict["verdict"], first and (first["phase"], first["step"]))
                    place = expected(program[0], program[-1], kept)
                    wanted = ("parity", None) if place is None else ("mismatch", place)
                    # Who has forgotten the momentum keeps none that could be recorded.
                    if kept == "gaps" and program[0] == "momentum forgotten":
                        wanted = ("inconclusive", None)
                    runs += 1
                    if program[0] == "divided by the usual batch":
                        steps = "2, 8" if kept == "gaps" else "2, 5, 8, …"
                        wanted, found = (*wanted, f"only the steps with a batch of 5 rows differ: {steps}"), (*found, verdict["only_in"])
                    if found != wanted:
                        failed.append(f"seed {seed}, {dtype}, {kept}: {program[0]}: {found}, not {wanted}")
    print("".join(line + "\n" for line in failed) + f"{runs} programs judged, {len(failed)} of them not as they should be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
