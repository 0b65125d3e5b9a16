//! `loss`, `reported_loss` and `penalty` of `[training]`: names alone, or with settings whose defaults are PyTorch's.

use crate::{
    error::Result,
    experiment::{
        reader::{Choice, Reader, finite, is_off},
        tree::{Node, Value},
    },
    training::{Classes, Loss, Measure, Norm, Penalty, Reduction, ReportedLoss, ReportedMeasure},
};

/// The settings of a reported loss, as a table that is no loss itself.
pub(in crate::experiment) const REPORTED_LOSS: [&str; 4] = ["loss", "penalty", "after_update", "running_mean"];

/// Every loss with how it is written.
pub(super) const LOSSES: [(&str, &str); 11] = [
    ("mse", "\"mse\""),
    ("sum-squares", "\"sum-squares\""),
    ("half-sum-squares", "\"half-sum-squares\""),
    ("l1", "\"l1\""),
    ("huber", "\"huber\" or { huber = { delta = 1.0 } }"),
    ("smooth-l1", "\"smooth-l1\" or { smooth-l1 = { beta = 1.0 } }"),
    ("cross-entropy", "\"cross-entropy\" or { cross-entropy = { label_smoothing = 0.1 } }"),
    ("nll", "\"nll\""),
    ("log-loss", "\"log-loss\" or { log-loss = { zeros_dropped = true } }"),
    ("bce", "\"bce\""),
    ("bce-with-logits", "\"bce-with-logits\" or { bce-with-logits = { positive_weight = 2.0 } }"),
];

const DELTA_TIMES_MSE: (&str, &str) = ("delta-times-mse", "\"delta-times-mse\"");

/// Reads the settings of a measure.
type Decode = fn(&Reader) -> Result<Measure>;

/// What is optimized.
pub(super) fn loss(node: &Node) -> Result<Loss> {
    let choice = Choice::read(node, "loss", &LOSSES)?;
    chosen(&choice, node)?.ok_or_else(|| choice.unknown())
}

/// What is printed, where `optimized` is what is optimized.
pub(super) fn reported(node: &Node, optimized: &Loss) -> Result<ReportedLoss> {
    let Value::Table(table) = &node.value else { return measure(node).map(ReportedLoss::from) };
    if table.len() == 1 && !table.keys().all(|key| REPORTED_LOSS.contains(&key.as_str())) {
        return measure(node).map(ReportedLoss::from);
    }
    let table = Reader::open(node, "reported_loss", &REPORTED_LOSS)?;
    let loss = table.get("loss").map(measure).transpose()?;
    let reported = ReportedLoss::from(loss.unwrap_or_else(|| ReportedMeasure::Loss(optimized.clone())));
    Ok(ReportedLoss {
        penalty: table.boolean("penalty")?.unwrap_or(reported.penalty),
        after_update: table.boolean("after_update")?.unwrap_or(reported.after_update),
        running_mean: table.boolean("running_mean")?.unwrap_or(reported.running_mean),
        ..reported
    })
}

/// What is added for large weights: at most one penalty of each norm.
pub(super) fn penalties(node: &Node) -> Result<Vec<Penalty>> {
    if is_off(node, "penalty", "{ l2 = { factor = 0.001 } }")? {
        return Ok(Vec::new());
    }
    let table = Reader::open(node, "penalty", &["l1", "l2"])?;
    if table.get("l1").or(table.get("l2")).is_none() {
        return Err(node.fault("`penalty` is empty; write penalty = { l2 = { factor = 0.001 } }, or l1"));
    }
    let norms = [("l1", Norm::L1), ("l2", Norm::L2)].into_iter();
    norms.filter_map(|(name, norm)| Some(penalty(table.get(name)?, name, norm))).collect()
}

fn penalty(node: &Node, name: &str, norm: Norm) -> Result<Penalty> {
    let place = format!("penalty {name}");
    let table = Reader::open(node, &place, &["factor", "reduction", "biases"])?;
    let factor = table.not_negative("factor")?;
    Ok(Penalty {
        norm,
        factor: factor.ok_or_else(|| table.missing("factor", "factor = 0.001, what the sum is multiplied by"))?,
        mean: table.named("reduction", "reduction", &[("sum", false), ("mean", true)])?.unwrap_or(false),
        biases: table.boolean("biases")?.unwrap_or(true),
    })
}

fn measure(node: &Node) -> Result<ReportedMeasure> {
    let forms = [&LOSSES[..], &[DELTA_TIMES_MSE]].concat();
    let choice = Choice::read(node, "reported loss", &forms)?;
    if choice.typed == (DELTA_TIMES_MSE.0, None) {
        return Ok(ReportedMeasure::DeltaTimesMse);
    }
    chosen(&choice, node)?.map(ReportedMeasure::Loss).ok_or_else(|| choice.unknown())
}

