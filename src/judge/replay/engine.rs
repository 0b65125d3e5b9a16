//! An engine made of the replay: every formula in f64, what is kept rounded to the type of its side. It is slow, and alone can
//! make the mistakes that belong to no key of an experiment.

use super::{Parameters, Replay};
use crate::{
    data::Batch,
    engine::{Description, Engine, misfit, refuse_unanswered},
    error::Result,
    experiment::Side,
    model::{Parameter, Place},
    run::StepRecord,
    tensor::{DType, Owned, Shape, Values, View},
    training::Fault,
};

/// The definition of a side, as an engine.
pub struct Exact {
    replay: Replay,
    places: Vec<Place>,
    dtype: DType,
    tensors: Vec<Parameter>,
    trained: usize,
    widths: Vec<usize>, // per layer
    early: bool,
    /// What the step at hand has computed, in f64, rounded to the type.
    record: StepRecord,
    values: Vec<Owned>,      // per tensor
    gradients: Vec<Owned>,   // per parameter
    activations: Vec<Owned>, // per layer
    output_gradient: Owned,
}

impl Exact {
    /// Of a side.
    pub fn new(side: &Side) -> Self {
        let tensors = side.model.tensors();
        let trained = tensors.partition_point(|tensor| tensor.trained);
        let owned = || Owned::new(side.dtype);
        let starts = side.model.buffers().into_iter().map(|(buffer, start)| vec![start; buffer.shape.elements()]);
        let mut values: Vec<Owned> = tensors.iter().map(|_| owned()).collect();
        for (own, start) in values[trained..].iter_mut().zip(starts) {
            own.assign(Values::F64(&start));
        }
        for (own, parameter) in values.iter_mut().zip(&tensors).take(trained) {
            own.assign(Values::F64(&vec![0.0; parameter.shape.elements()]));
        }
        Self {
            replay: Replay::new(side, side.dtype, 1.0),
            places: side.model.places(),
            dtype: side.dtype,
            widths: side.model.widths(),
            early: side.training.faults.contains(&Fault::EarlyUpdate),
            record: StepRecord::default(),
            gradients: (0..trained).map(|_| owned()).collect(),
            activations: side.model.layers.iter().map(|_| owned()).collect(),
            output_gradient: owned(),
            tensors,
            trained,
            values,
        }
    }

    /// Puts f64 values into the type, and back.
    fn rounded(own: &mut Owned, values: &mut [f64]) {
        own.assign(Values::F64(values));
        values.iter_mut().zip(own.values().iter()).for_each(|(value, rounded)| *value = rounded);
    }

    /// The gradients in the parameters, from the weights that layers pass theirs back through.
    fn backward_from(&mut self) -> Vec<Vec<f64>> {
        let Self { replay, record, .. } = self;
        let before: Parameters<'_> = &|index| &record.before[index];
        replay.backward(record, before).iter().map(|exact| exact.value.clone()).collect()
    }

    /// What the weights of all layers become by these gradients.
    fn updated(&mut self, gradients: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let Self { replay, record, .. } = self;
        replay.begin(record.step, record.epoch, gradients.iter().map(Vec::as_slice));
        let each = record.before.iter().zip(gradients).enumerate();
        each.map(|(index, (before, gradient))| {
            let changes = &replay.update(index, before, gradient).value;
            before.iter().zip(changes).map(|(before, change)| before + change).collect()
        })
        .collect()
    }
}

impl Engine for Exact {
    fn describe(&self) -> Description {
        Description {
            name: "exact".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            dtype: self.dtype,
            device: "cpu".to_owned(),
            threads: 1,
        }
    }

    fn supports(&self, _side: &Side) -> Result<()> {
        Ok(())
    }

    fn tensors(&self) -> &[Parameter] {
        &self.tensors
    }

    fn load(&mut self, tensor: usize, values: View<'_>) -> Result<()> {
        let own = &self.tensors[tensor];
        if values.shape != own.shape || values.dtype() != self.dtype {
            return Err(misfit("exact", own, self.dtype, &values));
        }
        self.values[tensor].copy(values.values);
        Ok(())
    }

    fn tensor(&self, tensor: usize) -> View<'_> {
        self.values[tensor].view(self.tensors[tensor].shape)
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        refuse_unanswered("exact", &self.places, batch)?;
        let Self { replay, record, values, activations, trained, .. } = self;
        (record.step, record.epoch) = (batch.step, batch.epoch);
        record.given(batch);
        record.looked.clear();
        record.after.clear();
        let wide = |own: &Owned| own.values().iter().collect::<Vec<f64>>();
        record.before = values[..*trained].iter().map(wide).collect();
        record.buffers_before = values[*trained..].iter().map(wide).collect();
        record.activations = vec![Vec::new(); activations.len()];
        for (layer, own) in activations.iter_mut().enumerate() {
            let mut output = replay.forward(layer, record, &|index| &record.before[index]).value.clone();
            Self::rounded(own, &mut output);
            record.activations[layer] = output;
        }
        if batch.training {
            let buffers = replay.buffers(record, &|index| &record.buffers_before[index]);
            for (own, exact) in values[*trained..].iter_mut().zip(buffers) {
                own.assign(Values::F64(&exact.value));
            }
        }
        Ok(())
    }

    fn loss(&mut self, _batch: &Batch<'_>) -> Result<f64> {
        let Self { replay, record, dtype, .. } = self;
        let (loss, _) = replay.loss(record, &|index| &record.before[index]);
        Ok(if *dtype == DType::F32 { f64::from(loss as f32) } else { loss })
    }

    fn backward(&mut self) -> Result<()> {
        let Self { replay, record, output_gradient, .. } = self;
        let mut outputs = replay.loss_gradient(record, &|index| &record.before[index]).value.clone();
        Self::rounded(output_gradient, &mut outputs);
        record.output_gradient = outputs;
        let mut gradients = self.backward_from();
        if self.early {
            // A layer's gradient comes through the new weights of those behind it: from the last layer on one more is right
            // each time.
            let state = self.replay.shadow.clone();
            for _ in 0..self.widths.len() {
                self.record.after = self.updated(&gradients);
                self.replay.shadow = state.clone();
                gradients = self.backward_from();
            }
        }
        for (own, gradient) in self.gradients.iter_mut().zip(&mut gradients) {
            Self::rounded(own, gradient);
        }
        self.record.gradients = gradients;
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        let gradients = std::mem::take(&mut self.record.gradients);
        let after = self.updated(&gradients);
        for (own, after) in self.values.iter_mut().zip(&after) {
            own.assign(Values::F64(after));
        }
        self.record.gradients = gradients;
        Ok(())
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        self.gradients[parameter].view(self.tensors[parameter].shape)
    }

    fn activation(&self, layer: usize) -> View<'_> {
        self.activations[layer].view(Shape::new(&[self.record.rows, self.widths[layer]]))
    }

    fn output_gradient(&self) -> View<'_> {
        self.output_gradient.view(Shape::new(&[self.record.rows, self.widths.last().copied().unwrap_or_default()]))
    }
}
