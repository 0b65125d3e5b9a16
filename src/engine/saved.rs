//! What an engine holds, kept and given back.

use super::Engine;
use crate::{
    error::{Error, Result},
    tensor::Owned,
};

/// Copies of an engine's tensors, in its own type. The state of its optimizer is not among them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Saved(pub Vec<Owned>);

impl Saved {
    /// What an engine holds now.
    pub fn of(engine: &dyn Engine) -> Self {
        let mut saved = Self::default();
        saved.take(engine);
        saved
    }

    /// Takes what an engine holds now in the place of what was kept before.
    pub fn take(&mut self, engine: &dyn Engine) {
        self.0.resize_with(engine.tensors().len(), Owned::default);
        self.0.iter_mut().enumerate().for_each(|(index, own)| own.copy(engine.tensor(index).values));
    }

    /// Gives an engine back what was its own.
    ///
    /// # Errors
    /// If it was another engine's.
    pub fn give(&self, engine: &mut dyn Engine) -> Result<()> {
        let shapes: Vec<_> = engine.tensors().iter().map(|tensor| tensor.shape).collect();
        if self.0.len() != shapes.len() {
            return Err(Error::Engine {
                engine: engine.describe().name,
                operation: "restore weights".to_owned(),
                message: format!("takes {} tensors, was given {}", shapes.len(), self.0.len()),
            });
        }
        let mut all = self.0.iter().zip(shapes).enumerate();
        all.try_for_each(|(index, (own, shape))| engine.load(index, own.view(shape)))
    }
}