/// The loss that is written, if its name is one.
fn chosen(choice: &Choice, node: &Node) -> Result<Option<Loss>> {
    let (name, settings) = choice.typed;
    if let Some((_, loss)) = Loss::NAMED.into_iter().find(|(named, _)| *named == name) {
        return Ok(settings.is_none().then_some(loss));
    }
    let (keys, decode): (&[&str], Decode) = match name {
        "mse" => (&[], |_| Ok(Measure::SquaredError)),
        "l1" => (&[], |_| Ok(Measure::AbsoluteError)),
        "huber" => (&["delta"], |table| Ok(Measure::Huber { delta: positive(table, "delta")?.unwrap_or(1.0) })),
        "smooth-l1" => (&["beta"], |table| Ok(Measure::SmoothL1 { beta: positive(table, "beta")?.unwrap_or(1.0) })),
        "cross-entropy" => (&["weights", "label_smoothing", "probabilities"], |table| {
            Ok(Measure::CrossEntropy(Classes {
                weights: weights(table)?,
                label_smoothing: table.number_in("label_smoothing", 0.0..=1.0)?.unwrap_or(0.0),
                probabilities: table.boolean("probabilities")?.unwrap_or(false),
            }))
        }),
        "nll" => (&["weights"], |table| Ok(Measure::NegativeLogLikelihood { weights: weights(table)? })),
        "log-loss" => (&["zeros_dropped"], |table| {
            Ok(Measure::LogLoss { zeros_dropped: table.boolean("zeros_dropped")?.unwrap_or(false) })
        }),
        "bce" => (&[], |_| Ok(Measure::BinaryCrossEntropy)),
        "bce-with-logits" => (&["positive_weight"], |table| {
            let positive_weight = table.not_negative("positive_weight")?.unwrap_or(1.0);
            Ok(Measure::BinaryCrossEntropyWithLogits { positive_weight })
        }),
        _ => return Ok(None),
    };
    // A name alone has no settings, as an empty table has none.
    let empty = Node { value: Value::Table(Default::default()), origin: node.origin.clone() };
    let place = format!("loss {name}");
    let table = Reader::open(settings.unwrap_or(&empty), &place, &[keys, &["reduction"]].concat())?;
    let reduction = table.named("reduction", "reduction", &Reduction::NAMES)?.unwrap_or(Reduction::Mean);
    Ok(Some(Loss { measure: decode(&table)?, reduction }))
}

fn positive(table: &Reader, key: &str) -> Result<Option<f64>> {
    table.typed(key, "a finite number above 0", |value| finite(value).filter(|value| *value > 0.0))
}

