"""What a user can observe of the recorder, with NumPy alone: `.python/bin/python tests/python/recorder.py`."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).parents[2] / "python"
sys.path.insert(0, str(HERE))
from lockstep_parity import Recorder  # noqa: E402

W, b = np.arange(6.0).reshape(2, 3), np.zeros(3, np.float32)


def refused(action, *words):
    try:
        action()
    except (ValueError, TypeError, RuntimeError, FileExistsError) as error:
        assert all(word in str(error) for word in words), f"{error} does not say {words}"
        return
    raise AssertionError(f"nothing was refused; expected {words}")


def arrays_grow_and_numpy_reads_them(folder):
    record = Recorder(folder / "run", layout={"W": "in,out"})
    record.start({"W": W, "b": b})
    for step in range(5):
        record.step({"W": W + step, "b": b}, loss=step, gradients={"W": W.T.copy().T, "b": b}, activations=[W, W])
    record.finish()
    record.finish()
    weights = np.load(folder / "run/parameter/W.npy")
    assert weights.shape == (6, 2, 3) and (weights[5] == W + 4).all() and (weights[0] == W).all()
    assert np.load(folder / "run/parameter/b.npy").dtype == np.float32
    assert np.load(folder / "run/loss.npy").tolist() == [0, 1, 2, 3, 4]
    assert np.load(folder / "run/activation/1.npy").shape == (5, 2, 3)
    # Fortran's order goes in as C's.
    assert (np.load(folder / "run/gradient/W.npy")[2] == W).all()
    assert (folder / "run/complete").exists() and not (folder / "run/.lock").exists()


def it_copies(folder):
    w = W.copy()
    record = Recorder(folder / "run")
    record.start({"W": w})
    w += 1
    record.step({"W": w})
    w += 1
    record.finish()
    assert (np.load(folder / "run/parameter/W.npy") == np.stack([W, W + 1])).all()


def what_cannot_be_recorded_is_refused(folder):
    record = Recorder(folder / "run")
    refused(lambda: record.step({"W": W}), "before start")
    refused(lambda: record.start({}), "no parameters")
    refused(lambda: record.start([W]), "by name")
    refused(lambda: record.start({"../W": W}), "../W")
    record.start({"W": W, "b": b})
    refused(lambda: record.start({"W": W}), "start was called before")
    refused(lambda: record.step({"W": W}), "['b'] are missing")
    refused(lambda: record.step({"W": W, "b": b, "c": b}), "['c'] are not among them")
    refused(lambda: record.step({"W": W.T, "b": b}), "[3, 2]", "[2, 3]")
    refused(lambda: record.step({"W": W, "b": b}, gradients={"W": W}), "gradients of a step", "['b'] are missing")
    refused(lambda: record.step({"W": np.array(["x"]), "b": b}), "float32 or float64")
    refused(record.check, "definition")
    refused(record.weights, "definition")


def a_smaller_last_batch_is_padded_and_a_larger_one_refused(folder):
    record = Recorder(folder / "run")
    record.start({"W": W})
    record.step({"W": W}, output=np.ones((4, 2)))
    record.step({"W": W}, output=np.ones((3, 2)))
    refused(lambda: record.step({"W": W}, output=np.ones((5, 2))), "largest batch")
    record.finish()
    assert np.load(folder / "run/output.npy")[1].sum() == 6


def with_gaps_a_step_has_both_sides_and_the_state_before_it(folder):
    record = Recorder(folder / "run", every=3)
    w, v = np.zeros(4), np.zeros(4)
    record.start({"w": w})
    for step in range(8):
        v = v + 1
        w = w - v
        record.step({"w": w}, loss=step, batch=(np.full((2, 1), step), np.ones(2)), state={"w": {"momentum_buffer": v}})
    record.finish()
    run = folder / "run"
    assert np.load(run / "step.npy").tolist() == [0, 3, 6] and np.load(run / "loss.npy").tolist() == [0, 3, 6]
    assert np.load(run / "before/w.npy")[:, 0].tolist() == [0, -6, -21] and np.load(run / "after/w.npy")[:, 0].tolist() == [-1, -10, -28]
    assert np.load(run / "state/w/momentum_buffer.npy")[:, 0].tolist() == [0, 3, 6]
    assert np.load(run / "batch/input.npy")[:, 0, 0].tolist() == [0, 3, 6]
    assert not (run / "parameter/w.npy").exists()
    # What is kept for the next step is a copy, and a later recording takes the place of this one.
    record = Recorder(folder / "run", every=2)
    w, v = np.zeros(4), np.zeros(4)
    record.start({"w": w})
    for _ in range(3):
        v += 1
        w -= v
        record.step({"w": w}, state={"w": {"momentum_buffer": v}})
    record.finish()
    assert np.load(run / "before/w.npy")[:, 0].tolist() == [0, -3]
    assert np.load(run / "state/w/momentum_buffer.npy")[:, 0].tolist() == [0, 2]
    refused(lambda: Recorder(folder / "run", every=0), "every=")
    record = Recorder(folder / "other", every=2)
    record.start({"w": w})
    refused(lambda: record.step({"v": w}), "['w'] are missing")
    refused(lambda: record.step({"w": w}, state={"w": {"../v": v}}), "momentum_buffer")
    refused(lambda: record.step({"w": w}, buffers={"mean": w}), "every=")


def nothing_else_is_touched(folder):
    (folder / "mine").mkdir()
    (folder / "mine/notes.txt").write_text("kept")
    refused(lambda: Recorder(folder / "mine").start({"W": W}), "notes.txt")
    assert (folder / "mine/notes.txt").read_text() == "kept"
    (folder / "link").symlink_to(folder / "mine")
    refused(lambda: Recorder(folder / "link").start({"W": W}), "no folder of a recorder")
    # An earlier recording is replaced.
    for _ in range(2):
        record = Recorder(folder / "run")
        record.start({"W": W})
        record.step({"W": W})
        record.finish()
    assert np.load(folder / "run/parameter/W.npy").shape == (2, 2, 3)


PROGRAM = """
import sys, time; sys.path.insert(0, {here!r})
import numpy as np
from lockstep_parity import Recorder
record = Recorder({run!r})
record.start({{"W": np.zeros((2, 3))}})
for step in range(10 ** 9):
    record.step({{"W": np.full((2, 3), step)}}, loss=step)
    if step == 37:
        {then}
"""


def a_program_that_ends_in_the_middle_leaves_what_it_has(folder):
    run = str(folder / "run")
    for then, code in [("raise ValueError('mine')", 1), ("print('ready', flush=True); time.sleep(60)", -signal.SIGKILL)]:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(here=str(HERE), run=run, then=then)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        if code < 0:
            assert program.stdout.readline() == "ready\n"
            # Meanwhile the folder is that program's.
            refused(lambda: Recorder(run).start({"W": W}), "by another program")
            program.kill()
        assert program.wait() == code
        bytes_of = os.path.getsize(folder / "run/parameter/W.npy") - 128
        assert bytes_of == 39 * 6 * 8, bytes_of
        weights = np.load(folder / "run/parameter/W.npy")
        assert len(weights) == (39 if code > 0 else 32) and (weights[1:] == np.arange(len(weights) - 1)[:, None, None]).all()


def main():
    tests = [test for name, test in globals().items() if callable(test) and getattr(test, "__code__", None)
             and test.__code__.co_varnames[:1] == ("folder",)]
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            test(pathlib.Path(folder))
    print(f"{len(tests)} passed, 0 failed")


if __name__ == "__main__":
    main()
