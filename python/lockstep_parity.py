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

A training in PyTorch is recorded by one line around its loop, which stays as it is:

    from lockstep_parity import record_torch

    with record_torch(model, optimizer, "theirs", loss=criterion):
        for x, y in loader:
            ...

Needs NumPy alone. It copies, and it writes into its folder alone; a run that is killed leaves what it has recorded.
"""

import copy
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import weakref

import numpy

__version__ = "0.1.0"

# The bytes of a .npy's header: NumPy leaves room in it, so that the count of steps can grow.
_HEADER = 128
_OWN = ("manifest.json", "manifest.json.partial", "complete", "step.npy", "loss.npy", "output.npy", "output_gradient.npy",
        "time_us.npy")
_FOLDERS = ("parameter", "before", "after", "state", "gradient", "activation", "activation_gradient", "buffer", "mask", "batch",
            "evaluation")


class Recorder:
    """Records a training into a folder.

    name        the folder; replaced if a recorder wrote it
    definition  what says what the training should be, for `weights` and `check`: an experiment, or a recording of PyTorch's
    layout      how weights are kept, {"W1": "in,out"}; needed for square ones alone, others are told by their shape
    engine      what it is called in reports
    every       of a long training, every how many steps one is recorded: each is judged from its own weights
    """

    def __init__(self, name, definition=None, layout=None, engine=None, every=1):
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"every= is a whole number of steps from 1 on; found {every!r}")
        self.folder = pathlib.Path(name)
        self.definition = None if definition is None else pathlib.Path(definition)
        libraries = {"numpy": numpy.__version__, "python": platform.python_version()}
        self._manifest = {
            "schema": 1,
            "engine": engine or f"numpy {numpy.__version__}",
            "layout": dict(layout or {}),
            "libraries": libraries,
        }
        self._files = {}
        self._every, self._steps = every, 0
        # With gaps between steps: copies of what the next recorded one starts from.
        self._before = self._state = None
        self._names = None
        self._finish = None

    def weights(self, layout="in,out"):
        """PyTorch's initial weights of the definition, to the bit: by PyTorch's names, a linear layer's weight as `layout` says.

        Of an experiment those that its seed gives, of a recording those that it began with.
        """
        if self.definition is None:
            raise ValueError('weights are those of a definition: Recorder(..., definition="net.toml")')
        if layout not in ("in,out", "out,in"):
            raise ValueError(f'layout is "in,out", as for x @ W, or "out,in", as in PyTorch; found {layout!r}')
        if self.definition.is_dir():
            names, arrays = _first_weights(self.definition)
        else:
            into = self.folder.with_name(self.folder.name + ".weights")
            try:
                _lockstep("record", str(self.definition), "--engine", "scratch", "--steps", "1", "--out", str(into), quiet=True)
                names, arrays = _first_weights(into)
            finally:
                shutil.rmtree(into, ignore_errors=True)
        turned = layout == "in,out"
        return {name: (w.T.copy() if turned and names[name] == "linear" and w.ndim == 2 else w) for name, w in arrays.items()}

    def start(self, parameters, *, buffers=None, state=None):
        """The weights before the first step, by name; buffers and the optimizer's state as of `step`, where there are some."""
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
        kept = self._kept(buffers)
        self._open_folder([*arrays, *kept])
        self._names, self._expected, self._buffers = list(arrays), set(arrays), set(kept)
        if self._every > 1:
            self._keep(arrays, state)
            return self
        for name, array in arrays.items():
            self._append("parameter/" + name, array)
        self._put("buffer/", kept, None)
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
        activation_gradients=None,
        masks=None,
        output=None,
        output_gradient=None,
        buffers=None,
        state=None,
        time_us=None,
    ):
        """What a step computed, called after its update; all but the new weights is optional.

        batch            (inputs, targets) of the step, where they are not the definition's own, in its order
        rows             or their numbers among the definition's training rows
        gradients        by the parameters' names, before clipping, penalty included
        activations      what every layer puts out: a list in the layers' order, or by the layer's number
        activation_gradients  the gradient of the loss in those, likewise
        masks            of dropout, by the layer's number: what is not 0 is kept
        output           what the last layer puts out
        output_gradient  the gradient of the loss in that
        buffers          running statistics of batch norm after the step, by name; start is given those before it
        state            with every=: what the optimizer keeps after the step, {"W1": {"momentum_buffer": v}}, by PyTorch's names
        time_us          microseconds of forward, loss, backward and update, where you measured them
        """
        if self._names is None:
            raise RuntimeError("step was called before start: call record.start(parameters) before the first update")
        if self._every > 1:
            if not self._gap(_named(parameters), state, buffers):
                return
        elif self._buffers or buffers is not None:
            self._put("buffer/", self._kept(buffers), self._buffers)
        self._steps += 1
        if batch is not None or rows is not None:
            self._batch(batch, rows)
        if self._every == 1:
            self._put("parameter/", _named(parameters), self._expected)
        if gradients is not None:
            self._put("gradient/", _named(gradients), self._expected)
        of_layers = (("activation/", activations), ("activation_gradient/", activation_gradients), ("mask/", masks))
        for folder, values in of_layers:
            if values is not None:
                layers = values if isinstance(values, dict) else dict(enumerate(values))
                self._put(folder, {str(layer): value for layer, value in layers.items()}, None)
        for name, value in (("output", output), ("output_gradient", output_gradient), ("loss", loss), ("time_us", time_us)):
            if value is not None:
                self._append(name, value)

    def evaluation(self, inputs, targets, *, output=None, loss=None):
        """What your network makes, in evaluation mode, of rows that it is only looked at with: after the latest step."""
        if self._names is None:
            raise RuntimeError("evaluation was called before start: call record.start(parameters) first")
        if output is None and loss is None:
            raise ValueError("an evaluation is judged by its output or its loss: give one of them")
        given = {"input": inputs, "target": targets, "output": output, "loss": loss, "step": float(self._steps)}
        arrays = {name: _array("evaluation/" + name, value) for name, value in given.items() if value is not None}
        for name, array in arrays.items():
            file = self._files.get("evaluation/" + name)
            if (file is None and "evaluation/step" in self._files) or (file is not None and file.shape != array.shape):
                raise ValueError(f"evaluations are all of as many rows, with the same parts; {name} is another one now")
        for name, array in arrays.items():
            self._append("evaluation/" + name, array)

    def _gap(self, parameters, state, buffers):
        """Of a recording with gaps: whether a step is recorded; what the next one starts from is kept."""
        if buffers is not None:
            raise ValueError("buffers are recorded at every step alone: leave every= out")
        self._check("parameters", parameters, self._expected)
        number = self._steps
        recorded = number % self._every == 0
        if recorded:
            before = self._before_state(state)
            self._append("step", numpy.float64(number))
            self._put("before/", self._before, None)
            self._put("after/", parameters, None)
            for name, moments in before.items():
                self._put(f"state/{name}/", moments, None)
        else:
            self._steps += 1
        if (number + 1) % self._every == 0:
            self._keep(parameters, state)
        return recorded

    def _before_state(self, after):
        """The optimizer's state before a step; before the first one of all nothing has been gathered."""
        if self._state is None and after is not None:
            if self._steps > 0:
                raise ValueError("the optimizer's state is given at every step, or at none")
            return {name: {key: numpy.zeros_like(value) for key, value in own.items()} for name, own in _state(after).items()}
        return self._state or {}

    def _keep(self, parameters, state):
        self._before = {name: numpy.array(_array(name, value)) for name, value in parameters.items()}
        self._state = None if state is None else _state(state)

    def _kept(self, buffers):
        """Buffers that are numbers; PyTorch counts batches beside them."""
        named = {} if buffers is None else _named(buffers)
        if named and self._every > 1:
            raise ValueError("buffers are recorded at every step alone: leave every= out")
        return {name: value for name, value in named.items() if name.split(".")[-1] != "num_batches_tracked"}

    def finish(self):
        """The recording is whole. Called by `check`, and when the program ends without an error."""
        if self._finish is not None:
            self._finish()

    def _leave(self):
        """The training ended with an error: what is there is readable, and not whole."""
        if self._finish is not None and self._finish.detach():
            _close(self._files, self.folder, whole=False)

    def check(self, *arguments):
        """Runs `lockstep run DEFINITION --candidate FOLDER`, prints its verdict, and returns whether it is parity."""
        if self.definition is None and self._manifest.get("definition") is None:
            raise ValueError('check needs what the training should be: definition="net.toml"')
        self.finish()
        asked = [self.folder] if self.definition is None else [self.definition, "--candidate", self.folder]
        done = _lockstep("run", *map(str, asked), *arguments)
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
        self._manifest["order"] = order
        self._describe()
        for name in _FOLDERS:
            (folder / name).mkdir()
        # A training that ends with an error is not whole, but readable; what holds the files must not hold the recorder.
        self._finish = weakref.finalize(self, _close, self._files, folder)
        self._finish.atexit = True

    def _describe(self, **more):
        """Writes what the recording says of itself, in one piece."""
        self._manifest.update(more)
        partial = self.folder / "manifest.json.partial"
        partial.write_text(json.dumps(self._manifest, indent=1) + "\n")
        partial.replace(self.folder / "manifest.json")

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

    def _check(self, what, values, names):
        if values.keys() != names:
            missing, extra = sorted(names - values.keys()), sorted(values.keys() - names)
            what = f"{what} of a step are those that start was given"
            raise ValueError(what + (f"; {missing} are missing" if missing else "") + (f"; {extra} are not among them" if extra else ""))

    def _put(self, folder, values, names):
        if names is not None:
            self._check(folder.rstrip("/") + "s", values, names)
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
            path = self.folder / (name + ".npy")
            path.parent.mkdir(exist_ok=True)
            file = self._files[name] = _File(path, array)
        file.append(name, array)


