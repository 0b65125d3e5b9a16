//! A parameter that is never updated. Phase update.

use super::Engine;
use crate::{error::Result, tensor::Owned};

/// An engine, one of whose parameters stays as it is loaded.
pub(super) struct Frozen {
    inner: Box<dyn Engine>,
    parameter: usize,
    kept: Owned, // the parameter's shape
}

impl Frozen {
    pub(super) fn new(inner: Box<dyn Engine>, parameter: usize) -> Self {
        let kept = Owned::new(inner.describe().dtype);
        Self { inner, parameter, kept }
    }
}

impl Engine for Frozen {
    inner! {
        describe set_threads supports tensors load forward loss backward tensor gradient activation
        output_gradient activation_gradient
    }

    fn update(&mut self) -> Result<()> {
        let view = self.inner.tensor(self.parameter);
        let shape = view.shape;
        self.kept.assign(view.values);
        self.inner.update()?;
        self.inner.load(self.parameter, self.kept.view(shape))
    }
}
