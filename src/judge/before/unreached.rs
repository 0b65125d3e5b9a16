//! Differences of description that no number of the run reached: a threshold that no input passed, a limit that no gradient
//! met.

use crate::{
    experiment::Experiment,
    model::Layer,
    run::StepRecord,
    tensor::norm,
    training::{Clip, Measure},
};

/// What would have to happen for a difference to show in numbers.
#[derive(Debug, Clone, Copy)]
enum Reach {
    /// An input of a layer, times the factor, from the lower number, not itself, to the upper one.
    Input {
        layer: usize,
        factor: f64,
        above: f64,
        up_to: f64,
    },
    /// A difference of output and target larger than this.
    Residual(f64),
    /// A gradient's element, or all gradients' norm, larger than this.
    Element(f64),
    Norm(f64),
}

/// A difference of description, and whether anything reached it.
struct Difference {
    words: String,
    reach: Reach,
    reached: bool,
}

/// The differences of an experiment of which that can be said.
#[derive(Default)]
pub(in crate::judge) struct Unreached {
    all: Vec<Difference>,
}

impl Unreached {
    /// Nothing has been reached yet.
    pub(in crate::judge) fn new(experiment: &Experiment) -> Self {
        let mut all = Vec::new();
        let mut add = |reach, words: String| all.push(Difference { words, reach, reached: false });
        let (reference, candidate) = (&experiment.reference, &experiment.candidate);
        let alignment = experiment.alignment();
        let inputs =
            |layer: usize| if layer == 0 { "no input".to_owned() } else { format!("no input of layer {layer}") };
        for (layer, one) in reference.model.layers.iter().enumerate() {
            let other = alignment.layers[layer].and_then(|own| candidate.model.layers.get(own));
            match (*one, other.copied()) {
                (Layer::Softplus { beta, threshold }, Some(Layer::Softplus { beta: of_other, threshold: other }))
                    if beta == of_other && threshold != other =>
                {
                    let (above, up_to) = (threshold.min(other), threshold.max(other));
                    let words = format!("softplus threshold {threshold} / {other}: {} passed {above}", inputs(layer));
                    add(Reach::Input { layer, factor: beta, above, up_to }, words);
                }
                (one, Some(other)) if slope(one).is_some() && slope(other).is_some() && slope(one) != slope(other) => {
                    let reach = Reach::Input { layer, factor: -1.0, above: 0.0, up_to: f64::INFINITY };
                    add(reach, format!("{one} / {other}: {} was below 0", inputs(layer)));
                }
                _ => {}
            }
        }
        let clips = [reference, candidate].map(|side| side.training.clip);
        let least =
            |most: &dyn Fn(Clip) -> Option<f64>| clips.iter().flatten().filter_map(|clip| most(*clip)).reduce(f64::min);
        if clips[0] != clips[1] {
            let of_norm = least(&|clip| if let Clip::Norm(most) = clip { Some(most) } else { None });
            let of_value = least(&|clip| if let Clip::Value(most) = clip { Some(most) } else { None });
            match (of_norm, of_value) {
                (Some(most), None) => add(Reach::Norm(most), format!("clipping: no gradient's norm passed {most}")),
                (None, Some(most)) => add(Reach::Element(most), format!("clipping: no gradient passed {most}")),
                _ => {}
            }
        }
        let knees = [reference, candidate].map(|side| knee(&side.training.loss.measure));
        if let ([Some(one), Some(other)], true) = (knees, knees[0] != knees[1]) {
            let least = one.min(other);
            add(Reach::Residual(least), format!("the loss's knee {one} / {other}: no residual passed {least}"));
        }
        Self { all }
    }

    /// Takes in the reference's step.
    pub(in crate::judge) fn take_in(&mut self, record: &StepRecord) {
        for difference in self.all.iter_mut().filter(|difference| !difference.reached) {
            difference.reached = match difference.reach {
                Reach::Input { layer, factor, above, up_to } => {
                    record.input(layer).iter().any(|x| x * factor > above && x * factor <= up_to)
                }
                Reach::Residual(most) => record.output().iter().zip(&record.targets).any(|(p, t)| (p - t).abs() > most),
                Reach::Element(most) => record.gradients.iter().flatten().any(|gradient| gradient.abs() > most),
                Reach::Norm(most) => {
                    record.gradients.iter().map(|gradient| norm(gradient).powi(2)).sum::<f64>().sqrt() > most
                }
            };
        }
    }

    /// The differences that nothing reached.
    pub(in crate::judge) fn words(&self) -> Vec<String> {
        self.all.iter().filter(|difference| !difference.reached).map(|difference| difference.words.clone()).collect()
    }
}

/// The slope below 0 of what is the identity above.
fn slope(layer: Layer) -> Option<f64> {
    match layer {
        Layer::Relu => Some(0.0),
        Layer::LeakyRelu { slope } => Some(slope),
        Layer::Linear(_)
        | Layer::Sigmoid
        | Layer::Tanh
        | Layer::Gelu(_)
        | Layer::Silu
        | Layer::Softplus { .. }
        | Layer::Softmax(_)
        | Layer::LogSoftmax(_)
        | Layer::Dropout(_)
        | Layer::LayerNorm(_)
        | Layer::BatchNorm(_)
        | Layer::Embedding(_)
        | Layer::EmbeddingBag(..)
        | Layer::Flatten => None,
    }
}

/// Where Huber's loss turns from a square to a line.
fn knee(measure: &Measure) -> Option<f64> {
    match measure {
        Measure::Huber { delta } => Some(*delta),
        Measure::SquaredError
        | Measure::AbsoluteError
        | Measure::SmoothL1 { .. }
        | Measure::CrossEntropy(_)
        | Measure::NegativeLogLikelihood { .. }
        | Measure::LogLoss { .. }
        | Measure::BinaryCrossEntropy
        | Measure::BinaryCrossEntropyWithLogits { .. } => None,
    }
}