class record_torch:  # noqa: N801
    """Records a training in PyTorch, around its loop as it is.

        with record_torch(model, optimizer, "theirs", loss=criterion) as record:
            for x, y in loader:
                optimizer.zero_grad()
                criterion(model(x), y).backward()
                optimizer.step()
        record.check()

    model       whose calls in training mode, with gradients on, are its steps: one call for each `optimizer.step()`
    name        the folder, as of Recorder
    loss        a module, nn.MSELoss() and the like, that the loop calls
    scheduler   the learning rate's, if there is one
    definition  the experiment that says what the training should be; if nothing is given it is written into the recording, where
                model, loss and optimizer have names in an experiment: modules that chain, as in nn.Sequential
    every       of a long training, every how many steps one is recorded, with the optimizer's state

    By PyTorch's public hooks alone. They are gone behind the block.
    """

    def __init__(self, model, optimizer, name, loss=None, scheduler=None, definition=None, every=1):
        import torch

        if loss is not None and not isinstance(loss, torch.nn.Module):
            raise TypeError(
                "loss is the module that the loop calls, such as nn.CrossEntropyLoss(); a function has no hooks: call a module "
                "in its place"
            )
        self._parameters = dict(model.named_parameters())
        types = {parameter.dtype for parameter in self._parameters.values()}
        if not types:
            raise ValueError("the model has no parameters")
        if not types <= {torch.float32, torch.float64}:
            raise TypeError(f"what is recorded is float32 or float64; the model has {sorted(map(str, types))}")
        self._torch, self._model, self._optimizer, self._loss = torch, model, optimizer, loss
        self._layout = {name: "out,in" for name, parameter in self._parameters.items() if parameter.ndim == 2}
        self._recorder = Recorder(name, definition, self._layout, f"PyTorch {torch.__version__}", every)
        self._recorder._manifest["parameters"] = {
            f"{path}.{own}".lstrip("."): "linear" if isinstance(module, torch.nn.Linear) else type(module).__name__.lower()
            for path, module in model.named_modules()
            for own, _ in module.named_parameters(recurse=False)
        }
        self._told = None if definition is not None else _Told(torch, optimizer, loss, scheduler)
        self._hooks, self._step, self._buffers = [], _Step(), None

    def __enter__(self):
        hooks = self._hooks
        for leaf in self._model.modules():
            if next(leaf.children(), None) is None:
                hooks.append(leaf.register_forward_hook(self._layer_done))
        hooks.append(self._model.register_forward_pre_hook(self._begin))
        hooks.append(self._model.register_forward_hook(self._model_done))
        if self._loss is not None:
            hooks.append(self._loss.register_forward_hook(self._loss_done))
        for name, parameter in self._parameters.items():
            if parameter.requires_grad:
                hooks.append(parameter.register_post_accumulate_grad_hook(lambda own, name=name: self._gradient(name, own)))
        hooks.append(self._optimizer.register_step_pre_hook(self._before_update))
        hooks.append(self._optimizer.register_step_post_hook(self._after_update))
        return self._recorder

    def __exit__(self, kind, error, trace):
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        if kind is not None:
            self._recorder._leave()
        self._recorder.finish()
        if self._told is not None and self._told.unknown:
            folder = self._recorder.folder
            print(
                f"{folder}: recorded without a definition, as {self._told.unknown}; `lockstep new NAME --from {folder}` writes what was "
                "seen of it, with ?? where something is to be filled in",
                file=sys.stderr,
            )

    def _begin(self, model, inputs):
        step = self._step
        step.live = model.training and self._torch.is_grad_enabled()
        if not step.live:
            return
        if step.forward:
            raise RuntimeError(
                "the model was called twice in training mode before optimizer.step(); one call is one step: evaluate under "
                "model.eval() or torch.no_grad(), and leave gradients of several batches unrecorded"
            )
        if self._buffers is None and self._recorder._every == 1:
            # Those before the first step: the forward pass changes them.
            self._buffers = {name: _copied(buffer) for name, buffer in self._running()}
        step.forward = True
        if self._recorder._steps % self._recorder._every:
            step.live = step.kept = False
            return
        step.inputs = inputs
        step.input = _copied(inputs[0]) if len(inputs) == 1 else None

    def _layer_done(self, layer, inputs, output):
        if self._step.live:
            tensor = output if isinstance(output, self._torch.Tensor) else None
            call = _Call(layer, inputs[0] if len(inputs) == 1 else None, tensor, None if tensor is None else _copied(tensor))
            self._step.calls.append(call)
            if tensor is not None and tensor.requires_grad:
                tensor.register_hook(lambda gradient: setattr(call, "gradient", _copied(gradient)))

    def _model_done(self, model, inputs, output):
        step = self._step
        if step.live:
            step.live, step.output = False, output
            if isinstance(output, self._torch.Tensor) and output.requires_grad:
                output.register_hook(lambda gradient: setattr(step, "output_gradient", _copied(gradient)))

    def _loss_done(self, loss, inputs, result):
        # That of this step's output; others are those of rows that are looked at.
        step = self._step
        if len(inputs) == 2 and step.forward and step.kept and result.requires_grad:
            step.target = _copied(inputs[1])
            if result.numel() == 1:
                step.loss = float(result.detach())
                result.register_hook(lambda gradient: setattr(step, "scale", float(gradient)))

    def _gradient(self, name, parameter):
        if self._step.kept:
            self._step.gradients[name] = _copied(parameter.grad)

    def _running(self):
        """The running statistics of the model, as they are."""
        return ((name, buffer) for name, buffer in self._model.named_buffers() if name.split(".")[-1] in ("running_mean", "running_var"))

    def _state(self):
        """What the optimizer keeps of every parameter."""
        kept = {name: self._optimizer.state.get(parameter, {}) for name, parameter in self._parameters.items()}
        tensors = self._torch.Tensor
        kept = {
            name: {key: value for key, value in own.items() if isinstance(value, tensors) and value.shape == self._parameters[name].shape}
            for name, own in kept.items()
        }
        # A parameter without an axis would have its count of steps among them.
        return {name: {key: value for key, value in own.items() if key != "step"} for name, own in kept.items() if own} or None

    def _before_update(self, optimizer, arguments, keywords):
        step = self._step
        if not step.forward:
            why = "put the loop into the block" if self._model.training else "it is in evaluation mode: call model.train()"
            raise RuntimeError(f"optimizer.step() came before a call of the model in training mode; {why}")
        if self._told is not None and step.kept:
            self._told.updating(self._model, step, self._parameters)
        elif self._told is not None:
            self._told.passing()
        if self._recorder._names is None:
            order = None if self._told is None else self._told.order
            kept = None if self._told is None else self._told.buffers
            self._recorder.start(
                {name: self._parameters[name].detach() for name in order or self._parameters},
                buffers={name: self._buffers[name] for name in kept or self._buffers} if self._buffers else None,
            )
        self._describe()

    def _describe(self):
        """Writes the definition into the recording, as far as it is known by now."""
        if self._told is not None:
            known = {"definition": self._told.definition(), "partial": self._told.partial}
            if any(value != self._recorder._manifest.get(key) for key, value in known.items()):
                self._recorder._describe(**known)

    def _after_update(self, optimizer, arguments, keywords):
        step, self._step = self._step, _Step()
        values = {name: parameter.detach() for name, parameter in self._parameters.items()}
        state = self._state() if self._recorder._every > 1 else None
        if not step.kept:
            self._recorder.step(values, state=state)
            return
        layers = self._told.layers(step) if self._told is not None else None
        layers = layers or {}
        masks = {number: call.mask for number, call in layers.items() if call.mask is not None}
        lent = {number: call.gradient for number, call in layers.items()}
        last = max(layers, default=None)
        lent = {number: gradient for number, gradient in lent.items() if number != last}
        whole = bool(lent) and all(gradient is not None for number, gradient in lent.items() if number >= min(lent))
        batch = None if step.input is None or step.target is None else (_column(step.input), step.target)
        self._recorder.step(
            {name: values[name] for name in self._recorder._names},
            batch=batch,
            loss=step.loss,
            gradients=step.gradients if step.gradients.keys() == values.keys() else None,
            activations={number: _rows(call.copy) for number, call in layers.items()} or None,
            activation_gradients={number: _rows(gradient) for number, gradient in lent.items()} if whole else None,
            masks={number: _rows(mask) for number, mask in masks.items()} or None,
            output_gradient=None if step.output_gradient is None else _rows(step.output_gradient),
            buffers=dict(self._running()) if self._buffers else None,
            state=state,
        )


