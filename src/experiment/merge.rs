//! What is typed later goes over what was typed before: tables by key, everything else whole.
//!
//! Three rules more. A choice (`loss`, `optimizer`, `init`, a layer) is replaced when its name differs, and so is `data` when
//! its kind does. Keys of which only one can stand, as `steps` and `epochs`, replace each other. `model.layer.N` changes one
//! element of the array `model.layers`.

use super::{
    decode::REPORTED_LOSS,
    tree::{Node, Table, Value, shown},
};
use crate::error::Result;

/// Every choice that may have settings, as errors call it, and where it stands. What is read as a choice has to be here.
pub(super) const CHOICES: [(&str, &str); 10] = [
    ("engine", "engine"),
    ("layer", "model.layer"),
    ("init", "model.init"),
    ("loss", "training.loss"),
    ("reported loss", "training.reported_loss.loss"),
    ("optimizer", "training.optimizer"),
    ("schedule", "training.schedule"),
    ("clip", "training.clip"),
    ("rows of text", "data.rows"),
    ("standardize", "data.standardize"),
];

/// A table, a key of it, and the keys that cannot stand beside that one.
const EITHER: [(&str, &str, &[&str]); 4] = [
    ("training", "steps", &["epochs"]),
    ("training", "epochs", &["steps"]),
    ("data", "label", &["targets"]),
    ("data", "targets", &["label", "classes"]),
];

/// All `sources` laid on each other, the last on top; `name` is what errors about the whole call the file.
pub(super) fn merge_all(name: &str, sources: impl IntoIterator<Item = Node>) -> Result<Node> {
    let empty = Node { value: Value::Table(Table::new()), origin: format!("{name}:1").into() };
    sources.into_iter().try_fold(empty, |base, over| merge(Some(base), over, ""))
}

/// `over` laid on `base`; `place` is the dotted key of both, empty for the whole tree.
fn merge(base: Option<Node>, over: Node, place: &str) -> Result<Node> {
    let Value::Table(changes) = over.value else { return Ok(over) };
    let (table, origin) = match base.map(|base| spelled_out(base, &changes, place)) {
        Some(Node { value: Value::Table(table), origin }) if is_same_choice(&table, &changes, place) => (table, origin),
        _ => (Table::new(), over.origin),
    };
    Ok(Node { value: Value::Table(merge_tables(table, changes, place)?), origin })
}

fn merge_tables(mut table: Table, mut changes: Table, place: &str) -> Result<Table> {
    for (_, _, replaced) in EITHER.iter().filter(|(of, key, _)| *of == place && changes.contains_key(*key)) {
        table.retain(|key, _| !replaced.contains(&key.as_str()));
    }
    let layer = if place == "model" { changes.remove("layer") } else { None };
    for (key, over) in changes {
        let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        let base = table.remove(&key);
        table.insert(key, merge(base, over, &place)?);
    }
    if let Some(layer) = layer {
        merge_layers(&mut table, &layer)?;
    }
    Ok(table)
}

/// Whether `changes` adds to what `table` chooses, rather than choosing something else.
fn is_same_choice(table: &Table, changes: &Table, place: &str) -> bool {
    match place {
        // One norm of two may be changed alone.
        "training.penalty" => changes.keys().all(|key| table.contains_key(key)),
        // Its settings merge; a loss that is written in their place is replaced.
        "training.reported_loss" => reports(table) && reports(changes) || table.keys().eq(changes.keys()),
        "data" => table.get("kind").zip(changes.get("kind")).is_none_or(|(base, over)| base.value == over.value),
        _ => !CHOICES.iter().any(|(_, of)| *of == place) || table.keys().eq(changes.keys()),
    }
}

/// Whether a table has the settings of a reported loss, rather than a loss itself.
fn reports(table: &Table) -> bool {
    table.keys().all(|key| REPORTED_LOSS.contains(&key.as_str()))
}

