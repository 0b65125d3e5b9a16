//! What a kind of work takes at least, counted from the model: floating-point operations of its products, and bytes
//! that have to move between memory and processor.
//!
//! With P parameters, n rows, and layers that are not fused with each other, each array once per use:
//! forward reads inputs and parameters and writes every layer's output, which the next layer reads; the loss reads
//! outputs and targets; backward reads inputs, outputs and parameters (but for those of the first layer that has any,
//! where no gradient goes further), writes and reads the gradient in every output and writes P gradients; the update
//! reads these, and reads and writes parameters and the optimizer's state: 3P for SGD, 5P with momentum or RMSprop, 7P
//! for Adam. A fused step neither writes nor reads the P gradients.
//!
//! A product of n rows with an `[out, in]` weight takes 2·n·in·out operations, of sparse inputs 2·out for each value
//! that is held; backward takes it twice, but only once where no gradient goes further. Nothing else is counted:
//! activations and updates are bound by memory.

use super::worker::Work;
use crate::{
    experiment::Side,
    model::{Layer, Model},
    tensor::DType,
    training::{Optimizer, RmsProp},
};
use serde::{Deserialize, Serialize};

/// What a kind of work takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// Floating-point operations of products.
    pub operations: f64,
    /// Bytes that are read or written.
    pub bytes: f64,
    /// Bytes of all that is touched, each array once: what a cache has to hold for none of them to come from memory.
    pub held: f64,
}

/// What a batch is for counting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Given {
    /// Rows.
    pub(super) rows: usize,
    /// Values of the inputs that are held: rows × columns of dense ones.
    pub(super) values: usize,
    /// Whether inputs are sparse, so that each value comes with the number of its column.
    pub(super) sparse: bool,
    /// Target columns.
    pub(super) targets: usize,
}

impl Counted {
    /// Counts a kind of work of a side on a batch.
    pub(super) fn new(work: Work, side: &Side, given: Given) -> Self {
        let model = &side.model;
        let size = if side.dtype == DType::F32 { 4.0 } else { 8.0 };
        let rows = given.rows as f64;
        let widths: f64 = rows * model.widths().iter().sum::<usize>() as f64;
        let outputs = rows * model.outputs() as f64;
        let parameters = parameters(model);
        let behind = parameters - first_parameters(model);
        let inputs = given.values as f64 * if given.sparse { 2.0 } else { 1.0 };
        let (product, onwards) = products(model, given);
        let state = state(&side.training.optimizer);

        let forward = inputs + parameters + 2.0 * widths - outputs;
        let loss = outputs + rows * given.targets as f64;
        let backward = inputs + widths + behind + 2.0 * widths + parameters;
        let update = (3.0 + 2.0 * state) * parameters;
        let onward = 2.0 * product + onwards;
        let (operations, numbers) = match work {
            Work::Forward | Work::Whole | Work::Batches | Work::Rows => (product, forward),
            Work::Loss => (0.0, loss),
            Work::Backward => (onward - product, backward),
            Work::Update => (0.0, update),
            Work::Step => (onward, forward + loss + backward + update),
            Work::Fused => (onward, forward + loss + backward + update - 2.0 * parameters),
        };
        // Of a phase all that its step touches, as the others have their turn in between.
        let held = match work {
            Work::Whole | Work::Batches | Work::Rows => inputs + parameters + widths,
            Work::Fused => inputs + (1.0 + state) * parameters + 2.0 * widths,
            Work::Forward | Work::Loss | Work::Backward | Work::Update | Work::Step => {
                inputs + (2.0 + state) * parameters + 2.0 * widths
            }
        };
        Self { operations, bytes: size * numbers, held: size * held }
    }
}

/// Numbers that are trained.
pub(super) fn parameters(model: &Model) -> f64 {
    model.parameters().iter().map(|parameter| parameter.shape.elements()).sum::<usize>() as f64
}

/// Those of the first layer that has any.
fn first_parameters(model: &Model) -> f64 {
    let own = |layer: &Layer| layer.facts().parameters.iter().map(|(_, shape)| shape.elements()).sum::<usize>();
    model.layers.iter().map(own).find(|&own| own > 0).unwrap_or_default() as f64
}

