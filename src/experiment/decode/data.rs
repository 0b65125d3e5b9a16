//! `[data]`: what both sides train on. Each kind has its own keys.
//!
//! Nothing is read or drawn here: that is done when the data are opened. The bounds keep what is drawn within memory,
//! and within what f32 can hold.

use super::{model::MOST_COLUMNS, text};
use crate::{
    data::{
        Arrays, Blobs, Centers, Circle, ClassOrder, Column, Csv, DataKind, Drawn, Edge, Figure, Format, Goal, HoldOut,
        Line, Moons, Pair, Regression, Share, Spirals, Standardize, TargetsAs, set,
    },
    error::Result,
    experiment::{
        reader::{Choice, NONE, Reader, finite},
        tree::{Node, Value},
    },
};
use std::collections::HashSet;

/// 4,000,000 rows of xor, which take 140 MB.
const MOST_REPEATS: usize = 1_000_000;
/// 600 MB, where every number is held in f64 and in f32.
const MOST_NUMBERS: usize = 50_000_000;
/// The most classes that are drawn.
const MOST_CLASSES: usize = 1000;
/// The largest number that something is drawn from: f32 ends at 3e38, and no normal deviate is 1e8.
const LARGEST: f64 = 1e30;

pub(super) const STANDARDIZE: [(&str, &str); 3] = [
    NONE,
    ("scalar", "\"scalar\" or { scalar = { ddof = 0 } }"),
    ("columns", "\"columns\" or { columns = { ddof = 0 } }"),
];

/// A kind of data as it is written.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub name: &'static str,
    /// What it takes beside `kind`.
    pub keys: &'static [&'static str],
    /// Reads them; the number is the seed.
    decode: fn(&Reader, u64) -> Result<DataKind>,
}

#[rustfmt::skip]
pub(super) const KINDS: [Kind; 13] = [
    Kind { name: "xor", keys: &["repeat"], decode: xor },
    Kind { name: "regression", keys: &["rows", "inputs", "outputs", "noise", "scale", "validation_rows", "test_rows",
        "standardize", "seed"], decode: |table, seed| drawn(table, seed, regression) },
    Kind { name: "circle", keys: &["rows", "radius", "class_1", "validation_rows", "test_rows", "standardize", "seed"],
        decode: |table, seed| drawn(table, seed, circle) },
    Kind { name: "moons", keys: &["rows", "noise", "validation_rows", "test_rows", "standardize", "seed"],
        decode: |table, seed| drawn(table, seed, moons) },
    Kind { name: "spirals", keys: &["rows", "arms", "turns", "noise", "validation_rows", "test_rows", "standardize",
        "seed"], decode: |table, seed| drawn(table, seed, spirals) },
    Kind { name: "blobs", keys: &["rows", "centers", "columns", "spread", "validation_rows", "test_rows",
        "standardize", "seed"], decode: |table, seed| drawn(table, seed, blobs) },
    Kind { name: "line", keys: &["rows", "slope", "intercept", "noise", "validation_rows", "test_rows", "standardize",
        "seed"], decode: |table, seed| drawn(table, seed, line) },
    Kind { name: "csv", keys: &["path", "test", "header", "separator", "label", "classes", "targets", "drop",
        "validation", "validation_from", "standardize"], decode: |table, _| csv(table, b',') },
    Kind { name: "tsv", keys: &["path", "test", "header", "separator", "label", "classes", "targets", "drop",
        "validation", "validation_from", "standardize"], decode: |table, _| csv(table, b'\t') },
    Kind { name: "npy", keys: &["inputs", "targets", "test_inputs", "test_targets", "targets_as", "first_class",
        "class_count", "validation", "validation_from", "standardize"],
        decode: |table, _| arrays(table, Format::Npy) },
    Kind { name: "npz", keys: &["path", "test", "inputs", "targets", "test_inputs", "test_targets", "targets_as",
        "first_class", "class_count", "validation", "validation_from", "standardize"],
        decode: |table, _| arrays(table, Format::Npz) },
    Kind { name: "idx", keys: &["inputs", "targets", "test_inputs", "test_targets", "scale", "targets_as",
        "first_class", "class_count", "validation", "validation_from", "standardize"], decode: idx },
    Kind { name: "text", keys: text::KEYS, decode: text::decode },
];

