//! Initial weights from files: an `.npz` or a `.safetensors` with one array per `state_dict` name, a folder of `<name>.npy`,
//! or one `.npy` for a model with one parameter. Arrays are f32 or f64, in either memory order. Running statistics are taken
//! where they are there, and `num_batches_tracked` is read past.
//!
//! Names that are not the model's are matched where that can be done in one way, and what was matched is said: one prefix
//! before all of them, or layer by layer in order, with the same shapes.

use super::super::Parameter;
use crate::{
    error::{Error, Result},
    file::{self, Archive, Array, Foreign},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const ACTION: &str = "cannot read the initial weights; the path is relative to the experiment's folder";

/// PyTorch's counter of batches, which says nothing about weights.
const COUNTER: &str = "num_batches_tracked";

/// How many names are listed.
const LISTED: usize = 8;

/// What a file holds for a model.
pub(super) struct Read {
    /// The values of every parameter, in order.
    pub parameters: Vec<Vec<f64>>,
    /// Those of every buffer; none where the file has none.
    pub buffers: Vec<Vec<f64>>,
    /// How names were matched, where they are not the model's.
    pub said: Option<String>,
}

/// Which of a file's arrays is which tensor of the model, and how that is said.
struct Matched {
    /// The file's names by the model's.
    names: BTreeMap<String, String>,
    said: Option<String>,
}

/// The initial values for a model of these parameters and buffers.
///
/// # Errors
/// If the file cannot be read, an array is missing, extra, of another shape or type, or holds NaN or an infinity.
pub(super) fn read(path: &Path, parameters: &[Parameter], buffers: &[Parameter]) -> Result<Read> {
    let fail = |message: String| Error::Weights { path: path.to_owned(), message };
    let arrays = match (arrays(path)?, parameters) {
        // The array of a single `.npy` has no name of its own.
        (Found::Single(array), [parameter]) => vec![Array { name: parameter.name.clone(), ..array }],
        (Found::Single(_), _) => return Err(fail(single(parameters))),
        (Found::Named(arrays), _) => arrays,
    };
    let is_there = |buffer: &Parameter| arrays.iter().any(|array| last_part(&array.name) == last_part(&buffer.name));
    let kept: &[Parameter] = if buffers.iter().any(is_there) { buffers } else { &[] };
    let wanted: Vec<&Parameter> = parameters.iter().chain(kept).collect();
    let Matched { names, said } = matched(&arrays, &wanted).map_err(fail)?;
    let mut values = Vec::with_capacity(wanted.len());
    for parameter in wanted {
        let array = arrays.iter().find(|array| Some(&array.name) == names.get(&parameter.name));
        values.push(
            array
                .ok_or_else(|| missing(parameter, &arrays))
                .and_then(|array| checked(array, parameter))
                .map_err(fail)?,
        );
    }
    let buffers = values.split_off(parameters.len());
    Ok(Read { parameters: values, buffers, said })
}

/// What a file holds.
enum Found {
    Single(Array),
    Named(Vec<Array>),
}

fn arrays(path: &Path) -> Result<Found> {
    let fail = |message: String| Err(Error::Weights { path: path.to_owned(), message });
    if path.is_dir() {
        let each = files_in(path)?.into_iter().map(|(name, file)| Ok(Array { name, ..file::npy(&file, ACTION)? }));
        return each.collect::<Result<_>>().map(Found::Named);
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("npy") => file::npy(path, ACTION).map(Found::Single),
        Some("safetensors") => {
            let mut arrays = file::safetensors(path, ACTION)?;
            arrays.sort_by_key(|array| file::natural(&array.name));
            Ok(Found::Named(arrays))
        }
        _ if let Some(what @ (Foreign::Program | Foreign::Pickle)) = Foreign::named(path) => fail(format!(
            "is {}; write its weights in Python: numpy.savez(\"weights.npz\", **{{name: tensor.detach().cpu().numpy() \
             for name, tensor in net.state_dict().items()}})",
            what.words()
        )),
        _ => {
            let mut archive = Archive::open(path, ACTION)?;
            let names: Vec<String> = archive.names().into_iter().filter(|name| last_part(name) != COUNTER).collect();
            let (mut arrays, mut bytes, most) = (Vec::new(), 0, file::most_bytes());
            for name in names {
                let array = archive.array(&name)?;
                bytes += 8 * array.values.len() as u64;
                if bytes > most {
                    return fail(format!(
                        "holds more than {most} bytes of numbers in all, which do not fit the memory of this machine"
                    ));
                }
                arrays.push(array);
            }
            Ok(Found::Named(arrays))
        }
    }
}

/// The `.npy` files of a folder with the names of their arrays, in the order in which people count.
fn files_in(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let unreadable = |error| Error::io(folder, "cannot list the folder of initial weights", error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if let Some(name) = entry.file_name().to_str().and_then(|name| name.strip_suffix(".npy")) {
            files.push((name.to_owned(), entry.path()));
        }
    }
    files.sort_by_key(|(name, _)| file::natural(name));
    Ok(files)
}

/// Behind the last dot.
fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn matched(arrays: &[Array], wanted: &[&Parameter]) -> std::result::Result<Matched, String> {
    let arrays: Vec<&Array> = arrays.iter().filter(|array| last_part(&array.name) != COUNTER).collect();
    let own = arrays.iter().any(|array| wanted.iter().any(|parameter| parameter.name == array.name));
    if own {
        return match arrays.iter().find(|array| !wanted.iter().any(|parameter| parameter.name == array.name)) {
            Some(extra) => Err(format!(
                "holds an array {} that the model has no parameter for; expected {}",
                extra.name,
                listed(wanted.iter().map(|parameter| parameter.name.clone()))
            )),
            None => Ok(Matched { names: pairs(arrays.iter().map(|array| (&array.name, &array.name))), said: None }),
        };
    }
    prefixed(&arrays, wanted)
        .or_else(|| in_order(&arrays, wanted))
        .ok_or_else(|| wanted.first().map_or_else(String::new, |parameter| missing(parameter, &arrays)))
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> BTreeMap<String, String> {
    pairs.map(|(wanted, found)| (wanted.clone(), found.clone())).collect()
}

/// The model's names behind one prefix, as `module.` or `model.net.`.
fn prefixed(arrays: &[&Array], wanted: &[&Parameter]) -> Option<Matched> {
    let first = wanted.first()?;
    let prefix =
        arrays.iter().find_map(|array| array.name.strip_suffix(&first.name).filter(|prefix| prefix.ends_with('.')))?;
    let all = arrays.len() == wanted.len()
        && wanted.iter().all(|parameter| {
            arrays.iter().any(|array| array.name.strip_prefix(prefix) == Some(parameter.name.as_str()))
        });
    let names = wanted.iter().map(|parameter| (parameter.name.clone(), format!("{prefix}{}", parameter.name)));
    all.then(|| Matched { names: names.collect(), said: Some(format!("`{prefix}` before every name is read past")) })
}

/// Layer by layer in order, tensors of a layer by their names; or all tensors in order, where names have no parts.
fn in_order(arrays: &[&Array], wanted: &[&Parameter]) -> Option<Matched> {
    let layers = |names: Vec<&str>| {
        let mut layers: Vec<(String, Vec<String>)> = Vec::new();
        for name in names {
            let layer = name.rsplit_once('.').map_or("", |(layer, _)| layer);
            match layers.iter_mut().find(|(known, _)| known == layer) {
                Some((_, tensors)) => tensors.push(name.to_owned()),
                None => layers.push((layer.to_owned(), vec![name.to_owned()])),
            }
        }
        layers
    };
    let mut own = layers(wanted.iter().map(|parameter| parameter.name.as_str()).collect());
    own.sort_by_key(|(layer, _)| file::natural(layer));
    let found = layers(arrays.iter().map(|array| array.name.as_str()).collect());
    let by_layer = || {
        let mut names = BTreeMap::new();
        for ((_, own), (_, found)) in own.iter().zip(&found) {
            for name in own {
                let other = found.iter().find(|other| last_part(other) == last_part(name))?;
                names.insert(name.clone(), other.clone());
            }
        }
        (own.len() == found.len()).then_some(names)
    };
    let one_by_one = || pairs(wanted.iter().zip(arrays).map(|(parameter, array)| (&parameter.name, &array.name)));
    let parted = arrays.iter().all(|array| array.name.contains('.'));
    let names = if parted { by_layer()? } else { one_by_one() };
    let fits = |parameter: &&Parameter| {
        let array = arrays.iter().find(|array| names.get(&parameter.name) == Some(&array.name));
        array.is_some_and(|array| array.shape == *parameter.shape)
    };
    if arrays.len() != wanted.len() || !wanted.iter().all(fits) {
        return None;
    }
    let said = listed(wanted.iter().map(|parameter| format!("{} is {}", names[&parameter.name], parameter.name)));
    Some(Matched { names, said: Some(format!("names are matched in order: {said}")) })
}

/// A few of them, and how many there are more.
fn listed(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(LISTED);
    let mut text = all.take(LISTED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    text
}

fn single(parameters: &[Parameter]) -> String {
    format!(
        "one .npy holds one array, but the model has {} parameters ({}); write an .npz with one array for each name, or a \
         folder with one .npy for each",
        parameters.len(),
        listed(parameters.iter().map(|parameter| parameter.name.clone()))
    )
}

fn missing(parameter: &Parameter, arrays: &[impl std::borrow::Borrow<Array>]) -> String {
    let found = listed(arrays.iter().map(|array| {
        let Array { name, shape, .. } = array.borrow();
        format!("{name} {shape:?}")
    }));
    let found = if arrays.is_empty() { "no arrays".to_owned() } else { found };
    format!(
        "has no array {} of shape {}; it has {found}. Names are those of PyTorch's state_dict, or others in the same order and \
         with the same shapes",
        parameter.name, parameter.shape
    )
}

fn checked(array: &Array, parameter: &Parameter) -> std::result::Result<Vec<f64>, String> {
    if array.whole {
        return Err(format!("array {} holds whole numbers; weights must be float32 or float64", array.name));
    }
    if array.shape != *parameter.shape {
        return Err(format!(
            "array {} has shape {:?}, the model's parameter has {} (PyTorch keeps a linear weight as [out, in])",
            array.name, array.shape, parameter.shape
        ));
    }
    let values: Vec<f64> = (0..array.values.len()).map(|place| array.values.at(place)).collect();
    match values.iter().position(|value| !value.is_finite()) {
        Some(offset) => Err(format!(
            "array {} holds {} at {:?}; initial weights must be finite",
            array.name,
            values[offset],
            parameter.shape.index(offset)
        )),
        None => Ok(values),
    }
}
