//! How well the sides do on rows that they do not train on, and when to stop.

use super::{RunMode, Runner, StepRecord};
use crate::{
    data::{
        BatchSize,
        columns::DTypes,
        loader::Loader,
        set::{DataSet, Encoding, Which},
    },
    engine::Engine,
    error::Result,
    experiment::{Experiment, Side},
    tensor::DType,
    training::{EarlyStopping, Measure, Monitor, Reduction, ReportedMeasure, Training},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Classes of which a matrix is kept, 8 MB: that of a language model's words would take all memory.
const MOST_IN_MATRIX: usize = 1000;

/// Rows of a look that are replayed: all of fewer, else batches in turn, and the last.
const REPLAYED: usize = 1024;

/// Looks that are all replayed, and one in how many afterwards.
const ALL: usize = 64;
const ONE_IN: usize = 8;

/// Looks at one part of the data with either side's engine.
pub struct Evaluation {
    part: Which,
    sides: [Looker; 2], // reference, candidate
    /// Whether looks are replayed, and whether only few of them, as the model is large.
    judged: bool,
    rarely: bool,
    /// Looks so far, and the batch that is replayed next.
    looks: usize,
    turn: usize,
}

/// One side's way to look.
pub(super) struct Looker {
    loader: Loader,
    /// The same rows with targets as the definition's loss takes them, where that is another form.
    defined: Option<Loader>,
    dtype: DType,
    widths: Vec<usize>, // per layer
    classes: usize,
    encoding: Encoding,
    /// Above which a single output says class 1.
    threshold: f64,
    training: Training,
}

/// How well one side does on some rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The reported loss over all rows: of a mean, the mean over the rows; of a sum, the sum. Nothing where it is not
    /// finite, or not known.
    pub loss: Option<f64>,
    /// The share of the rows whose class is the one with the largest output, the first of equal ones.
    pub accuracy: Option<f64>,
    /// Rows of each class (outer) that were taken for each class (inner); a row with an output that is NaN is in none.
    pub confusion: Option<Vec<Vec<usize>>>,
    /// The number of rows.
    pub rows: usize,
}

/// One look at a part of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// `validation` or `test`.
    pub part: String,
    /// After so many steps.
    pub steps: usize,
    /// The reference's.
    pub reference: Scores,
    /// Each candidate's.
    pub candidates: Vec<(RunMode, Scores)>,
}

impl Evaluation {
    /// Looks at a part of an experiment's data, if it has that part.
    ///
    /// # Errors
    /// If the rows do not fit a side.
    pub fn new(experiment: &Experiment, part: Which) -> Result<Option<Self>> {
        if experiment.set.part(part).is_none() {
            return Ok(None);
        }
        let size = experiment.course.order.size;
        let encoding = experiment.reference.encoding;
        let looker = |side: &Side| Looker::new(&experiment.set, part, side, size)?.beside(encoding);
        let sides = [looker(&experiment.reference)?, looker(&experiment.candidate)?];
        let judged = experiment.noise.judged;
        Ok(Some(Self { part, sides, judged, rarely: false, looks: 0, turn: 0 }))
    }

    /// The same, of which only the first, the second, the fourth look and so on are replayed: of a large model.
    pub fn rarely(self, rarely: bool) -> Self {
        Self { rarely, ..self }
    }

    /// Rows of the largest batch that it asks an engine for.
    pub fn largest(&self) -> usize {
        self.sides[0].loader.largest_batch()
    }

    /// Looks after so many steps. What is to be replayed is left with the runners.
    ///
    /// # Errors
    /// If an engine fails.
    pub fn look(
        &mut self,
        steps: usize,
        reference: &mut Runner,
        candidates: &mut [(RunMode, Runner)],
    ) -> Result<Evaluated> {
        let chosen = self.chosen();
        let [of_reference, of_candidates] = &mut self.sides;
        let look = |looker: &mut Looker, side: &mut Runner| {
            side.looked.clear();
            if !side.engine.lends().evaluation {
                return Ok(Scores { rows: looker.loader.rows(), ..Scores::default() });
            }
            looker.scores(side.engine.as_mut(), &chosen, &mut side.looked)
        };
        let reference = look(of_reference, reference)?;
        let scores = candidates.iter_mut().map(|(mode, runner)| Ok((*mode, look(of_candidates, runner)?)));
        let candidates = scores.collect::<Result<_>>()?;
        Ok(Evaluated { part: self.part.name().to_owned(), steps, reference, candidates })
    }

