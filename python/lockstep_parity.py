"""Records what your own training computes, so that `lockstep` can compare it with PyTorch.

    from lockstep_parity import Recorder

    record = Recorder("mine", definition="net.toml")    # a folder "mine"
    record.start({"W1": W1, "b1": b1, "W2": W2, "b2": b2})
    for ...:
        ...                                              # your step, as it is
        record.step({"W1": W1, "b1": b1, "W2": W2, "b2": b2}, loss=loss)
    record.check()                                       # runs lockstep, prints its verdict

Weights after every step are enough to judge whole steps. What else you give to `step` is judged phase by phase: gradients,
activations, the output and its gradient, the loss. Anything that `numpy.asarray` or DLPack understands can be recorded.

Needs NumPy alone. It copies, and it writes into its folder alone; a run that is killed leaves what it has recorded.
"""

import atexit
import json
import os
import pathlib
import platform
import shutil
import subprocess
import weakref

import numpy

__version__ = "0.1.0"

# The bytes of a .npy's header: NumPy leaves room in it, so that the count of steps can grow.
_HEADER = 128
_OWN = ("manifest.json", "complete", "step.npy", "loss.npy", "output.npy", "output_gradient.npy")
_FOLDERS = ("parameter", "gradient", "activation", "batch")


class Recorder:
    """Records a training into a folder.

    name        the folder; replaced if a recorder wrote it
    definition  the experiment that says what the training should be, for `weights` and `check`
    layout      how weights are kept, {"W1": "in,out"}; needed for square ones alone, others are told by their shape
    engine      what it is called in reports
    """

    def __init__(self, name, definition=None, layout=None, engine=None):
        self.folder = pathlib.Path(name)
        self.definition = None if definition is None else pathlib.Path(definition)
        self._layout = dict(layout or {})
        self._engine = engine or f"numpy {numpy.__version__}"
        self._files = {}
        self._names = None
        self._finish = None

    def weights(self, layout="in,out"):
        """PyTorch's initial weights of the definition, to the bit: by PyTorch's names, a linear layer's weight as `layout` says."""
        if self.definition is None:
            raise ValueError('weights are those of a definition: Recorder(..., definition="net.toml")')
        if layout not in ("in,out", "out,in"):
            raise ValueError(f'layout is "in,out", as for x @ W, or "out,in", as in PyTorch; found {layout!r}')
        into = self.folder.with_name(self.folder.name + ".weights")
        try:
            _lockstep("record", str(self.definition), "--engine", "scratch", "--steps", "1", "--out", str(into), quiet=True)
            names = json.loads((into / "manifest.json").read_text())["parameters"]
            arrays = {name: numpy.load(into / "parameter" / f"{name}.npy")[0] for name in names}
        finally:
            shutil.rmtree(into, ignore_errors=True)
        turned = layout == "in,out"
        return {name: (w.T.copy() if turned and names[name] == "linear" and w.ndim == 2 else w) for name, w in arrays.items()}

    def start(self, parameters):
        """The weights before the first step, by name."""
        if self._names is not None:
            raise RuntimeError("start was called before; a training is recorded by one Recorder")
        named = _named(parameters)
        for name in named:
            # Names are those of files.
            if not name or name.startswith(".") or any(letter in name for letter in "/\\\0"):
                raise ValueError(f"a parameter cannot be called {name!r}; give it a name without slashes")
        arrays = {name: _array(f"parameter {name}", value) for name, value in named.items()}
        if not arrays:
            raise ValueError("start was given no parameters")
        self._open_folder(list(arrays))
        self._names, self._expected = list(arrays), set(arrays)
        for name, array in arrays.items():
            self._append("parameter/" + name, array)
        return self

    def step(
        self,
        parameters,
        *,
        batch=None,
        rows=None,
        loss=None,
        gradients=None,
        activations=None,
        output=None,
        output_gradient=None,
    ):
        """What a step computed, called after its update; all but the new weights is optional.

        batch            (inputs, targets) of the step, where they are not the definition's own, in its order
        rows             or their numbers among the definition's training rows
        gradients        by the parameters' names, before clipping, penalty included
        activations      what every layer puts out: a list in the layers' order, or by the layer's number
        output           what the last layer puts out
        output_gradient  the gradient of the loss in that
        """
        if self._names is None:
            raise RuntimeError("step was called before start: call record.start(parameters) before the first update")
        if batch is not None or rows is not None:
            self._batch(batch, rows)
        self._put("parameter/", _named(parameters), self._expected)
        if gradients is not None:
            self._put("gradient/", _named(gradients), self._expected)
        if activations is not None:
            layers = activations if isinstance(activations, dict) else dict(enumerate(activations))
            self._put("activation/", {str(layer): value for layer, value in layers.items()}, None)
        for name, value in (("output", output), ("output_gradient", output_gradient), ("loss", loss)):
            if value is not None:
                self._append(name, value)

    def finish(self):
        """The recording is whole. Called by `check`, and when the program ends without an error."""
        if self._finish is not None:
            self._finish()

    def check(self, *arguments):
        """Runs `lockstep run DEFINITION --candidate FOLDER`, prints its verdict, and returns whether it is parity."""
        if self.definition is None:
            raise ValueError('check needs what the training should be: Recorder(..., definition="net.toml")')
        self.finish()
        done = _lockstep("run", str(self.definition), "--candidate", str(self.folder), *arguments)
        return done.returncode == 0

    def _open_folder(self, order):
        folder = self.folder
        if folder.exists() or folder.is_symlink():
            if folder.is_symlink() or not folder.is_dir():
                raise FileExistsError(f"{folder} is there and is no folder of a recorder; give another name")
            others = [entry.name for entry in folder.iterdir() if entry.name not in (*_OWN, *_FOLDERS, ".lock")]
            if others:
                raise FileExistsError(f"{folder} holds {others[0]}, which no recorder wrote; give another name")
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder / ".lock"
        if lock.exists() and _alive(lock):
            raise FileExistsError(f"{folder} is being recorded into by another program; give another name")
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        lock.write_text(str(os.getpid()))
        libraries = {"numpy": numpy.__version__, "python": platform.python_version()}
        manifest = {"schema": 1, "engine": self._engine, "layout": self._layout, "order": order, "libraries": libraries}
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        for name in _FOLDERS:
            (folder / name).mkdir()
        # A training that ends with an error is not whole, but readable; what holds the files must not hold the recorder.
        self._finish = weakref.finalize(self, _close, self._files, folder)
        self._finish.atexit = True

    def _batch(self, batch, rows):
        if batch is not None and rows is not None:
            raise ValueError("a batch is given by its rows' numbers (rows=) or by itself (batch=), not by both")
        arrays = {"index": rows} if batch is None else dict(zip(("input", "target"), batch))
        arrays = {name: _array("batch/" + name, value) for name, value in arrays.items()}
        counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
        if len(set(counts.values())) != 1 or 0 in counts.values():
            raise ValueError(f"a batch has as many targets as inputs, one at least; found {counts}")
        for name, array in arrays.items():
            self._append("batch/" + name, array)
        self._append("batch/size", numpy.float64(next(iter(counts.values()))))

    def _put(self, folder, values, names):
        if names is not None and values.keys() != names:
            missing, extra = sorted(names - values.keys()), sorted(values.keys() - names)
            what = f"{folder.rstrip('/')}s of a step are those that start was given"
            raise ValueError(what + (f"; {missing} are missing" if missing else "") + (f"; {extra} are not among them" if extra else ""))
        for name, value in values.items():
            self._append(folder + name, value)

    def _append(self, name, value):
        file = self._files.get(name)
        # What most steps are made of, without a question more.
        if (
            file is not None
            and type(value) is numpy.ndarray
            and value.dtype is file.dtype
            and value.shape == file.shape
            and value.flags.c_contiguous
        ):
            return file.write(value)
        array = _array(name, value)
        if file is None:
            file = self._files[name] = _File(self.folder / (name + ".npy"), array)
        file.append(name, array)