/// One number for each class; whether they are as many as the model's outputs shows later.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn weights(table: &Reader) -> Result<Option<Vec<f64>>> {
    table.typed("weights", "an array of finite numbers, 0 or more, one for each class", |value| match value {
        Value::Array(weights) if !weights.is_empty() => {
            weights.iter().map(|weight| finite(&weight.value).filter(|weight| *weight >= 0.0)).collect()
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Experiment;
    use std::path::Path;

    /// Outputs of two columns for classes; the data have one column of targets.
    const CLASSES: &str = "data.kind = 'xor'\nmodel.layers = [{ linear = { outputs = 2 } }]\n[training]\n\
                           loss = 'cross-entropy'\noptimizer.sgd.lr = 0.1\nsteps = 1\n";
    const VALUES: &str = "data.kind = 'xor'\nmodel.layers = [{ linear = { outputs = 1 } }]\n[training]\n\
                          loss = 'mse'\noptimizer.sgd.lr = 0.1\nsteps = 1\n";

    fn parse(text: &str, sets: &[&str]) -> Result<Experiment> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        Experiment::parse(text, "x.toml", Path::new(""), &sets)
    }

    #[test]
    fn every_loss_has_its_name_its_settings_and_pytorchs_defaults() {
        let classes = Classes::default();
        let smoothed = Classes { label_smoothing: 0.1, ..classes.clone() };
        let weights = Some(vec![1.0, 0.5]);
        for (text, set, measure, reduction) in [
            (VALUES, "mse", Measure::SquaredError, Reduction::Mean),
            (VALUES, "sum-squares", Measure::SquaredError, Reduction::Sum),
            (VALUES, "half-sum-squares", Measure::SquaredError, Reduction::HalfSum),
            (VALUES, "{ mse = { reduction = 'per-sample' } }", Measure::SquaredError, Reduction::PerSample),
            (VALUES, "{ mse = {} }", Measure::SquaredError, Reduction::Mean),
            (VALUES, "l1", Measure::AbsoluteError, Reduction::Mean),
            (VALUES, "huber", Measure::Huber { delta: 1.0 }, Reduction::Mean),
            (VALUES, "{ huber = { delta = 2 } }", Measure::Huber { delta: 2.0 }, Reduction::Mean),
            (VALUES, "smooth-l1", Measure::SmoothL1 { beta: 1.0 }, Reduction::Mean),
            (
                VALUES,
                "{ smooth-l1 = { beta = 0.5, reduction = 'half-mean' } }",
                Measure::SmoothL1 { beta: 0.5 },
                Reduction::HalfMean,
            ),
            (VALUES, "bce", Measure::BinaryCrossEntropy, Reduction::Mean),
            (
                VALUES,
                "bce-with-logits",
                Measure::BinaryCrossEntropyWithLogits { positive_weight: 1.0 },
                Reduction::Mean,
            ),
            (
                VALUES,
                "{ bce-with-logits = { positive_weight = 3 } }",
                Measure::BinaryCrossEntropyWithLogits { positive_weight: 3.0 },
                Reduction::Mean,
            ),
            (CLASSES, "cross-entropy", Measure::CrossEntropy(classes.clone()), Reduction::Mean),
            (
                CLASSES,
                "{ cross-entropy = { label_smoothing = 0.1 } }",
                Measure::CrossEntropy(smoothed),
                Reduction::Mean,
            ),
            (
                CLASSES,
                "{ cross-entropy = { weights = [1, 0.5], reduction = 'sum' } }",
                Measure::CrossEntropy(Classes { weights: weights.clone(), ..classes.clone() }),
                Reduction::Sum,
            ),
            (
                VALUES,
                "{ cross-entropy = { probabilities = true } }",
                Measure::CrossEntropy(Classes { probabilities: true, ..classes }),
                Reduction::Mean,
            ),
            (CLASSES, "nll", Measure::NegativeLogLikelihood { weights: None }, Reduction::Mean),
            (CLASSES, "{ nll = { weights = [1, 0.5] } }", Measure::NegativeLogLikelihood { weights }, Reduction::Mean),
            (CLASSES, "log-loss", Measure::LogLoss { zeros_dropped: false }, Reduction::Mean),
            (
                CLASSES,
                "{ log-loss = { zeros_dropped = true } }",
                Measure::LogLoss { zeros_dropped: true },
                Reduction::Mean,
            ),
        ] {
            let training = parse(text, &[&format!("training.loss={set}")]).unwrap().candidate.training;
            assert_eq!(training.loss, Loss { measure, reduction }, "{set}");
            assert_eq!(training.reported_loss, training.loss.into(), "{set}");
        }
    }

    #[test]
    fn a_reported_loss_is_a_loss_or_settings_of_one() {
        let l1 = Loss { measure: Measure::AbsoluteError, reduction: Reduction::Mean };
        let huber = Loss { measure: Measure::Huber { delta: 2.0 }, reduction: Reduction::Mean };
        let optimized = ReportedLoss::from(Loss::MEAN_SQUARED_ERROR);
        for (set, expected) in [
            ("l1", l1.clone().into()),
            ("{ huber = { delta = 2 } }", huber.clone().into()),
            ("delta-times-mse", ReportedMeasure::DeltaTimesMse.into()),
            ("{ running_mean = true }", ReportedLoss { running_mean: true, ..optimized.clone() }),
            (
                "{ loss = 'l1', penalty = false, after_update = true }",
                ReportedLoss { penalty: false, after_update: true, ..l1.into() },
            ),
            ("{ loss = { huber = { delta = 2 } } }", huber.into()),
        ] {
            let training = parse(VALUES, &[&format!("training.reported_loss={set}")]).unwrap().reference.training;
            assert_eq!(training.reported_loss, expected, "{set}");
        }
        let sets = ["training.reported_loss={ loss = 'l1', penalty = false }", "training.reported_loss.penalty=true"];
        assert_eq!(parse(VALUES, &sets).unwrap().reference.training.reported_loss.to_owned(), {
            ReportedLoss::from(Loss { measure: Measure::AbsoluteError, reduction: Reduction::Mean })
        });
    }

    #[test]
    fn penalties_are_sums_with_biases_unless_they_say_otherwise() {
        let l2 = Penalty { norm: Norm::L2, factor: 0.001, mean: false, biases: true };
        let l1 = Penalty { norm: Norm::L1, factor: 1.0, mean: true, biases: false };
        for (set, expected) in [
            ("{ l2 = { factor = 0.001 } }", vec![l2]),
            ("{ l2 = { factor = 0.001 }, l1 = { factor = 1, reduction = 'mean', biases = false } }", vec![l1, l2]),
        ] {
            let training = parse(VALUES, &[&format!("training.penalty={set}")]).unwrap().candidate.training;
            assert_eq!(training.penalties, expected, "{set}");
        }
    }

    #[test]
    fn a_side_replaces_the_loss_of_the_other_or_changes_a_setting_of_it() {
        let sets = ["training.loss={ huber = { delta = 2 } }", "candidate.training.loss.huber.reduction=sum"];
        let loss = parse(VALUES, &sets).unwrap().candidate.training.loss;
        assert_eq!(loss, Loss { measure: Measure::Huber { delta: 2.0 }, reduction: Reduction::Sum });
        let sets = ["training.loss={ huber = { delta = 2 } }", "candidate.training.loss.smooth-l1.beta=2"];
        let loss = parse(VALUES, &sets).unwrap().candidate.training.loss;
        assert_eq!(loss, Loss { measure: Measure::SmoothL1 { beta: 2.0 }, reduction: Reduction::Mean });
    }

    #[test]
    fn each_bad_setting_is_named_with_what_was_expected() {
        for (text, set, words) in [
            (VALUES, "loss=mae", &["unknown loss `mae`"][..]),
            (VALUES, "loss=smooth_l1", &["unknown loss `smooth_l1`; did you mean `smooth-l1`?"]),
            (VALUES, "loss=3", &["loss must be one of", "the integer 3"]),
            (VALUES, "loss={ sum-squares = {} }", &["loss `sum-squares` is written \"sum-squares\""]),
            (VALUES, "loss={ huber = { delta = 0 } }", &["`delta` in loss huber", "above 0", "the integer 0"]),
            (VALUES, "loss={ huber = { beta = 1 } }", &["unknown key `beta` in loss huber", "delta, reduction"]),
            (VALUES, "loss={ smooth-l1 = { beta = inf } }", &["`beta` in loss smooth-l1", "finite"]),
            (VALUES, "loss={ mse = { reduction = 'men' } }", &["unknown reduction `men`; did you mean `mean`?"]),
            (VALUES, "loss={ mse = 3 }", &["loss mse must be a table"]),
            (VALUES, "loss={ bce-with-logits = { positive_weight = -1 } }", &["`positive_weight`", "0 or more"]),
            (CLASSES, "loss={ cross-entropy = { label_smoothing = 1.5 } }", &["from 0.0 to 1.0", "1.5"]),
            (CLASSES, "loss={ cross-entropy = { weights = [1] } }", &["1 class weights", "2 columns"]),
            (CLASSES, "loss={ cross-entropy = { weights = [1, -1] } }", &["`weights`", "0 or more"]),
            (CLASSES, "loss={ cross-entropy = { weights = [] } }", &["`weights`", "one for each class"]),
            (CLASSES, "loss={ nll = { weights = 1 } }", &["`weights` in loss nll", "an array"]),
            (CLASSES, "loss={ log-loss = { zeros_dropped = 1 } }", &["`zeros_dropped`", "true or false"]),
            (CLASSES, "reported_loss=mse", &["class numbers", "(mse) are values"]),
            (CLASSES, "reported_loss={ nll = { weights = [1, 2, 3] } }", &["3 class weights", "2 columns"]),
            (VALUES, "reported_loss=delta", &["unknown reported loss `delta`", "\"delta-times-mse\""]),
            (VALUES, "reported_loss={ los = 'mse' }", &["unknown reported loss `los`"]),
            (VALUES, "reported_loss={ loss = 'mse', penalt = true }", &["`penalt`", "did you mean `penalty`?"]),
            (VALUES, "reported_loss={ after_update = 1 }", &["`after_update` in reported_loss", "true or false"]),
            (VALUES, "penalty=l2", &["unknown penalty `l2` (valid: \"none\", { l2 = { factor = 0.001 } })"]),
            (VALUES, "penalty=nome", &["unknown penalty `nome`; did you mean `none`?"]),
            (VALUES, "penalty=0", &["penalty must be \"none\" or { l2 =", "the integer 0"]),
            (VALUES, "penalty={}", &["`penalty` is empty"]),
            (VALUES, "penalty={ l3 = { factor = 1 } }", &["unknown key `l3` in penalty", "valid: l1, l2"]),
            (VALUES, "penalty={ l2 = {} }", &["`factor` is missing in penalty l2"]),
            (VALUES, "penalty={ l2 = { factor = -1 } }", &["`factor` in penalty l2", "0 or more"]),
            (VALUES, "penalty={ l2 = { factor = 1, reduction = 'per-sample' } }", &["\"sum\", \"mean\""]),
        ] {
            let error = parse(text, &[&format!("training.{set}")]).expect_err(set).to_string();
            assert!(error.starts_with(&format!("--set training.{set}: ")), "{error}");
            assert!(words.iter().all(|word| error.contains(word)), "{set}: {error}");
        }
    }
}
