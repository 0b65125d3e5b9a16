//! `faults` of the candidate's `[training]`: mistakes that it makes on purpose. Each has to be one that the side's
//! engine can make, and that its model and training can show.

use crate::{
    error::{Result, did_you_mean},
    experiment::{
        EngineKind,
        reader::{Choice, Reader, finite},
        tree::{Node, Value, shown},
    },
    model::{Layer, Model, Parameter},
    training::{Fault, Maker, Measure, Optimizer, RmsProp, Sgd, Training},
};
use std::mem::discriminant;

/// The reference has none.
pub(super) fn refuse(reference: &Node) -> Result<()> {
    match reference.find(&["training", "faults"]) {
        Some(faults) => Err(faults.fault(
            "`training.faults` belong to the candidate, as the reference defines what is right: write them under \
             [candidate]",
        )),
        None => Ok(()),
    }
}

/// The faults of a side with this engine and model that trains as `training` says.
pub(super) fn decode(table: &Reader, engine: &EngineKind, model: &Model, training: &Training) -> Result<Vec<Fault>> {
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
        if *engine == EngineKind::Torch && fault.made_by() == Maker::Scratch {
            return Err(node.fault("libtorch's own formulas cannot have this fault; write engine = \"scratch\""));
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
        Fault::Transposed(_)
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
        ];
        for (optimizer, fault, expected) in cases {
            let experiment = parse(optimizer, &format!("[{fault}]")).unwrap();
            assert_eq!(experiment.candidate.training.faults, [expected], "{fault}");
            assert_eq!(experiment.reference.training.faults, [], "{fault}");
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
            ("'adam'", "['eps-hat']\nengine = 'torch'", "libtorch's own formulas cannot have this fault"),
        ] {
            let error = parse(optimizer, faults).unwrap_err().to_string();
            assert!(error.starts_with("x.toml:9: ") && error.contains(words), "{faults}: {error}");
        }
        let on_both = parse("'adam'\nfaults = ['eps-hat']", "[]").unwrap_err().to_string();
        assert!(on_both.starts_with("x.toml:8: `training.faults` belong to the candidate"), "{on_both}");
    }
}
