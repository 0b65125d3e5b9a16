"""Trainings in PyTorch, right and wrong, each recorded by one line around its loop and judged by `lockstep`.

    LOCKSTEP=target/debug/lockstep .python/bin/python tests/python/torch_programs.py
"""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "python"))
from lockstep_parity import Recorder, record_torch  # noqa: E402

ROWS, BATCH, EPOCHS = 26, 8, 4
torch.set_num_threads(1)


class Named(nn.Module):
    """A network with names of its own, whose words are laid side by side by a view."""

    def __init__(self):
        super().__init__()
        self.table, self.first, self.act, self.last = nn.Embedding(6, 3), nn.Linear(6, 5), nn.ReLU(inplace=True), nn.Linear(5, 3)

    def forward(self, x):
        return self.last(self.act(self.first(self.table(x).view(len(x), -1))))


class Functional(nn.Module):
    """A network that computes with functions, which no hook sees."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, x):
        return self.last(F.relu(self.first(x)))


def numbers(outputs=2, dtype=torch.float32):
    return torch.randn(ROWS, 4, dtype=dtype), torch.randn(ROWS, outputs, dtype=dtype)


def classes(count=3):
    return torch.randn(ROWS, 4), torch.randint(0, count, (ROWS,))


def mlp(*between, outputs=2):
    return nn.Sequential(nn.Linear(4, 5), *between, nn.Linear(5, outputs))


def sgd(model, **settings):
    return torch.optim.SGD(model.parameters(), lr=0.1, **settings)


def trained(model, optimizer, loss, data, scheduler=None, every="epoch", clip=None, wrong=None):
    """The loop that everybody writes; one step at a time."""
    x, t = data
    for _ in range(EPOCHS):
        for first in range(0, ROWS, BATCH):
            rows = slice(first, first + BATCH)
            if wrong != "gradients-not-zeroed":
                optimizer.zero_grad()
            loss(model(x[rows]), t[rows]).backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            if wrong == "gradient-doubled-by-hand":
                model[0].weight.grad *= 2
            optimizer.step()
            if scheduler and every == "step":
                scheduler.step()
        if scheduler and every == "epoch":
            scheduler.step()
        # What is looked at on the way is no step.
        model.eval()
        with torch.no_grad():
            loss(model(x), t)
        model.train()


def programs():
    """Name, and how it is made: model, optimizer, loss, data, and what the loop does otherwise."""

    def plain():
        model = mlp(nn.Tanh())
        return model, sgd(model), nn.MSELoss(), numbers(), {}

    def doubles():
        model = mlp(nn.Sigmoid()).double()
        return model, sgd(model, momentum=0.9, nesterov=True), nn.HuberLoss(delta=0.5), numbers(dtype=torch.float64), {}

    def adam():
        model = mlp(nn.LayerNorm(5), nn.GELU(), outputs=3)
        return model, torch.optim.Adam(model.parameters(), lr=0.01), nn.CrossEntropyLoss(label_smoothing=0.1), classes(), {}

    def dropped():
        model = mlp(nn.ReLU(), nn.Dropout(0.4))
        return model, torch.optim.AdamW(model.parameters(), lr=0.01), nn.SmoothL1Loss(), numbers(), {}

    def normed():
        model = mlp(nn.BatchNorm1d(5), nn.LeakyReLU(0.1), nn.Dropout(0.2), outputs=3)
        return model, sgd(model, momentum=0.9, weight_decay=0.01), nn.CrossEntropyLoss(), classes(), {}

    def clipped():
        model = mlp(nn.SiLU())
        return model, torch.optim.RMSprop(model.parameters(), lr=0.01), nn.L1Loss(), numbers(), {"clip": 0.25}

    def named():
        model = Named()
        return model, sgd(model), nn.CrossEntropyLoss(), (torch.randint(0, 6, (ROWS, 2)), torch.randint(0, 3, (ROWS,))), {}

    def epochs():
        model = mlp(nn.Softplus())
        optimizer = sgd(model)
        return model, optimizer, nn.MSELoss(), numbers(), {"scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)}

    def steps():
        model = mlp(nn.Tanh(), outputs=1)
        optimizer = sgd(model)
        scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=6)
        x, t = numbers(1)
        return model, optimizer, nn.BCEWithLogitsLoss(), (x, (t > 0).float()), {"scheduler": scheduler, "every": "step"}

    def broadcast():
        model = mlp(nn.Tanh(), outputs=1)
        x, t = numbers(1)
        return model, sgd(model), nn.MSELoss(), (x, t.ravel()), {}

    def not_zeroed():
        model = mlp(nn.Tanh())
        return model, sgd(model), nn.MSELoss(), numbers(), {"wrong": "gradients-not-zeroed"}

    right = [plain, doubles, adam, dropped, normed, clipped, named, epochs, steps]
    return [(make, None) for make in right] + [(broadcast, ("loss", 0)), (not_zeroed, ("backward", 1))]


def refused(action, *words):
    try:
        action()
    except (ValueError, TypeError, RuntimeError) as error:
        assert all(word in str(error) for word in words), f"{error} does not say {words}"
        return
    raise AssertionError(f"nothing was refused; expected {words}")


def lockstep(*arguments):
    done = subprocess.run([os.environ["LOCKSTEP"], *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode in (0, 1, 3), f"{arguments}: {done.stderr}"
    return json.loads(done.stdout)


def recorded(folder, make, every=1):
    """The weights of a training that was recorded into `folder`."""
    torch.manual_seed(3)
    model, optimizer, loss, data, more = make()
    with record_torch(model, optimizer, folder, loss=loss, scheduler=more.get("scheduler"), every=every):
        trained(model, optimizer, loss, data, **more)
    return [parameter.detach().clone() for parameter in model.parameters()]


def judged_by_its_own_definition(folder, every=1):
    failed = []
    for make, place in programs():
        run = folder / make.__name__
        weights = recorded(run, make, every)
        torch.manual_seed(3)
        model, optimizer, loss, data, more = make()
        trained(model, optimizer, loss, data, **more)
        assert all(map(torch.equal, weights, model.parameters())), f"{make.__name__} trains otherwise when it is recorded"
        verdict = lockstep("run", run, "--json", "--out", folder / "out")
        first = verdict["first_divergence"]
        found = (verdict["verdict"], first and (first["phase"], first["step"]))
        if place is not None:
            # At the first recorded step that has it.
            place = (place[0], -(-place[1] // every) * every)
        if found != (("parity", None) if place is None else ("mismatch", place)):
            failed.append(f"{make.__name__}: {found}, not {place}: {json.dumps(first)} {verdict['not_checked']}")
        everything = not verdict["worked_out"]
        if not everything:
            failed.append(f"{make.__name__}: {verdict['worked_out']} had to be worked out")
    assert not failed, "\n".join(failed)


def judged_by_its_own_definition_with_gaps(folder):
    """With the state that PyTorch's optimizers keep."""
    judged_by_its_own_definition(folder, every=3)


