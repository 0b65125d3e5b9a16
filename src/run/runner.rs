//! One engine in training: a step, phase by phase, each timed alone.

use super::{
    StepRecord,
    record::{self, Snapshot},
};
use crate::{
    data::Batch,
    engine::{Engine, Saved},
    error::Result,
    experiment::Side,
    tensor::{DType, Owned, Values, View},
    trace::Looked,
};
use std::time::Instant;

/// One engine in training, and what its latest step left.
pub struct Runner {
    /// The latest step.
    pub latest: SideStep,
    pub(super) engine: Box<dyn Engine>,
    pub(super) dtype: DType,
    /// What is to be replayed of the latest look at the evaluation mode, batch by batch.
    pub(super) looked: Vec<StepRecord>,
    /// Copies of the latest step that was compared.
    snapshot: Snapshot,
    /// Whether they are all that its record needs.
    copied: bool,
    widths: Vec<usize>, // per layer
    reports: Reports,
    /// Parameters, then buffers, of the best look at the validation rows.
    best: Saved,
}

/// What one side did at one step.
#[derive(Debug, Clone, Default)]
pub struct SideStep {
    /// The reported loss; of several batches the mean over their rows.
    pub loss: f64,
    /// Nanoseconds of forward, loss, backward and update; of several batches in all.
    pub nanoseconds: [u64; 4],
    /// The loss that is judged, the latest batch's: the one that is printed where the sides print different things, else the one behind it.
    pub judged: f64,
    /// Rows of the batch.
    pub rows: usize,
    /// Where it begins among the rows of the step.
    pub first_row: usize,
    /// The tensors of the latest step of which a record was asked for.
    pub record: StepRecord,
}

/// How the number that is printed comes from the losses of batches.
struct Reports {
    /// Whether the weights after the update are looked at on the same batch: by either side.
    after: bool,
    /// Whether this side prints what it sees there.
    after_update: bool,
    running_mean: bool,
    /// Whether what is printed is judged, as the sides differ in that; else the losses that it comes from.
    printed: bool,
    epoch: usize,
    sum: f64,
    count: f64,
}

impl Reports {
    /// What is printed for the loss of a batch.
    fn printed(&mut self, loss: f64, epoch: usize) -> f64 {
        if !self.running_mean {
            return loss;
        }
        if epoch != self.epoch {
            (self.epoch, self.sum, self.count) = (epoch, 0.0, 0.0);
        }
        self.sum += loss;
        self.count += 1.0;
        self.sum / self.count
    }
}

impl Runner {
    /// An engine that trains a side of these, the reference's first.
    pub(super) fn new(engine: Box<dyn Engine>, side: &Side, sides: [&Side; 2]) -> Self {
        let reported = &side.training.reported_loss;
        let [one, other] = sides.map(|side| &side.training.reported_loss);
        Self {
            latest: SideStep::default(),
            looked: Vec::new(),
            snapshot: Snapshot::default(),
            copied: false,
            engine,
            dtype: side.dtype,
            widths: side.model.widths(),
            reports: Reports {
                after: one.after_update || other.after_update,
                after_update: reported.after_update,
                running_mean: reported.running_mean,
                printed: one.running_mean != other.running_mean,
                epoch: 0,
                sum: 0.0,
                count: 0.0,
            },
            best: Saved::default(),
        }
    }

