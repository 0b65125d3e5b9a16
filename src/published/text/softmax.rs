//! The "implicit regularization": a softmax before a loss that applies another.
//!
//! With c classes the second softmax sees probabilities, at best 1 and 0, so that the loss lies between −ln(e/(e + c −
//! 1)) and that plus 1.

use super::{
    Section,
    draws::{self, EPOCHS, Runs},
    initial::{self, points},
    sets::{Look, ODIYA, Opened, Seen, percent, strokes, title},
};
use crate::{
    data::set::{DataSet, Part, Targets, Which},
    error::Result,
    experiment::Experiment,
    report::plots::{Area, Axis, Drawn, PALETTE, Stroke, figure, heading, legend, line, panel},
    run::{Alone, RunSide},
    study::{Context, StudyVerdict, experiment, page::table, share_error},
};
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc};

pub(super) const SECTION: Section = Section { parts: draws::PARTS + FLOORS.len(), run };

/// Classes whose floors are driven to.
const FLOORS: [usize; 4] = [2, 3, 4, 6];

/// Losses of Table 2's torch row: training and validation, and their accuracies.
const PRINTED: [(f64, f64); 2] = [(0.70, 0.8674), (0.74, 0.8059)];

/// The least loss of two softmaxes on c classes: the first one says 1 and 0.
fn floor(classes: usize) -> f64 {
    let e = std::f64::consts::E;
    -(e / (e + classes as f64 - 1.0)).ln()
}

/// The loss of a network that is sure of every row and right on a share: a wrong row costs 1 more.
fn predicted(classes: usize, accuracy: f64) -> f64 {
    floor(classes) + (1.0 - accuracy)
}

/// A floor as an engine reaches it.
#[derive(Serialize, Deserialize)]
struct Floor {
    classes: usize,
    /// The loss of rows that are told apart with certainty: by libtorch and by scratch.
    right: [f64; 2],
    /// The loss of the same rows, each taken for another class.
    wrong: [f64; 2],
    /// One softmax's gradient over that of two, at weights 0.
    slower: f64,
}

/// Clouds far apart on a circle, which a linear layer tells apart.
const CLOUDS: &str = r#"
    dtype    = "f64"
    data     = { kind = "blobs", rows = 120, spread = 0.1 }
    model    = { init = "zeros", layers = [{ linear = { outputs = 2 } }, "softmax"] }
    training = { loss = "cross-entropy", optimizer = { sgd = { lr = 1 } }, steps = 3000 }
"#;

/// Steps after which the outputs are certain: a margin m grows as e⁻ᵐ·lr·‖x‖², so that what is left of the probability
/// is about 1/(lr·‖x‖²·steps) = 3e-6.
const STEPS: usize = 3000;

/// What a loss may lie above its floor then; a probability of 1 − p costs at most p.
const CERTAIN: f64 = 1e-4;

fn clouds(classes: usize, layers: &str) -> Result<Experiment> {
    let center = |class: usize| {
        let angle = std::f64::consts::TAU * class as f64 / classes as f64;
        format!("[{:.3}, {:.3}]", 10.0 * angle.cos(), 10.0 * angle.sin())
    };
    let centers: Vec<_> = (0..classes).map(center).collect();
    let sets = [
        format!("data.centers=[{}]", centers.join(", ")),
        format!("model.layers=[{{ linear = {{ outputs = {classes} }} }}{layers}]"),
    ];
    experiment(CLOUDS, "clouds", &sets)
}

/// The same rows, each said to be of the next class.
fn renamed(set: &DataSet, classes: usize) -> DataSet {
    let mut set = set.clone();
    if let Part { targets: Targets::Classes(numbers), .. } = &mut set.training {
        numbers.iter_mut().for_each(|number| *number = (*number + 1) % classes as u32);
    }
    set
}

