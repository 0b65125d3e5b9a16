//! An engine whose tensors are changed on their way in or out.

use lockstep::{
    data::Batch,
    engine::{Description, Engine},
    error::Result,
    experiment::Side,
    model::Parameter,
    tensor::{DType, Shape, Values, View},
};
use std::rc::Rc;

/// A tensor on its way into or out of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    Inputs,
    Targets,
    Activation(usize),
    Loss,
    OutputGradient,
    Gradient(usize),
    /// What a step's update left.
    Parameter(usize),
}

/// Changes the elements of a tensor, given the step, which it is and its shape.
pub type Change = Rc<dyn Fn(usize, Passing, Shape, &mut [f64])>;

/// An engine that sees and shows its tensors as `change` leaves them.
pub struct Altered {
    inner: Box<dyn Engine>,
    layers: usize,
    change: Change,
    step: usize,
    activations: Vec<Tensor>,
    output_gradient: Option<Tensor>,
    gradients: Vec<Tensor>,
    parameters: Vec<Tensor>,
}

/// A tensor of our own, in both types.
struct Tensor {
    shape: Shape,
    dtype: DType,
    f64: Vec<f64>,
    f32: Vec<f32>,
}

impl Tensor {
    fn new(view: View<'_>, change: impl Fn(&mut [f64])) -> Self {
        let mut f64 = Vec::new();
        view.widen_into(&mut f64);
        change(&mut f64);
        let f32 = f64.iter().map(|&value| value as f32).collect();
        Self { shape: view.shape, dtype: view.dtype(), f64, f32 }
    }

    fn view(&self) -> View<'_> {
        let values = match self.dtype {
            DType::F32 => Values::F32(&self.f32),
            DType::F64 => Values::F64(&self.f64),
        };
        View { shape: self.shape, values }
    }
}

impl Altered {
    /// Around an engine with so many layers.
    pub fn new(inner: Box<dyn Engine>, layers: usize, change: Change) -> Self {
        let (activations, output_gradient, gradients) = Default::default();
        let parameters = (0..inner.parameters().len()).map(|index| Tensor::new(inner.tensor(index), |_| {}));
        let parameters = parameters.collect();
        Self { inner, layers, change, step: 0, activations, output_gradient, gradients, parameters }
    }

    fn altered(&self, passing: Passing, view: View<'_>) -> Tensor {
        Tensor::new(view, |values| (self.change)(self.step, passing, view.shape, values))
    }
}

impl Engine for Altered {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    fn supports(&self, _side: &Side) -> Result<()> {
        Ok(())
    }

    fn tensors(&self) -> &[Parameter] {
        self.inner.tensors()
    }

    fn load(&mut self, parameter: usize, values: View<'_>) -> Result<()> {
        self.parameters[parameter] = Tensor::new(values, |_| {});
        self.inner.load(parameter, values)
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        // A look at the evaluation mode is shown as it is.
        if !batch.training {
            self.inner.forward(batch)?;
            let plain = |layer| Tensor::new(self.inner.activation(layer), |_| {});
            self.activations = (0..self.layers).map(plain).collect();
            return Ok(());
        }
        let inputs = self.altered(Passing::Inputs, batch.inputs.dense().unwrap());
        self.inner.forward(&Batch { inputs: inputs.view().into(), ..*batch })?;
        let altered = |layer| self.altered(Passing::Activation(layer), self.inner.activation(layer));
        self.activations = (0..self.layers).map(altered).collect();
        Ok(())
    }

    fn loss(&mut self, batch: &Batch<'_>) -> Result<f64> {
        if !batch.training {
            return self.inner.loss(batch);
        }
        let targets = self.altered(Passing::Targets, batch.targets);
        let mut loss = [self.inner.loss(&Batch { targets: targets.view(), ..*batch })?];
        (self.change)(self.step, Passing::Loss, Shape::new(&[1]), &mut loss);
        Ok(loss[0])
    }

    fn backward(&mut self) -> Result<()> {
        self.inner.backward()?;
        self.output_gradient = Some(self.altered(Passing::OutputGradient, self.inner.output_gradient()));
        let altered = |index| self.altered(Passing::Gradient(index), self.inner.gradient(index));
        self.gradients = (0..self.parameters.len()).map(altered).collect();
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        self.inner.update()?;
        let altered = |index| self.altered(Passing::Parameter(index), self.inner.tensor(index));
        self.parameters = (0..self.parameters.len()).map(altered).collect();
        self.step += 1;
        Ok(())
    }

    fn tensor(&self, parameter: usize) -> View<'_> {
        self.parameters[parameter].view()
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        self.gradients[parameter].view()
    }

    fn activation(&self, layer: usize) -> View<'_> {
        self.activations[layer].view()
    }

    fn output_gradient(&self) -> View<'_> {
        self.output_gradient.as_ref().unwrap().view()
    }
}
