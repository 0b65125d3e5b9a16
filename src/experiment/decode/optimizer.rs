//! How gradients become updates: `optimizer`, `schedule` and `clip` of `[training]`, with PyTorch's defaults and bounds.

use crate::{
    error::Result,
    experiment::{
        reader::{Choice, NONE, Reader, finite},
        tree::{Node, Value, shown},
    },
    training::{Accumulate, Adam, Clip, Curve, Optimizer, RmsProp, Schedule, Sgd},
};

pub(super) const OPTIMIZERS: [(&str, &str); 4] = [
    ("sgd", "{ sgd = { lr = 0.3 } }"),
    ("adam", "\"adam\" or { adam = { lr = 0.001 } }"),
    ("adamw", "\"adamw\" or { adamw = { lr = 0.001 } }"),
    ("rmsprop", "\"rmsprop\" or { rmsprop = { lr = 0.01 } }"),
];

pub(super) const SCHEDULES: [(&str, &str); 5] = [
    NONE,
    ("step", "{ step = { size = 10, gamma = 0.1 } }"),
    ("exponential", "{ exponential = { gamma = 0.9 } }"),
    ("cosine", "{ cosine = { length = 30, minimum = 0 } }"),
    ("warm-up", "\"warm-up\" or { warm-up = { start = 0.333, end = 1, length = 5 } }"),
];

pub(super) const CLIPS: [(&str, &str); 3] = [NONE, ("norm", "{ norm = 1.0 }"), ("value", "{ value = 0.5 }")];

/// The most moves of a schedule, so that no count overflows.
const MOST_MOVES: usize = 1_000_000_000;

/// The most batches that make one update.
const MOST_BATCHES: usize = 1_000_000;

/// Refuses a rate below 0 on the reference; on the candidate it is a mistake that people make, and want to be shown.
pub(super) fn refuse_ascent(reference: &Node) -> Result<()> {
    let Some(Value::Table(table)) = reference.find(&["training", "optimizer"]).map(|node| &node.value) else {
        return Ok(());
    };
    for (name, settings) in table {
        let Some(lr) = settings.find(&["lr"]).filter(|lr| finite(&lr.value).is_some_and(|lr| lr < 0.0)) else {
            continue;
        };
        return Err(lr.fault(format!(
            "`lr` in {} must be a finite number, 0 or more, as the reference defines what is right and PyTorch takes no \
             other; found {}. A rate below 0, gradient ascent, is for the candidate alone: write it under [candidate]",
            shown(name),
            lr.found()
        )));
    }
    Ok(())
}

/// What stands under `optimizer`.
pub(super) fn optimizer(node: &Node) -> Result<Optimizer> {
    let choice = Choice::read(node, "optimizer", &OPTIMIZERS)?;
    match choice.typed {
        ("sgd", Some(settings)) => sgd(settings).map(Optimizer::Sgd),
        ("adam", settings) => adam(settings, "adam", Adam::default()).map(Optimizer::Adam),
        ("adamw", settings) => adam(settings, "adamw", Adam::adamw()).map(Optimizer::Adam),
        ("rmsprop", settings) => rmsprop(settings).map(Optimizer::RmsProp),
        _ => Err(choice.unknown()),
    }
}

fn sgd(settings: &Node) -> Result<Sgd> {
    let table = Reader::open(settings, "sgd", &["lr", "momentum", "dampening", "nesterov", "weight_decay"])?;
    let lr = table.number("lr")?;
    let sgd = Sgd {
        lr: lr.ok_or_else(|| table.missing("lr", "lr = 0.3, the learning rate"))?,
        momentum: table.not_negative("momentum")?.unwrap_or(0.0),
        dampening: table.number("dampening")?.unwrap_or(0.0),
        nesterov: table.boolean("nesterov")?.unwrap_or(false),
        weight_decay: table.not_negative("weight_decay")?.unwrap_or(0.0),
    };
    if sgd.nesterov && !(sgd.momentum > 0.0 && sgd.dampening == 0.0) {
        let Sgd { momentum, dampening, .. } = sgd;
        let rule = "nesterov needs momentum above 0 and dampening 0, as in PyTorch";
        let here = format!("{rule}; here momentum = {momentum} and dampening = {dampening}");
        return Err(table.fault("nesterov", here));
    }
    Ok(sgd)
}