/// What stands for a table with one key, as that table, where `changes` are settings of it.
fn spelled_out(base: Node, changes: &Table, place: &str) -> Node {
    let key = match (place, &base.value) {
        ("training.reported_loss", Value::Table(table)) if reports(table) => return base,
        ("training.reported_loss", _) if reports(changes) => "loss",
        ("training.accumulate", Value::Integer(_)) => "batches",
        _ => return base,
    };
    let origin = base.origin.clone();
    Node { value: Value::Table(Table::from([(key.to_owned(), base)])), origin }
}

/// Lays `layer`, a table by `state_dict` index, on the array `layers` of `model`.
fn merge_layers(model: &mut Table, layer: &Node) -> Result<()> {
    for (index, change) in layer.table("`model.layer` (as in model.layer.2.linear.bias = false)")? {
        let Some(Node { value: Value::Array(layers), .. }) = model.get_mut("layers") else {
            return Err(change.fault("there is no array `layers` in [model] in which to change a layer"));
        };
        let count = layers.len();
        let Some(base) = index.parse::<usize>().ok().and_then(|index| layers.get_mut(index)) else {
            let (index, last) = (shown(index), count.saturating_sub(1));
            return Err(change.fault(format!("there is no layer {index}: the model has {count} layers, 0 to {last}")));
        };
        *base = merge(Some(base.clone()), change.clone(), "model.layer")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::decode;
    use serde_json::{Value as Json, json};

    const BASE: &str = r#"
        data = { kind = "xor", repeat = 2 }
        model.init = { normal = { std = 0.1 } }
        model.layers = [{ linear = { outputs = 5 } }, "sigmoid"]
        training = { optimizer = { sgd = { lr = 0.3, momentum = 0.9 } }, steps = 10 }
    "#;

    fn merged(set: &str) -> Json {
        let base = Node::parse_file(BASE.as_bytes(), "x.toml").unwrap();
        merge_all("x.toml", [base, Node::parse_set(set).unwrap()]).unwrap().to_json()
    }

    #[test]
    fn tables_merge_by_key_and_arrays_are_replaced_whole() {
        for (set, pointer, expected) in [
            ("model.bias=false", "/model/init", json!({"normal": {"std": 0.1}})),
            ("model={bias=false}", "/model/init", json!({"normal": {"std": 0.1}})),
            ("model.layers=['relu']", "/model/layers", json!(["relu"])),
        ] {
            assert_eq!(merged(set).pointer(pointer), Some(&expected), "{set}");
        }
    }

    #[test]
    fn a_choice_is_replaced_when_its_key_differs_and_merged_otherwise() {
        for (set, pointer, expected) in [
            ("training.optimizer.sgd.lr=1", "/training/optimizer", json!({"sgd": {"lr": 1, "momentum": 0.9}})),
            ("training.optimizer.adam.lr=1", "/training/optimizer", json!({"adam": {"lr": 1}})),
            ("training.optimizer=adam", "/training/optimizer", json!("adam")),
            ("model.init.normal.std=2", "/model/init", json!({"normal": {"std": 2}})),
            ("model.init.file=w.npz", "/model/init", json!({"file": "w.npz"})),
            ("model.init=zeros", "/model/init", json!("zeros")),
            ("data.kind=xor", "/data", json!({"kind": "xor", "repeat": 2})),
            ("data.kind=other", "/data", json!({"kind": "other"})),
            ("data.repeat=3", "/data", json!({"kind": "xor", "repeat": 3})),
        ] {
            assert_eq!(merged(set).pointer(pointer), Some(&expected), "{set}");
        }
    }

    /// The names of a choice, and each with settings, where it may have some, as TOML.
    fn forms(what: &str) -> Vec<(&'static str, &'static str)> {
        let family = match what {
            "reported loss" => "loss",
            "rows of text" => "rows",
            family => family,
        };
        let (_, forms) = decode::CHOICES.iter().find(|(name, _)| *name == family).unwrap();
        forms.iter().map(|(name, form)| (*name, form.split(" or ").last().unwrap())).collect()
    }

    /// `value` typed at `place` under what was typed there before.
    fn over(place: &str, base: &str, value: &str) -> Json {
        let (base, set) = match place {
            "model.layer" => (format!("model.layers = [{base}]"), format!("model.layer.0={value}")),
            _ => (format!("{place} = {base}"), format!("{place}={value}")),
        };
        let base = Node::parse_file(base.replace("= N", "= 3").replace("SEED", "3").as_bytes(), "x.toml").unwrap();
        let merged = merge_all("x.toml", [base, Node::parse_set(&set.replace("= N", "= 3")).unwrap()]).unwrap();
        let place = if place == "model.layer" { "/model/layers/0".to_owned() } else { place.replace('.', "/") };
        merged.to_json().pointer(&format!("/{}", place.trim_start_matches('/'))).unwrap().clone()
    }

    #[test]
    fn no_choice_keeps_the_settings_of_another_and_each_keeps_its_own() {
        for (family, _) in decode::CHOICES.iter().filter(|(family, _)| *family != "fault") {
            assert!(CHOICES.iter().any(|(what, _)| what.starts_with(family)), "{family} is not merged as a choice");
        }
        for (what, place) in CHOICES {
            for (name, form) in forms(what) {
                for (other, replacing) in forms(what) {
                    let (found, alone) = (over(place, form, replacing), over(place, replacing, replacing));
                    assert!(name == other || found == alone, "{place} = {form}, then {replacing}: {found}");
                }
                let one = over(
                    place,
                    &format!("{{ {name} = {{ one = 1, two = 1 }} }}"),
                    &format!("{{ {name} = {{ two = 2 }} }}"),
                );
                assert_eq!(one, json!({ name: { "one": 1, "two": 2 } }), "{place}");
            }
        }
        // A penalty may be two at once; kinds of data are told apart by a key.
        for (place, base, changes, expected) in [
            ("training.penalty", "{ l1 = { a = 1 } }", "{ l2 = { a = 2 } }", json!({ "l2": { "a": 2 } })),
            (
                "training.penalty",
                "{ l1 = { a = 1, b = 1 }, l2 = { a = 1 } }",
                "{ l1 = { a = 2 } }",
                json!({ "l1": { "a": 2, "b": 1 }, "l2": { "a": 1 } }),
            ),
            (
                "data",
                "{ kind = 'csv', label = 'a', classes = ['x'] }",
                "{ targets = 'b' }",
                json!({"kind": "csv", "targets": "b"}),
            ),
            ("data", "{ kind = 'csv', targets = 'b' }", "{ label = 'a' }", json!({"kind": "csv", "label": "a"})),
            ("training.accumulate", "4", "{ mean = false }", json!({"batches": 4, "mean": false})),
            ("training.reported_loss", "'l1'", "{ penalty = false }", json!({"loss": "l1", "penalty": false})),
            (
                "training.reported_loss",
                "{ huber = { delta = 2 } }",
                "{ penalty = false }",
                json!({"loss": {"huber": {"delta": 2}}, "penalty": false}),
            ),
            ("training.reported_loss", "{ penalty = false }", "{ huber = {} }", json!({"huber": {}})),
        ] {
            assert_eq!(over(place, base, changes), expected, "{place} = {base}, then {changes}");
        }
    }

    #[test]
    fn one_layer_is_addressed_by_its_index() {
        for (set, expected) in [
            ("model.layer.0.linear.bias=false", json!([{"linear": {"outputs": 5, "bias": false}}, "sigmoid"])),
            ("model.layer.0=relu", json!(["relu", "sigmoid"])),
            ("model.layer.1=tanh", json!([{"linear": {"outputs": 5}}, "tanh"])),
            ("model.layer.1.linear.outputs=1", json!([{"linear": {"outputs": 5}}, {"linear": {"outputs": 1}}])),
        ] {
            assert_eq!(merged(set)["model"]["layers"], expected, "{set}");
        }
    }

    #[test]
    fn steps_and_epochs_replace_each_other() {
        let training = &merged("training.epochs=3")["training"];
        assert_eq!((training.get("steps"), &training["epochs"]), (None, &json!(3)));
    }
}
