//! What a verdict shows of one phase, and constants in it that people know.

use crate::{
    experiment::{Experiment, Side},
    judge::{gap::Pattern, verdict::Divergence},
    training::{Adam, Optimizer, Sgd},
};

/// What is known of a mismatch in one phase.
pub struct Evidence<'a> {
    /// What was run.
    pub experiment: &'a Experiment,
    /// Where the phase first goes wrong.
    pub first: &'a Divergence,
}

/// How closely a constant that was measured is one that is known: the digits of a pattern's constant in f32.
const CLOSE: f64 = 2e-4;

impl<'a> Evidence<'a> {
    /// The side that defines what is right.
    pub fn reference(&self) -> &'a Side {
        &self.experiment.reference
    }

    /// The one factor by which every tensor of the phase that is off is too large, if it is one.
    pub fn factor(&self) -> Option<f64> {
        let off: Vec<_> = self.first.tensors.iter().filter(|found| found.pattern != Pattern::Same).collect();
        let factors: Option<Vec<f64>> =
            off.iter().map(|found| found.constant.filter(|_| found.pattern == Pattern::Times)).collect();
        let factors = factors.filter(|factors| !factors.is_empty())?;
        let first = factors[0];
        factors.iter().all(|factor| (factor / first - 1.0).abs() < CLOSE).then_some(first)
    }

    /// Rows of a batch.
    pub fn rows(&self) -> f64 {
        match &self.experiment.listed {
            Some(listed) => listed.largest_batch() as f64,
            None => self.reference().order(&self.experiment.course).largest_batch(self.experiment.set.training.rows())
                as f64,
        }
    }

    /// The name and the settings of the reference's optimizer, as far as all rules share them.
    pub fn optimizer(&self) -> (&'static str, f64) {
        let optimizer = &self.reference().training.optimizer;
        let name = match optimizer {
            Optimizer::Sgd(_) => "sgd",
            Optimizer::Adam(Adam { decoupled: false, .. }) => "adam",
            Optimizer::Adam(Adam { decoupled: true, .. }) => "adamw",
            Optimizer::RmsProp(_) => "rmsprop",
        };
        (name, optimizer.lr())
    }

    /// A key of the optimizer with a value.
    pub fn optimizer_key(&self, key: &str, value: &str) -> String {
        let (name, _) = self.optimizer();
        format!("training.optimizer.{name}.{key}={value}")
    }

    /// What a factor is known as.
    pub fn known(&self, factor: f64) -> Option<String> {
        let rows = self.rows();
        let outputs = self.reference().model.outputs() as f64;
        let mut known = vec![
            (2.0, "2".to_owned()),
            (0.5, "½".to_owned()),
            (-1.0, "−1, the other sign".to_owned()),
            (rows, format!("N = {rows}, the rows of a batch")),
            (rows.recip(), format!("1/N, of the {rows} rows of a batch")),
            (10.0, "10".to_owned()),
            (0.1, "1/10".to_owned()),
            (100.0, "100".to_owned()),
            (0.01, "1/100".to_owned()),
        ];
        if outputs > 1.0 {
            known.push((outputs, format!("{outputs}, the outputs")));
            known.push((outputs.recip(), format!("1/{outputs}, of the outputs")));
            known.push((rows * outputs, format!("{}, the elements of the outputs", rows * outputs)));
            known.push(((rows * outputs).recip(), format!("1/{}, of the elements of the outputs", rows * outputs)));
        }
        if let Optimizer::Sgd(Sgd { momentum, .. }) = self.reference().training.optimizer
            && momentum > 0.0
        {
            known.push((1.0 - momentum, "1 − μ".to_owned()));
            known.push(((1.0 - momentum).recip(), "1/(1 − μ)".to_owned()));
        }
        known.into_iter().find(|(value, _)| (factor / value - 1.0).abs() < CLOSE).map(|(_, words)| words)
    }
}

/// A number as TOML has it, with as few digits as tell it.
pub(super) fn number(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e6).contains(&value.abs()) { format!("{value:e}") } else { format!("{value}") }
}

/// The number of six digits or less that a measured one is close to.
pub(super) fn plain(measured: f64) -> f64 {
    let digits = |count: usize| format!("{measured:.count$e}").parse::<f64>().unwrap_or(measured);
    (0..6).map(digits).find(|short| (short / measured - 1.0).abs() < CLOSE / 10.0).unwrap_or(measured)
}