fn adam(settings: Option<&Node>, name: &str, default: Adam) -> Result<Adam> {
    let Some(settings) = settings else { return Ok(default) };
    let table = Reader::open(settings, name, &["lr", "betas", "eps", "weight_decay"])?;
    let betas = table.typed("betas", "two numbers from 0, below 1, as in [0.9, 0.999]", |value| {
        let Value::Array(betas) = value else { return None };
        let beta = |node: &Node| finite(&node.value).filter(|beta| (0.0..1.0).contains(beta));
        betas.iter().map(beta).collect::<Option<Vec<f64>>>()?.try_into().ok()
    })?;
    Ok(Adam {
        lr: table.number("lr")?.unwrap_or(default.lr),
        betas: betas.unwrap_or(default.betas),
        eps: table.not_negative("eps")?.unwrap_or(default.eps),
        weight_decay: table.not_negative("weight_decay")?.unwrap_or(default.weight_decay),
        ..default
    })
}

fn rmsprop(settings: Option<&Node>) -> Result<RmsProp> {
    let default = RmsProp::default();
    let Some(settings) = settings else { return Ok(default) };
    let table = Reader::open(settings, "rmsprop", &["lr", "alpha", "eps", "weight_decay", "momentum", "centered"])?;
    Ok(RmsProp {
        lr: table.number("lr")?.unwrap_or(default.lr),
        alpha: table.number_in("alpha", 0.0..=1.0)?.unwrap_or(default.alpha),
        eps: table.not_negative("eps")?.unwrap_or(default.eps),
        weight_decay: table.not_negative("weight_decay")?.unwrap_or(default.weight_decay),
        momentum: table.not_negative("momentum")?.unwrap_or(default.momentum),
        centered: table.boolean("centered")?.unwrap_or(default.centered),
    })
}

/// What stands under `schedule`, if it is not switched off.
pub(super) fn schedule(node: &Node) -> Result<Option<Schedule>> {
    let choice = Choice::read(node, "schedule", &SCHEDULES)?;
    if choice.is_none() {
        return Ok(None);
    }
    let (name, settings) = choice.typed;
    let keys: &[&str] = match name {
        "step" => &["size", "gamma", "every"],
        "exponential" => &["gamma", "every"],
        "cosine" => &["length", "minimum", "every"],
        "warm-up" => &["start", "end", "length", "every"],
        _ => return Err(choice.unknown()),
    };
    let Some(settings) = settings else {
        let warm_up = Curve::Linear { start: 1.0 / 3.0, end: 1.0, length: 5 };
        return if name == "warm-up" {
            Ok(Some(Schedule { curve: warm_up, every_step: false }))
        } else {
            Err(choice.unknown())
        };
    };
    let table = Reader::open(settings, name, keys)?;
    let moves =
        |key: &str, example| table.whole(key, 1..=MOST_MOVES)?.map_or_else(|| Err(table.missing(key, example)), Ok);
    let curve = match name {
        "step" => Curve::Step {
            size: moves("size", "size = 10, the moves between two drops")?,
            gamma: table.not_negative("gamma")?.unwrap_or(0.1),
        },
        "exponential" => {
            let gamma = table.not_negative("gamma")?;
            Curve::Exponential {
                gamma: gamma.ok_or_else(|| table.missing("gamma", "gamma = 0.9, the factor of a move"))?,
            }
        }
        "cosine" => Curve::Cosine {
            length: moves("length", "length = 30, the moves to the minimum")?,
            minimum: table.not_negative("minimum")?.unwrap_or(0.0),
        },
        _ => {
            let start = table.typed("start", "a number above 0, at most 1", |value| {
                finite(value).filter(|start| *start > 0.0 && *start <= 1.0)
            })?;
            Curve::Linear {
                start: start.unwrap_or(1.0 / 3.0),
                end: table.number_in("end", 0.0..=1.0)?.unwrap_or(1.0),
                length: table.whole("length", 1..=MOST_MOVES)?.unwrap_or(5),
            }
        }
    };
    let every_step = table.named("every", "interval", &[("epoch", false), ("step", true)])?.unwrap_or(false);
    Ok(Some(Schedule { curve, every_step }))
}