fn drive(classes: usize) -> Result<Floor> {
    let two = clouds(classes, ", \"softmax\"")?;
    let wrong_set = Arc::new(renamed(&two.set, classes));
    let mut found = Floor { classes, right: [f64::NAN; 2], wrong: [f64::NAN; 2], slower: f64::NAN };
    for (place, side) in [RunSide::Reference, RunSide::Candidate].into_iter().enumerate() {
        let mut alone = Alone::new(&two, side)?;
        for _ in 0..STEPS {
            alone.step()?;
        }
        let loss =
            |set: &Arc<DataSet>, alone: &mut Alone| Ok(alone.scores(set, Which::Training)?.loss.unwrap_or(f64::NAN));
        found.right[place] = loss(&two.set, &mut alone)?;
        found.wrong[place] = loss(&wrong_set, &mut alone)?;
    }
    let gradient = |experiment: &Experiment| -> Result<f64> {
        let mut alone = Alone::new(experiment, RunSide::Reference)?;
        alone.step()?;
        let mut values = Vec::new();
        alone.engine().gradient(0).values.widen_into(&mut values);
        Ok(values.iter().map(|value| value * value).sum::<f64>().sqrt())
    };
    found.slower = gradient(&clouds(classes, "")?)? / gradient(&two)?;
    Ok(found)
}

fn run(context: &Context<'_>, verdict: &mut StudyVerdict) -> Result<String> {
    let floors = context.each(&FLOORS, |classes| format!("floor of {classes} classes"), |&classes| drive(classes))?;
    expect(&floors, verdict);
    let mut text = String::new();
    if verdict.has("Table 2 and the second softmax on it", ODIYA.data)? {
        let odiya = Opened::new(&ODIYA, &[])?;
        let runs = draws::run(context, &odiya)?;
        draw(context.folder, &runs)?;
        claims(&runs, &odiya.set, verdict);
        initial::claims(&runs, &odiya.set, verdict);
        text = section(&runs, &odiya.set) + &initial::section(&runs, &odiya.set);
    }
    Ok(heading_and_floors(&floors) + &text)
}

fn expect(floors: &[Floor], study: &mut StudyVerdict) {
    let reached = |loss: f64, least: f64| (-1e-12..CERTAIN).contains(&(loss - least));
    let law = floors.iter().all(|floor_of| {
        let least = floor(floor_of.classes);
        floor_of.right.iter().all(|&loss| reached(loss, least))
            && floor_of.wrong.iter().all(|&loss| reached(least + 1.0, loss))
    });
    study.expect("two softmaxes: both engines come to the floor, and to the floor + 1 on wrong rows", law);
    let slower = floors.iter().all(|floor| (floor.slower - floor.classes as f64).abs() < 1e-9);
    study.expect(
        "at weights 0 the second softmax makes the gradient as many times smaller as there are classes",
        slower,
    );
}

/// Where a set-up's gap stands when its training accuracy reaches another's, between two looks; nothing where it never
/// does.
fn gap_at(looks: &[Look], accuracy: f64) -> Option<f64> {
    looks.windows(2).find_map(|pair| {
        let [before, after] = [pair[0], pair[1]].map(|look| look.training.accuracy);
        let share = (accuracy - before) / (after - before);
        (0.0..=1.0).contains(&share).then(|| pair[0].gap() + share * (pair[1].gap() - pair[0].gap()))
    })
}

/// The gap of one softmax at the training accuracy that two come to in the end, and theirs: seed by seed, means over
/// those seeds where it comes there; nothing where none does.
fn at_equal_accuracy(runs: &Runs) -> Option<[f64; 2]> {
    let pairs = runs.of("torch, one softmax").iter().zip(runs.last("torch"));
    let gaps: Vec<[f64; 2]> =
        pairs.filter_map(|(looks, two)| Some([gap_at(looks, two.training.accuracy)?, two.gap()])).collect();
    let mean = |side: usize| gaps.iter().map(|pair| pair[side]).sum::<f64>() / gaps.len() as f64;
    (!gaps.is_empty()).then(|| [mean(0), mean(1)])
}