    /// A batch up to its update, every phase timed alone: the `first` of a step or another one. Of what a record needs,
    /// `compared` keeps what is gone afterwards.
    pub(super) fn compute(&mut self, batch: &Batch<'_>, compared: bool, first: bool) -> Result<()> {
        let Self { engine, snapshot, latest, .. } = self;
        let engine = engine.as_mut();
        self.copied = false;
        if compared {
            snapshot.buffers_before(engine)?;
        }
        let start = Instant::now();
        engine.forward(batch)?;
        let forward = Instant::now();
        let loss = engine.loss(batch)?;
        let reported = Instant::now();
        engine.backward()?;
        let backward = Instant::now();
        latest.first_row = if first { 0 } else { latest.first_row + latest.rows };
        (latest.rows, latest.judged) = (batch.rows(), loss);
        if first {
            latest.nanoseconds = [0; 4];
        }
        let times = [(start, forward), (forward, reported), (reported, backward)];
        for (nanoseconds, (from, to)) in latest.nanoseconds.iter_mut().zip(times) {
            *nanoseconds += (to - from).as_nanos() as u64;
        }
        Ok(())
    }

    /// Copies, between backward and update, all that a record needs: the update may do what it likes with it.
    pub(super) fn copy(&mut self) -> Result<()> {
        self.snapshot.weights(self.engine.as_ref())?;
        self.copy_rest()
    }

    /// Copies, before the update, the weights alone.
    pub(super) fn copy_weights(&mut self) -> Result<()> {
        record::check(self.engine.as_ref(), self.latest.rows, &self.widths)?;
        self.snapshot.weights(self.engine.as_ref())
    }