class _Call:
    """A module that was called: what it took and gave, and a copy of that from before anything changes it."""

    def __init__(self, layer, input, output, copy):
        self.layer, self.input, self.output, self.copy = layer, input, output, copy
        self.gradient = self.mask = None


class _Step:
    """What hooks saw of a step so far."""

    def __init__(self):
        self.live = self.forward = False
        self.kept = True
        self.inputs, self.calls, self.gradients = (), [], {}
        self.input = self.output = self.target = self.loss = self.output_gradient = None
        self.scale = 1.0


class _Unknown(Exception):
    """Something that has no name in an experiment."""


class _Told:
    """What a training in PyTorch says of itself in an experiment's words, as far as hooks see it."""

    def __init__(self, torch, optimizer, loss, scheduler):
        self._torch, self._optimizer, self._loss, self._scheduler = torch, optimizer, loss, scheduler
        self._known, self._places, self._rate, self._clip, self._moves = None, None, None, None, []
        self.order = self.buffers = self.unknown = None
        # Of a training that cannot be told in whole, what was seen of it.
        self.partial = None

    def definition(self):
        return None if self.unknown else copy.deepcopy(self._known)

    def updating(self, model, step, parameters):
        """Takes what shows of the definition at this step's update."""
        if self.unknown:
            return
        try:
            if self._known is None:
                self._known = self._first(model, step, parameters)
            if step.scale != 1:
                raise _Unknown(f"the loss was multiplied by {step.scale:g} before backward")
            self._scheduled()
            self._clipped(step, parameters)
        except _Unknown as unknown:
            self._unseen(str(unknown))

    def passing(self):
        """Takes what shows of the definition at the update of a step that is not recorded."""
        if self.unknown or self._known is None:
            return
        try:
            self._scheduled()
        except _Unknown as unknown:
            self._unseen(str(unknown))

    def _unseen(self, why):
        """The definition is not whole from here on; what was seen stays, with why."""
        self.unknown = why
        self.partial = self.partial or {**copy.deepcopy(self._known or {}), "missing": [why]}

    def layers(self, step):
        """The calls of a step by the number of their layer; nothing where it is not as the first one was."""
        if self._places is None or len(step.calls) != len(self._calls):
            return None
        layers, before = {}, step.input
        for place, call in zip(self._places, step.calls):
            for number in place:
                layers[number] = call
            if place and isinstance(call.layer, self._torch.nn.Dropout):
                call.mask = (call.copy != 0) | (before == 0)
            before = call.copy
        return layers

    def _first(self, model, step, parameters):
        nn, torch = self._torch.nn, self._torch
        if step.input is None:
            raise _Unknown("the model takes several inputs")
        names = {parameter: name for name, parameter in parameters.items()}
        layers, places, order, before = [], [], [], (step.inputs[0], "the input")
        missing, unseen = [], []

        def seen(look):
            """What it finds, or that it is missing, and why."""
            try:
                return look()
            except _Unknown as unknown:
                missing.append(str(unknown))
                return {"missing": str(unknown)}

        running, paths = [], {module: path for path, module in model.named_modules()}
        for call in step.calls:
            kind = type(call.layer).__name__
            called = next((name for name, module in model.named_modules() if module is call.layer), "") or kind
            layers += filter(None, [seen(lambda: self._follows(before, call.input, called))])  # noqa: B023
            two = call.input is not None and call.input.ndim == 2
            if layers and before[0] is not None and before[0].ndim > 2 and not isinstance(call.layer, nn.Flatten) and two and places:
                # x.view(len(x), -1) on the way.
                layers.append("flatten")
                places[-1].append(len(layers) - 1)
            place = []
            if not isinstance(call.layer, nn.Identity):
                layers.append(seen(lambda: _placed(nn, call, called)))  # noqa: B023
                place.append(len(layers) - 1)
            places.append(place)
            own = [names[parameter] for parameter in call.layer.parameters(recurse=False)]
            if any(name in order for name in own):
                unseen.append(f"{called} is used twice")
            order += own
            running += [
                f"{paths[call.layer]}.{name}".lstrip(".")
                for name, _ in call.layer.named_buffers(recurse=False)
                if name in ("running_mean", "running_var")
            ]
            before = (call.output, called)
        layers += filter(None, [seen(lambda: self._follows(before, step.output, "the output"))])
        left = [name for name in parameters if name not in order]
        if left:
            unseen.append(f"{left[0]} takes no part in a module of its own")
        if not all(parameter.requires_grad for parameter in parameters.values()):
            unseen.append("a parameter is frozen")
        trained = {id(parameter) for group in self._optimizer.param_groups for parameter in group["params"]}
        if trained != {id(parameter) for parameter in parameters.values()}:
            unseen.append("the optimizer does not have the model's parameters")
        dtype = "f64" if next(iter(parameters.values())).dtype == torch.float64 else "f32"
        training = {"loss": seen(lambda: self._optimized(step)), "optimizer": seen(self._rule)}
        known = {"dtype": dtype, "model": {"layers": layers}, "training": training}
        if missing or unseen:
            self.partial = {**known, "missing": unseen}
            raise _Unknown((missing + unseen)[0])
        self.order, self.buffers, self._places, self._calls = order, running, places, step.calls
        return known

    def _optimized(self, step):
        if self._loss is None or step.target is None:
            raise _Unknown("no loss was seen: loss= names the module that the loop calls")
        return _loss(self._torch.nn, self._loss, step.target)

    def _follows(self, before, tensor, called):
        output, name = before
        same = output is not None and tensor is not None and (
            tensor is output or (tensor.data_ptr() == output.data_ptr() and tensor.numel() == output.numel())
        )
        if not same:
            raise _Unknown(f"between {name} and {called} something is computed that is no module (F.relu for nn.ReLU?)")

    def _rule(self):
        optim, groups = self._torch.optim, self._optimizer.param_groups
        if len(groups) != 1:
            raise _Unknown("the optimizer has several groups of parameters")
        group = groups[0]
        keys = {
            optim.SGD: ("sgd", "momentum dampening weight_decay nesterov"),
            optim.Adam: ("adam", "betas eps weight_decay"),
            optim.AdamW: ("adamw", "betas eps weight_decay"),
            optim.RMSprop: ("rmsprop", "alpha eps weight_decay momentum centered"),
        }.get(type(self._optimizer))
        if keys is None:
            raise _Unknown(f"optim.{type(self._optimizer).__name__} is none of SGD, Adam, AdamW and RMSprop")
        other = [key for key in ("amsgrad", "maximize") if group.get(key)]
        if other or (group.get("decoupled_weight_decay") and keys[0] == "adam"):
            raise _Unknown(f"the optimizer is one with {(other or ['decoupled_weight_decay'])[0]}")
        self._rate = self._base = float(group["lr"])
        if self._scheduler is not None:
            if self._scheduler.last_epoch != 0:
                raise _Unknown("the scheduler moved before the first step")
            self._base = float(self._scheduler.base_lrs[0])
        plain = {key: list(group[key]) if key == "betas" else group[key] for key in keys[1].split()}
        return {keys[0]: {"lr": self._base, **plain}}

    def _scheduled(self):
        """The schedule, once the rate moves: after every step, or after every so many."""
        rate, scheduler = float(self._optimizer.param_groups[0]["lr"]), self._scheduler
        if scheduler is None:
            if rate != self._rate:
                raise _Unknown("the learning rate moved: scheduler= names what moves it")
            return
        self._moves.append(scheduler.last_epoch)
        moved = next((step for step, moves in enumerate(self._moves) if moves), None)
        if moved is None:
            return
        if self._moves[-1] != (len(self._moves) - 1) // moved:
            raise _Unknown("the scheduler does not move after every step, or after every so many of them")
        if self._moves[-1] == 1 and self._moves[-2] == 0:
            self._known["training"]["schedule"] = _schedule(self._torch.optim.lr_scheduler, scheduler, moved)

    def _clipped(self, step, parameters):
        """Clipping, where gradients are others than those that came out of backward."""
        torch = self._torch
        if step.gradients.keys() != parameters.keys():
            return
        pairs = [(step.gradients[name], parameter.grad.detach().cpu()) for name, parameter in parameters.items()]
        if all(torch.equal(was, now) for was, now in pairs) or not all(was.isfinite().all() for was, _ in pairs):
            return
        was, now = (torch.cat([pair[side].flatten().double() for pair in pairs]) for side in (0, 1))
        norm, largest = float(was.norm()), float(now.abs().max())
        share = float((was @ now) / (was @ was))
        if torch.allclose(now, share * was, rtol=1e-5, atol=1e-30):
            found = {"norm": float(f"{share * (norm + 1e-6):.5g}")}
        elif torch.allclose(now, was.clamp(-largest, largest), rtol=1e-6, atol=0):
            found = {"value": float(f"{largest:.6g}")}
        else:
            raise _Unknown("gradients were changed between backward and step, and not by clipping")
        if self._clip not in (None, found):
            raise _Unknown("gradients were clipped otherwise from step to step")
        self._clip = self._known["training"]["clip"] = found


