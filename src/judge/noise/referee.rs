//! The referee: libtorch in f64, which says whether the replay's formulas are the reference's.
//!
//! It is given the reference's weights and batch at the first replayed steps and then at every power of two, and its
//! tensors are judged as a side's are, with f64's rounding. Where it agrees, the replay stands in for it at every step.
//! Where it does not, the replay has another definition, and no side can be called off by it.

use super::{By, Each, Effects, Places};
use crate::{
    data::Batch,
    engine::Engine,
    error::Result,
    experiment::{EngineKind, Experiment, Side},
    judge::{gap::Deviation, replay::Replay},
    run::{Engines, Role, StepRecord, load},
    tensor::{DType, Shape, Values, View},
};
use serde::{Deserialize, Serialize};

/// What the referee said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refereed {
    /// What it is.
    pub engine: String,
    /// Steps at which it was asked.
    pub steps: usize,
    /// Tensors for which the replay's definition is not the referee's.
    pub differs: Vec<String>,
}

/// An engine in f64 beside the reference.
pub struct Referee {
    engine: Box<dyn Engine>,
    replay: Replay,
    widths: Vec<usize>,
    record: StepRecord,
    deviations: Vec<Deviation>,
    /// Whether the reference reports the loss of the weights after an update.
    after: bool,
    seen: usize,
    asked: usize,
    /// For each judged place, whether the replay and the referee agree.
    agrees: Vec<bool>,
}

impl Referee {
    /// A referee for the reference's side of an experiment.
    ///
    /// # Errors
    /// If there is no libtorch.
    pub fn new(experiment: &Experiment, rows: usize, k: f64, engines: Engines<'_>) -> Result<Self> {
        let side = Side { engine: EngineKind::Torch, dtype: DType::F64, ..experiment.reference.clone() };
        Ok(Self {
            engine: engines(Role::Referee, &side, rows)?,
            replay: Replay::new(&side, DType::F64, k).with_tail(experiment.alignment().tail.reference.start),
            widths: side.model.widths(),
            record: StepRecord::default(),
            deviations: Vec::new(),
            after: side.training.reported_loss.after_update,
            seen: 0,
            asked: 0,
            agrees: Vec::new(),
        })
    }

    /// Takes in a replayed step: the reference's record, and what its weights have an effect on. Asks the engine on the first steps and on powers of two.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn step(&mut self, places: &Places, reference: &StepRecord, effects: &mut Effects) -> Result<()> {
        let asked = self.seen.is_power_of_two() || self.seen < 4;
        self.seen += 1;
        if !asked {
            return Ok(());
        }
        self.asked += 1;
        for (index, values) in reference.before.iter().chain(&reference.buffers_before).enumerate() {
            let shape = self.engine.tensors()[index].shape;
            load(self.engine.as_mut(), index, shape, values, DType::F64)?;
        }
        fn view(values: &[f64], rows: usize) -> View<'_> {
            View { shape: Shape::new(&[rows, values.len() / rows.max(1)]), values: Values::F64(values) }
        }
        let masks: Vec<_> = reference.masks.iter().map(|mask| view(mask, reference.rows)).collect();
        let batch = Batch {
            masks: &masks,
            step: reference.step,
            epoch: reference.epoch,
            ..Batch::dense(view(&reference.inputs, reference.rows), view(&reference.targets, reference.rows))
        };
        (self.record.step, self.record.epoch) = (batch.step, batch.epoch);
        self.record.begin(self.engine.as_ref(), &batch)?;
        self.engine.forward(&batch)?;
        let loss = self.engine.loss(&batch)?;
        self.engine.backward()?;
        self.record.computed(self.engine.as_ref(), &self.widths, loss)?;
        self.engine.update()?;
        self.record.updated(self.engine.as_ref())?;
        if !reference.looked.is_empty() {
            let again = Batch { training: false, masks: &[], ..batch };
            self.engine.forward(&again)?;
            let after = self.engine.loss(&again)?;
            // Where the candidate alone reports that, the reference's definition is the loss of the step.
            let loss = if self.after { after } else { loss };
            self.record.looked(self.engine.as_ref(), &self.widths, loss)?;
        }
        let Self { replay, record, deviations, .. } = self;
        let by = By::Weights { rounded: 1.0, silent: replay.silence() };
        deviations.clear();
        let each: Each<'_> = &mut |_, judged| deviations.push(judged.deviation());
        places.measure(replay, (false, Some((effects, by))), (record, None), record, each);
        self.agrees.resize(deviations.len(), true);
        for ((agrees, deviation), &place) in self.agrees.iter_mut().zip(&*deviations).zip(&places.all) {
            *agrees &= deviation.budget <= places.headroom(place, reference.rows);
        }
        Ok(())
    }

    /// Whether the replay of the place with this number is the referee's definition, as far as was asked.
    pub fn agrees(&self, place: usize) -> bool {
        self.agrees.get(place).copied().unwrap_or(true)
    }

    /// What it said.
    pub fn said(&self, places: &Places) -> Refereed {
        let differing = self.agrees.iter().zip(&places.all).filter(|(agrees, _)| !**agrees);
        Refereed {
            engine: self.engine.describe().to_string(),
            steps: self.asked,
            differs: differing.map(|(_, &place)| places.full_name(place)).collect(),
        }
    }
}