def only_recordings_of_the_same_steps_are_set_beside_each_other(folder):
    make = programs()[2][0]
    for every in (1, 3):
        recorded(folder / f"every{every}", make, every)
    pair = ("compare", folder / "every3", folder / "every3", "--json", "--out", folder / "out")
    assert lockstep(*pair)["verdict"] == "parity"
    done = subprocess.run([os.environ["LOCKSTEP"], "compare", folder / "every1", folder / "every3"], capture_output=True, text=True)
    assert done.returncode == 2 and "same every=" in done.stderr, done.stderr


def sgd_is_the_torch_engine_bit_for_bit(folder):
    run = folder / "plain"
    recorded(run, dict((make.__name__, make) for make, _ in programs())["plain"])
    verdict = lockstep("run", run, "--json", "--out", folder / "out")
    # The free run, from the first weights on: not one bit of a weight.
    gaps = {name: gap["max"] for name, gap in verdict["gaps"]["free"].items() if name.startswith("param/")}
    assert gaps and set(gaps.values()) == {0.0}, gaps


def a_student_has_two_scripts(folder):
    """Theirs in PyTorch, mine in NumPy with the gradient summed over the rows: set beside each other."""
    torch.manual_seed(0)
    model, (x, t) = mlp(nn.Tanh()).double(), numbers(dtype=torch.float64)
    first = {name: parameter.detach().numpy().copy() for name, parameter in model.named_parameters()}
    optimizer, loss = sgd(model), nn.MSELoss()
    with record_torch(model, optimizer, folder / "theirs", loss=loss):
        trained(model, optimizer, loss, (x, t))
    x, t = x.numpy(), t.numpy()
    for factor, place in ((1, None), (BATCH, ("update", 0))):
        W1, b1, W2, b2 = first["0.weight"].T.copy(), first["0.bias"].copy(), first["2.weight"].T.copy(), first["2.bias"].copy()
        weights = lambda: {"W1": W1, "b1": b1, "W2": W2, "b2": b2}  # noqa: B023, E731
        record = Recorder(folder / "mine")
        record.start(weights())
        for _ in range(EPOCHS):
            for at in range(0, ROWS, BATCH):
                rows = slice(at, at + BATCH)
                h = np.tanh(x[rows] @ W1 + b1)
                g = 2 * (h @ W2 + b2 - t[rows]) / t[rows].size * factor
                d = g @ W2.T * (1 - h * h)
                W2, b2 = W2 - 0.1 * h.T @ g, b2 - 0.1 * g.sum(axis=0)
                W1, b1 = W1 - 0.1 * x[rows].T @ d, b1 - 0.1 * d.sum(axis=0)
                record.step(weights())
        record.finish()
        verdict = lockstep("compare", folder / "theirs", folder / "mine", "--json", "--out", folder / "out")
        found = verdict["first_divergence"]
        assert (found and (found["phase"], found["step"])) == place, json.dumps(found)