/// The data, drawn from `seed` where they are drawn.
pub(super) fn decode(top: &Reader, seed: u64, recorded: bool) -> Result<DataKind> {
    if recorded && top.get("data").is_none() {
        return Ok(DataKind::Recorded);
    }
    decode_kind(top.require("data", "[data] with kind = \"xor\"")?, seed)
}

pub(super) fn decode_kind(data: &Node, seed: u64) -> Result<DataKind> {
    let keys: Vec<&str> = KINDS.iter().flat_map(|kind| kind.keys).copied().chain(["kind"]).collect();
    let keys: Vec<&str> =
        keys.iter().enumerate().filter(|(at, key)| !keys[..*at].contains(key)).map(|(_, key)| *key).collect();
    let table = Reader::open(data, "[data]", &keys)?;
    let kind = table.named("kind", "kind of data", &KINDS.map(|kind| (kind.name, kind)))?;
    let kind = kind.ok_or_else(|| table.missing("kind", "kind = \"xor\", kind = \"csv\" or another"))?;
    if let Some(key) = keys.iter().find(|key| **key != "kind" && !kind.keys.contains(key) && table.get(key).is_some()) {
        let owners = KINDS.iter().filter(|kind| kind.keys.contains(key)).map(|kind| format!("\"{}\"", kind.name));
        let (owners, name, valid) = (owners.collect::<Vec<_>>().join(", "), kind.name, kind.keys.join(", "));
        return Err(
            table.fault(key, format!("`{key}` in [data] belongs to kind = {owners}; kind = \"{name}\" takes {valid}"))
        );
    }
    (kind.decode)(&table, seed)
}

fn xor(table: &Reader, _seed: u64) -> Result<DataKind> {
    Ok(DataKind::Xor { repeat: table.whole("repeat", 1..=MOST_REPEATS)?.unwrap_or(1) })
}

/// What all that is drawn has in common.
fn drawn(table: &Reader, seed: u64, figure: fn(&Reader) -> Result<Figure>) -> Result<DataKind> {
    let figure = figure(table)?;
    let rows = |key| table.whole(key, 1..=MOST_NUMBERS);
    let drawn = Drawn {
        rows: rows("rows")?.ok_or_else(|| table.missing("rows", "rows = 1000"))?,
        validation_rows: rows("validation_rows")?.unwrap_or(0),
        test_rows: rows("test_rows")?.unwrap_or(0),
        standardize: standardize(table)?,
        seed: table.whole("seed", 0..=i64::MAX)?.map_or(seed, i64::unsigned_abs),
        figure,
    };
    let all = drawn.rows.saturating_add(drawn.validation_rows).saturating_add(drawn.test_rows);
    let columns = match &drawn.figure {
        Figure::Regression(regression) => regression.inputs + regression.outputs,
        figure @ (Figure::Circle(_) | Figure::Moons(_) | Figure::Spirals(_) | Figure::Blobs(_) | Figure::Line(_)) => {
            figure.inputs() + 1
        }
    };
    let numbers = all.saturating_mul(columns);
    if numbers > MOST_NUMBERS {
        let message = format!("{all} rows of {columns} columns are {numbers} numbers; at most {MOST_NUMBERS} fit");
        return Err(table.fault("rows", message));
    }
    Ok(DataKind::Drawn(drawn))
}

/// A finite number that is not too large, or its default.
fn number(table: &Reader, key: &str, default: f64) -> Result<f64> {
    Ok(table.number_in(key, -LARGEST..=LARGEST)?.unwrap_or(default))
}

/// The same of a standard deviation.
fn deviation(table: &Reader, key: &str, default: f64) -> Result<f64> {
    Ok(table.number_in(key, 0.0..=LARGEST)?.unwrap_or(default))
}

fn circle(table: &Reader) -> Result<Figure> {
    let default = Circle::default();
    let inside = table.named("class_1", "class_1", &[("outside", false), ("inside", true)])?;
    let radius = table.typed("radius", "a number above 0, below 1.4142: the corners of the square", |value| {
        finite(value).filter(|radius| *radius > 0.0 && *radius < std::f64::consts::SQRT_2)
    })?;
    Ok(Figure::Circle(Circle { radius: radius.unwrap_or(default.radius), inside: inside.unwrap_or(default.inside) }))
}