    /// The batches of the next look that are replayed.
    fn chosen(&mut self) -> Vec<usize> {
        self.looks += 1;
        let due = match self.rarely {
            true => self.looks.is_power_of_two(),
            false => self.looks <= ALL || self.looks.is_multiple_of(ONE_IN),
        };
        if !self.judged || !due {
            return Vec::new();
        }
        let loader = &self.sides[0].loader;
        let batches = loader.steps_per_epoch();
        let count = (REPLAYED / loader.largest_batch().max(1)).clamp(1, batches);
        let mut chosen: Vec<usize> = (0..count).map(|next| (self.turn + next) % batches).collect();
        self.turn += count;
        // The last may have fewer rows.
        chosen.extend((!chosen.contains(&(batches - 1))).then_some(batches - 1).filter(|_| !self.rarely));
        chosen
    }
}

impl Looker {
    pub(super) fn new(set: &Arc<DataSet>, part: Which, side: &Side, size: BatchSize) -> Result<Self> {
        let wanted: DTypes = [side.dtype].into_iter().collect();
        let logits = matches!(side.training.loss.measure, Measure::BinaryCrossEntropyWithLogits { .. });
        Ok(Self {
            loader: Loader::sequential(Arc::clone(set), part, size, side.encoding, wanted)?,
            defined: None,
            dtype: side.dtype,
            widths: side.model.widths(),
            classes: set.classes.as_ref().map_or(0, Vec::len),
            encoding: side.encoding,
            threshold: if logits { 0.0 } else { 0.5 },
            training: side.training.clone(),
        })
    }

    /// The same, to be judged by a definition whose targets have this form.
    fn beside(self, encoding: Encoding) -> Result<Self> {
        if encoding == self.encoding {
            return Ok(self);
        }
        let (set, wanted) = (Arc::clone(self.loader.set()), [self.dtype].into_iter().collect());
        let (part, size) = (self.loader.which(), self.loader.size());
        Ok(Self { defined: Some(Loader::sequential(set, part, size, encoding, wanted)?), ..self })
    }

    /// How an engine does on all rows; of the batches that are `chosen` it leaves records.
    pub(super) fn scores(
        &mut self,
        engine: &mut dyn Engine,
        chosen: &[usize],
        records: &mut Vec<StepRecord>,
    ) -> Result<Scores> {
        let (mut sum, mut counted, mut rows) = (0.0, 0.0, 0);
        let matrix = if self.classes <= MOST_IN_MATRIX { self.classes } else { 0 };
        let (mut right, mut confusion) = (0, vec![vec![0; matrix]; matrix]);
        let (mut outputs, mut targets) = (Vec::new(), Vec::new());
        for step in 0..self.loader.steps_per_epoch() {
            self.loader.prepare(step);
            let batch = self.loader.batch(self.dtype);
            let mut record = StepRecord { step, ..StepRecord::default() };
            let is_chosen = chosen.contains(&step);
            if is_chosen {
                record.begin(engine, &batch)?;
                if let Some(defined) = &mut self.defined {
                    defined.prepare(step);
                    defined.batch(self.dtype).targets.widen_into(&mut record.targets);
                }
            }
            engine.forward(&batch)?;
            let of_batch = engine.loss(&batch)?;
            if is_chosen {
                record.evaluated(engine, &self.widths, of_batch)?;
                records.push(record);
            }
            engine.activation(self.widths.len() - 1).widen_into(&mut outputs);
            batch.targets.widen_into(&mut targets);
            let weight = self.weight(&outputs, &targets, batch.rows());
            sum += of_batch * weight.unwrap_or(1.0);
            counted += weight.unwrap_or_default();
            rows += batch.rows();
            if self.classes > 0 {
                right += self.count(&outputs, &targets, batch.rows(), &mut confusion);
            }
        }
        let batches = self.loader.steps_per_epoch() as f64;
        // The penalty is in the loss of every batch; of all rows it counts once, as in a mean.
        let loss = if counted > 0.0 { sum / counted } else { sum - (batches - 1.0) * self.penalty(engine) };
        let of_classes = self.classes > 0;
        Ok(Scores {
            loss: Some(loss).filter(|loss| loss.is_finite()),
            accuracy: of_classes.then(|| right as f64 / rows as f64),
            confusion: (matrix > 0).then_some(confusion),
            rows,
        })
    }

    /// What the loss of a batch counts for in that of all rows; nothing where losses add up.
    fn weight(&self, outputs: &[f64], targets: &[f64], rows: usize) -> Option<f64> {
        match &self.training.reported_loss.measure {
            ReportedMeasure::DeltaTimesMse => Some(rows as f64),
            ReportedMeasure::Loss(loss) => match loss.reduction {
                Reduction::Sum | Reduction::HalfSum => None,
                Reduction::Mean | Reduction::HalfMean => Some(loss.counted(rows, outputs, targets)),
                Reduction::PerSample => Some(rows as f64),
            },
        }
    }