def what_has_no_name_is_recorded_and_said(folder):
    model = Functional()
    optimizer, loss = sgd(model), nn.MSELoss()
    said = io.StringIO()
    with contextlib.redirect_stderr(said), record_torch(model, optimizer, folder / "run", loss=loss) as record:
        trained(model, optimizer, loss, numbers())
    assert "without a definition" in said.getvalue() and "F.relu for nn.ReLU" in said.getvalue(), said.getvalue()
    refused(record.check, "definition")
    # By one that somebody writes it is judged all the same.
    layers = '[{ linear = { outputs = 5 } }, "relu", { linear = { outputs = 2 } }]'
    (folder / "net.toml").write_text(f'model.layers = {layers}\ntraining = {{ loss = "mse", optimizer = {{ sgd = {{ lr = 0.1 }} }} }}\n')
    verdict = lockstep("run", folder / "net.toml", "--candidate", folder / "run", "--json", "--out", folder / "out")
    assert verdict["verdict"] == "parity" and verdict["worked_out"] == ["outputs"], verdict["worked_out"]
    # What was seen of it is a file to begin with, which does not run before it is filled in.
    def command(*arguments):
        done = subprocess.run([os.environ["LOCKSTEP"], *arguments], capture_output=True, text=True, cwd=folder)
        return done.returncode, done.stdout + done.stderr

    code, said = command("new", "seen", "--from", "run")
    assert code == 0 and "to be filled in: one layer, or several, as between first and last" in said, said
    run = ("run", "seen.toml", "--candidate", "run", "--out", "out")
    code, said = command(*run)
    assert code == 2 and "??" in said and "seen.toml:" in said, said
    text = (folder / "seen.toml").read_text()
    (folder / "seen.toml").write_text(text.replace('"??"', '"relu"'))
    code, said = command(*run)
    assert text.count('"??"') == 1 and code == 0, said


def what_it_saw_of_loss_and_optimizer_is_kept(folder):
    for missing, loss, kind in (("loss", nn.MSELoss(reduction="none"), torch.optim.SGD), ("optimizer", nn.MSELoss(), torch.optim.Adagrad)):
        model = mlp(nn.Tanh())
        optimizer, (x, t) = kind(model.parameters(), lr=0.1), numbers()
        with contextlib.redirect_stderr(io.StringIO()), record_torch(model, optimizer, folder / missing, loss=loss):
            for _ in range(3):
                optimizer.zero_grad()
                loss(model(x), t).mean().backward()
                optimizer.step()
        partial = json.loads((folder / missing / "manifest.json").read_text())["partial"]
        assert [key for key, value in partial["training"].items() if "missing" in value] == [missing], partial
        assert len(partial["model"]["layers"]) == 3 and not partial["missing"], partial


def a_loop_that_ends_with_an_error_leaves_what_it_has(folder):
    model = mlp(nn.Tanh())
    optimizer, loss = sgd(model), nn.MSELoss()
    x, t = numbers()

    def loop():
        with record_torch(model, optimizer, folder / "run", loss=loss):
            for step in range(9):
                optimizer.zero_grad()
                loss(model(x), t).backward()
                optimizer.step()
                if step == 4:
                    raise RuntimeError("the disk of the data is gone")

    refused(loop, "the disk of the data is gone")
    assert not (folder / "run/complete").exists() and not model._forward_hooks and not optimizer._optimizer_step_pre_hooks
    verdict = lockstep("run", folder / "run", "--json", "--out", folder / "out")
    assert (verdict["verdict"], verdict["steps"]) == ("parity", 5), verdict["verdict"]


def what_cannot_be_recorded_is_refused(folder):
    model = mlp(nn.Tanh())
    optimizer, loss = sgd(model), nn.MSELoss()
    refused(lambda: record_torch(model, optimizer, folder / "run", loss=F.mse_loss), "nn.CrossEntropyLoss()", "no hooks")
    refused(lambda: record_torch(model.half(), optimizer, folder / "run"), "torch.float16")
    refused(lambda: record_torch(nn.ReLU(), optimizer, folder / "run"), "no parameters")
    model.float()
    with record_torch(model, optimizer, folder / "run", loss=loss):
        refused(optimizer.step, "before a call of the model")
        model(numbers()[0])
        refused(lambda: model(numbers()[0]), "twice in training mode")


if __name__ == "__main__":
    for test in [
        judged_by_its_own_definition,
        judged_by_its_own_definition_with_gaps,
        only_recordings_of_the_same_steps_are_set_beside_each_other,
        sgd_is_the_torch_engine_bit_for_bit,
        a_student_has_two_scripts,
        what_has_no_name_is_recorded_and_said,
        what_it_saw_of_loss_and_optimizer_is_kept,
        a_loop_that_ends_with_an_error_leaves_what_it_has,
        what_cannot_be_recorded_is_refused,
    ]:
        with tempfile.TemporaryDirectory() as place:
            test(pathlib.Path(place))
            print(f"{test.__name__} ... ok")