/// Operations of the products of a forward pass, and of those that send gradients on to earlier layers.
fn products(model: &Model, given: Given) -> (f64, f64) {
    let (mut product, mut onwards, mut trained) = (0.0, 0.0, false);
    for (index, layer) in model.layers.iter().enumerate() {
        if let Layer::Linear(linear) = layer {
            let values = if index == 0 { given.values } else { given.rows * linear.inputs };
            let operations = 2.0 * values as f64 * linear.outputs as f64;
            product += operations;
            onwards += if trained { operations } else { 0.0 };
        }
        trained |= !layer.facts().parameters.is_empty();
    }
    (product, onwards)
}

/// Numbers of state for each parameter.
fn state(optimizer: &Optimizer) -> f64 {
    match optimizer {
        Optimizer::Sgd(sgd) => f64::from(u8::from(sgd.momentum != 0.0)),
        Optimizer::Adam(_) => 2.0,
        Optimizer::RmsProp(RmsProp { momentum, centered, .. }) => {
            1.0 + f64::from(u8::from(*momentum != 0.0) + u8::from(*centered))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Experiment;
    use std::path::Path;

    fn counted(work: Work, optimizer: &str, given: Given) -> Counted {
        let text = format!(
            "data = {{ kind = 'regression', rows = 10, inputs = 3, outputs = 2 }}\n\
             model.layers = [{{ linear = {{ outputs = 4 }} }}, 'relu', {{ linear = {{ outputs = 2, bias = false }} \
             }}]\n\
             training = {{ loss = 'mse', optimizer = {{ {optimizer} }}, steps = 1 }}"
        );
        let experiment = Experiment::parse(&text, "counted", Path::new(""), &[]).unwrap();
        Counted::new(work, &experiment.candidate, given)
    }

    /// Counted by hand: 3-4-2 with ten rows; weights 12 and 8, a bias of 4; outputs 40, 40 and 20.
    #[test]
    fn operations_and_bytes_are_those_counted_by_hand() {
        let given = Given { rows: 10, values: 30, sparse: false, targets: 2 };
        let of = |work| counted(work, "sgd = { lr = 1 }", given);
        let forward = of(Work::Forward);
        assert_eq!(forward.operations, (2 * 10 * (3 * 4 + 4 * 2)) as f64);
        assert_eq!(forward.bytes, 4.0 * (30.0 + 24.0 + 40.0 + 40.0 + 40.0 + 40.0 + 20.0));
        let step = of(Work::Step);
        // Weight gradients as forward; the gradient in the inputs of the second product alone.
        assert_eq!(step.operations, (2 * 400 + 2 * 10 * 4 * 2) as f64);
        let backward = 30.0 + 100.0 + 8.0 + 200.0 + 24.0;
        assert_eq!(step.bytes, forward.bytes + 4.0 * (20.0 + 20.0 + backward + 3.0 * 24.0));
        let phases = Work::PHASES.map(of);
        let sums: (f64, f64) = phases.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.operations, sum.1 + one.bytes));
        assert_eq!(sums, (step.operations, step.bytes));
        assert_eq!(of(Work::Fused).bytes, step.bytes - 4.0 * 2.0 * 24.0);
        assert_eq!(of(Work::Fused).held, step.held - 4.0 * 24.0);
    }

    #[test]
    fn state_and_sparse_inputs_count() {
        let dense = Given { rows: 10, values: 30, sparse: false, targets: 2 };
        let per_parameter = |optimizer| {
            let of = |work| counted(work, optimizer, dense).bytes;
            of(Work::Update) / (4.0 * 24.0)
        };
        let found = [
            "sgd = { lr = 1 }",
            "sgd = { lr = 1, momentum = 0.9 }",
            "adam = {}",
            "rmsprop = {}",
            "rmsprop = { centered = true, momentum = 0.1 }",
        ]
        .map(per_parameter);
        assert_eq!(found, [3.0, 5.0, 7.0, 5.0, 9.0]);
        let sparse = counted(Work::Forward, "adam = {}", Given { values: 7, sparse: true, ..dense });
        assert_eq!(sparse.operations, (2 * 7 * 4 + 2 * 10 * 4 * 2) as f64);
        assert_eq!(counted(Work::Forward, "adam = {}", dense).bytes - sparse.bytes, 4.0 * (30.0 - 14.0));
    }
}
