//! The folder of a run's results: this process's alone while it writes, and never a mixture of two runs.
//!
//! What a run makes stands in `unfinished` until all of it is there; then it takes the place of an earlier run's. Whenever a
//! process is killed, the earlier verdict is intact or the new one is whole.

use super::plots;
use crate::{
    error::{Error, Result},
    file::write::PART,
    run::CHECKPOINT_FILES,
};
use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// Where results stand until all are there.
pub const UNFINISHED: &str = "unfinished";

/// The folder of checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";

/// The files that are no plots, the verdict first.
pub(super) const FILES: [&str; 3] = ["verdict.json", "report.md", "steps.csv"];

/// A folder that no other process writes into.
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes sure that a folder is there, can be written and is nobody else's, before anything runs for it.
    ///
    /// # Errors
    /// If it cannot be made or written, or another process writes into it.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error| Error::io(path, "cannot write to the output folder; choose another with --out", error);
        fs::create_dir_all(path).map_err(failed)?;
        let lock = File::open(path).map_err(failed)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let why = "another lockstep is writing into it; wait for it to end";
                return Err(failed(io::Error::new(ErrorKind::ResourceBusy, why)));
            }
            // A file system without locks is no reason not to write.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        tidy(path);
        let probe = path.join(format!(".{}.lockstep-part", std::process::id()));
        fs::write(&probe, []).and_then(|()| fs::remove_file(&probe)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The empty folder for what a run makes until all of it is there; what a killed run has left in it goes.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn begin(&self) -> Result<PathBuf> {
        let unfinished = self.path.join(UNFINISHED);
        let failed = |error| Error::io(&unfinished, "cannot be made anew", error);
        take_away(&unfinished).and_then(|()| fs::create_dir(&unfinished)).map_err(failed)?;
        Ok(unfinished)
    }

    /// Puts what a run has made in the place of an earlier run's: the verdict first, so that whatever happens there is a whole
    /// one. What the earlier run had and this one has not goes.
    ///
    /// # Errors
    /// If something cannot be moved.
    pub fn commit(&self) -> Result<()> {
        let unfinished = self.path.join(UNFINISHED);
        let failed = |error| Error::io(&self.path, "cannot put the new results in the place of earlier ones", error);
        for name in FILES.map(str::to_owned).into_iter().chain(plots::all_names()) {
            let new = unfinished.join(&name);
            if new.exists() {
                fs::rename(&new, self.path.join(&name)).map_err(failed)?;
            } else {
                absent_is_fine(fs::remove_file(self.path.join(&name))).map_err(failed)?;
            }
        }
        self.replace_checkpoints(&unfinished).map_err(failed)?;
        take_away(&unfinished).map_err(failed)
    }

    /// Takes away `unfinished` where nothing is in it.
    pub fn abandon(&self) {
        let _ = fs::remove_dir(self.path.join(UNFINISHED));
    }

    /// Of checkpoints only what a run writes goes: files that someone has put there stay.
    fn replace_checkpoints(&self, unfinished: &Path) -> io::Result<()> {
        let (earlier, new) = (self.path.join(CHECKPOINTS), unfinished.join(CHECKPOINTS));
        if fs::symlink_metadata(&earlier).is_ok_and(|about| about.is_symlink()) {
            fs::remove_file(&earlier)?;
        }
        for step in fs::read_dir(&earlier).into_iter().flatten().flatten() {
            if step.file_name().to_string_lossy().starts_with("step-") && step.file_type()?.is_dir() {
                CHECKPOINT_FILES.iter().try_for_each(|name| absent_is_fine(fs::remove_file(step.path().join(name))))?;
                let _ = fs::remove_dir(step.path());
            }
        }
        let _ = fs::remove_dir(&earlier);
        if !new.exists() {
            return Ok(());
        }
        fs::create_dir_all(&earlier)?;
        for step in fs::read_dir(&new)? {
            let step = step?;
            let folder = earlier.join(step.file_name());
            fs::create_dir_all(&folder)?;
            for file in fs::read_dir(step.path())? {
                let file = file?;
                fs::rename(file.path(), folder.join(file.file_name()))?;
            }
        }
        Ok(())
    }
}

/// Takes away a folder with all that is in it, or a link in its place, whose goal stays.
fn take_away(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => absent_is_fine(Err(error)),
    }
}

/// Takes away what killed processes left half written in a folder that is this process's alone.
fn tidy(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(PART)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn new_results_take_the_place_of_earlier_ones_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["verdict.json", "loss.svg", "held-out.svg", "checkpoints/step-9/reference.npz"] {
            put(&at(name), "earlier");
        }
        for name in ["mine.txt", "checkpoints/step-9/mine.txt", "elsewhere/loss.svg"] {
            put(&at(name), "mine");
        }
        put(&at(&format!(".verdict.json.1-0{PART}")), "left by a killed process");
        let own = Folder::open(folder.path()).unwrap();
        let unfinished = own.begin().unwrap();
        put(&unfinished.join("checkpoints/step-0/reference.npz"), "new");
        for name in ["verdict.json", "report.md", "loss.svg"] {
            put(&unfinished.join(name), "new");
        }
        assert_eq!(fs::read_to_string(at("verdict.json")).unwrap(), "earlier", "intact while a run goes on");
        own.commit().unwrap();
        for name in ["verdict.json", "report.md", "loss.svg", "checkpoints/step-0/reference.npz"] {
            assert_eq!(fs::read_to_string(at(name)).unwrap(), "new", "{name}");
        }
        let left = format!(".verdict.json.1-0{PART}");
        for name in ["held-out.svg", "checkpoints/step-9/reference.npz", UNFINISHED, &left] {
            assert!(!at(name).exists(), "{name}");
        }
        for name in ["mine.txt", "checkpoints/step-9/mine.txt", "elsewhere/loss.svg"] {
            assert_eq!(fs::read_to_string(at(name)).unwrap(), "mine", "{name}");
        }
    }

    #[test]
    fn links_in_the_place_of_results_are_replaced_and_not_followed() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(&other.path().join("step-1/reference.npz"), "mine");
        put(&other.path().join("verdict.json"), "mine");
        for (name, goal) in [(UNFINISHED, ""), (CHECKPOINTS, ""), ("verdict.json", "verdict.json")] {
            std::os::unix::fs::symlink(other.path().join(goal), folder.path().join(name)).unwrap();
        }
        let own = Folder::open(folder.path()).unwrap();
        let unfinished = own.begin().unwrap();
        put(&unfinished.join("verdict.json"), "new");
        put(&unfinished.join("checkpoints/step-1/reference.npz"), "new");
        own.commit().unwrap();
        for name in ["step-1/reference.npz", "verdict.json"] {
            assert_eq!(fs::read_to_string(other.path().join(name)).unwrap(), "mine", "{name}");
        }
        assert_eq!(fs::read_to_string(folder.path().join("checkpoints/step-1/reference.npz")).unwrap(), "new");
    }

    #[test]
    fn two_do_not_write_into_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let own = Folder::open(folder.path()).unwrap();
        let error = Folder::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("another lockstep is writing into it"), "{error}");
        drop(own);
        assert!(Folder::open(folder.path()).is_ok());
    }
}
