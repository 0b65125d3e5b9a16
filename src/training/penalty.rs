//! What is added to a loss for large weights, as PyTorch users write it: a function of the parameters.

use crate::model::Parameter;

/// factor·Σ|w| or factor·Σw², or the same of means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Penalty {
    /// What is summed.
    pub norm: Norm,
    /// What the sum is multiplied by.
    pub factor: f64,
    /// Whether it is divided by the number of elements, all penalized parameters' together.
    pub mean: bool,
    /// Whether parameters of one dimension count, too.
    pub biases: bool,
}

/// What a penalty sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// |w|, with derivative 0 at 0.
    L1,
    /// w².
    L2,
}

impl Penalty {
    /// Whether a parameter counts.
    pub fn takes(&self, parameter: &Parameter) -> bool {
        self.biases || parameter.shape.len() > 1
    }

    /// The value for parameters, each with its elements.
    pub fn value(&self, parameters: &[Parameter], elements: impl Fn(usize) -> Vec<f64>) -> f64 {
        let taken = (0..parameters.len()).filter(|&index| self.takes(&parameters[index]));
        let of = |w: f64| match self.norm {
            Norm::L1 => w.abs(),
            Norm::L2 => w * w,
        };
        self.weight(parameters) * taken.flat_map(elements).map(of).sum::<f64>()
    }

    /// What each element's |w| or w² is multiplied by.
    pub fn weight(&self, parameters: &[Parameter]) -> f64 {
        let taken = parameters.iter().filter(|parameter| self.takes(parameter));
        let elements: usize = taken.map(|parameter| parameter.shape.elements()).sum();
        if self.mean { self.factor / elements.max(1) as f64 } else { self.factor }
    }
}
