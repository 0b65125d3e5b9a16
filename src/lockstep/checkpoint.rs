//! Weights on disk while a run goes on: one `.npz` for each side, with `state_dict` names, that `numpy.load` reads and
//! `init = { file = … }` starts from.

use super::{Observer, RunMode, Runner, StepEvent};
use crate::{
    error::{Error, Result},
    tensor::{Values, View},
    training::Every,
};
use ndarray::{ArrayViewD, IxDyn};
use ndarray_npy::NpzWriter;
use std::{
    fs::{self, File},
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// Writes the weights of every side where it is their turn.
pub struct Checkpoints {
    folder: PathBuf,
    every: Every,
    steps_per_epoch: usize,
    /// Why nothing more is written.
    pub failed: Option<Error>,
}

impl Checkpoints {
    /// Checkpoints below `folder`, as `step-100/reference.npz`, of epochs of so many steps.
    pub fn new(folder: PathBuf, every: Every, steps_per_epoch: usize) -> Self {
        Self { folder, every, steps_per_epoch, failed: None }
    }

    fn write(&self, event: &StepEvent<'_>) -> Result<()> {
        let folder = self.folder.join(format!("step-{}", event.step + 1));
        let failed = |error| Error::io(&folder, "cannot make the folder of a checkpoint", error);
        fs::create_dir_all(&folder).map_err(failed)?;
        save(&folder.join("reference.npz"), event.reference_runner)?;
        for (mode, runner) in event.candidates {
            let name = match mode {
                RunMode::Free => "candidate.npz",
                RunMode::Sync => "candidate-synced.npz",
            };
            save(&folder.join(name), runner)?;
        }
        Ok(())
    }
}

impl Observer for Checkpoints {
    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        if self.failed.is_none() && self.every.is_due(event.step, self.steps_per_epoch) {
            self.failed = self.write(event).err();
        }
        ControlFlow::Continue(())
    }
}

/// Writes what an engine holds beside `path` and renames it into place.
fn save(path: &Path, runner: &Runner) -> Result<()> {
    let part = path.with_extension("npz.part");
    let failed = |error: io::Error| Error::io(path, "cannot write a checkpoint; is there space?", error);
    let written = || -> std::result::Result<(), ndarray_npy::WriteNpzError> {
        let mut archive = NpzWriter::new(File::create(&part).map_err(ndarray_npy::WriteNpyError::Io)?);
        for (name, View { shape, values }) in runner.state() {
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
        archive.finish().map(drop)
    };
    let renamed = written().map_err(io::Error::other).and_then(|()| fs::rename(&part, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&part);
    }
    renamed.map_err(failed)
}