fn moons(table: &Reader) -> Result<Figure> {
    Ok(Figure::Moons(Moons { noise: deviation(table, "noise", 0.1)? }))
}

fn spirals(table: &Reader) -> Result<Figure> {
    Ok(Figure::Spirals(Spirals {
        arms: table.whole("arms", 2..=MOST_CLASSES)?.unwrap_or(2),
        turns: number(table, "turns", 1.0)?,
        noise: deviation(table, "noise", 0.2)?,
    }))
}

fn blobs(table: &Reader) -> Result<Figure> {
    let centers = match table.get("centers") {
        Some(node) if matches!(node.value, Value::Array(_)) => Centers::Given(places(node)?),
        _ => Centers::Drawn {
            count: table.whole("centers", 2..=MOST_CLASSES)?.unwrap_or(3),
            columns: table.whole("columns", 1..=MOST_COLUMNS)?.unwrap_or(2),
        },
    };
    if matches!(centers, Centers::Given(_)) && table.get("columns").is_some() {
        return Err(table.fault("columns", "`columns` in [data] follows from the centers that are given; leave it out"));
    }
    let numbers = Blobs { centers, spread: deviation(table, "spread", 1.0)? };
    match numbers.columns().saturating_mul(numbers.centers.count()) {
        ..=MOST_NUMBERS => Ok(Figure::Blobs(numbers)),
        count => Err(table.fault("columns", format!("the centers have {count} numbers; at most {MOST_NUMBERS} fit"))),
    }
}

/// Centers as given: two or more, each an array of as many numbers.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn places(node: &Node) -> Result<Vec<Vec<f64>>> {
    let fault = |node: &Node| {
        let found = node.found();
        node.fault(format!(
            "`centers` in [data] must be a number of centers, or an array of 2 to {MOST_CLASSES} centers, each an \
             array of as many numbers from {:?} to {LARGEST:?}; found {found}",
            -LARGEST
        ))
    };
    let inner = |node: &Node| match &node.value {
        Value::Array(nodes) if !nodes.is_empty() => nodes
            .iter()
            .map(|node| finite(&node.value).filter(|place| place.abs() <= LARGEST).ok_or_else(|| fault(node)))
            .collect::<Result<Vec<f64>>>(),
        _ => Err(fault(node)),
    };
    let Value::Array(nodes) = &node.value else { return Err(fault(node)) };
    let places: Vec<Vec<f64>> = nodes.iter().map(inner).collect::<Result<_>>()?;
    let even = places.windows(2).all(|pair| pair[0].len() == pair[1].len());
    if even && (2..=MOST_CLASSES).contains(&places.len()) { Ok(places) } else { Err(fault(node)) }
}

fn line(table: &Reader) -> Result<Figure> {
    Ok(Figure::Line(Line {
        slope: number(table, "slope", 1.0)?,
        intercept: number(table, "intercept", 0.0)?,
        noise: deviation(table, "noise", 0.1)?,
    }))
}

fn regression(table: &Reader) -> Result<Figure> {
    let size = |key: &str, most, example: &str| table.whole(key, 1..=most)?.ok_or_else(|| table.missing(key, example));
    let rows = size("rows", MOST_NUMBERS, "rows = 64")?;
    let inputs = size("inputs", MOST_COLUMNS, "inputs = 16, the number of input columns")?;
    let outputs = size("outputs", MOST_COLUMNS, "outputs = 4, the number of target columns")?;
    let numbers = rows.saturating_mul(inputs + outputs).saturating_add(inputs.saturating_mul(outputs));
    if numbers > MOST_NUMBERS {
        return Err(table.fault(
            "rows",
            format!(
                "{rows} rows of {inputs} inputs and {outputs} outputs, with a map from these to those, are {numbers} \
                 numbers; at most {MOST_NUMBERS} fit"
            ),
        ));
    }
    let noise = deviation(table, "noise", 0.1)?;
    let scale = table.get("scale").map_or_else(|| Ok(vec![1.0; inputs]), |node| scale(node, inputs))?;
    Ok(Figure::Regression(Regression { inputs, outputs, noise, scale }))
}

