//! `experiments/README.md` against the program: every key there is, no other, and the defaults it has.
//!
//! A table of the page belongs to the names in the heading above it (`Kind csv or tsv`, with the names as code, is of
//! the kinds csv and tsv), or, where its first column is not `key`, to the names in that column (an empty cell is the
//! one above). What the program takes is what its readers ask for, so that a key that is new there is missed here.

use super::*;
use crate::experiment::{
    decode::{CHOICES, data_kind, kinds},
    reader::asked::{self, Asked},
    tree::{Table, Value},
};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../experiments/README.md");
const FRONT_PAGE: &str = include_str!("../../../README.md");

/// What stands under every example: as little as can be.
const BASE: &str = "data = { kind = 'blobs', rows = 8, centers = 2, validation_rows = 4 }\nmodel.layers = [{ linear = { outputs = 2 } }]\n\
                    training = { loss = 'mse', optimizer = { sgd = { lr = 1 } }, steps = 1 }";

/// A line of a table: a key of some places, or a name of a choice.
#[derive(Debug)]
struct Row {
    /// `[noise]`, `layer linear`, `kind csv`, …
    places: Vec<String>,
    /// None where the row is about the name itself.
    keys: Vec<String>,
    default: String,
    meaning: String,
}

/// What stands between backticks.
fn code(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names in backticks, after the word before them: `kind csv`, or the name alone.
fn places(text: &str) -> Vec<String> {
    let family = text.split('`').next().unwrap_or_default().trim().to_lowercase();
    let names = code(text);
    if names.is_empty() {
        return vec![family];
    }
    names.iter().map(|name| format!("{family} {name}").trim().to_owned()).collect()
}

fn rows(page: &str) -> Vec<Row> {
    let (mut heading, mut columns, mut family) = (Vec::new(), Vec::<String>::new(), Vec::new());
    let mut rows = Vec::new();
    for line in page.lines() {
        if let Some(text) = line.strip_prefix('#') {
            heading = places(text.trim_start_matches('#'));
        }
        let Some(line) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            columns.clear();
            continue;
        };
        let line = line.replace("\\|", "\u{1}");
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if columns.is_empty() {
            columns = cells.iter().map(|cell| (*cell).to_owned()).collect();
            continue;
        }
        if cells.iter().all(|cell| cell.chars().all(|character| character == '-')) {
            continue;
        }
        assert_eq!(cells.len(), columns.len(), "{line}");
        let cell = |name| columns.iter().position(|column| column == name).map_or("", |at| cells[at]);
        if columns[0] != "key" && !cells[0].is_empty() {
            family = places(&format!("{} {}", columns[0], cells[0]));
        }
        rows.push(Row {
            places: if columns[0] == "key" { heading.clone() } else { family.clone() },
            keys: code(cell("key")),
            default: cell("default").to_owned(),
            meaning: cell("meaning").to_owned(),
        });
    }
    rows
}

/// The blocks of TOML of a page.
fn blocks(page: &str) -> Vec<Node> {
    let texts = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    texts.map(|text| Node::parse_file(text.as_bytes(), text).unwrap()).collect()
}

fn table(node: &mut Node) -> &mut Table {
    if let Value::Table(table) = &mut node.value { table } else { panic!("this is no table") }
}

/// The table at the end of a path, made where it is not there.
fn at<'a>(node: &'a mut Node, path: &[&str]) -> &'a mut Table {
    path.iter().fold(table(node), |inner, key| {
        let empty = Node { value: Value::Table(Table::new()), origin: "it".into() };
        table(inner.entry((*key).to_owned()).or_insert(empty))
    })
}

/// A value as TOML writes it.
fn value(text: &str) -> Result<Node> {
    let mut file = Node::parse_file(format!("it = {text}").as_bytes(), text)?;
    Ok(file.take("it").unwrap())
}

fn base() -> Node {
    Node::parse_file(BASE.as_bytes(), "x.toml").unwrap()
}

/// A choice as it is written with settings, which are those of the program's own hint.
fn form(family: &str, name: &str) -> Node {
    let forms = CHOICES.iter().find(|(choice, _)| *choice == family).unwrap().1;
    let form = forms.iter().find(|(known, _)| *known == name).unwrap().1;
    let written = form.split(" or ").last().unwrap().replace("= N", "= 3");
    let settings = if written.starts_with('{') { written } else { format!("{{ {name} = {{}} }}") };
    value(&settings).unwrap()
}

/// What an experiment, or its data alone, are decoded to, without what was typed.
#[derive(Debug, PartialEq)]
enum Decoded {
    Experiment(Box<Experiment>),
    Data(Box<DataKind>),
}

fn opened(sources: Vec<Node>) -> Result<Decoded> {
    let mut experiment = Draft::new(sources, "x.toml")?.open(Path::new(""))?;
    experiment.resolved = serde_json::Value::Null;
    experiment.origins.candidate.clear();
    Ok(Decoded::Experiment(Box::new(experiment)))
}

