//! `faults` of the candidate's `[training]`: mistakes that it makes on purpose. Each has to be one that the side's
//! engine can make, and that its model and training can show.

use crate::{
    error::{Result, did_you_mean},
    experiment::{
        EngineKind, Side,
        reader::{Choice, Reader, finite},
        tree::{Node, Value, shown},
    },
    model::{Layer, Model, Parameter, Place},
    training::{Adam, Clip, Fault, Maker, Measure, Optimizer, RmsProp, Sgd, Training},
};
use std::mem::discriminant;

/// What trains a side with these faults that does not say: the engine that it has else, where that can make them.
pub(super) fn engine(usual: EngineKind, faults: &[Fault]) -> EngineKind {
    // PyTorch makes no mistakes; its twins in the engine from scratch would not make them, either.
    let makes = faults.is_empty() || (usual != EngineKind::Torch && faults.iter().all(|fault| can_make(&usual, fault)));
    if makes { usual } else { EngineKind::Exact }
}

/// Whether an engine can have a fault.
fn can_make(engine: &EngineKind, fault: &Fault) -> bool {
    match fault.made_by() {
        Maker::Formula => matches!(engine, EngineKind::Exact | EngineKind::Recorded(_)),
        Maker::Scratch => *engine != EngineKind::Torch,
        Maker::Wrapper(_) | Maker::Data(_) => true,
    }
}

/// What the reference cannot have, as no replay knows it.
pub(in crate::experiment) fn refuse(root: &Node, reference: &Side) -> Result<()> {
    let unknown = |fault: &&Fault| {
        matches!(fault, Fault::Transposed(_) | Fault::UpdatePerSample | Fault::UnstableSoftmax) || fault.is_of_data()
    };
    match reference.training.faults.iter().find(unknown) {
        Some(_) => Err(root.find(&["training", "faults"]).unwrap_or(root).fault(
            "this fault belongs to the candidate, as the reference defines what is right: write it under [candidate]",
        )),
        None => Ok(()),
    }
}

/// The faults of a side with this engine, asked for or usual, and model that trains as `training` says.
pub(super) fn decode(
    table: &Reader,
    (engine, asked): (&EngineKind, bool),
    model: &Model,
    training: &Training,
) -> Result<Vec<Fault>> {
    let Some(node) = table.get("faults") else { return Ok(Vec::new()) };
    let Value::Array(nodes) = &node.value else {
        let found = node.found();
        return Err(node.fault(format!("`faults` in [training] must be an array, as in [\"eps-hat\"]; found {found}")));
    };
    let mut faults: Vec<Fault> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let fault = one(node, model)?;
        if let Some(needed) = needed(&fault, model, training) {
            return Err(node.fault(format!("nothing here could show this fault: it needs {needed}")));
        }
        if asked && !can_make(engine, &fault) {
            return Err(
                node.fault(format!("the formulas of {engine} cannot have this fault; write engine = \"exact\""))
            );
        }
        let of_parameter = matches!(fault, Fault::Transposed(_) | Fault::Frozen(_));
        let same = |other: &Fault| {
            if of_parameter { *other == fault } else { discriminant(other) == discriminant(&fault) }
        };
        if faults.iter().any(same) {
            return Err(node.fault("this fault stands in `faults` twice; keep one of them"));
        }
        faults.push(fault);
    }
    Ok(faults)
}

