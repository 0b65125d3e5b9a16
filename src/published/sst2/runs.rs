//! One run as the lecture trains it: the mean loss of every 500 steps, predictions counted before each update, and
//! looks at the dev rows where the lecture looks.

use super::printed::{EPOCHS, WINDOW};
use crate::{
    data::set::{Targets, Which},
    error::{Error, Result},
    experiment::Experiment,
    run::{Alone, Batches, RunSide},
    study::{Context, Sample},
};
use serde::{Deserialize, Serialize};

/// PyTorch's `binary_cross_entropy` takes no logarithm for less than this.
const LEAST_LOGARITHM: f64 = -100.0;

/// What a run printed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Run {
    /// Of the first batch, before any update.
    pub(super) first_loss: f64,
    /// Mean loss of each 500 steps, epoch after epoch; what is left of an epoch is in none.
    pub(super) windows: Vec<f64>,
    pub(super) epochs: Vec<Epoch>,
    /// After each 500 steps of an epoch.
    pub(super) looks: Vec<Look>,
}

/// An epoch of a run.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Epoch {
    /// Mean of the losses of its steps.
    pub(super) loss: f64,
    /// The share of the training rows that was predicted rightly when its batch came, before the update.
    pub(super) running: f64,
    /// The same share by the weights that the epoch ends with.
    pub(super) at_end: f64,
    /// Dev rows at its end.
    pub(super) dev: Look,
    /// The dev rows that are wrong then.
    pub(super) wrong: Vec<u32>,
}

/// One look at the dev rows.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Look {
    /// The epoch, from 0.
    pub(super) epoch: usize,
    /// Updates of this epoch.
    pub(super) step: usize,
    /// Mean binary cross-entropy.
    pub(super) loss: f64,
    /// Rows that are right, among those of even and of odd number.
    pub(super) right: [usize; 2],
    /// Rows of even and of odd number.
    pub(super) rows: [usize; 2],
}

impl Look {
    /// The share of all rows that is right.
    pub(super) fn accuracy(&self) -> f64 {
        let [right, rows] = [self.right, self.rows].map(|halves| halves.iter().sum::<usize>() as f64);
        right / rows
    }

    /// The share of one half that is right.
    pub(super) fn of_half(&self, half: usize) -> f64 {
        self.right[half] as f64 / self.rows[half] as f64
    }
}

/// Trains one side of an experiment for the lecture's epochs.
pub(super) fn train(context: &Context<'_>, experiment: &Experiment, side: RunSide) -> Result<Run> {
    let mut alone = Alone::new(experiment, side)?;
    let mut given = Batches::new(experiment, side)?;
    let steps = alone.steps_per_epoch();
    let mut run = Run { first_loss: f64::NAN, windows: Vec::new(), epochs: Vec::new(), looks: Vec::new() };
    for epoch in 0..EPOCHS {
        context.go_on()?;
        let (mut losses, mut rows, mut right) = (Vec::with_capacity(steps), 0, 0);
        for step in 1..=steps {
            losses.push(alone.step()?);
            let seen = predicted(experiment, side, &alone, &mut given, epoch * steps + step - 1);
            (rows, right) = (rows + seen[0], right + seen[1]);
            if step % WINDOW == 0 {
                run.windows.push(mean(&losses[step - WINDOW..]));
                run.looks.push(look(experiment, &mut alone, [epoch, step])?.0);
            }
        }
        if epoch == 0 {
            run.first_loss = losses[0];
        }
        let at_end = alone.scores(&experiment.set, Which::Training)?.accuracy.unwrap_or(f64::NAN);
        let (dev, wrong) = look(experiment, &mut alone, [epoch, steps])?;
        run.epochs.push(Epoch { loss: mean(&losses), running: right as f64 / rows as f64, at_end, dev, wrong });
    }
    Ok(run)
}

/// Rows of the latest step, and how many of them were predicted rightly before its update.
fn predicted(experiment: &Experiment, side: RunSide, alone: &Alone, given: &mut Batches, step: usize) -> [usize; 2] {
    let (mut outputs, mut targets) = (Vec::new(), Vec::new());
    let side = experiment.side(side);
    alone.engine().activation(side.model.layers.len() - 1).widen_into(&mut outputs);
    given.prepare(step);
    given.lend(side.dtype, |batch, _| batch.targets.widen_into(&mut targets));
    let right = outputs.iter().zip(&targets).filter(|(output, target)| is_right(**output, **target > 0.5));
    [targets.len(), right.count()]
}

/// Whether an output is for the class that the row has; torch.round: one half goes to 0. NaN is for neither.
pub(super) fn is_right(output: f64, one: bool) -> bool {
    output.is_finite() && (output > 0.5) == one
}

/// The larger of two, NaN if either is, where `f64::max` would drop it.
pub(super) fn larger(one: f64, other: f64) -> f64 {
    if one.is_nan() || one >= other { one } else { other }
}

/// Looks at the dev rows; beside it which of them are wrong.
pub(super) fn look(experiment: &Experiment, alone: &mut Alone, [epoch, step]: [usize; 2]) -> Result<(Look, Vec<u32>)> {
    let dev = experiment.set.part(Which::Validation).map(|part| &part.targets);
    let Some(Targets::Classes(classes)) = dev else {
        return Err(Error::Usage("the data have no validation rows with classes".to_owned()));
    };
    let outputs = alone.outputs(&experiment.set, Which::Validation)?;
    let mut found = Look { epoch, step, loss: 0.0, right: [0; 2], rows: [0; 2] };
    let mut wrong = Vec::new();
    for (row, (&output, &class)) in (0_u32..).zip(outputs.iter().zip(classes)) {
        let (half, one) = (row as usize % 2, class == 1);
        let of_class = if one { output } else { 1.0 - output };
        // Not f64::max, which drops a NaN.
        let logarithm = if of_class.ln() < LEAST_LOGARITHM { LEAST_LOGARITHM } else { of_class.ln() };
        found.loss -= logarithm / classes.len() as f64;
        found.rows[half] += 1;
        if is_right(output, one) {
            found.right[half] += 1;
        } else {
            wrong.push(row);
        }
    }
    Ok((found, wrong))
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A value of every run.
pub(super) fn sample(runs: &[Run], value: impl Fn(&Run) -> f64) -> Sample {
    Sample::of(&runs.iter().map(value).collect::<Vec<_>>())
}

/// Whether one more run may print this: within two standard deviations of a run, that of the mean included, and what
/// half a unit of the last printed digit leaves open. One value in twenty is not, by chance.
pub(super) fn one_of(printed: f64, ours: &Sample, half_digit: f64) -> bool {
    let spread = ours.deviation * (1.0 + 1.0 / ours.count as f64).sqrt();
    (printed - ours.mean).abs() <= 2.0 * spread + half_digit
}

/// How many standard deviations of a run a printed value lies above our mean.
pub(super) fn deviations(printed: f64, ours: &Sample) -> f64 {
    (printed - ours.mean) / ours.deviation
}

/// The most of so many values that chance leaves outside in 95 of 100 such tables, when each is outside one time in
/// twenty (the binomial's 95 % point).
pub(super) fn most_outside(values: usize) -> usize {
    let (p, n) = (0.05_f64, values as i32);
    let mut term = (1.0 - p).powi(n);
    let (mut sum, mut count) = (term, 0);
    while sum < 0.95 && count < values {
        count += 1;
        term *= (values + 1 - count) as f64 / count as f64 * p / (1.0 - p);
        sum += term;
    }
    count
}