    /// What penalties add to a reported loss.
    fn penalty(&self, engine: &dyn Engine) -> f64 {
        let elements = |index| {
            let mut values = Vec::new();
            engine.tensor(index).widen_into(&mut values);
            values
        };
        let penalties = self.training.penalties.iter().filter(|_| self.training.reported_loss.penalty);
        penalties.map(|penalty| penalty.value(engine.parameters(), elements)).sum()
    }

    /// Counts what each row was taken for, where there is a place for it; returns how many were taken for what they are.
    fn count(&self, outputs: &[f64], targets: &[f64], rows: usize, confusion: &mut [Vec<usize>]) -> usize {
        let mut right = 0;
        let widths = [outputs, targets].map(|values| (values.len() / rows.max(1)).max(1));
        for (output, target) in outputs.chunks(widths[0]).zip(targets.chunks(widths[1])) {
            let class = match (self.encoding, target) {
                (Encoding::OneHot, _) => largest(target),
                (_, &[number, ..]) => Some(number as usize),
                _ => None,
            };
            let taken = match output {
                &[single] if self.classes == 2 => (!single.is_nan()).then_some(usize::from(single > self.threshold)),
                _ => largest(output),
            };
            right += usize::from(class.is_some() && class == taken);
            if let (Some(class), Some(taken)) = (class, taken)
                && let Some(count) = confusion.get_mut(class).and_then(|row| row.get_mut(taken))
            {
                *count += 1;
            }
        }
        right
    }
}

/// The first of the largest, as `torch.argmax`; nothing where one is NaN.
fn largest(values: &[f64]) -> Option<usize> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let better = |best: usize, place: usize| if values[place] > values[best] { place } else { best };
    (0..values.len()).reduce(better)
}

/// One side's decision to stop.
#[derive(Debug, Clone)]
pub struct Patience {
    rule: EarlyStopping,
    best: Option<f64>,
    /// Looks since the best.
    since: usize,
    /// After how many steps it would have stopped.
    pub stopped: Option<usize>,
    /// After how many steps it was best.
    pub best_at: Option<usize>,
}

impl Patience {
    /// Before the first look.
    pub fn new(rule: EarlyStopping) -> Self {
        Self { rule, best: None, since: 0, stopped: None, best_at: None }
    }

    /// Takes in a look after so many steps; returns whether it is the best yet. A score that is not finite is no
    /// improvement, and nothing is after it has stopped.
    pub fn see(&mut self, steps: usize, scores: &Scores) -> bool {
        if self.stopped.is_some() {
            return false;
        }
        let score = match self.rule.monitor {
            Monitor::Loss => scores.loss.map(|loss| -loss),
            Monitor::Accuracy => scores.accuracy,
        };
        let better = score.is_some_and(|score| self.best.is_none_or(|best| score > best));
        if better {
            (self.best, self.best_at, self.since) = (score, Some(steps), 0);
            return true;
        }
        self.since += 1;
        let most = self.rule.patience + usize::from(self.rule.exceeded);
        if self.since >= most {
            self.stopped = Some(steps);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops_at(rule: EarlyStopping, losses: &[f64]) -> (Option<usize>, Option<usize>) {
        let mut patience = Patience::new(rule);
        for (look, &loss) in losses.iter().enumerate() {
            let loss = Some(loss).filter(|loss| loss.is_finite());
            patience.see(look + 1, &Scores { loss, accuracy: None, confusion: None, rows: 1 });
        }
        (patience.stopped, patience.best_at)
    }

    #[test]
    fn patience_3_is_three_looks_without_a_new_best_or_four_where_it_must_be_exceeded() {
        let rule = EarlyStopping { patience: 3, exceeded: false, monitor: Monitor::Loss, restore: true };
        let losses = [3.0, 2.0, 2.0, 2.5, f64::NAN, 2.1, 1.0];
        assert_eq!(stops_at(rule, &losses), (Some(5), Some(2)));
        assert_eq!(stops_at(EarlyStopping { exceeded: true, ..rule }, &losses), (Some(6), Some(2)));
        assert_eq!(stops_at(EarlyStopping { patience: 9, ..rule }, &losses), (None, Some(7)));
    }

    #[test]
    fn the_first_of_equal_outputs_is_taken_and_none_beside_a_nan() {
        assert_eq!(largest(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(largest(&[f64::NEG_INFINITY, f64::NEG_INFINITY]), Some(0));
        assert_eq!(largest(&[1.0, f64::NAN]), None);
    }
}