/// One number for each of the `inputs` columns.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is taken for one number.
fn scale(node: &Node, inputs: usize) -> Result<Vec<f64>> {
    let factor = |node: &Node| {
        finite(&node.value).filter(|factor| factor.abs() <= LARGEST).ok_or_else(|| {
            let found = node.found();
            node.fault(format!(
                "`scale` in [data] must be a number from {:?} to {LARGEST:?}, or an array of {inputs} of them, one for \
                 each input column; found {found}",
                -LARGEST
            ))
        })
    };
    match &node.value {
        Value::Array(factors) if factors.len() == inputs => factors.iter().map(factor).collect(),
        Value::Array(factors) => {
            let count = factors.len();
            Err(node.fault(format!(
                "`scale` in [data] must be one number for all of the {inputs} input columns, or an array with one for \
                 each; found an array of {count}"
            )))
        }
        _ => Ok(vec![factor(node)?; inputs]),
    }
}

#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn csv(table: &Reader, default: u8) -> Result<DataKind> {
    let expected = "one character that is ASCII, and neither a quote nor the end of a line";
    let separator = table.typed("separator", expected, |value| match value {
        Value::Text(text) => match text.as_bytes() {
            [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Some(*byte),
            _ => None,
        },
        _ => None,
    })?;
    let goal = match (table.get("targets"), table.get("label")) {
        (Some(_), Some(label)) => {
            return Err(label.fault("`label` has classes and `targets` has values; keep one of them"));
        }
        (Some(targets), None) => match table.get("classes") {
            Some(classes) => return Err(classes.fault("`classes` goes with `label`, not with `targets`")),
            None => Goal::Values(columns(targets, "targets")?),
        },
        (None, label) => {
            Goal::Classes(label.map_or(Ok(Column::Last), |node| column(node, "label"))?, class_order(table)?)
        }
    };
    Ok(DataKind::Csv(Csv {
        path: path(table, "path")?.ok_or_else(|| table.missing("path", "path = \"train.csv\""))?,
        test: path(table, "test")?,
        separator: separator.unwrap_or(default),
        header: table.boolean("header")?.unwrap_or(true),
        goal,
        drop: table.get("drop").map_or(Ok(Vec::new()), |node| columns(node, "drop"))?,
        hold_out: hold_out(table)?,
        standardize: standardize(table)?,
    }))
}

/// A path that is not empty.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn path(table: &Reader, key: &str) -> Result<Option<String>> {
    table.typed(key, "the path of a file, or \"data:SET/FILE\"", |value| match value {
        Value::Text(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    })
}

/// A column by its name, its number or as the last one.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn column(node: &Node, key: &str) -> Result<Column> {
    match &node.value {
        Value::Text(name) if name == "last" => Ok(Column::Last),
        Value::Text(name) if !name.is_empty() => Ok(Column::Name(name.clone())),
        Value::Integer(number @ 1..) => Ok(Column::Number(usize::try_from(*number).unwrap_or(usize::MAX))),
        _ => Err(node.fault(format!(
            "`{key}` in [data] must be a column: its name, its number from 1, or \"last\"; found {}",
            node.found()
        ))),
    }
}

/// One column or several.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is taken for one column.
fn columns(node: &Node, key: &str) -> Result<Vec<Column>> {
    match &node.value {
        Value::Array(nodes) if nodes.is_empty() => Err(node.fault(format!("`{key}` in [data] names no column"))),
        Value::Array(nodes) => nodes.iter().map(|node| column(node, key)).collect(),
        _ => Ok(vec![column(node, key)?]),
    }
}

