//! Initial weights from NumPy's files: an `.npz` with one array per `state_dict` name, a folder of `<name>.npy`,
//! or one `.npy` for a model with one parameter. Arrays are f32 or f64, in either memory order.

use super::super::Parameter;
use crate::error::{Error, Result};
use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, ReadNpyError, ReadNpzError, ReadableElement, read_npy};
use std::{
    fs::{self, File},
    path::Path,
};

/// The values of every parameter, in order.
///
/// # Errors
/// If the file cannot be read, an array is missing, extra, of another shape or type, or holds NaN or an infinity.
pub(super) fn read(path: &Path, parameters: &[Parameter]) -> Result<Vec<Vec<f64>>> {
    let fail = |message: String| Error::Weights { path: path.to_owned(), message };
    let expected = parameters.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>().join(", ");
    if path.is_dir() {
        let found = names_in_folder(path)?;
        refuse_extra(&found, parameters, &expected).map_err(fail)?;
        return parameters
            .iter()
            .map(|parameter| {
                if !found.contains(&parameter.name) {
                    return Err(fail(missing(parameter, &expected)));
                }
                let file = path.join(format!("{}.npy", parameter.name));
                single(&file).and_then(|array| checked(array, parameter)).map_err(fail)
            })
            .collect();
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("npy") => match parameters {
            [parameter] => {
                open(path)?;
                Ok(vec![single(path).and_then(|array| checked(array, parameter)).map_err(fail)?])
            }
            _ => Err(fail(format!(
                "one .npy holds one array, but the model has {} parameters ({expected}); write an .npz with one array \
                 for each name, or a folder with one .npy for each",
                parameters.len()
            ))),
        },
        _ => {
            let mut archive = NpzReader::new(open(path)?)
                .map_err(|error| fail(format!("not an .npz file: {error}; write it with numpy.savez")))?;
            let found = archive.names().map_err(|error| fail(format!("cannot be read: {error}")))?;
            let found: Vec<String> =
                found.iter().map(|name| name.strip_suffix(".npy").unwrap_or(name).to_owned()).collect();
            refuse_extra(&found, parameters, &expected).map_err(fail)?;
            parameters
                .iter()
                .map(|parameter| {
                    if !found.contains(&parameter.name) {
                        return Err(fail(missing(parameter, &expected)));
                    }
                    member(&mut archive, &parameter.name).and_then(|array| checked(array, parameter)).map_err(fail)
                })
                .collect()
        }
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| {
        Error::io(path, "cannot read the initial weights; the path is relative to the experiment's folder", error)
    })
}

fn names_in_folder(folder: &Path) -> Result<Vec<String>> {
    let unreadable = |error| Error::io(folder, "cannot list the folder of initial weights", error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".npy")) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn missing(parameter: &Parameter, expected: &str) -> String {
    format!("has no array {} of shape {}; expected {expected}", parameter.name, parameter.shape)
}

fn refuse_extra(found: &[String], parameters: &[Parameter], expected: &str) -> std::result::Result<(), String> {
    match found.iter().find(|name| !parameters.iter().any(|parameter| &parameter.name == *name)) {
        Some(extra) => Err(format!("holds an array {extra} that the model has no parameter for; expected {expected}")),
        None => Ok(()),
    }
}

/// An array of a `.npz`, as f64, whichever of the two types it is held in.
fn member(archive: &mut NpzReader<File>, name: &str) -> std::result::Result<ArrayD<f64>, String> {
    fn typed<T: ReadableElement>(
        archive: &mut NpzReader<File>,
        name: &str,
    ) -> std::result::Result<ArrayD<T>, ReadNpzError> {
        archive.by_name::<OwnedRepr<T>, IxDyn>(name)
    }
    match typed::<f64>(archive, name) {
        Err(ReadNpzError::Npy(ReadNpyError::WrongDescriptor(_))) => {
            typed::<f32>(archive, name).map(|array| array.mapv(f64::from)).map_err(|error| unreadable(name, &error))
        }
        other => other.map_err(|error| unreadable(name, &error)),
    }
}

/// The array of a `.npy`, as f64, whichever of the two types it is held in.
fn single(path: &Path) -> std::result::Result<ArrayD<f64>, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match read_npy::<_, ArrayD<f64>>(path) {
        Err(ReadNpyError::WrongDescriptor(_)) => read_npy::<_, ArrayD<f32>>(path)
            .map(|array| array.mapv(f64::from))
            .map_err(|error| unreadable(&name, &error)),
        other => other.map_err(|error| unreadable(&name, &error)),
    }
}

fn unreadable(name: &str, error: &dyn std::fmt::Display) -> String {
    format!("array {name} cannot be read: {error}; it must be float32 or float64")
}

fn checked(array: ArrayD<f64>, parameter: &Parameter) -> std::result::Result<Vec<f64>, String> {
    if array.shape() != &*parameter.shape {
        return Err(format!(
            "array {} has shape {:?}, the model's parameter has {} (PyTorch keeps a linear weight as [out, in])",
            parameter.name,
            array.shape(),
            parameter.shape
        ));
    }
    // Iteration is in logical order, whatever the order in memory.
    let values: Vec<f64> = array.iter().copied().collect();
    match values.iter().position(|value| !value.is_finite()) {
        Some(offset) => Err(format!(
            "array {} holds {} at {:?}; initial weights must be finite",
            parameter.name,
            values[offset],
            parameter.shape.index(offset)
        )),
        None => Ok(values),
    }
}