def _placed(nn, call, called):
    """The layer of a call, which has rows and columns behind it."""
    layer = _layer(nn, call.layer)
    if not isinstance(call.layer, nn.Embedding) and call.output is not None and call.output.ndim != 2:
        raise _Unknown(f"{called} puts out {call.output.ndim} axes, where layers have rows and columns")
    return layer


def _copied(tensor):
    return tensor.detach().to("cpu", copy=True)


def _rows(tensor):
    return tensor.reshape(len(tensor), -1)


def _column(tensor):
    return tensor.reshape(len(tensor), 1) if tensor.ndim == 1 else tensor


def _layer(nn, module):
    """A module of torch.nn in an experiment's words."""

    def needs(condition, what):
        if not condition:
            raise _Unknown(f"nn.{type(module).__name__} with {what} has no name in an experiment")

    kind = type(module)
    if kind in (nn.Embedding, nn.EmbeddingBag):
        needs(module.padding_idx is None, "padding_idx")
        needs(module.max_norm is None, "max_norm")
        needs(not module.scale_grad_by_freq, "scale_grad_by_freq")
        size = {"words": module.num_embeddings, "columns": module.embedding_dim}
        if kind is nn.Embedding:
            return {"embedding": size}
        needs(module.mode in ("mean", "sum"), f"mode {module.mode}")
        return {"embedding-bag": {**size, "mode": module.mode}}
    if kind is nn.LayerNorm:
        needs(len(module.normalized_shape) == 1, "several axes")
        needs((module.weight is None) == (module.bias is None), "a weight and no bias")
        return {"layer-norm": {"eps": module.eps, "affine": module.weight is not None}}
    if kind is nn.BatchNorm1d:
        needs(module.track_running_stats and module.momentum is not None, "running statistics of its own kind")
        return {"batch-norm": {"eps": module.eps, "momentum": module.momentum, "affine": module.affine}}
    if kind in (nn.Softmax, nn.LogSoftmax):
        axis = {None: 1, -1: 1, -2: 0}.get(module.dim, module.dim)
        return {"softmax" if kind is nn.Softmax else "log-softmax": {"axis": axis}}
    of_kind = {
        nn.Linear: lambda: {"linear": {"outputs": module.out_features, "bias": module.bias is not None}},
        nn.ReLU: lambda: "relu",
        nn.Sigmoid: lambda: "sigmoid",
        nn.Tanh: lambda: "tanh",
        nn.SiLU: lambda: "silu",
        nn.LeakyReLU: lambda: {"leaky-relu": {"slope": module.negative_slope}},
        nn.GELU: lambda: {"gelu": {"approximate": module.approximate}},
        nn.Softplus: lambda: {"softplus": {"beta": module.beta, "threshold": module.threshold}},
        nn.Dropout: lambda: {"dropout": {"p": module.p}},
        nn.Flatten: lambda: "flatten",
    }.get(kind)
    if of_kind is None:
        raise _Unknown(f"{kind.__name__} has no name in an experiment")
    return of_kind()


