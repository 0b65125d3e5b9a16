"""What the programs of all cases share: how much is recorded, in which type, from which seed, and into which folder.

    KEEP   all (default): weights, loss, gradients, activations and the gradient in the outputs
           gradients: weights, loss and gradients; weights: weights and loss
    DTYPE  f64 (default) or f32: what the program computes in
    SEED   0 (default): of its data and first weights

The folder is the program's first argument, `run` by default.
"""

import os
import pathlib
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from lockstep_parity import Recorder  # noqa: E402

KEEP = os.environ.get("KEEP", "all")
dtype = {"f64": np.float64, "f32": np.float32}[os.environ.get("DTYPE", "f64")]
random = np.random.default_rng(int(os.environ.get("SEED", "0")))


class Record(Recorder):
    """A recorder that leaves out what KEEP does not name."""

    def __init__(self, layout=None):
        super().__init__(sys.argv[1] if len(sys.argv) > 1 else "run", layout=layout)

    def step(self, weights, *, batch, loss, gradients, activations, output_gradient):
        more = {}
        if KEEP != "weights":
            more["gradients"] = gradients
        if KEEP == "all":
            more.update(activations=activations, output_gradient=output_gradient)
        super().step(weights, batch=batch, loss=loss, **more)
