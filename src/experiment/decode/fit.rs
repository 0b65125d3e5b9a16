//! What can be known before the first step of how a side's model, its data and the course go together: what would only
//! end a run in the middle is refused here.

use crate::{
    data::{
        BatchSize, names_file,
        order::{Last, Order, Shuffle},
        set::{DataSet, Held, Lookalike},
    },
    error::{Error, Result},
    experiment::{
        EngineKind, Side,
        tree::{Node, Value},
    },
    model::Layer,
    training::{Course, Fault, Maker, Monitor, OfData},
};
use std::path::Path;

/// An error of data as they were opened, at the line that mends it: of the key it asks for, else of the one that names the
/// file it begins with.
pub(in crate::experiment) fn opened(root: &Node, folder: &Path, error: Error) -> Error {
    let data = root.find(&["data"]).unwrap_or(root);
    let keys: &[&str] = if let Error::Data { keys, .. } = &error { keys } else { &[] };
    let message = error.to_string();
    let asked_for = keys.iter().find_map(|key| data.find(&[key]));
    asked_for.or_else(|| naming(data, folder, &message)).unwrap_or(data).fault(message)
}

/// The value that names the file which a message is about.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value names none.
fn naming<'a>(node: &'a Node, folder: &Path, message: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Text(written) => names_file(written, folder, message).then_some(node),
        Value::Table(table) => table.values().find_map(|node| naming(node, folder, message)),
        _ => None,
    }
}

/// Refuses targets that are values where the loss takes classes, or that would be as many classes as the model has outputs;
/// says which key makes classes of them.
pub(super) fn targets(data: &Node, set: &DataSet, of_classes: bool, outputs: usize) -> Result<()> {
    let Some(alike) = set.lookalike() else { return Ok(()) };
    let (look, as_many, first) = match alike {
        Lookalike::OneHot => ("a single 1 among zeros in every row", false, 0),
        Lookalike::Numbers { first: 0, classes } => ("whole numbers from 0", outputs == classes, 0),
        Lookalike::Numbers { first, classes } => ("whole numbers from 1", outputs == classes, first),
    };
    let fits = !of_classes && (outputs == 1 || !as_many);
    let key = |key: &str| data.find(&[key]);
    let as_classes = match key("kind").map(|kind| &kind.value) {
        _ if fits => return Ok(()),
        Some(Value::Text(kind)) if kind == "csv" || kind == "tsv" => match alike {
            Lookalike::OneHot => "give the data one column with the names of the classes, and its name as `label`",
            Lookalike::Numbers { .. } => "write label in place of targets",
        },
        Some(Value::Text(kind)) if ["npy", "npz", "idx"].contains(&kind.as_str()) => match first {
            0 => "write targets_as = \"classes\"",
            _ => "write targets_as = \"classes\" and first_class = 1",
        },
        _ => return Ok(()),
    };
    let node = ["targets_as", "targets", "path"].iter().find_map(|name| key(name)).unwrap_or(data);
    let wanted = if of_classes { "the loss takes classes" } else { "the model has an output for each class" };
    Err(node.fault(format!(
        "{wanted}, and the data's targets are values ({look}); if these are classes, {as_classes}; if not, use a loss that \
         takes values, and as many outputs"
    )))
}

/// Refuses a course that the data cannot follow.
pub(in crate::experiment) fn course(root: &Node, data: &DataSet, course: &Course) -> Result<()> {
    let Some(rule) = course.early_stopping else { return Ok(()) };
    let node = root.find(&["training", "early_stopping"]).unwrap_or(root);
    if data.validation.is_none() {
        return Err(node.fault(
            "early stopping looks at validation rows, and the data have none; give [data] some: validation = 0.1, or \
             validation_rows = 100 where they are drawn",
        ));
    }
    if rule.monitor == Monitor::Accuracy && data.classes.is_none() {
        return Err(
            node.fault("only classes have an accuracy, and the data's targets are values; write monitor = \"loss\"")
        );
    }
    Ok(())
}

/// Refuses a side that would fail at some batch.
pub(in crate::experiment) fn side(root: &Node, side: &Side, data: &DataSet, course: &Course) -> Result<()> {
    let layers = root.find(&["model", "layers"]).unwrap_or(root);
    let fault = |index: usize, why: String| {
        let node = if let Value::Array(nodes) = &layers.value { nodes.get(index).unwrap_or(layers) } else { layers };
        Err(node.fault(format!("layer {index} ({}) {why}", side.model.layers[index])))
    };
    if let Some(words) = side.model.words() {
        match &data.training.inputs {
            Held::Words { vocabulary, .. } if *vocabulary > words => {
                let why = format!("has {words} words, but the data number {vocabulary}; write words = {vocabulary}");
                return fault(0, why);
            }
            // Numbers in a file may be those of words; an engine says which one is not.
            Held::Words { .. } | Held::Dense(_) => {}
            Held::Sparse(_) | Held::Vectors { .. } => {
                let why = "takes numbers of words, and the data's inputs are none; in [data] of kind = \"text\" write \
                           rows = { words = { first = 20 } }";
                return fault(0, why.to_owned());
            }
        }
    }
    let rate = side.training.optimizer.lr();
    if side.engine == EngineKind::Torch && rate.abs() > side.dtype.largest() {
        let node = root.find(&["training", "optimizer"]).unwrap_or(root);
        return Err(node.fault(format!(
            "a rate of {rate:e} is beyond {}, whose largest number is {:.1e}, so that libtorch refuses it; write a smaller one",
            side.dtype,
            side.dtype.largest()
        )));
    }
    if matches!(data.training.inputs, Held::Sparse(_)) && !matches!(side.model.layers.first(), Some(Layer::Linear(_))) {
        return fault(
            0,
            "takes dense rows, and the data's are sparse counts; let a linear layer come first".to_owned(),
        );
    }
    let norm = side.model.layers.iter().position(|layer| layer.facts().needs_rows);
    if let Some(index) = norm {
        if side.training.faults.contains(&Fault::UpdatePerSample) {
            return fault(
                index,
                "needs batches of two rows or more, which \"update-per-sample\" does not give".to_owned(),
            );
        }
        if least(side.order(course), data.training.rows()) == 1 {
            let why = "needs batches of two rows or more, and one of these has a single row; write \
                       training.last_batch = \"drop\" or \"split\", or another training.batch_size";
            return fault(index, why.to_owned());
        }
    }
    faults(root, side, data, course)
}