fn claims(runs: &Runs, set: &DataSet, study: &mut StudyVerdict) {
    let mean = |name: &str, what: fn(&Look) -> f64| runs.mean(name, what);
    let losses = |name: &str| [mean(name, |look| look.training.loss), mean(name, |look| look.validation.loss)];
    let accuracies =
        |name: &str| [mean(name, |look| look.training.accuracy), mean(name, |look| look.validation.accuracy)];
    let [two, one] = ["torch", "torch, one softmax"].map(losses);
    study.claim(
        "losses clearly smaller than torch's",
        "\"losses of my implementation of normal, xavier, as well as scaling is clearly smaller\": .32/.51, .23/.54, \
         .32/.50 against .70/.74",
        format!(
            "normal {:.2}/{:.2}, xavier {:.2}/{:.2}, scaling {:.2}/{:.2} against {:.2}/{:.2}; torch's network with one \
             softmax {:.2}/{:.2}",
            losses("normal")[0],
            losses("normal")[1],
            losses("xavier")[0],
            losses("xavier")[1],
            losses("scaling")[0],
            losses("scaling")[1],
            two[0],
            two[1],
            one[0],
            one[1]
        ),
        Some(["normal", "scaling"].into_iter().all(|name| losses(name)[0] < two[0] && losses(name)[1] < two[1])),
    );
    let foretold = accuracies("torch").map(|accuracy| predicted(3, accuracy));
    let off =
        |losses: [f64; 2], foretold: [f64; 2]| (losses[0] - foretold[0]).abs().max((losses[1] - foretold[1]).abs());
    let printed = PRINTED.map(|(_, accuracy)| predicted(3, accuracy));
    let of_unit = |what: fn(&Look) -> f64| runs.unit("torch", what);
    let seen = |loss, accuracy| Seen { loss: of_unit(loss), accuracy: of_unit(accuracy) };
    let unit = Look {
        epoch: EPOCHS,
        training: seen(|look| look.training.loss, |look| look.training.accuracy),
        validation: seen(|look| look.validation.loss, |look| look.validation.accuracy),
    };
    study.claim(
        "torch's losses are a floor plus its errors",
        &format!("t-loss .70, v-loss .74; floor + errors predicts {:.3}/{:.3}", printed[0], printed[1]),
        format!(
            "{:.3}/{:.3}, predicted from our accuracies {:.3}/{:.3}; on vectors of length 1, where outputs are not \
             sure yet, {:.3}/{:.3} and {:.3}/{:.3}",
            two[0],
            two[1],
            foretold[0],
            foretold[1],
            unit.training.loss,
            unit.validation.loss,
            predicted(3, unit.training.accuracy),
            predicted(3, unit.validation.accuracy)
        ),
        // As close to what the second softmax foretells as the printed ones are.
        Some(off(two, foretold) <= off(PRINTED.map(|(loss, _)| loss), printed)),
    );
    let gap = |name: &str| mean(name, Look::gap);
    let rows = set.validation.as_ref().map_or(0, Part::rows);
    let equal = at_equal_accuracy(runs).map(|[one, two]| one - two);
    let left = match equal {
        Some(left) => format!("of which {} are left at equal training accuracy", points(left)),
        None => "which never stands at the same training accuracy".to_owned(),
    };
    let noise = share_error(accuracies("torch")[1], rows);
    study.claim(
        "an implicit regularization in PyTorch",
        "\"some sort of an implicit regularization inherited in PyTorch's implementation\"",
        format!(
            "a second softmax: after {EPOCHS} epochs the gap is {} points against {} with one, {left} (a standard \
             error is {}); validation accuracy {} against {}",
            points(gap("torch")),
            points(gap("torch, one softmax")),
            points(noise),
            percent(accuracies("torch")[1]),
            percent(accuracies("torch, one softmax")[1])
        ),
        // It would be one if, trained as far, it did better.
        equal.map(|left| left > 2.0 * noise),
    );
    let normal = losses("normal, two softmaxes");
    study.expect(
        "with the second softmax NumPy's loss is PyTorch's; without it PyTorch's is NumPy's",
        normal[0] > floor(3) && normal[1] > floor(3) && one[0] < floor(3) && one[1] < floor(3),
    );
}