class _File:
    """A .npy that grows by a step."""

    __slots__ = ("descriptor", "shape", "dtype", "count", "padded")

    def __init__(self, path, array):
        self.shape, self.dtype, self.count = array.shape, array.dtype, 0
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._write_header()

    def append(self, name, array):
        if array.shape != self.shape or array.dtype != self.dtype:
            if array.dtype != self.dtype or array.ndim != len(self.shape) or array.shape[1:] != self.shape[1:]:
                raise ValueError(f"{name} is {array.dtype} {list(array.shape)} now, and was {self.dtype} {list(self.shape)} before")
            if array.shape[0] > self.shape[0]:
                raise ValueError(f"{name} has more rows than in the first step; begin with the largest batch")
            # A smaller last batch: zeros behind it.
            padded = numpy.zeros(self.shape, self.dtype)
            padded[: array.shape[0]] = array
            array = padded
        self.write(array)

    def write(self, array):
        written = os.write(self.descriptor, array)
        if written < array.nbytes:
            left = memoryview(array.reshape(-1)).cast("B")[written:]
            while left:
                left = left[os.write(self.descriptor, left):]
        self.count += 1
        # The bytes are what counts; the header's count follows now and then, so that numpy.load reads it, too.
        if self.count & (self.count - 1) == 0:
            self._write_header()

    def _write_header(self):
        fields = {"descr": numpy.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": (self.count, *self.shape)}
        text = repr(fields).encode("latin1")
        length = _HEADER - 10 - 1
        if len(text) > length:
            raise ValueError(f"a shape with so many sizes is not recorded: {self.shape}")
        header = b"\x93NUMPY\x01\x00" + (length + 1).to_bytes(2, "little") + text.ljust(length) + b"\n"
        os.pwrite(self.descriptor, header, 0)
        if self.count == 0:
            os.lseek(self.descriptor, 0, os.SEEK_END)

    def close(self):
        self._write_header()
        os.close(self.descriptor)


def _close(files, folder):
    for file in files.values():
        file.close()
    files.clear()
    try:
        (folder / "complete").touch()
        (folder / ".lock").unlink()
    except OSError:
        pass


def _alive(lock):
    """Whether the program that holds a lock is running, and is not this one."""
    try:
        process = int(lock.read_text())
        os.kill(process, 0)
        return process != os.getpid()
    except (OSError, ValueError):
        return False


def _named(values):
    if type(values) is dict and all(type(name) is str for name in values):
        return values
    if hasattr(values, "state_dict"):
        values = values.state_dict()
    if not hasattr(values, "items"):
        raise TypeError(f'tensors are given by name, {{"W1": W1, ...}}; found {type(values).__name__}')
    return {str(name): value for name, value in values.items()}


def _array(name, value):
    """A C-ordered array of little-endian f32 or f64; copied if it has to be, and read at once in any case."""
    if not isinstance(value, numpy.ndarray):
        value = _other(value)
    if value.dtype.kind != "f":
        if value.dtype.kind not in "iub":
            raise TypeError(f"{name} is of type {value.dtype}; what is recorded is float32 or float64")
        value = value.astype(numpy.float64)
    elif value.dtype.itemsize not in (4, 8) or value.dtype.byteorder == ">":
        value = value.astype("<f4" if value.dtype.itemsize <= 4 else "<f8")
    return value if value.flags.c_contiguous else numpy.ascontiguousarray(value)


def _other(value):
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    elif hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return numpy.from_dlpack(value)
    return numpy.asarray(value)


def _lockstep(*arguments, quiet=False):
    """Runs lockstep: $LOCKSTEP, or the one on the path."""
    program = os.environ.get("LOCKSTEP") or shutil.which("lockstep")
    if program is None:
        raise FileNotFoundError(
            "lockstep is not on the path; set LOCKSTEP to it (scripts/lockstep of the repository), or run it yourself: "
            "lockstep " + " ".join(arguments)
        )
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode == 2 or (quiet and done.returncode != 0):
        raise RuntimeError(done.stderr.strip() or done.stdout.strip())
    if not quiet:
        print(done.stdout, end="")
    return done
