//! The data sets of the document, opened once for many runs, and one engine in training on them.

use crate::{
    data::set::{DataSet, Held, Which},
    error::Result,
    experiment::Experiment,
    report::plots::{Area, Drawn, Panel, Stroke, TEXT, TEXT_SIZE, text},
    run::{Alone, RunSide, Scores},
    study::{Context, experiment, experiment_on, owned},
};
use plotters::{
    prelude::{DashedLineSeries, LineSeries},
    style::{
        ShapeStyle,
        text_anchor::{HPos, VPos},
    },
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An experiment file of the study.
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    /// The data it wants.
    pub(super) data: &'static [&'static str],
}

pub(super) const ODIYA: File = File {
    name: "text/odiya",
    text: include_str!("../../../experiments/text/odiya.toml"),
    data: &["odiya/odiya.train.txt", "odiya/odiya.ppmi-svd.300d.vec.gz"],
};
pub(super) const QUESTIONS: File = File {
    name: "text/questions",
    text: include_str!("../../../experiments/text/questions.toml"),
    data: &["questions/questions.train.txt", "questions/questions.test.txt", "glove/glove.6B.50d.subset.txt"],
};

/// A file whose data are open, in both types.
pub(super) struct Opened {
    file: &'static File,
    sets: Vec<String>,
    pub(super) set: Arc<DataSet>,
}

impl Opened {
    /// Opens the data of a file, changed by `sets`.
    pub(super) fn new(file: &'static File, sets: &[&str]) -> Result<Self> {
        let sets = owned(sets);
        // One side in each type, so that the rows are held in both.
        let both = [&sets[..], &owned(&["reference.dtype=f64", "candidate.dtype=f32"])].concat();
        let set = experiment(file.text, file.name, &both)?.set;
        Ok(Self { file, sets, set })
    }

    /// Whether its rows are drawn, not read.
    pub(super) fn is_drawn(&self) -> bool {
        self.file.data.is_empty()
    }

    /// The same with every vector multiplied by a factor.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        let mut set = DataSet::clone(&self.set);
        for part in [Some(&mut set.training), set.validation.as_mut(), set.test.as_mut()].into_iter().flatten() {
            if let Held::Vectors { table, .. } = &mut part.inputs {
                table.change(|_, value| factor * value);
            }
        }
        Self { set: Arc::new(set), file: self.file, sets: self.sets.clone() }
    }

    /// An experiment on them.
    pub(super) fn experiment(&self, title: &str, sets: &[&str]) -> Result<Experiment> {
        let sets = [&self.sets[..], &owned(sets)].concat();
        let mut experiment = experiment_on(&self.set, self.file.text, self.file.name, &sets)?;
        experiment.title = title.to_owned();
        Ok(experiment)
    }
}

/// How well a network does on some rows, dropout off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The loss it is trained with, mean over the rows.
    pub(super) loss: f64,
    /// The share of right rows.
    pub(super) accuracy: f64,
}

/// How well it does after so many epochs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) epoch: usize,
    pub(super) training: Seen,
    pub(super) validation: Seen,
}

impl Look {
    /// The generalization gap: training accuracy less that on validation rows.
    pub(super) fn gap(&self) -> f64 {
        self.training.accuracy - self.validation.accuracy
    }
}

impl From<Scores> for Seen {
    fn from(scores: Scores) -> Self {
        Self { loss: scores.loss.unwrap_or(f64::NAN), accuracy: scores.accuracy.unwrap_or(f64::NAN) }
    }
}

/// Trains one side of an experiment alone for so many epochs, and looks after every so many of them and the last.
pub(super) fn train(
    context: &Context<'_>,
    experiment: &Experiment,
    side: RunSide,
    epochs: usize,
    every: usize,
) -> Result<Vec<Look>> {
    let mut alone = Alone::new(experiment, side)?;
    let mut looks = Vec::new();
    for epoch in 1..=epochs {
        context.go_on()?;
        alone.epoch()?;
        if epoch % every == 0 || epoch == epochs {
            let training = alone.scores(&experiment.set, Which::Training)?.into();
            let validation = alone.scores(&experiment.set, Which::Validation)?.into();
            looks.push(Look { epoch, training, validation });
        }
    }
    Ok(looks)
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A line through points, without dots.
pub(super) fn strokes(panel: &mut Panel<'_, '_>, points: &[(f64, f64)], stroke: Stroke) -> Drawn {
    if stroke.dashed {
        panel.draw_series(DashedLineSeries::new(points.iter().copied(), 12, 10, stroke.into()))?;
    } else {
        panel.draw_series(LineSeries::new(points.iter().copied(), ShapeStyle::from(stroke)))?;
    }
    Ok(())
}

/// Draws what a panel shows; returns the area under it.
pub(super) fn title<'a>(area: &Area<'a>, words: &str) -> Drawn<Area<'a>> {
    // Over the axes, which stand right of 156 pixels of labels and left of margins of 24 and 12.
    let middle = (area.dim_in_pixel().0 as i32 + 156 - 36) / 2;
    area.draw_text(words, &text(TEXT_SIZE + 3, &TEXT, HPos::Center, VPos::Top), (middle, 12))?;
    Ok(area.split_vertically(56).1.margin(0, 0, 0, 12))
}
