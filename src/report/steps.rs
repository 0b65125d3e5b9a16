//! steps.csv: a run step by step, as a spreadsheet or pandas reads it.

use crate::{
    judge::verdict::{Curves, Phase, TensorCurve},
    run::RunMode,
};
use std::fmt::Write;

/// The tensors whose gap between the sides has a column for every candidate.
const TENSORS: [&str; 4] = ["output", "loss", "gradients", "weights"];

/// Above this a budget says no more than that it is enormous.
const MOST: f32 = 1e9;

/// The file: a line for each step, with both sides' losses, the largest budget of every phase and the gaps between the sides.
/// Cells are empty where a step was not replayed, or a long run keeps the worst of some steps at the first of them.
pub fn render(curves: &Curves) -> String {
    let mut columns: Vec<(String, Column<'_>)> =
        vec![("reference_loss".to_owned(), Column::Loss(&curves.reference_loss))];
    let modes = [(RunMode::Free, &curves.free_loss, &curves.free), (RunMode::Sync, &curves.synced_loss, &curves.sync)];
    for (mode, losses, _) in modes.iter().filter(|(_, losses, _)| !losses.is_empty()) {
        columns.push((format!("{mode}_loss"), Column::Loss(losses)));
    }
    let replayed = |budgets: &[f32]| budgets.iter().any(|budget| *budget >= 0.0);
    for (phase, budgets) in curves.budgets.iter().filter(|(_, budgets)| replayed(budgets)) {
        columns.push((format!("{}_budget", phase.name()), Column::Kept(budgets)));
    }
    // Beside a large model the free run's outputs and gradients are looked at where they are replayed.
    let replays = curves.budgets.get(&Phase::Forward).filter(|budgets| replayed(budgets));
    for (mode, _, tensors) in modes {
        for tensor in TENSORS {
            let rarely = mode == RunMode::Free && ["output", "gradients"].contains(&tensor);
            let named = |curve: &&TensorCurve| {
                curve.tensor == tensor && curve.phase != Phase::Evaluation && !curve.between.is_empty()
            };
            if let Some(curve) = tensors.iter().find(named) {
                let column = match replays.filter(|_| rarely) {
                    Some(replays) => Column::Where(&curve.between, replays),
                    None => Column::Kept(&curve.between),
                };
                columns.push((format!("{mode}_gap_{tensor}"), column));
            }
        }
    }
    let mut text = String::from("step");
    columns.iter().for_each(|(name, _)| text.extend([",", name]));
    text.push('\n');
    let mut kept = curves.steps.iter().enumerate().peekable();
    for step in 0..curves.reference_loss.len() {
        let number = curves.numbers.get(step).copied().unwrap_or(step);
        let bucket = kept.next_if(|(_, first)| **first == number).map(|(bucket, _)| bucket);
        // Writing to a String cannot fail.
        let _ = write!(text, "{number}");
        for (_, column) in &columns {
            let _ = write!(text, ",{}", column.cell(step, bucket));
        }
        text.push('\n');
    }
    text
}

/// A column of every step, or of those that are kept.
enum Column<'a> {
    Loss(&'a [f64]),
    Kept(&'a [f32]),
    /// Kept, and known where the other column is not below 0.
    Where(&'a [f32], &'a [f32]),
}

impl Column<'_> {
    fn cell(&self, step: usize, bucket: Option<usize>) -> String {
        match self {
            // As many digits as it has.
            Self::Loss(losses) => losses.get(step).map_or(String::new(), ToString::to_string),
            Self::Where(values, known) => {
                let known = bucket.filter(|&bucket| known.get(bucket).is_some_and(|known| *known >= 0.0));
                Self::Kept(values).cell(step, known)
            }
            Self::Kept(values) => {
                let value = bucket.and_then(|bucket| values.get(bucket)).filter(|value| !(**value < 0.0));
                value.map_or(String::new(), |value| format!("{:e}", value.min(MOST)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_line_and_what_was_kept_stands_where_it_belongs() {
        let curves = Curves {
            reference_loss: vec![1.0, 0.5, f64::NAN],
            free_loss: vec![1.0, 0.25, 0.125],
            steps: vec![0, 2],
            budgets: [(Phase::Forward, vec![0.5, -1.0])].into(),
            free: vec![TensorCurve {
                phase: Phase::Loss,
                tensor: "loss".to_owned(),
                judged: Vec::new(),
                limit: Vec::new(),
                between: vec![0.0, 1e-7],
            }],
            ..Curves::default()
        };
        let expected = "step,reference_loss,free_loss,forward_budget,free_gap_loss\n0,1,1,5e-1,0e0\n1,0.5,0.25,,\n\
                        2,NaN,0.125,,1e-7\n";
        assert_eq!(render(&curves), expected);
    }
}
