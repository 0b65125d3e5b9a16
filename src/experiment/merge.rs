//! What is typed later goes over what was typed before: tables by key, everything else whole.
//!
//! Three rules more. A choice with one key (`loss`, `optimizer`, `init`, a layer) is replaced when the key differs, and so
//! is `data` when its kind does. `steps` and `epochs` replace each other. `model.layer.N` changes one element of the
//! array `model.layers`.

use super::{
    decode::REPORTED_LOSS,
    tree::{Node, Table, Value, shown},
};
use crate::error::Result;

/// All `sources` laid on each other, the last on top; `name` is what errors about the whole call the file.
pub(super) fn merge_all(name: &str, sources: impl IntoIterator<Item = Node>) -> Result<Node> {
    let empty = Node { value: Value::Table(Table::new()), origin: format!("{name}:1").into() };
    sources.into_iter().try_fold(empty, |base, over| merge(Some(base), over, ""))
}

/// `over` laid on `base`; `place` is the dotted key of both, empty for the whole tree.
fn merge(base: Option<Node>, over: Node, place: &str) -> Result<Node> {
    let Value::Table(changes) = over.value else { return Ok(over) };
    let (table, origin) = match base {
        Some(Node { value: Value::Table(table), origin }) if is_same_choice(&table, &changes, place) => (table, origin),
        _ => (Table::new(), over.origin),
    };
    Ok(Node { value: Value::Table(merge_tables(table, changes, place)?), origin })
}

fn merge_tables(mut table: Table, mut changes: Table, place: &str) -> Result<Table> {
    if place == "training" && (changes.contains_key("steps") || changes.contains_key("epochs")) {
        table.retain(|key, _| key != "steps" && key != "epochs");
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
        "training.loss" | "training.optimizer" | "training.schedule" | "training.clip" | "model.init"
        | "model.layer" => table.keys().eq(changes.keys()),
        // Its settings merge; a loss that is written in their place, or in `loss`, is replaced.
        "training.reported_loss" => {
            let settings = |table: &Table| table.keys().all(|key| REPORTED_LOSS.contains(&key.as_str()));
            settings(table) && settings(changes) || table.keys().eq(changes.keys())
        }
        "training.reported_loss.loss" => table.keys().eq(changes.keys()),
        "data" => table.get("kind").zip(changes.get("kind")).is_none_or(|(base, over)| base.value == over.value),
        _ => true,
    }
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