fn heading_and_floors(floors: &[Floor]) -> String {
    let row = |found: &Floor| {
        let least = floor(found.classes);
        let mut row = vec![found.classes.to_string(), format!("{least:.5}")];
        row.extend(found.right.map(|loss| format!("{loss:.5}")));
        row.push(format!("{:.5}", least + 1.0));
        row.extend(found.wrong.map(|loss| format!("{loss:.5}")));
        row.push(format!("{:.6}", found.slower));
        row
    };
    let rows: Vec<_> = floors.iter().map(row).collect();
    let head = ["classes", "−ln(e/(e+c−1))", "libtorch", "scratch", "+ 1", "libtorch", "scratch", "gradient ÷"];
    format!(
        "\n## The implicit regularization is a second softmax\n\n\
         `CrossEntropyLoss` applies a softmax itself. A model that ends in one gives it probabilities, at best 1 and \
         0, and −ln(e/(e + c − 1)) is the least it can say; a row that is certainly wrong costs 1 more. Measured where \
         a linear layer tells clouds apart with certainty ({STEPS} steps), then on the same rows under another class's \
         name. The last column is the gradient of one softmax over that of two at weights 0: at the start the second \
         softmax makes the rate c times smaller.\n\n{}",
        table(&head, 0, &rows)
    )
}

/// Whether the second softmax regularizes, in a sentence or two.
fn regularizes(runs: &Runs, set: &DataSet) -> String {
    let [two, one] = ["torch", "torch, one softmax"].map(|name| runs.mean(name, Look::gap));
    let rows = set.validation.as_ref().map_or(0, Part::rows);
    let noise = share_error(runs.mean("torch", |look| look.validation.accuracy), rows);
    let end = format!("After {EPOCHS} epochs the gap is {} points with two and {} with one.", points(two), points(one));
    let Some([at_one, at_two]) = at_equal_accuracy(runs) else {
        return format!("{end} One softmax never stood at the training accuracy at which two end.");
    };
    let slower =
        if two < one && at_one - at_two <= 2.0 * noise { " It is smaller because training is slower." } else { "" };
    format!(
        "{end}{slower} One softmax had a gap of {} points when it had come to the training accuracy at which two end, \
         where theirs is {}; a standard error of an accuracy on {rows} rows is {} points.",
        points(at_one),
        points(at_two),
        points(noise)
    )
}

fn section(runs: &Runs, set: &DataSet) -> String {
    let row = |name: &str| {
        let mean = |what: fn(&Look) -> f64| runs.mean(name, what);
        let [training, validation] = [mean(|look| look.training.accuracy), mean(|look| look.validation.accuracy)];
        let two = name == "torch" || name == "normal, two softmaxes";
        let foretold = |accuracy: f64| if two { format!("{:.3}", predicted(3, accuracy)) } else { "–".to_owned() };
        vec![
            name.to_owned(),
            if two { "2" } else { "1" }.to_owned(),
            format!("{:.3}", mean(|look| look.training.loss)),
            foretold(training),
            format!("{:.3}", mean(|look| look.validation.loss)),
            foretold(validation),
            percent(training),
            percent(validation),
            points(mean(Look::gap)),
        ]
    };
    let rows: Vec<_> = ["torch", "torch, one softmax", "normal", "normal, two softmaxes"].map(row).into();
    let head = ["Table 2's", "softmaxes", "t-loss", "foretold", "v-loss", "foretold", "t-acc", "v-acc", "gap, points"];
    format!(
        "\n![losses and gaps with one softmax and two](double-softmax.svg)\n\n\
         On Table 2's network the second softmax is put in and taken out, on both sides. Foretold is the floor .551 \
         plus our own share of errors, as .684 and .745 are from the printed accuracies.\n\n{}\n\
         Is it a regularization? {}\n",
        table(&head, 1, &rows),
        regularizes(runs, set)
    )
}

const ONE: Stroke = Stroke { color: PALETTE[1], width: 4, dashed: false };
const TWO: Stroke = Stroke { color: PALETTE[0], width: 4, dashed: false };

fn draw(folder: &Path, runs: &Runs) -> Result<()> {
    figure(&folder.join("double-softmax"), (1100, 560), |area| {
        let shows = "Table 2's network with PyTorch's initial weights, on the Odia headlines, from the model as \
                     published (two softmaxes) and with the second taken out. Two seeds each; on the right a dot every \
                     two epochs.";
        let area = heading(area, "Two softmaxes: a higher loss, and slower training", shows)?;
        let dashed = |stroke: Stroke| Stroke { dashed: true, ..stroke };
        let entries = [
            ("two softmaxes: training".to_owned(), Some(TWO)),
            ("validation".to_owned(), Some(dashed(TWO))),
            ("one softmax: training".to_owned(), Some(ONE)),
            ("validation".to_owned(), Some(dashed(ONE))),
            ("the floor .551".to_owned(), Some(Stroke { color: PALETTE[4], width: 2, dashed: true })),
        ];
        let area = legend(&area, &entries)?;
        let halves = area.split_evenly((1, 2));
        let sides = [("torch", TWO), ("torch, one softmax", ONE)];
        losses(&halves[0], runs, &sides)?;
        gaps(&halves[1], runs, &sides)
    })?;
    Ok(())
}

