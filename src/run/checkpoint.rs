//! Weights on disk while a run goes on: one `.npz` for each side, with `state_dict` names, that `numpy.load` reads and
//! `init = { file = … }` starts from.

use super::{Observer, RunMode, Runner, StepEvent};
use crate::{
    error::{Error, Result},
    file,
    tensor::{Values, View},
    training::Every,
};
use ndarray::{ArrayViewD, IxDyn};
use ndarray_npy::{NpzWriter, WriteNpzError};
use std::{
    fs,
    io::{self, Cursor},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// The files of a checkpoint: the reference's, the free candidate's and the synced one's.
pub const CHECKPOINT_FILES: [&str; 3] = ["reference.npz", "candidate.npz", "candidate-synced.npz"];

/// Writes the weights of every side where it is their turn.
pub struct Checkpoints {
    folder: PathBuf,
    every: Every,
    steps_per_epoch: usize,
    /// Why nothing more is written.
    pub failed: Option<Error>,
}

impl Checkpoints {
    /// Checkpoints below `folder`, as `step-100/reference.npz`, of epochs of so many steps; `step-0` is what the sides start
    /// from.
    pub fn new(folder: PathBuf, every: Every, steps_per_epoch: usize) -> Self {
        Self { folder, every, steps_per_epoch, failed: None }
    }

    /// Writes every side's weights, those that they hold after so many steps.
    fn write(&mut self, steps: usize, event: &StepEvent<'_>) {
        if self.failed.is_none() {
            self.failed = self.written(steps, event).err();
        }
    }

    fn written(&self, steps: usize, event: &StepEvent<'_>) -> Result<()> {
        let folder = self.folder.join(format!("step-{steps}"));
        let failed = |error| Error::io(&folder, "cannot make the folder of a checkpoint", error);
        fs::create_dir_all(&folder).map_err(failed)?;
        let save = |name: &str, side: &Runner| match steps {
            0 => save(&folder.join(name), side.state_before()),
            _ => save(&folder.join(name), side.state()),
        };
        let [reference, free, synced] = CHECKPOINT_FILES;
        save(reference, event.reference_runner)?;
        event.candidates.iter().try_for_each(|(mode, side)| match mode {
            RunMode::Free => save(free, side),
            RunMode::Sync => save(synced, side),
        })
    }
}

impl Observer for Checkpoints {
    fn computed(&mut self, event: &StepEvent<'_>) -> bool {
        if event.step == 0 && event.part.number == 0 && event.compared {
            self.write(0, event);
        }
        false
    }

    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        if self.every.is_due(event.step, self.steps_per_epoch) {
            self.write(event.step + 1, event);
        }
        ControlFlow::Continue(())
    }
}

/// Writes what a side holds.
fn save<'a>(path: &Path, state: impl Iterator<Item = (&'a str, View<'a>)>) -> Result<()> {
    // In memory: an archive that cannot be written to a disk says so on stderr, beside our own error.
    let archive = || -> std::result::Result<Vec<u8>, WriteNpzError> {
        let mut archive = NpzWriter::new(Cursor::new(Vec::new()));
        for (name, View { shape, values }) in state {
            let sizes = IxDyn(&shape);
            match values {
                Values::F32(values) => {
                    ArrayViewD::from_shape(sizes, values).map(|array| archive.add_array(name, &array))
                }
                Values::F64(values) => {
                    ArrayViewD::from_shape(sizes, values).map(|array| archive.add_array(name, &array))
                }
            }
            .unwrap_or(Ok(()))?;
        }
        archive.finish().map(Cursor::into_inner)
    };
    let bytes = archive().map_err(|error| Error::io(path, "cannot be made", io::Error::other(error)))?;
    file::whole(path, &bytes)
}