#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn one(node: &Node, model: &Model) -> Result<Fault> {
    let choice = Choice::read(node, "fault", &Fault::ALL)?;
    let wrong = |value: &Node, expected: &str| {
        let (name, found) = (choice.typed.0, value.found());
        value.fault(format!("`{name}` in faults must be {expected}; found {found}"))
    };
    Ok(match choice.typed {
        ("relu-derivative-one-at-zero", None) => Fault::ReluDerivativeOneAtZero,
        ("sigmoid-derivative-of-output", None) => Fault::SigmoidDerivativeOfOutput,
        ("unstable-softmax", None) => Fault::UnstableSoftmax,
        ("transposed", Some(value)) => {
            let parameter = parameter(value, "transposed", model)?;
            if parameter.shape.len() != 2 || parameter.shape[0] != parameter.shape[1] {
                let Parameter { name, shape, .. } = parameter;
                return Err(value.fault(format!("only a square weight can be used transposed; {name} is {shape}")));
            }
            Fault::Transposed(parameter.name)
        }
        ("frozen", Some(value)) => Fault::Frozen(parameter(value, "frozen", model)?.name),
        ("gradients-not-zeroed", None) => Fault::GradientsNotZeroed,
        ("update-per-sample", None) => Fault::UpdatePerSample,
        ("no-bias-correction", None) => Fault::NoBiasCorrection,
        ("eps-inside-root", None) => Fault::EpsInsideRoot,
        ("eps-hat", None) => Fault::EpsHat,
        ("step-counter", Some(value)) => match &value.value {
            Value::Integer(ahead @ -1000..=1000) if *ahead != 0 => Fault::StepCounter(*ahead as i32),
            _ => return Err(wrong(value, "a whole number from -1000 to 1000 that is not 0")),
        },
        ("velocity-of-steps", None) => Fault::VelocityOfSteps,
        ("no-decay-on-biases", None) => Fault::NoDecayOnBiases,
        ("constant-correction", None) => Fault::ConstantCorrection,
        ("step-per-parameter", None) => Fault::StepPerParameter,
        ("moments-reset", None) => Fault::MomentsReset,
        ("momentum-average", None) => Fault::MomentumAverage,
        ("dampening-at-first", None) => Fault::DampeningAtFirst,
        ("decay-without-rate", None) => Fault::DecayWithoutRate,
        ("clip-per-tensor", None) => Fault::ClipPerTensor,
        ("clip-by-square", None) => Fault::ClipBySquare,
        ("norm-unbiased", None) => Fault::NormUnbiased,
        ("norm-eps-outside", None) => Fault::NormEpsOutside,
        ("clip-without-eps", None) => Fault::ClipWithoutEps,
        ("decay-after-step", None) => Fault::DecayAfterStep,
        ("norm-statistics-constant", None) => Fault::NormStatisticsConstant,
        ("schedule-late", Some(value)) => match &value.value {
            Value::Integer(moves @ (-1_000_000..=-1 | 1..=1_000_000)) => Fault::ScheduleLate(*moves as i32),
            _ => return Err(wrong(value, "how many moves it is late, a whole number; below 0 it is early")),
        },
        ("early-update", None) => Fault::EarlyUpdate,
        ("bias-gradient-averaged", None) => Fault::BiasGradientAveraged,
        ("bias-gradient-summed", None) => Fault::BiasGradientSummed,
        ("last-index-wins", None) => Fault::LastIndexWins,
        ("softmax-diagonal", None) => Fault::SoftmaxDiagonal,
        ("sigmoid-derivative-of-input", None) => Fault::SigmoidDerivativeOfInput,
        ("tanh-derivative-unsquared", None) => Fault::TanhDerivativeUnsquared,
        ("derivative-forgotten", Some(value)) => Fault::DerivativeForgotten(layer(value, &choice)?),
        ("no-gradient", Some(value)) => Fault::NoGradient(layer(value, &choice)?),
        ("gradients-scaled", Some(value)) => {
            Fault::GradientsScaled(finite(&value.value).ok_or_else(|| wrong(value, "a finite number"))?)
        }
        ("rate-scaled", Some(value)) => {
            Fault::RateScaled(finite(&value.value).ok_or_else(|| wrong(value, "a finite number"))?)
        }
        ("targets-broadcast", None) => Fault::TargetsBroadcast,
        ("labels-permuted", None) => Fault::LabelsPermuted,
        ("inputs-scaled", Some(value)) => {
            Fault::InputsScaled(finite(&value.value).ok_or_else(|| wrong(value, "a finite number"))?)
        }
        ("order", Some(value)) => match &value.value {
            Value::Integer(seed) if *seed >= 0 => Fault::Order(seed.unsigned_abs()),
            _ => return Err(wrong(value, "a seed, a whole number that is 0 or more")),
        },
        ("last-batch-dropped", None) => Fault::LastBatchDropped,
        _ => return Err(choice.unknown()),
    })
}

/// The layer that a fault names, from 0.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn layer(value: &Node, choice: &Choice<'_>) -> Result<usize> {
    match &value.value {
        Value::Integer(layer @ 0..=1_000_000) => Ok(*layer as usize),
        _ => {
            let (name, found) = (choice.typed.0, value.found());
            Err(value.fault(format!("`{name}` in faults must be the number of a layer, from 0; found {found}")))
        }
    }
}

/// The parameter that a fault names.
fn parameter(value: &Node, fault: &str, model: &Model) -> Result<Parameter> {
    let parameters = model.parameters();
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let Value::Text(name) = &value.value else {
        let found = value.found();
        return Err(value.fault(format!("`{fault}` in faults must be the name of a parameter; found {found}")));
    };
    let place = names.iter().position(|other| other == name).ok_or_else(|| {
        let (hint, valid) = (did_you_mean(name, names.iter().copied()), names.join(", "));
        value.fault(format!("the model has no parameter `{}`{hint} (valid: {valid})", shown(name)))
    })?;
    Ok(parameters[place].clone())
}