#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn class_order(table: &Reader) -> Result<ClassOrder> {
    let Some(node) = table.get("classes") else { return Ok(ClassOrder::Sorted) };
    let name = |node: &Node| match &node.value {
        Value::Text(name) if !name.is_empty() => Some(name.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    };
    let names: Option<Vec<String>> = match &node.value {
        Value::Text(text) if text == "sorted" => return Ok(ClassOrder::Sorted),
        Value::Text(text) if text == "appearance" => return Ok(ClassOrder::Appearance),
        Value::Array(nodes) => nodes.iter().map(name).collect(),
        _ => None,
    };
    let distinct = |names: &Vec<String>| names.len() > 1 && names.iter().collect::<HashSet<_>>().len() == names.len();
    names.filter(distinct).map(ClassOrder::Given).ok_or_else(|| {
        node.fault(format!(
            "`classes` in [data] must be \"sorted\", \"appearance\", or an array of two or more different \
             names; found {}",
            node.found()
        ))
    })
}

fn arrays(table: &Reader, format: Format) -> Result<DataKind> {
    let archive = path(table, "path")?;
    if format == Format::Npz && archive.is_none() {
        return Err(table.missing("path", "path = \"data.npz\""));
    }
    // In an archive, arrays that have no name in the file are called as their keys are.
    let name = |key: &str| match path(table, key)? {
        None if format == Format::Npz => Ok(key.to_owned()),
        None => Err(table.missing(key, &format!("{key} = \"FILE\""))),
        Some(name) => Ok(name),
    };
    let pair = |inputs, targets| Ok(Pair { archive: archive.clone(), inputs: name(inputs)?, targets: name(targets)? });
    let training: Pair = pair("inputs", "targets")?;
    let named = table.get("test_inputs").or(table.get("test_targets"));
    let test = match (path(table, "test")?, named) {
        (Some(_), Some(node)) => {
            return Err(
                node.fault("`test` is an archive with the names of the training arrays; keep it or these names")
            );
        }
        (Some(test), None) => Some(Pair { archive: Some(test), ..training.clone() }),
        (None, Some(_)) => Some(pair("test_inputs", "test_targets")?),
        (None, None) => None,
    };
    let targets_as =
        table.named("targets_as", "targets_as", &[("classes", TargetsAs::Classes), ("values", TargetsAs::Values)])?;
    let first_class = table.whole("first_class", 0..=1)?;
    let class_count = table.whole("class_count", 2..=set::MOST_CLASSES)?;
    let of_classes = ["first_class", "class_count"].into_iter().find(|key| table.get(key).is_some());
    if let (Some(key), Some(TargetsAs::Values)) = (of_classes, targets_as) {
        return Err(table.fault(key, format!("`{key}` goes with classes, not with targets_as = \"values\"")));
    }
    let (hold_out, standardize) = (hold_out(table)?, standardize(table)?);
    Ok(DataKind::Arrays(Arrays { format, training, test, targets_as, first_class, class_count, hold_out, standardize }))
}

fn idx(table: &Reader, _seed: u64) -> Result<DataKind> {
    // An image's bytes go to 255.
    let divisor = table.named("scale", "scale", &[("unit", 255.0), ("none", 1.0)])?.unwrap_or(255.0);
    arrays(table, Format::Idx { divisor })
}

fn standardize(table: &Reader) -> Result<Standardize> {
    let Some(node) = table.get("standardize") else { return Ok(Standardize::No) };
    let choice = Choice::read(node, "standardize", &STANDARDIZE)?;
    if choice.is_none() {
        return Ok(Standardize::No);
    }
    let (name @ ("scalar" | "columns"), settings) = choice.typed else { return Err(choice.unknown()) };
    let ddof = match settings {
        None => None,
        Some(settings) => Reader::open(settings, &format!("standardize {name}"), &["ddof"])?.whole("ddof", 0..=1)?,
    };
    let ddof = ddof.unwrap_or(1);
    Ok(if name == "scalar" { Standardize::Scalar { ddof } } else { Standardize::Columns { ddof } })
}

