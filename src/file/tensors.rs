//! safetensors' files: <https://huggingface.co/docs/safetensors>. Arrays of f32 and f64.

use super::{Array, Raw, content};
use crate::error::{Error, Result};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::path::Path;

/// Every array of a file, in the order of the file.
///
/// # Errors
/// If it cannot be read, is damaged, or has an array of another type.
pub(crate) fn read(path: &Path, action: &str) -> Result<Vec<Array>> {
    let fault = |message: String| Error::data(path.display().to_string(), message);
    let bytes = content(path, action)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| {
        fault(format!("is no .safetensors, or damaged ({error}); write it with safetensors' save_file"))
    })?;
    let mut views: Vec<_> = file.tensors();
    views.sort_by_key(|(_, view)| view.data().as_ptr());
    views.into_iter().map(|(name, view)| array(name, &view).map_err(fault)).collect()
}

#[allow(clippy::wildcard_enum_match_arm)] // Any other type is refused.
fn array(name: String, view: &TensorView<'_>) -> std::result::Result<Array, String> {
    let values = match view.dtype() {
        Dtype::F32 => {
            let element = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
            Raw::F32(view.data().as_chunks().0.iter().map(element).collect())
        }
        Dtype::F64 => {
            let element = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes);
            Raw::F64(view.data().as_chunks().0.iter().map(element).collect())
        }
        Dtype::I64 => {
            let element = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes) as f64;
            Raw::F64(view.data().as_chunks().0.iter().map(element).collect())
        }
        other => {
            return Err(format!(
                "array {name} is of type {other:?}, which is not read; save it as float32 or float64: tensor.float()"
            ));
        }
    };
    Ok(Array { name, shape: view.shape().to_vec(), values, whole: view.dtype() == Dtype::I64 })
}

#[cfg(test)]
mod tests {
    use super::{super::tests::file, *};
    use safetensors::serialize;
    use std::collections::HashMap;

    #[test]
    fn arrays_are_read_and_what_is_damaged_is_refused() {
        let bytes: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![1, 2], &bytes).unwrap();
        let whole = serialize(HashMap::from([("fc.weight", view)]), None).unwrap();
        let (_folder, path) = file("x.safetensors", &whole);
        let [array] = <[Array; 1]>::try_from(read(&path, "").unwrap()).unwrap();
        assert_eq!(
            (array.name.as_str(), array.shape, array.values),
            ("fc.weight", vec![1, 2], Raw::F32(vec![1.5, -2.0]))
        );
        let lying = String::from_utf8_lossy(&whole).replace("[1,2]", "[9,9]").into_bytes();
        for bytes in [&whole[..whole.len() - 1], &whole[..9], b"", &lying, &[0xff; 40]] {
            std::fs::write(&path, bytes).unwrap();
            let error = read(&path, "").unwrap_err().to_string();
            assert!(error.starts_with(&path.display().to_string()) && error.contains("damaged"), "{error}");
        }
    }
}