/// Decodes an example of a place of the page, in which `edit` has changed the table that has the place's keys.
fn decoded(place: &str, edit: impl Fn(&mut Table)) -> Result<Decoded> {
    let (family, name) = place.split_once(' ').unwrap_or((place, ""));
    let mut tree = base();
    match family {
        "kind" => {
            let mut data = blocks(PAGE)
                .into_iter()
                .filter_map(|mut block| block.take("data"))
                .find(|data| data.find(&["kind"]).unwrap().value == Value::Text(name.to_owned()))
                .unwrap_or_else(|| panic!("the page has no example of [data] of the kind {name}"));
            edit(table(&mut data));
            return data_kind(&data).map(|kind| Decoded::Data(Box::new(kind)));
        }
        "rows" => {
            let mut rows = form(family, name);
            edit(at(&mut rows, &[name]));
            let mut data = value("{ kind = 'text', path = 'it.tsv' }")?;
            at(&mut data, &[]).insert("rows".to_owned(), rows);
            return data_kind(&data).map(|kind| Decoded::Data(Box::new(kind)));
        }
        "standardize" => {
            let mut standardize = form(family, name);
            edit(at(&mut standardize, &[name]));
            at(&mut tree, &["data"]).insert(family.to_owned(), standardize);
        }
        "layer" => {
            let mut layer = form(family, name);
            edit(at(&mut layer, &[name]));
            let rest = ["'flatten'", "{ linear = { outputs = 2 } }"].map(|layer| value(layer).unwrap());
            let layers = Value::Array([vec![layer], rest.to_vec()].concat());
            at(&mut tree, &["model"]).insert("layers".to_owned(), Node { value: layers, origin: "it".into() });
        }
        "init" | "loss" | "optimizer" | "schedule" => {
            let mut choice = form(family, name);
            edit(at(&mut choice, &[name]));
            let parent = if family == "init" { "model" } else { "training" };
            at(&mut tree, &[parent]).insert(family.to_owned(), choice);
        }
        "penalty" if !name.is_empty() => {
            at(&mut tree, &["training", "penalty", name]).insert("factor".to_owned(), value("0.1")?);
            edit(at(&mut tree, &["training", "penalty", name]));
        }
        _ => {
            let path = match place {
                "the experiment" => &[][..],
                "[reference]" => &["reference"],
                "[candidate]" => &["candidate"],
                "[model]" => &["model"],
                "[training]" => &["training"],
                "[noise]" => &["noise"],
                "reported_loss" => &["training", "reported_loss"],
                "[training.early_stopping]" => {
                    at(&mut tree, &["training", "early_stopping"]).insert("patience".to_owned(), value("1")?);
                    &["training", "early_stopping"]
                }
                "accumulate" => {
                    at(&mut tree, &["training", "accumulate"]).insert("batches".to_owned(), value("2")?);
                    &["training", "accumulate"]
                }
                "[data]" => &["data"],
                "penalty" => {
                    for name in ["l1", "l2"] {
                        at(&mut tree, &["training", "penalty", name]).insert("factor".to_owned(), value("0.1")?);
                    }
                    &["training", "penalty"]
                }
                _ => panic!("no example has a table for {place}"),
            };
            edit(at(&mut tree, path));
        }
    }
    opened(vec![tree])
}

/// The page's word for a place that a reader calls otherwise.
fn page_place(place: &str) -> String {
    let is_of =
        |family: &str| CHOICES.iter().any(|(name, forms)| *name == family && forms.iter().any(|form| form.0 == place));
    match place.split_once(" (") {
        Some((_, layer)) if place.starts_with("layer ") => format!("layer {}", layer.trim_end_matches(')')),
        _ if is_of("optimizer") => format!("optimizer {place}"),
        _ if is_of("schedule") => format!("schedule {place}"),
        _ => place.to_owned(),
    }
}

/// What readers ask for in all examples, by the page's places: those of every choice and kind of data the program has,
/// and those of every place the page has.
fn asked_for(documented: &[Row]) -> Asked {
    let named = |name: &str| Loss::NAMED.iter().any(|(named, _)| *named == name);
    let takes_settings = |family: &str, name: &str, form: &str| match family {
        "clip" | "fault" => false,
        "loss" => !named(name),
        _ => form.contains('{') && !["file", "trace"].contains(&name),
    };
    let choices = CHOICES.iter().flat_map(|(family, forms)| {
        let forms = forms.iter().filter(|(name, form)| takes_settings(family, name, form));
        forms.map(move |(name, _)| format!("{family} {name}"))
    });
    let with_keys = documented.iter().filter(|row| !row.keys.is_empty());
    let mut examples: BTreeSet<String> = with_keys.flat_map(|row| row.places.clone()).collect();
    examples.extend(choices);
    examples.extend(kinds().map(|(kind, _)| format!("kind {kind}")));

    let mut all = Asked::default();
    for place in examples {
        let (result, asked) = asked::during(|| decoded(&place, |_| {}));
        result.unwrap_or_else(|error| panic!("the example of {place}: {error}"));
        // The table of data is opened with the keys of all kinds.
        for (at, keys) in asked.keys.into_iter().filter(|(at, _)| at != "[data]") {
            all.keys.entry(page_place(&at)).or_default().extend(keys);
        }
        for ((at, key), names) in asked.names {
            let at = if at == "[data]" { place.clone() } else { page_place(&at) };
            all.names.entry((at, key)).or_default().extend(names);
        }
    }
    let of_kinds =
        kinds().map(|(kind, keys)| (format!("kind {kind}"), keys.iter().map(|key| (*key).to_owned()).collect()));
    all.keys.extend(of_kinds);
    all.keys.insert("[data]".to_owned(), ["kind".to_owned()].into());
    // What only a side has is asked for at the top, too, once it is merged; in a file it is refused there.
    all.keys.get_mut("the experiment").unwrap().retain(|key| key != "engine" && key != "threads");
    all
}