#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn hold_out(table: &Reader) -> Result<Option<HoldOut>> {
    let edge = table.named("validation_from", "validation_from", &[("end", Edge::End), ("start", Edge::Start)])?;
    let expected = "a part of the rows, above 0 and below 1, or a whole number of them";
    let share = table.typed("validation", expected, |value| match value {
        Value::Integer(rows @ 1..) => usize::try_from(*rows).ok().map(Share::Rows),
        Value::Number(part) => Some(*part).filter(|part| *part > 0.0 && *part < 1.0).map(Share::Rounded),
        _ => None,
    })?;
    match (share, edge) {
        (None, Some(_)) => Err(table.fault(
            "validation_from",
            "`validation_from` goes with `validation`; write validation = 0.1, the part of the rows to validate on",
        )),
        (share, edge) => Ok(share.map(|share| HoldOut { share, from: edge.unwrap_or(Edge::End) })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is decoded of the keys of `[data]`.
    fn decoded(text: &str) -> Result<DataKind> {
        decode_kind(&Node::parse_file(text.as_bytes(), "x.toml")?, 3)
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn what_is_drawn_takes_its_keys_and_has_its_defaults() {
        let drawn =
            |figure| Drawn { figure, rows: 9, validation_rows: 0, test_rows: 0, standardize: Standardize::No, seed: 3 };
        let given = Centers::Given(vec![vec![1.0, 2.0], vec![-1.0, 0.5]]);
        for (keys, expected) in [
            ("kind='circle'", drawn(Figure::Circle(Circle::default()))),
            (
                "kind='circle'\nclass_1='inside'\nradius=1\nvalidation_rows=1\ntest_rows=2\n\
                 standardize='scalar'\nseed=0",
                Drawn {
                    figure: Figure::Circle(Circle { radius: 1.0, inside: true }),
                    rows: 9,
                    validation_rows: 1,
                    test_rows: 2,
                    standardize: Standardize::Scalar { ddof: 1 },
                    seed: 0,
                },
            ),
            ("kind='moons'", drawn(Figure::Moons(Moons { noise: 0.1 }))),
            ("kind='moons'\nnoise=0", drawn(Figure::Moons(Moons { noise: 0.0 }))),
            ("kind='spirals'", drawn(Figure::Spirals(Spirals { arms: 2, turns: 1.0, noise: 0.2 }))),
            (
                "kind='spirals'\narms=3\nturns=-2\nnoise=1",
                drawn(Figure::Spirals(Spirals { arms: 3, turns: -2.0, noise: 1.0 })),
            ),
            (
                "kind='blobs'",
                drawn(Figure::Blobs(Blobs { centers: Centers::Drawn { count: 3, columns: 2 }, spread: 1.0 })),
            ),
            (
                "kind='blobs'\ncenters=4\ncolumns=5\nspread=2",
                drawn(Figure::Blobs(Blobs { centers: Centers::Drawn { count: 4, columns: 5 }, spread: 2.0 })),
            ),
            ("kind='blobs'\ncenters=[[1,2],[-1,0.5]]", drawn(Figure::Blobs(Blobs { centers: given, spread: 1.0 }))),
            ("kind='line'", drawn(Figure::Line(Line { slope: 1.0, intercept: 0.0, noise: 0.1 }))),
            (
                "kind='line'\nslope=2\nintercept=-1\nnoise=0",
                drawn(Figure::Line(Line { slope: 2.0, intercept: -1.0, noise: 0.0 })),
            ),
        ] {
            assert_eq!(decoded(&format!("{keys}\nrows=9")).unwrap(), DataKind::Drawn(expected), "{keys}");
        }
    }

    #[test]
    fn a_table_takes_its_keys_and_has_its_defaults() {
        let plain = Csv {
            path: text("a.csv"),
            test: None,
            separator: b',',
            header: true,
            goal: Goal::Classes(Column::Last, ClassOrder::Sorted),
            drop: Vec::new(),
            hold_out: None,
            standardize: Standardize::No,
        };
        let full = Csv {
            path: text("data:a/b"),
            test: Some(text("t")),
            separator: b';',
            header: false,
            goal: Goal::Classes(Column::Number(2), ClassOrder::Given(vec![text("M"), text("1")])),
            drop: vec![Column::Number(1), Column::Last, Column::Name(text("id"))],
            hold_out: Some(HoldOut { share: Share::Rows(5), from: Edge::Start }),
            standardize: Standardize::Columns { ddof: 0 },
        };
        let values = Goal::Values(vec![Column::Name(text("y")), Column::Number(2)]);
        let tenth = Some(HoldOut { share: Share::Rounded(0.1), from: Edge::End });
        for (keys, expected) in [
            ("kind='csv'\npath='a.csv'", plain.clone()),
            ("kind='tsv'\npath='a.csv'", Csv { separator: b'\t', ..plain.clone() }),
            (
                "kind='csv'\npath='data:a/b'\ntest='t'\nseparator=';'\nheader=false\nlabel=2\nclasses=['M',1]\n\
                 drop=[1,'last','id']\nvalidation=5\nvalidation_from='start'\nstandardize={columns={ddof=0}}",
                full,
            ),
            (
                "kind='csv'\npath='a.csv'\ntargets=['y',2]\nvalidation=0.1",
                Csv { goal: values, hold_out: tenth, ..plain.clone() },
            ),
            (
                "kind='csv'\npath='a.csv'\nlabel='c'\nclasses='appearance'",
                Csv { goal: Goal::Classes(Column::Name(text("c")), ClassOrder::Appearance), ..plain },
            ),
        ] {
            assert_eq!(decoded(keys).unwrap(), DataKind::Csv(expected), "{keys}");
        }
    }

    #[test]
    fn arrays_take_their_keys_and_have_their_defaults() {
        let pair = |archive: Option<&str>, inputs: &str, targets: &str| Pair {
            archive: archive.map(str::to_owned),
            inputs: text(inputs),
            targets: text(targets),
        };
        let plain = |format, training, test| Arrays {
            format,
            training,
            test,
            targets_as: None,
            first_class: None,
            class_count: None,
            hold_out: None,
            standardize: Standardize::No,
        };
        for (keys, expected) in [
            (
                "kind='npy'\ninputs='x'\ntargets='y'\ntargets_as='values'",
                Arrays { targets_as: Some(TargetsAs::Values), ..plain(Format::Npy, pair(None, "x", "y"), None) },
            ),
            (
                "kind='npy'\ninputs='x'\ntargets='y'\nfirst_class=1\nclass_count=9\nstandardize={scalar={}}",
                Arrays {
                    first_class: Some(1),
                    class_count: Some(9),
                    standardize: Standardize::Scalar { ddof: 1 },
                    ..plain(Format::Npy, pair(None, "x", "y"), None)
                },
            ),
            (
                "kind='npz'\npath='a'\ntest='b'",
                plain(Format::Npz, pair(Some("a"), "inputs", "targets"), Some(pair(Some("b"), "inputs", "targets"))),
            ),
            (
                "kind='npz'\npath='a'\ninputs='x'\ntest_inputs='v'",
                plain(Format::Npz, pair(Some("a"), "x", "targets"), Some(pair(Some("a"), "v", "test_targets"))),
            ),
            (
                "kind='idx'\ninputs='x'\ntargets='y'\ntest_inputs='v'\ntest_targets='w'",
                plain(Format::Idx { divisor: 255.0 }, pair(None, "x", "y"), Some(pair(None, "v", "w"))),
            ),
            (
                "kind='idx'\ninputs='x'\ntargets='y'\nscale='none'",
                plain(Format::Idx { divisor: 1.0 }, pair(None, "x", "y"), None),
            ),
        ] {
            assert_eq!(decoded(keys).unwrap(), DataKind::Arrays(expected), "{keys}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (keys, expected) in [
            ("kind='circle'", "x.toml:1: `rows` is missing in [data]; write rows = 1000"),
            ("kind='circle'\nrows=0", "x.toml:2: `rows` in [data] must be a whole number from 1"),
            ("kind='circle'\nrows=30000000\ntest_rows=1", "x.toml:2: 30000001 rows of 3 columns are 90000003 numbers"),
            ("kind='circle'\nrows=1\nradius=1.5", "x.toml:3: `radius` in [data] must be a number above 0"),
            ("kind='circle'\nrows=1\nradius=nan", "x.toml:3: `radius`"),
            ("kind='circle'\nrows=1\nclass_1='in'", "x.toml:3: unknown class_1 `in`"),
            ("kind='circle'\nrows=1\nstandardize='column'", "did you mean `columns`?"),
            (
                "kind='circle'\nrows=1\nstandardize={columns={ddof=2}}",
                "x.toml:3: `ddof` in standardize columns must be a whole number from 0 to 1; found the integer 2",
            ),
            (
                "kind='npy'\ninputs='x'\ntargets='y'\ntargets_as='values'\nfirst_class=1",
                "x.toml:5: `first_class` goes with classes, not with targets_as",
            ),
            ("kind='npy'\ninputs='x'\ntargets='y'\nfirst_class=2", "x.toml:4: `first_class` in [data] must be"),
            (
                "kind='circle'\nrows=1\nnoise=1",
                "x.toml:3: `noise` in [data] belongs to kind = \"regression\", \"moons\"",
            ),
            ("kind='spirals'\nrows=1\narms=1", "x.toml:3: `arms` in [data] must be a whole number from 2 to 1000"),
            ("kind='blobs'\nrows=1\ncenters=1", "x.toml:3: `centers` in [data] must be a whole number from 2"),
            ("kind='blobs'\nrows=1\ncenters=[[1],[1,2]]", "x.toml:3: `centers` in [data] must be a number of centers"),
            ("kind='blobs'\nrows=1\ncenters=[[1],['a']]", "found the string \"a\""),
            ("kind='blobs'\nrows=1\ncenters=[[],[]]", "x.toml:3: `centers`"),
            ("kind='blobs'\nrows=1\ncenters=[[1],[2]]\ncolumns=1", "x.toml:4: `columns` in [data] follows from"),
            ("kind='blobs'\nrows=1\ncenters=1000\ncolumns=1000000", "x.toml:4: the centers have 1000000000 numbers"),
            ("kind='line'\nrows=1\nslope=inf", "x.toml:3: `slope` in [data]"),
            ("kind='line'\nrows=1\nnoise=-1", "x.toml:3: `noise` in [data] must be a number from 0.0"),
            ("kind='csv'", "x.toml:1: `path` is missing in [data]; write path = \"train.csv\""),
            ("kind='csv'\npath=''", "x.toml:2: `path` in [data] must be the path of a file"),
            ("kind='csv'\npath='a'\nseparator=',,'", "x.toml:3: `separator` in [data] must be one character"),
            (
                "kind='csv'\npath='a'\nlabel=0",
                "x.toml:3: `label` in [data] must be a column: its name, its number from 1",
            ),
            ("kind='csv'\npath='a'\nlabel=1\ntargets=[2]", "x.toml:3: `label` has classes and `targets` has values"),
            ("kind='csv'\npath='a'\ntargets=[]", "x.toml:3: `targets` in [data] names no column"),
            ("kind='csv'\npath='a'\ntargets=2\nclasses='sorted'", "x.toml:4: `classes` goes with `label`"),
            ("kind='csv'\npath='a'\nclasses=['a','a']", "x.toml:3: `classes` in [data] must be \"sorted\""),
            ("kind='csv'\npath='a'\nclasses='sort'", "found the string \"sort\""),
            ("kind='csv'\npath='a'\nvalidation=1.0", "x.toml:3: `validation` in [data] must be a part of the rows"),
            ("kind='csv'\npath='a'\nvalidation=0", "x.toml:3: `validation`"),
            ("kind='csv'\npath='a'\nvalidation_from='end'", "x.toml:3: `validation_from` goes with `validation`"),
            ("kind='npy'\ninputs='x'", "x.toml:1: `targets` is missing in [data]; write targets = "),
            ("kind='npy'\ninputs='x'\ntargets='y'\ntest_inputs='v'", "`test_targets` is missing in [data]"),
            ("kind='npz'", "x.toml:1: `path` is missing in [data]; write path = \"data.npz\""),
            ("kind='npz'\npath='a'\ntest='b'\ntest_inputs='v'", "x.toml:4: `test` is an archive"),
            ("kind='idx'\ninputs='x'\ntargets='y'\nscale=255", "x.toml:4: scale must be one of \"unit\", \"none\""),
            (
                "kind='idx'\npath='x'",
                "x.toml:2: `path` in [data] belongs to kind = \"csv\", \"tsv\", \"npz\", \"text\"; \
                 kind = \"idx\" takes inputs",
            ),
        ] {
            let error = decoded(keys).expect_err(keys).to_string();
            assert!(error.contains(expected), "{keys}: {error}");
        }
    }
}