def _loss(nn, loss, target):
    """A loss of torch.nn in an experiment's words."""
    kind, weight = type(loss), getattr(loss, "weight", None)
    named = {
        nn.MSELoss: ("mse", {}),
        nn.L1Loss: ("l1", {}),
        nn.HuberLoss: ("huber", {"delta": "delta"}),
        nn.SmoothL1Loss: ("smooth-l1", {"beta": "beta"}),
        nn.CrossEntropyLoss: ("cross-entropy", {"label_smoothing": "label_smoothing"}),
        nn.NLLLoss: ("nll", {}),
        nn.BCELoss: ("bce", {}),
        nn.BCEWithLogitsLoss: ("bce-with-logits", {}),
    }.get(kind)
    if named is None or loss.reduction == "none":
        raise _Unknown(f"{kind.__name__} with reduction {getattr(loss, 'reduction', None)!r} has no name in an experiment")
    settings = {"reduction": loss.reduction, **{key: getattr(loss, own) for key, own in named[1].items()}}
    if named[0] in ("cross-entropy", "nll"):
        if weight is not None:
            settings["weights"] = weight.tolist()
        if target.is_floating_point():
            settings["probabilities"] = True
        elif (target == loss.ignore_index).any():
            raise _Unknown("rows are left out by ignore_index")
    elif weight is not None:
        raise _Unknown(f"{kind.__name__} has a weight for each row")
    positive = getattr(loss, "pos_weight", None)
    if positive is not None:
        if positive.numel() != 1:
            raise _Unknown("BCEWithLogitsLoss has several pos_weights")
        settings["positive_weight"] = float(positive)
    return {named[0]: settings}


