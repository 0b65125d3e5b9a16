//! What a side is given at each step: the rows, its targets as its loss takes them, its dropout masks.

use super::{Masks, RunSide};
use crate::{
    data::{
        Batch,
        columns::DTypes,
        loader::Loader,
        order::{Last, Order, Place, Shuffle},
        set::{DataSet, Which},
    },
    error::Result,
    experiment::Experiment,
    tensor::{DType, View},
    training::{Fault, Maker, OfData},
};
use std::{ops::Range, sync::Arc};

/// The batches of one side, or of both where nothing differs in them.
pub struct Batches {
    loader: Loader,
    /// The same rows with targets as the definition's loss takes them, where that is another form.
    defined: Option<Loader>,
    masks: Masks,
    /// The numbers of the steps, where a recording has gaps between them.
    numbers: Option<Arc<[usize]>>,
    /// The number of the step whose batch is lent.
    step: usize,
    /// Whether batches are listed, one for each of these.
    listed: bool,
    /// A type that is held.
    dtype: DType,
    order: Order,
    /// The batches that are steps, where a side's own are smaller.
    of_steps: Option<Order>,
    /// Rows of an epoch.
    rows: usize,
}

impl Batches {
    /// The batches that a side of an experiment trains on.
    ///
    /// # Errors
    /// If the data do not fit the side.
    pub fn new(experiment: &Experiment, which: RunSide) -> Result<Self> {
        let (reference, candidate) = (&experiment.reference, &experiment.candidate);
        let side = if which == RunSide::Reference { reference } else { candidate };
        let faults = &side.training.faults;
        let wanted: DTypes = [reference.dtype, candidate.dtype].into_iter().collect();
        let (set, order) = spoiled(&experiment.set, side.order(&experiment.course), faults);
        let loader = |encoding| match &experiment.listed {
            Some(listed) => Loader::listed(Arc::clone(&set), Arc::clone(listed), encoding, wanted),
            None => Loader::new(Arc::clone(&set), Which::Training, order, encoding, wanted),
        };
        let another = side.encoding != reference.encoding;
        let mut batches = Self {
            loader: loader(side.encoding)?,
            defined: another.then(|| loader(reference.encoding)).transpose()?,
            masks: Masks::new(&side.model, reference.seed, experiment.kept()),
            numbers: experiment.numbers(),
            step: 0,
            listed: experiment.listed.is_some(),
            dtype: reference.dtype,
            order,
            of_steps: experiment.batches_differ().then_some(experiment.course.order),
            rows: experiment.set.training.rows(),
        };
        batches.prepare(0);
        Ok(batches)
    }

    /// Whether the candidate of an experiment needs batches of its own.
    pub fn differ(experiment: &Experiment) -> bool {
        let (reference, candidate) = (&experiment.reference, &experiment.candidate);
        let dropout = |model: &crate::model::Model| -> Vec<_> {
            model.places().into_iter().filter(|place| place.mask.is_some()).collect()
        };
        reference.encoding != candidate.encoding
            || experiment.batches_differ()
            || candidate.training.faults.iter().any(Fault::is_of_data)
            || dropout(&reference.model) != dropout(&candidate.model)
    }

    /// Makes the batch with this number the one that is lent.
    pub fn prepare(&mut self, step: usize) {
        self.step = self.numbers.as_ref().and_then(|numbers| numbers.get(step).copied()).unwrap_or(step);
        let place = if self.listed { step } else { self.step };
        self.loader.prepare(place);
        if let Some(defined) = &mut self.defined {
            defined.prepare(place);
        }
        let batch = self.loader.batch(self.dtype);
        let (epoch, rows) = (batch.epoch, batch.rows());
        self.masks.draw(step, epoch, rows);
    }

    /// Lends the batch in a type that a side computes in; beside it the targets as the definition's loss takes them.
    pub fn lend<R>(&self, dtype: DType, then: impl FnOnce(&Batch<'_>, View<'_>) -> R) -> R {
        let batch = self.loader.batch(dtype);
        let targets = self.defined.as_ref().map_or(batch.targets, |defined| defined.batch(dtype).targets);
        then(&Batch { masks: &self.masks.views(dtype), step: self.step, ..batch }, targets)
    }

    /// Which of the side's own batches make up a step: one, or several where the other side's are larger.
    pub fn of_step(&self, step: usize) -> Range<usize> {
        let Some(steps) = self.of_steps else { return step..step + 1 };
        let (own, size) = (self.order.steps_per_epoch(self.rows), self.order.largest_batch(self.rows));
        let Place { epoch, range, .. } = steps.place(step, self.rows);
        epoch * own + range.start / size..epoch * own + range.end.div_ceil(size)
    }

    /// Rows of the largest batch.
    pub fn largest(&self) -> usize {
        self.loader.largest_batch()
    }

    /// Batches of an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.loader.steps_per_epoch()
    }
}

/// The data and the order of the rows with a side's mistakes in them.
fn spoiled(set: &Arc<DataSet>, order: Order, faults: &[Fault]) -> (Arc<DataSet>, Order) {
    let (mut set, mut order) = (Arc::clone(set), order);
    for fault in faults {
        let Maker::Data(fault) = fault.made_by() else { continue };
        match fault {
            OfData::LabelsPermuted => Arc::make_mut(&mut set).training.permute_labels(),
            OfData::InputsScaled(factor) => Arc::make_mut(&mut set).training.scale_inputs(factor),
            OfData::Order(seed) => order = Order { seed, shuffle: Shuffle::EveryEpoch, ..order },
            OfData::LastBatchDropped => order.last = Last::Drop,
        }
    }
    (set, order)
}