    /// Copies, after the update, what the engine still lends of the step; the weights it started from are these.
    pub(super) fn copy_late<'a>(&mut self, before: impl Iterator<Item = Values<'a>>) -> Result<()> {
        self.snapshot.weights_of(before, self.dtype);
        self.copy_rest()
    }

    /// The same where the weights have been copied.
    pub(super) fn copy_rest(&mut self) -> Result<()> {
        let Self { engine, snapshot, latest, widths, .. } = self;
        snapshot.computed(engine.as_ref(), latest.rows, widths)?;
        self.copied = true;
        Ok(())
    }

    /// The update of what was computed, and the loss that the side prints.
    pub(super) fn update(&mut self, batch: &Batch<'_>, first: bool) -> Result<()> {
        let Self { engine, snapshot, latest, widths, reports, copied, .. } = self;
        let engine = engine.as_mut();
        let start = Instant::now();
        engine.update()?;
        latest.nanoseconds[3] += start.elapsed().as_nanos() as u64;
        latest.nanoseconds = engine.took().unwrap_or(latest.nanoseconds);
        if reports.after && engine.lends().evaluation {
            // In evaluation: what is printed must not change what is trained.
            let again = Batch { training: false, masks: &[], ..*batch };
            engine.forward(&again)?;
            let after = engine.loss(&again)?;
            latest.judged = if reports.after_update { after } else { latest.judged };
            if *copied {
                snapshot.looked(engine, batch.rows(), widths)?;
            }
        }
        let printed = reports.printed(latest.judged, batch.epoch);
        if reports.printed {
            latest.judged = printed;
        }
        let share = latest.rows as f64 / (latest.first_row + latest.rows) as f64;
        latest.loss =
            if first || reports.running_mean { printed } else { latest.loss + share * (printed - latest.loss) };
        Ok(())
    }

    /// Makes the record of the step, if everything of it was copied. `targets` are those of the batch in the form of the
    /// definition's loss.
    pub(super) fn record(&mut self, batch: &Batch<'_>, targets: View<'_>) -> Result<()> {
        if !self.copied {
            return Ok(());
        }
        let SideStep { record, judged, .. } = &mut self.latest;
        record.recall(&self.snapshot, self.engine.as_ref(), &Batch { targets, ..*batch }, *judged)
    }

    /// Looks at the evaluation mode on the batch of a step; `targets` are in the form of the definition's loss.
    pub(super) fn look(&mut self, batch: &Batch<'_>, targets: View<'_>) -> Result<()> {
        let Self { engine, widths, looked, .. } = self;
        if !engine.lends().evaluation {
            return Ok(());
        }
        let batch = Batch { training: false, masks: &[], ..*batch };
        let mut record = StepRecord { step: batch.step, epoch: batch.epoch, ..StepRecord::default() };
        record.begin(engine.as_ref(), &Batch { targets, ..batch })?;
        engine.forward(&batch)?;
        let loss = engine.loss(&batch)?;
        record.evaluated(engine.as_ref(), widths, loss)?;
        looked.push(record);
        Ok(())
    }

    /// Takes in a look that was recorded of the weights that the engine holds now: of its layers the last one's output is known
    /// at most.
    pub(super) fn was_looked_at(&mut self, batch: &Batch<'_>, looked: &Looked) -> Result<()> {
        let mut record = StepRecord { step: batch.step, epoch: batch.epoch, ..StepRecord::default() };
        record.begin(self.engine.as_ref(), batch)?;
        record.buffers = record.buffers_before.clone();
        record.activations.resize(self.widths.len(), Vec::new());
        if let Some(last) = record.activations.last_mut() {
            last.clone_from(&looked.output);
        }
        record.loss = looked.loss;
        self.looked.push(record);
        Ok(())
    }

    /// What is to be replayed of the latest look at the evaluation mode, after this step: batch by batch.
    pub fn looked(&self) -> &[StepRecord] {
        &self.looked
    }

    /// The engine, to read what it lends.
    pub fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }

    /// What was copied of the latest step that is compared: the weights that it started from, and, where a record of it was
    /// asked for, what it computed.
    pub fn kept(&self) -> &Snapshot {
        &self.snapshot
    }

    /// A parameter before the update of the latest compared step, where it was copied.
    pub fn before(&self, parameter: usize) -> Values<'_> {
        self.snapshot.before[parameter].values()
    }

    /// The output of a layer at the latest compared step.
    pub fn activation(&self, layer: usize) -> Values<'_> {
        if self.copied { self.snapshot.activations[layer].values() } else { self.engine.activation(layer).values }
    }

    /// Whether, after an update, the engine still lends what the step computed: not where the loss of the new weights is
    /// looked at, nor where its update changes gradients in place.
    pub fn still_lends(&self) -> bool {
        let engine = self.engine.as_ref();
        let same = |(index, copy): (usize, &Owned)| engine.gradient(index).values == copy.values();
        engine.lends().gradients
            && !self.reports.after
            && self.copied
            && self.snapshot.gradients.iter().enumerate().all(same)
    }

    /// Takes a tensor's values from another side, converted where that computes in another type.
    pub(super) fn take(&mut self, tensor: usize, values: View<'_>) -> Result<()> {
        if values.dtype() == self.dtype {
            return self.engine.load(tensor, values);
        }
        let own = self.converted(values);
        self.engine.load(tensor, own.view(values.shape))
    }

    fn converted(&self, values: View<'_>) -> Owned {
        let mut own = Owned::new(self.dtype);
        own.assign(values.values);
        own
    }

    /// Keeps what the engine holds now.
    pub(super) fn keep(&mut self) {
        self.best.take(self.engine.as_ref());
    }

    /// Gives back what was kept last.
    pub(super) fn restore(&mut self) -> Result<()> {
        self.best.give(self.engine.as_mut())
    }

    /// What the engine held when the step that it has computed, and not updated by, began: parameters, then buffers, each with
    /// its name. Of a step that is compared.
    pub fn state_before(&self) -> impl Iterator<Item = (&str, View<'_>)> {
        let buffers = self.engine.buffers().iter().zip(&self.snapshot.buffers_before);
        let buffers = buffers.map(|(buffer, values)| (buffer.name.as_str(), values.view(buffer.shape)));
        self.state().take(self.engine.parameters().len()).chain(buffers)
    }

    /// What the engine holds now: parameters, then buffers, each with its name.
    pub fn state(&self) -> impl Iterator<Item = (&str, View<'_>)> {
        let tensors = self.engine.tensors().iter().enumerate();
        tensors.map(|(index, tensor)| (tensor.name.as_str(), self.engine.tensor(index)))
    }
}
