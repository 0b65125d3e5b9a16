//! A batch that is kept.

use super::{Batch, Inputs, Sparse};
use crate::tensor::{DType, Owned, Shape, Values, View};

/// A copy of a batch, in a type of its own, whose memory the next one uses again.
pub struct OwnedBatch {
    inputs: Owned, // [rows, columns], or what is not 0 of it
    input_shape: Shape,
    sparse: Option<Places>,
    targets: (Owned, Shape),
    masks: Vec<(Owned, Shape)>,
    training: bool,
    step: usize,
    epoch: usize,
}

/// Where rows that are mostly zeros have other numbers.
#[derive(Default)]
struct Places {
    starts: Vec<usize>, // [rows + 1]
    columns: Vec<u32>,
}

impl OwnedBatch {
    /// No rows yet.
    pub fn new(dtype: DType) -> Self {
        let none = || (Owned::new(dtype), Shape::new(&[0]));
        let ((inputs, input_shape), targets) = (none(), none());
        Self { inputs, input_shape, sparse: None, targets, masks: Vec::new(), training: true, step: 0, epoch: 0 }
    }

    /// Takes a batch in the place of the one before.
    pub fn take(&mut self, batch: &Batch<'_>) {
        let dtype = self.inputs.values().dtype();
        let take = |(own, shape): &mut (Owned, Shape), lent: View<'_>| {
            own.assign(lent.values);
            *shape = lent.shape;
        };
        take(&mut self.targets, batch.targets);
        self.masks.resize_with(batch.masks.len(), || (Owned::new(dtype), Shape::new(&[])));
        self.masks.iter_mut().zip(batch.masks).for_each(|(own, mask)| take(own, *mask));
        (self.training, self.step, self.epoch) = (batch.training, batch.step, batch.epoch);
        self.input_shape = batch.inputs.shape();
        match batch.inputs {
            Inputs::Dense(view) => {
                self.sparse = None;
                self.inputs.assign(view.values);
            }
            Inputs::Sparse(Sparse { starts, columns, values, .. }) => {
                let own = self.sparse.get_or_insert_default();
                starts.clone_into(&mut own.starts);
                columns.clone_into(&mut own.columns);
                self.inputs.assign(values);
            }
        }
    }

    /// The inputs, to change: of sparse rows what is not 0.
    pub fn inputs_mut(&mut self) -> &mut Owned {
        &mut self.inputs
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.input_shape.first().copied().unwrap_or_default()
    }

    /// Lends it.
    pub fn lend<R>(&self, then: impl FnOnce(&Batch<'_>) -> R) -> R {
        let values = self.inputs.values();
        let inputs = match &self.sparse {
            None => Inputs::Dense(View { shape: self.input_shape, values }),
            Some(Places { starts, columns }) => {
                Inputs::Sparse(Sparse { width: self.input_shape[1], starts, columns, values })
            }
        };
        let masks: Vec<View<'_>> = self.masks.iter().map(|(own, shape)| own.view(*shape)).collect();
        then(&self.with(inputs, self.targets.0.view(self.targets.1), &masks))
    }

    /// Lends one row of it as a batch.
    pub fn lend_row<R>(&self, row: usize, then: impl FnOnce(&Batch<'_>) -> R) -> R {
        let ends;
        let values = self.inputs.values();
        let inputs = match &self.sparse {
            None => Inputs::Dense(part(values, self.input_shape, row)),
            Some(Places { starts, columns }) => {
                let range = starts[row]..starts[row + 1];
                ends = [0, range.len()];
                let (columns, values) = (&columns[range.clone()], values.part(range));
                Inputs::Sparse(Sparse { width: self.input_shape[1], starts: &ends, columns, values })
            }
        };
        let masks: Vec<View<'_>> = self.masks.iter().map(|(own, shape)| part(own.values(), *shape, row)).collect();
        then(&self.with(inputs, part(self.targets.0.values(), self.targets.1, row), &masks))
    }

    fn with<'a>(&self, inputs: Inputs<'a>, targets: View<'a>, masks: &'a [View<'a>]) -> Batch<'a> {
        Batch { inputs, targets, masks, training: self.training, step: self.step, epoch: self.epoch }
    }
}

/// One row of a tensor: `[1, …]`.
fn part(values: Values<'_>, shape: Shape, row: usize) -> View<'_> {
    let mut sizes = shape.to_vec();
    sizes[0] = 1;
    let shape = Shape::new(&sizes);
    let elements = shape.elements();
    View { shape, values: values.part(row * elements..(row + 1) * elements) }
}
