//! Mistakes in the loss and in what is printed of it.

use super::{
    super::{edit::HOLE, evidence::number},
    ANY_SHARE, ANY_SIZE, Cause, Edit, Evidence, fault,
};
use crate::{
    run::Phase,
    training::{Measure, Reduction, ReportedMeasure},
};

/// The loss in other reductions.
fn reductions(evidence: &Evidence<'_>, of: &[Reduction]) -> Vec<Edit> {
    let loss = &evidence.reference().training.loss;
    let named = Reduction::NAMES.iter().filter(|(_, reduction)| of.contains(reduction) && *reduction != loss.reduction);
    let name = loss.measure.name();
    named
        .map(|(reduction, _)| Edit::key(format!("training.loss={{ {name} = {{ reduction = \"{reduction}\" }} }}")))
        .collect()
}

/// The same of what is printed alone.
fn reported(evidence: &Evidence<'_>) -> Vec<Edit> {
    let training = &evidence.reference().training;
    let ReportedMeasure::Loss(loss) = &training.reported_loss.measure else { return Vec::new() };
    let name = loss.measure.name();
    let others = Reduction::NAMES.iter().filter(|(_, reduction)| *reduction != loss.reduction);
    let mut edits: Vec<Edit> = others
        .map(|(reduction, _)| {
            Edit::key(format!("training.reported_loss={{ loss = {{ {name} = {{ reduction = \"{reduction}\" }} }} }}"))
        })
        .collect();
    if !loss.per_row() {
        let names = ["mse", "l1"].into_iter().filter(|other| *other != name);
        edits.extend(names.map(|other| Edit::key(format!("training.reported_loss={{ loss = \"{other}\" }}"))));
    }
    if !training.penalties.is_empty() {
        edits.push(Edit::key(format!("training.reported_loss={{ penalty = {} }}", !training.reported_loss.penalty)));
    }
    edits
}

/// Losses that are taken for each other.
fn measures(evidence: &Evidence<'_>) -> Vec<Edit> {
    let (others, size): (&[&str], _) = match evidence.reference().training.loss.measure {
        Measure::SquaredError => (&["\"l1\"", "\"huber\"", "\"smooth-l1\""], None),
        Measure::AbsoluteError => (&["\"mse\"", "\"huber\"", "\"smooth-l1\""], None),
        Measure::Huber { delta: size } | Measure::SmoothL1 { beta: size } => {
            (&["\"mse\"", "\"l1\"", "\"huber\"", "\"smooth-l1\""], Some(size))
        }
        Measure::CrossEntropy(_)
        | Measure::NegativeLogLikelihood { .. }
        | Measure::LogLoss { .. }
        | Measure::BinaryCrossEntropy
        | Measure::BinaryCrossEntropyWithLogits { .. } => return Vec::new(),
    };
    let mut edits: Vec<Edit> = others.iter().map(|other| Edit::key(format!("training.loss={other}"))).collect();
    for (name, key) in [("huber", "delta"), ("smooth-l1", "beta")] {
        let of = |size: &str| Edit::key(format!("training.loss={{ {name} = {{ {key} = {size} }} }}"));
        edits.extend(size.map(|size| of(&number(size))));
        edits.push(of(HOLE).open(ANY_SIZE));
    }
    edits
}

/// Settings of a loss of classes that are forgotten.
fn classes(evidence: &Evidence<'_>) -> Vec<Edit> {
    match &evidence.reference().training.loss.measure {
        Measure::CrossEntropy(classes) => {
            let mut edits = Vec::new();
            let smoothing = "training.loss.cross-entropy.label_smoothing";
            if classes.label_smoothing > 0.0 {
                edits.push(Edit::key(format!("{smoothing}=0")));
            }
            edits.push(Edit::key(format!("{smoothing}={HOLE}")).open(ANY_SHARE));
            if classes.weights.is_some() {
                edits.push(Edit::key("training.loss.cross-entropy.weights=\"none\""));
                edits.push(Edit::key("training.loss.cross-entropy.reduction=\"per-sample\""));
            }
            edits
        }
        Measure::NegativeLogLikelihood { weights: Some(_) } => {
            vec![Edit::key("training.loss.nll.reduction=\"per-sample\"")]
        }
        Measure::BinaryCrossEntropyWithLogits { .. } => {
            let weight = |weight: &str| Edit::key(format!("training.loss.bce-with-logits.positive_weight={weight}"));
            vec![weight("1"), weight(HOLE).open(ANY_SIZE)]
        }
        Measure::NegativeLogLikelihood { weights: None }
        | Measure::SquaredError
        | Measure::AbsoluteError
        | Measure::Huber { .. }
        | Measure::SmoothL1 { .. }
        | Measure::LogLoss { .. }
        | Measure::BinaryCrossEntropy => Vec::new(),
    }
}