/// Refuses a fault that these data, taken in this order, could not show.
fn faults(root: &Node, side: &Side, data: &DataSet, course: &Course) -> Result<()> {
    let list = root.find(&["training", "faults"]).unwrap_or(root);
    let (order, rows) = (side.order(course), data.training.rows());
    for (index, fault) in side.training.faults.iter().enumerate() {
        let Maker::Data(fault) = fault.made_by() else { continue };
        let why = match fault {
            OfData::InputsScaled(1.0) => Some("inputs times 1 are the same inputs"),
            OfData::InputsScaled(_) if matches!(data.training.inputs, Held::Words { .. }) => {
                Some("the inputs are numbers of words, which are not scaled")
            }
            OfData::Order(seed) if seed == order.seed && order.shuffle == Shuffle::EveryEpoch => {
                Some("it is the seed that the rows are shuffled by; write another")
            }
            OfData::LastBatchDropped if order.last == Last::Drop => {
                Some("training.last_batch = \"drop\" leaves it out on both sides")
            }
            OfData::LastBatchDropped if !rows.is_multiple_of(size(order, rows)) => None,
            OfData::LastBatchDropped => Some("the batches leave no row over; write another training.batch_size"),
            OfData::LabelsPermuted => {
                let mut permuted = data.training.clone();
                permuted.permute_labels();
                (permuted.targets == data.training.targets).then_some("the targets are all the same")
            }
            OfData::InputsScaled(_) | OfData::Order(_) => None,
        };
        let Some(why) = why else { continue };
        let node = if let Value::Array(nodes) = &list.value { nodes.get(index).unwrap_or(list) } else { list };
        return Err(node.fault(format!("nothing here could show this fault: {why}")));
    }
    Ok(())
}

/// Refuses a running mean that the reference alone prints: what a candidate prints is judged by the losses of batches.
pub(in crate::experiment) fn running_mean(root: &Node, [reference, candidate]: &[Side; 2]) -> Result<()> {
    if reference.training.reported_loss.running_mean && !candidate.training.reported_loss.running_mean {
        let node = root.find(&["training", "reported_loss"]).unwrap_or(root);
        return Err(
            node.fault("`running_mean` of the reference alone cannot be judged; write it for both, or [candidate]")
        );
    }
    Ok(())
}

/// The batches that are steps: those of the side with the larger ones. Refuses sizes with which the sides would not have seen
/// the same rows after each of these.
pub(in crate::experiment) fn batches(
    roots: [&Node; 2],
    sides: &[Side; 2],
    data: &DataSet,
    course: &Course,
) -> Result<BatchSize> {
    let rows = data.training.rows();
    let [one, other] = sides.each_ref().map(|side| size(side.order(course), rows));
    if one == other {
        return Ok(sides[0].batch_size);
    }
    let (larger, smaller) = (one.max(other), one.min(other));
    let root = roots[usize::from(one == larger)];
    let fault = |why: String| Err(root.find(&["training", "batch_size"]).unwrap_or(root).fault(why));
    let nested = larger.is_multiple_of(smaller) || larger == rows;
    if !nested {
        return fault(format!(
            "batches of {smaller} rows do not make up one of {larger}, as on the other side, so that the sides have never \
             seen the same rows; write a size that divides {larger}"
        ));
    }
    let all = rows.is_multiple_of(larger) && rows.is_multiple_of(smaller);
    if course.order.last != Last::Keep && !all {
        return fault(format!(
            "batches of {smaller} and of {larger} rows leave other rows of {rows} over; write training.last_batch = \
             \"keep\", or sizes that divide {rows}"
        ));
    }
    let drops =
        |side: &Side| side.model.layers.iter().any(|layer| layer.facts().mask.is_some_and(|dropout| dropout.p > 0.0));
    if sides.iter().any(drops) {
        return fault(
            "dropout draws anew for every batch, so that with batches of different sizes the sides drop different \
             elements; write one size for both, or take dropout out"
                .to_owned(),
        );
    }
    if sides[1].training.faults.iter().any(Fault::is_of_data) {
        return fault(
            "a fault of the data is told by comparing batch with batch; write one size for both sides".to_owned(),
        );
    }
    Ok(sides[usize::from(one != larger)].batch_size)
}

/// Rows of the smallest batch.
fn least(order: Order, rows: usize) -> usize {
    let size = size(order, rows);
    match order.last {
        Last::Keep if !rows.is_multiple_of(size) => rows % size,
        Last::Keep | Last::Drop | Last::Split => size,
    }
}

/// Rows of a full batch.
fn size(order: Order, rows: usize) -> usize {
    match order.size {
        BatchSize::Full => rows,
        BatchSize::Rows(size) => size.min(rows),
    }
}