def _schedule(schedulers, scheduler, every):
    """A scheduler that moves after so many steps, as a schedule that moves every step."""
    kind = type(scheduler)
    if kind is schedulers.StepLR:
        return {"step": {"size": scheduler.step_size * every, "gamma": scheduler.gamma, "every": "step"}}
    if kind is schedulers.ExponentialLR and every > 1:
        return {"step": {"size": every, "gamma": scheduler.gamma, "every": "step"}}
    if every == 1:
        of_kind = {
            schedulers.ExponentialLR: lambda: {"exponential": {"gamma": scheduler.gamma}},
            schedulers.CosineAnnealingLR: lambda: {"cosine": {"length": scheduler.T_max, "minimum": scheduler.eta_min}},
            schedulers.LinearLR: lambda: {
                "warm-up": {"start": scheduler.start_factor, "end": scheduler.end_factor, "length": scheduler.total_iters}
            },
        }.get(kind)
        if of_kind is not None:
            [(name, settings)] = of_kind().items()
            return {name: {**settings, "every": "step"}}
    raise _Unknown(f"{kind.__name__} that moves every {every} steps has no name in an experiment")


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


def _close(files, folder, whole=True):
    for file in files.values():
        file.close()
    files.clear()
    try:
        if whole:
            (folder / "complete").touch()
        (folder / ".lock").unlink()
    except OSError:
        pass


def _first_weights(folder):
    """The kinds and the first weights of a recording's parameters, by name."""
    kinds = json.loads((folder / "manifest.json").read_text())["parameters"]
    weights = folder / ("before" if (folder / "step.npy").exists() and any((folder / "before").glob("*.npy")) else "parameter")
    return kinds, {name: numpy.load(weights / f"{name}.npy")[0] for name in kinds}


def _state(state):
    """Copies of what an optimizer keeps, by the parameter's name and by PyTorch's."""
    copies = {}
    for name, own in state.items():
        for key in own:
            if not isinstance(key, str) or not key.isidentifier():
                raise ValueError(f"what an optimizer keeps is named as in PyTorch, momentum_buffer or exp_avg; found {key!r}")
        copies[str(name)] = {key: numpy.array(_array(f"state {name} {key}", value)) for key, value in own.items()}
    return copies


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
    elif value.dtype.itemsize not in (4, 8):
        raise TypeError(f"{name} is of type {value.dtype}; what is recorded is float32 or float64")
    elif value.dtype.byteorder == ">":
        value = value.astype(value.dtype.newbyteorder("<"))
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