/// Losses over the epochs.
fn losses(area: &Area<'_>, runs: &Runs, sides: &[(&str, Stroke)]) -> Drawn {
    let area = title(area, "loss over the epochs")?;
    let all = || sides.iter().flat_map(|(name, _)| runs.of(name)).flatten();
    let values = all().flat_map(|look| [look.training.loss, look.validation.loss]).chain([0.0]);
    let x = Axis::linear("epoch", all().map(|look| look.epoch as f64).chain([0.0]));
    let mut chart = panel(&area, &x, &Axis::linear("cross-entropy", values))?;
    let ends = [(0.0, floor(3)), (EPOCHS as f64, floor(3))];
    strokes(&mut chart, &ends, Stroke { color: PALETTE[4], width: 2, dashed: true })?;
    for (name, stroke) in sides {
        for looks in runs.of(name) {
            let points =
                |of: fn(&Look) -> f64| looks.iter().map(|look| (look.epoch as f64, of(look))).collect::<Vec<_>>();
            strokes(&mut chart, &points(|look| look.training.loss), *stroke)?;
            strokes(&mut chart, &points(|look| look.validation.loss), Stroke { dashed: true, ..*stroke })?;
        }
    }
    Ok(())
}

/// The generalization gap over the training accuracy: where training has come to, not when.
fn gaps(area: &Area<'_>, runs: &Runs, sides: &[(&str, Stroke)]) -> Drawn {
    let area = title(area, "generalization gap at equal training accuracy")?;
    let all = || sides.iter().flat_map(|(name, _)| runs.of(name)).flatten();
    let x = Axis::linear("training accuracy (%)", all().map(|look| 100.0 * look.training.accuracy));
    let y = Axis::linear("gap to validation (points)", all().map(|look| 100.0 * look.gap()).chain([0.0]));
    let mut chart = panel(&area, &x, &y)?;
    for (name, stroke) in sides {
        for looks in runs.of(name) {
            let points: Vec<_> =
                looks.iter().map(|look| (100.0 * look.training.accuracy, 100.0 * look.gap())).collect();
            line(&mut chart, &points, *stroke)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_losses_are_the_floor_and_the_printed_errors() {
        for (classes, expected) in FLOORS.into_iter().zip([0.313, 0.551, 0.744, 1.044]) {
            assert!((floor(classes) - expected).abs() < 5e-4, "{classes}");
        }
        let foretold = PRINTED.map(|(_, accuracy)| predicted(3, accuracy));
        assert!((foretold[0] - 0.684).abs() < 5e-4 && (foretold[1] - 0.745).abs() < 1e-3, "{foretold:?}");
    }

    #[test]
    fn a_gap_is_read_where_the_training_accuracy_is_the_wanted_one() {
        let look = |epoch, training, validation| {
            let seen = |accuracy| Seen { loss: 0.0, accuracy };
            Look { epoch, training: seen(training), validation: seen(validation) }
        };
        let looks = [look(1, 0.5, 0.5), look(2, 0.7, 0.6), look(3, 0.9, 0.7)];
        assert!((gap_at(&looks, 0.8).unwrap() - 0.15).abs() < 1e-12);
        assert!((gap_at(&looks, 0.6).unwrap() - 0.05).abs() < 1e-12);
        assert_eq!(gap_at(&looks, 0.95), None);
    }

    #[test]
    fn wrong_rows_are_all_of_another_class() {
        let two = clouds(3, ", \"softmax\"").unwrap();
        let wrong = renamed(&two.set, 3);
        let (Targets::Classes(right), Targets::Classes(wrong)) = (&two.set.training.targets, &wrong.training.targets)
        else {
            panic!("classes")
        };
        assert!(right.iter().zip(wrong).all(|(right, wrong)| right != wrong && *wrong < 3));
    }
}