/// What stands under `accumulate`: a number, or a table; gradients of one batch are not gathered.
pub(super) fn accumulate(training: &Reader) -> Result<Option<Accumulate>> {
    let Some(node) = training.get("accumulate") else { return Ok(None) };
    let (batches, mean) = if let Value::Table(_) = node.value {
        let table = Reader::open(node, "accumulate", &["batches", "mean"])?;
        let batches = table.whole("batches", 1..=MOST_BATCHES)?;
        let batches = batches.ok_or_else(|| table.missing("batches", "batches = 4, as many as make an update"))?;
        (batches, table.boolean("mean")?.unwrap_or(true))
    } else {
        let expected = format!("a whole number from 1 to {MOST_BATCHES}, or a table with `batches` and `mean`");
        let batches = training.typed("accumulate", &expected, |value| {
            let Value::Integer(batches) = value else { return None };
            usize::try_from(*batches).ok().filter(|count| (1..=MOST_BATCHES).contains(count))
        })?;
        (batches.unwrap_or(1), true)
    };
    Ok((batches > 1).then_some(Accumulate { batches, mean }))
}

/// What stands under `clip`, if it is not switched off.
pub(super) fn clip(node: &Node) -> Result<Option<Clip>> {
    let choice = Choice::read(node, "clip", &CLIPS)?;
    if choice.is_none() {
        return Ok(None);
    }
    let (name @ ("norm" | "value"), Some(most)) = choice.typed else { return Err(choice.unknown()) };
    let limit = finite(&most.value).filter(|limit| *limit > 0.0).ok_or_else(|| {
        most.fault(format!("`{name}` in clip must be a finite number above 0; found {}", most.found()))
    })?;
    Ok(Some(if name == "norm" { Clip::Norm(limit) } else { Clip::Value(limit) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed<T>(text: &str, decode: impl Fn(&Node) -> Result<T>) -> Result<T> {
        decode(Node::parse_file(format!("it = {text}").as_bytes(), "x.toml").unwrap().find(&["it"]).unwrap())
    }

    #[test]
    fn every_optimizer_is_decoded_with_pytorchs_defaults() {
        let adam = Adam { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false };
        let adamw = Adam { weight_decay: 0.01, decoupled: true, ..adam };
        let rmsprop = RmsProp { lr: 0.01, alpha: 0.99, eps: 1e-8, weight_decay: 0.0, momentum: 0.0, centered: false };
        for (text, expected) in [
            ("{ sgd = { lr = 1 } }", Optimizer::Sgd(Sgd::new(1.0))),
            ("{ sgd = { lr = 1, weight_decay = 0.1 } }", Optimizer::Sgd(Sgd { weight_decay: 0.1, ..Sgd::new(1.0) })),
            ("'adam'", Optimizer::Adam(adam)),
            ("{ adam = {} }", Optimizer::Adam(adam)),
            (
                "{ adam = { lr = 0.5, betas = [0, 0.5], eps = 0, weight_decay = 1 } }",
                Optimizer::Adam(Adam { lr: 0.5, betas: [0.0, 0.5], eps: 0.0, weight_decay: 1.0, ..adam }),
            ),
            ("'adamw'", Optimizer::Adam(adamw)),
            ("{ adamw = { weight_decay = 0 } }", Optimizer::Adam(Adam { weight_decay: 0.0, ..adamw })),
            ("'rmsprop'", Optimizer::RmsProp(rmsprop)),
            (
                "{ rmsprop = { alpha = 0.5, momentum = 0.9, centered = true } }",
                Optimizer::RmsProp(RmsProp { alpha: 0.5, momentum: 0.9, centered: true, ..rmsprop }),
            ),
        ] {
            assert_eq!(typed(text, optimizer).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn every_schedule_and_clip_is_decoded_with_pytorchs_defaults() {
        let per_epoch = |curve| Schedule { curve, every_step: false };
        let warm_up = Curve::Linear { start: 1.0 / 3.0, end: 1.0, length: 5 };
        for (text, expected) in [
            ("{ step = { size = 10 } }", per_epoch(Curve::Step { size: 10, gamma: 0.1 })),
            (
                "{ exponential = { gamma = 0.9, every = 'step' } }",
                Schedule { curve: Curve::Exponential { gamma: 0.9 }, every_step: true },
            ),
            ("{ cosine = { length = 30 } }", per_epoch(Curve::Cosine { length: 30, minimum: 0.0 })),
            ("'warm-up'", per_epoch(warm_up)),
            ("{ warm-up = { every = 'epoch' } }", per_epoch(warm_up)),
        ] {
            assert_eq!(typed(text, schedule).unwrap(), Some(expected), "{text}");
        }
        assert_eq!(typed("{ norm = 2 }", clip).unwrap(), Some(Clip::Norm(2.0)));
        assert_eq!(typed("{ value = 0.5 }", clip).unwrap(), Some(Clip::Value(0.5)));
    }

    #[test]
    fn what_makes_no_sense_is_an_error_that_says_what_does() {
        for (text, words) in [
            ("'sgd'", "optimizer `sgd` is written { sgd = { lr = 0.3 } }"),
            ("'Adam'", "unknown optimizer `Adam`; did you mean `adam`?"),
            ("{ adam = { betas = [0.9, 1] } }", "`betas` in adam must be two numbers from 0, below 1"),
            ("{ adam = { betas = 0.9 } }", "found the number 0.9"),
            ("{ adam = { beta = 0.9 } }", "unknown key `beta` in adam; did you mean `betas`?"),
            ("{ rmsprop = { alpha = 2 } }", "`alpha` in rmsprop must be a number from 0.0 to 1.0"),
            ("{ rmsprop = { lr = nan } }", "`lr` in rmsprop must be a finite number"),
        ] {
            let error = typed(text, optimizer).unwrap_err().to_string();
            assert!(error.starts_with("x.toml:1: ") && error.contains(words), "{text}: {error}");
        }
        for (text, words) in [
            ("'step'", "schedule `step` is written { step = { size = 10, gamma = 0.1 } }"),
            ("{ step = {} }", "`size` is missing in step"),
            ("{ step = { size = 0 } }", "`size` in step must be a whole number from 1"),
            ("{ exponential = {} }", "`gamma` is missing in exponential"),
            ("{ cosine = { length = 3, every = 'batch' } }", "unknown interval `batch` (valid: \"epoch\", \"step\")"),
            ("{ warm-up = { start = 0 } }", "`start` in warm-up must be a number above 0, at most 1"),
        ] {
            let error = typed(text, schedule).unwrap_err().to_string();
            assert!(error.starts_with("x.toml:1: ") && error.contains(words), "{text}: {error}");
        }
        for (text, words) in [
            ("{ norm = 0 }", "`norm` in clip must be a finite number above 0; found the integer 0"),
            ("'norm'", "clip `norm` is written { norm = 1.0 }"),
            ("1", "clip must be one of \"none\", { norm = 1.0 }, { value = 0.5 }; found the integer 1"),
            ("'non'", "unknown clip `non`; did you mean `none`?"),
            ("{ none = {} }", "clip `none` is written \"none\""),
        ] {
            let error = typed(text, clip).unwrap_err().to_string();
            assert!(error.starts_with("x.toml:1: ") && error.contains(words), "{text}: {error}");
        }
    }
}