/// What a fault needs to show, if the side has none of it.
fn needed(fault: &Fault, model: &Model, training: &Training) -> Option<&'static str> {
    let optimizer = &training.optimizer;
    let adam = matches!(optimizer, Optimizer::Adam(_));
    let momentum = match optimizer {
        Optimizer::Sgd(Sgd { momentum, .. }) | Optimizer::RmsProp(RmsProp { momentum, .. }) => *momentum,
        Optimizer::Adam(_) => 0.0,
    };
    let any = |is: fn(&Layer) -> bool| model.layers.iter().any(is);
    let (shows, needed) = match fault {
        Fault::ReluDerivativeOneAtZero => (any(|layer| *layer == Layer::Relu), "a relu layer"),
        Fault::SigmoidDerivativeOfOutput => (any(|layer| *layer == Layer::Sigmoid), "a sigmoid layer"),
        Fault::UnstableSoftmax => {
            let of_loss = matches!(training.loss.measure, Measure::CrossEntropy(_));
            let of_layer = any(|layer| matches!(layer, Layer::Softmax(_) | Layer::LogSoftmax(_)));
            (of_loss || of_layer, "a softmax layer, or cross-entropy")
        }
        Fault::NoBiasCorrection | Fault::EpsHat | Fault::StepCounter(_) => (adam, "optimizer = \"adam\" or \"adamw\""),
        Fault::EpsInsideRoot => {
            (adam || matches!(optimizer, Optimizer::RmsProp(_)), "optimizer = \"adam\", \"adamw\" or \"rmsprop\"")
        }
        Fault::VelocityOfSteps => (momentum > 0.0, "sgd or rmsprop with momentum"),
        Fault::NoDecayOnBiases => (optimizer.weight_decay() > 0.0, "an optimizer with weight_decay"),
        Fault::ConstantCorrection | Fault::StepPerParameter => (adam, "optimizer = \"adam\" or \"adamw\""),
        Fault::MomentsReset => (optimizer.has_state(), "an optimizer with a state"),
        Fault::MomentumAverage => {
            (matches!(optimizer, Optimizer::Sgd(Sgd { momentum, .. }) if *momentum > 0.0), "sgd with momentum")
        }
        Fault::DampeningAtFirst => {
            (matches!(optimizer, Optimizer::Sgd(Sgd { dampening, .. }) if *dampening > 0.0), "sgd with dampening")
        }
        Fault::DecayWithoutRate | Fault::DecayAfterStep => (
            matches!(optimizer, Optimizer::Adam(Adam { decoupled: true, weight_decay, .. }) if *weight_decay > 0.0),
            "adamw with weight_decay",
        ),
        Fault::NormUnbiased | Fault::NormEpsOutside | Fault::NormStatisticsConstant => {
            (any(|layer| matches!(layer, Layer::LayerNorm(_) | Layer::BatchNorm(_))), "a layer-norm or a batch-norm")
        }
        Fault::ClipPerTensor | Fault::ClipBySquare | Fault::ClipWithoutEps => {
            (matches!(training.clip, Some(Clip::Norm(_))), "clip = { norm = … }")
        }
        Fault::ScheduleLate(_) => (training.schedule.is_some(), "a schedule"),
        Fault::BiasGradientAveraged | Fault::BiasGradientSummed => {
            (any(|layer| matches!(layer, Layer::Linear(linear) if linear.bias)), "a linear layer with a bias")
        }
        // The norm of all gradients is not known before the first update.
        Fault::EarlyUpdate => (
            model.parameters().len() > 1 && !matches!(training.clip, Some(Clip::Norm(_))),
            "a second layer, and no clipping by the norm of all gradients",
        ),
        Fault::LastIndexWins => {
            (any(|layer| matches!(layer, Layer::Embedding(_) | Layer::EmbeddingBag(..))), "an embedding")
        }
        Fault::SoftmaxDiagonal => (any(|layer| matches!(layer, Layer::Softmax(_))), "a softmax layer"),
        Fault::SigmoidDerivativeOfInput => (any(|layer| *layer == Layer::Sigmoid), "a sigmoid layer"),
        Fault::TanhDerivativeUnsquared => (any(|layer| *layer == Layer::Tanh), "a tanh layer"),
        Fault::DerivativeForgotten(layer) => {
            let shaped =
                |place: &Place| place.input.elements() == place.output.elements() && place.parameters.is_empty();
            (model.places().get(*layer).is_some_and(shaped), "the number of a layer without parameters")
        }
        Fault::NoGradient(layer) => {
            (*layer > 0 && *layer < model.layers.len(), "the number of a layer behind the first")
        }
        Fault::TargetsBroadcast => {
            let outputs = model.widths().last().copied().unwrap_or_default();
            (outputs == 1 && !training.loss.per_row(), "a loss of elements, of one output")
        }
        Fault::GradientsScaled(_)
        | Fault::RateScaled(_)
        | Fault::Transposed(_)
        | Fault::Frozen(_)
        | Fault::GradientsNotZeroed
        | Fault::UpdatePerSample
        | Fault::LabelsPermuted
        | Fault::InputsScaled(_)
        | Fault::Order(_)
        | Fault::LastBatchDropped => (true, ""),
    };
    (!shows).then_some(needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Experiment;
    use std::path::Path;

    /// Lines 1 to 6; line 7 is the candidate's faults.
    fn parse(optimizer: &str, faults: &str) -> Result<Experiment> {
        let text = format!(
            "data.kind = 'xor'\n[model]\nlayers = [{{ linear = {{ outputs = 2 }} }}, 'relu', {{ linear = {{ outputs = 1 }} \
             }}]\n[training]\nloss = 'mse'\nsteps = 5\noptimizer = {optimizer}\n[candidate]\ntraining.faults = {faults}"
        );
        Experiment::parse(&text, "x.toml", Path::new(""), &[])
    }

    #[test]
    fn every_fault_has_a_name() {
        let cases = [
            ("'adam'", "'relu-derivative-one-at-zero'", Fault::ReluDerivativeOneAtZero),
            ("'adam'", "{ transposed = '0.weight' }", Fault::Transposed("0.weight".to_owned())),
            ("'adam'", "{ frozen = '2.bias' }", Fault::Frozen("2.bias".to_owned())),
            ("'adam'", "'gradients-not-zeroed'", Fault::GradientsNotZeroed),
            ("'adam'", "'update-per-sample'", Fault::UpdatePerSample),
            ("'adam'", "'no-bias-correction'", Fault::NoBiasCorrection),
            ("'rmsprop'", "'eps-inside-root'", Fault::EpsInsideRoot),
            ("'adamw'", "'eps-hat'", Fault::EpsHat),
            ("'adam'", "{ step-counter = -1 }", Fault::StepCounter(-1)),
            ("{ sgd = { lr = 1, momentum = 0.9 } }", "'velocity-of-steps'", Fault::VelocityOfSteps),
            ("'adamw'", "'no-decay-on-biases'", Fault::NoDecayOnBiases),
            ("'adam'", "'labels-permuted'", Fault::LabelsPermuted),
            ("'adam'", "{ inputs-scaled = 2 }", Fault::InputsScaled(2.0)),
            ("'adam'", "{ order = 7 }", Fault::Order(7)),
            ("'adam'\nschedule = { exponential = { gamma = 0.9 } }", "{ schedule-late = 2 }", Fault::ScheduleLate(2)),
            ("'adam'\nschedule = { exponential = { gamma = 0.9 } }", "{ schedule-late = -1 }", Fault::ScheduleLate(-1)),
            ("'adam'", "{ no-gradient = 1 }", Fault::NoGradient(1)),
            ("'adam'", "{ derivative-forgotten = 1 }", Fault::DerivativeForgotten(1)),
            ("'adam'", "{ gradients-scaled = 0.5 }", Fault::GradientsScaled(0.5)),
            ("'adam'", "{ rate-scaled = -1 }", Fault::RateScaled(-1.0)),
        ];
        for (optimizer, fault, expected) in cases {
            let experiment = parse(optimizer, &format!("[{fault}]")).unwrap();
            let exact = expected.made_by() == Maker::Formula;
            assert_eq!(experiment.candidate.training.faults, [expected], "{fault}");
            assert_eq!(experiment.reference.training.faults, [], "{fault}");
            // Those that no other engine makes have one that does.
            assert_eq!(experiment.candidate.engine == EngineKind::Exact, exact, "{fault}");
        }
        let two = parse("'adam'", "['eps-hat', { frozen = '0.bias' }, { frozen = '2.bias' }]").unwrap();
        assert_eq!(two.candidate.training.faults.len(), 3);
    }

    /// XOR has four rows.
    #[test]
    fn a_fault_that_the_data_or_their_order_cannot_show_is_refused() {
        let with = |more: &str, fault: &str| parse(&format!("'adam'\n{more}"), &format!("[{fault}]"));
        for (more, fault, words) in [
            ("shuffle = true", "{ inputs-scaled = 1 }", "inputs times 1 are the same inputs"),
            ("shuffle = true", "{ order = 0 }", "it is the seed that the rows are shuffled by"),
            ("batch_size = 2", "'last-batch-dropped'", "the batches leave no row over"),
            ("batch_size = 'full'", "'last-batch-dropped'", "the batches leave no row over"),
            ("batch_size = 3\nlast_batch = 'drop'", "'last-batch-dropped'", "leaves it out on both sides"),
        ] {
            let error = with(more, fault).unwrap_err().to_string();
            assert!(error.contains("nothing here could show this fault") && error.contains(words), "{error}");
        }
        for (more, fault) in [
            ("shuffle = true", "{ order = 7 }"),
            ("shuffle = false", "{ order = 0 }"),
            ("batch_size = 3", "'last-batch-dropped'"),
            ("batch_size = 3", "'labels-permuted'"),
        ] {
            with(more, fault).unwrap();
        }
        let constant = "data = { kind = 'line', rows = 6, slope = 0, intercept = 1, noise = 0 }\nmodel.layers = [{ linear = \
                        { outputs = 1 } }]\ntraining = { loss = 'mse', steps = 2, optimizer = 'adam' }\n\
                        candidate.training.faults = ['labels-permuted']";
        let error = Experiment::parse(constant, "x.toml", Path::new(""), &[]).unwrap_err().to_string();
        assert!(error.contains("the targets are all the same"), "{error}");
    }

    #[test]
    fn a_fault_that_cannot_be_is_an_error_that_says_why() {
        for (optimizer, faults, words) in [
            ("'adam'", "'eps-hat'", "`faults` in [training] must be an array"),
            ("'adam'", "['eps-hatt']", "unknown fault `eps-hatt`; did you mean `eps-hat`?"),
            ("'adam'", "['frozen']", "fault `frozen` is written { frozen = \"2.weight\" }"),
            (
                "'adam'",
                "[{ frozen = '0.weigth' }]",
                "no parameter `0.weigth`; did you mean `0.weight`? (valid: 0.weight",
            ),
            ("'adam'", "[{ frozen = 3 }]", "`frozen` in faults must be the name of a parameter; found the integer 3"),
            (
                "'adam'",
                "[{ transposed = '2.weight' }]",
                "only a square weight can be used transposed; 2.weight is [1, 2]",
            ),
            ("'adam'", "[{ step-counter = 0 }]", "`step-counter` in faults must be a whole number from -1000 to 1000"),
            ("'rmsprop'", "['eps-hat']", "nothing here could show this fault: it needs optimizer = \"adam\""),
            ("'adam'", "['no-decay-on-biases']", "it needs an optimizer with weight_decay"),
            ("'adam'", "['sigmoid-derivative-of-output']", "it needs a sigmoid layer"),
            ("{ sgd = { lr = 1 } }", "['velocity-of-steps']", "it needs sgd or rmsprop with momentum"),
            ("'adam'", "['eps-hat', 'eps-hat']", "this fault stands in `faults` twice"),
            (
                "'adam'",
                "['eps-hat']\nengine = 'torch'",
                "the formulas of torch cannot have this fault; write engine = \"exact\"",
            ),
            ("'adam'", "['early-update']\nengine = 'scratch'", "the formulas of scratch cannot have this fault"),
            ("'adam'", "[{ no-gradient = 7 }]", "it needs the number of a layer behind the first"),
            ("'adam'", "[{ no-gradient = 'x' }]", "`no-gradient` in faults must be the number of a layer, from 0"),
        ] {
            let error = parse(optimizer, faults).unwrap_err().to_string();
            assert!(error.starts_with("x.toml:9: ") && error.contains(words), "{faults}: {error}");
        }
        let on_both = parse("'adam'\nfaults = ['labels-permuted']", "[]").unwrap_err().to_string();
        assert!(on_both.starts_with("x.toml:8: this fault belongs to the candidate"), "{on_both}");
        let proof = parse("'adam'\nfaults = ['eps-hat']", "[]").unwrap();
        assert_eq!((&proof.reference.engine, &proof.candidate.engine), (&EngineKind::Exact, &EngineKind::Scratch));
    }
}