/// A layer more at the end, as its list and this name.
fn one_more(evidence: &Evidence<'_>, layer: &str) -> Vec<Edit> {
    let Some(layers) = evidence.experiment.resolved["reference"]["model"]["layers"].as_array() else {
        return Vec::new();
    };
    let mut layers = layers.clone();
    layers.push(layer.into());
    let Ok(layers) = toml::Value::try_from(&layers) else { return Vec::new() };
    vec![Edit::key(format!("model.layers={layers}"))]
}

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "sum-for-mean",
        does: "sums the loss where its mean is meant",
        formula: "Σ in place of Σ/n: the loss and all gradients are n times too large",
        by_hand: "divide the loss, and so its gradient, by the number of its terms",
        in_pytorch: "reduction=\"mean\" is the default; reduction=\"sum\" is this",
        phase: Phase::Loss,
        told_by: "another batch size",
        edits: |evidence| reductions(evidence, &[Reduction::Sum]),
    },
    Cause {
        id: "mean-over-rows",
        does: "divides the loss by the rows, where it is to be divided by the elements",
        formula: "Σ/rows in place of Σ/(rows · outputs)",
        by_hand: "take the mean over all elements, as np.mean does without an axis",
        in_pytorch: "nn.MSELoss() divides by all elements",
        phase: Phase::Loss,
        told_by: "another number of outputs",
        edits: |evidence| reductions(evidence, &[Reduction::PerSample]),
    },
    Cause {
        id: "half-the-mean",
        does: "has half the loss: the textbook's ½ is in it",
        formula: "½Σ(p − t)²/n in place of Σ(p − t)²/n: gradients are half as large",
        by_hand: "take the ½ out, or write half-mean into the definition",
        in_pytorch: "nn.MSELoss() has no ½: write 0.5 * loss to get it",
        phase: Phase::Loss,
        told_by: "gradients, recorded beside the weights",
        edits: |evidence| reductions(evidence, &[Reduction::HalfMean, Reduction::HalfSum]),
    },
    Cause {
        id: "mean-for-sum",
        does: "takes the mean of the loss where its sum is meant",
        formula: "Σ/n in place of Σ",
        by_hand: "add the terms up",
        in_pytorch: "give the loss reduction=\"sum\"",
        phase: Phase::Loss,
        told_by: "another batch size",
        edits: |evidence| reductions(evidence, &[Reduction::Mean]),
    },
    Cause {
        id: "reported-loss",
        does: "prints another loss than it optimizes",
        formula: "the gradients are right; the number that is printed is another one's",
        by_hand: "print what is optimized",
        in_pytorch: "print loss.item()",
        phase: Phase::Loss,
        told_by: "",
        edits: reported,
    },
    Cause {
        id: "targets-broadcast",
        does: "holds every output against every target: targets [N] beside outputs [N, 1]",
        formula: "mean over i and j of (pᵢ − tⱼ)² in place of that over i alone",
        by_hand: "give targets the shape of the outputs: t.reshape(-1, 1)",
        in_pytorch: "squeeze the outputs, or unsqueeze the targets: the warning of nn.MSELoss is about this",
        phase: Phase::Loss,
        told_by: "",
        edits: |_| fault("targets-broadcast"),
    },
    Cause {
        id: "other-loss",
        does: "optimizes another loss",
        formula: "Huber is δ times smooth L1 of β = δ; their defaults are 1",
        by_hand: "use the loss that was meant",
        in_pytorch: "look at which loss is made, and with which settings",
        phase: Phase::Loss,
        told_by: "",
        edits: measures,
    },
    Cause {
        id: "settings-of-classes",
        does: "has other weights of classes or another label smoothing, or divides by the rows where the sum of their weights is meant",
        formula: "Σwl/n in place of Σwl/Σw",
        by_hand: "divide by the sum of the weights of the batch's rows",
        in_pytorch: "weight=…, label_smoothing=… and pos_weight=… belong to the loss",
        phase: Phase::Loss,
        told_by: "",
        edits: classes,
    },
    Cause {
        id: "softmax-twice",
        does: "applies softmax to what cross-entropy takes softmax of again",
        formula: "−ln softmax(softmax(x)) in place of −ln softmax(x)",
        by_hand: "give the loss logits, or take the logarithm of the probabilities alone",
        in_pytorch: "nn.CrossEntropyLoss takes logits: take nn.Softmax out",
        phase: Phase::Forward,
        told_by: "",
        edits: |evidence| {
            let applies = matches!(evidence.reference().training.loss.measure, Measure::CrossEntropy(_));
            if applies { one_more(evidence, "softmax") } else { Vec::new() }
        },
    },
    Cause {
        id: "sigmoid-before-logits",
        does: "applies a sigmoid before a loss that applies one again",
        formula: "σ(σ(x)) in place of σ(x)",
        by_hand: "give the loss what comes before the sigmoid",
        in_pytorch: "nn.BCEWithLogitsLoss takes logits: take nn.Sigmoid out, or use nn.BCELoss",
        phase: Phase::Forward,
        told_by: "",
        edits: |evidence| {
            let applies =
                matches!(evidence.reference().training.loss.measure, Measure::BinaryCrossEntropyWithLogits { .. });
            if applies { one_more(evidence, "sigmoid") } else { Vec::new() }
        },
    },
];