#[test]
fn the_page_has_every_key_and_no_other() {
    let documented = rows(PAGE);
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in documented.iter().filter(|row| !row.keys.is_empty()) {
        for place in &row.places {
            for key in &row.keys {
                let set = keys.entry(place.clone()).or_default();
                assert!(set.insert(key.clone()), "`{key}` of {place} stands there twice");
            }
        }
    }
    let asked = asked_for(&documented);
    let all: BTreeSet<&String> = keys.keys().chain(asked.keys.keys()).collect();
    for place in all {
        assert_eq!(keys.get(place), asked.keys.get(place), "{place}: the page, then the program");
    }
}

#[test]
fn the_page_has_every_name_and_no_other() {
    let documented = rows(PAGE);
    for (family, forms) in CHOICES {
        let prefix = format!("{family} ");
        let there: BTreeSet<&str> =
            documented.iter().flat_map(|row| &row.places).filter_map(|place| place.strip_prefix(&prefix)).collect();
        assert_eq!(there, forms.iter().map(|(name, _)| *name).collect(), "{family}: the page, then the program");
    }
    for ((place, key), names) in asked_for(&documented).names {
        let row = documented.iter().find(|row| row.places.contains(&place) && row.keys.contains(&key));
        // What is checked here is missed by the test of keys where it is not there.
        for name in row.map_or(BTreeSet::new(), |_| names) {
            let said = row.map_or("", |row| &row.meaning);
            assert!(code(said).contains(&format!("\"{name}\"")), "`{key}` of {place} does not say \"{name}\": {said}");
        }
    }
}

#[test]
fn what_is_left_out_is_the_default_that_the_page_says() {
    let mut literal = 0;
    for Row { places, keys, default, .. } in rows(PAGE) {
        for (place, key) in places.iter().flat_map(|place| keys.iter().map(move |key| (place, key))) {
            // Keys of one row go together, or not at all.
            let without = decoded(place, |table| table.retain(|other, _| !keys.contains(other)));
            if default.starts_with("needed") {
                let error = without.map(|_| ()).expect_err(&format!("`{key}` of {place}")).to_string();
                assert!(error.contains(&format!("`{key}`")) || error.contains(&format!("{key} =")), "{place}: {error}");
                continue;
            }
            let without = without.unwrap_or_else(|error| panic!("`{key}` of {place} cannot be left out: {error}"));
            if let [written] = &code(&default)[..]
                && default == format!("`{written}`")
            {
                literal += 1;
                let with = decoded(place, |table| {
                    table.retain(|other, _| !keys.contains(other));
                    table.insert(key.clone(), value(written).unwrap());
                });
                assert_eq!(with.unwrap(), without, "`{key}` of {place}");
            }
        }
    }
    assert!(literal > 100, "{literal} defaults are checked");
}

#[test]
fn every_example_of_both_pages_is_an_experiment_or_a_part_of_one() {
    for block in blocks(PAGE).into_iter().chain(blocks(FRONT_PAGE)) {
        let has = |key: &str| block.find(&[key]).is_some();
        let text = block.origin.to_string();
        let whole = has("data") && has("model") && has("training");
        let sources = if whole { vec![block.clone()] } else { vec![base(), block.clone()] };
        let draft = Draft::new(sources, "x.toml").unwrap_or_else(|error| panic!("{error} in {text}"));
        // Data alone need not fit the model; files need not be there.
        if draft.shared.data.files().is_empty() && (whole || !has("data")) {
            draft.open(Path::new("")).unwrap_or_else(|error| panic!("{error} in {text}"));
        }
    }
}

#[test]
fn every_link_within_the_page_leads_to_a_heading() {
    let anchor = |line: &str| -> String {
        let text = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.chars().filter(|character| character.is_alphanumeric() || "-_".contains(*character)).collect()
    };
    let headings: BTreeSet<String> = PAGE.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    let links: Vec<&str> = PAGE.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 10);
    for link in links {
        assert!(headings.contains(link), "{link} is no heading: {headings:?}");
    }
}
