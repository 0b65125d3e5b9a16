//! The running statistics of a recording: which array is which of the model's buffers.

use super::{Array, Mapped, Trace};
use crate::{
    error::{Error, Result},
    model::{Model, Parameter},
};

/// The buffers of every step, before each and after the last, in the model's order; and how they were matched.
pub(super) struct Buffers {
    pub arrays: Vec<Array>,
    /// What they are before the first step.
    pub first: Vec<Vec<f64>>,
    pub said: Option<String>,
}

impl Buffers {
    /// Of a trace of this model: none where the model or the trace has none.
    pub fn of(trace: &Trace, model: &Model, map: &[Mapped]) -> Result<Self> {
        let nothing =
            |said: Option<&str>| Ok(Self { arrays: Vec::new(), first: Vec::new(), said: said.map(str::to_owned) });
        let recorded: Vec<(&str, &Array)> = trace.of("buffer").filter(|(name, _)| !counts(name)).collect();
        let wanted: Vec<Parameter> = model.buffers().into_iter().map(|(buffer, _)| buffer).collect();
        match (recorded.is_empty(), wanted.is_empty()) {
            (true, _) => return nothing(None),
            (false, true) => {
                return nothing(Some(
                    "it has running statistics, which the model has none of: nothing is judged of them",
                ));
            }
            (false, false) if trace.has_gaps() => {
                return nothing(Some("its running statistics are not judged, as it has gaps between its steps"));
            }
            (false, false) => {}
        }
        let (arrays, said) = match named(&recorded, &wanted, map) {
            Some(arrays) => (arrays, None),
            None => in_order(trace, &recorded, &wanted)?,
        };
        for (array, buffer) in arrays.iter().zip(&wanted) {
            if array.elements() != buffer.shape.elements() {
                return Err(trace.fault(format!(
                    "has an array of shape {:?} at every step for {}, which has {}",
                    array.shape(),
                    buffer.name,
                    buffer.shape
                )));
            }
        }
        Ok(Self { first: first_of(&arrays)?, arrays, said })
    }

    /// Steps that all of them have in whole.
    pub fn steps(&self) -> Option<usize> {
        self.arrays.iter().map(|array| array.steps().saturating_sub(1)).min()
    }
}

/// What arrays are before the first step.
fn first_of(arrays: &[Array]) -> Result<Vec<Vec<f64>>> {
    let first = arrays.iter().filter(|array| array.steps() > 0).map(|array| {
        let mut values = Vec::new();
        array.read(0, &mut values).map(|()| values)
    });
    first.collect()
}

/// PyTorch's count of batches, which nothing is computed with.
fn counts(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

/// By what `map` says, or PyTorch's names, also behind one prefix.
fn named(recorded: &[(&str, &Array)], wanted: &[Parameter], map: &[Mapped]) -> Option<Vec<Array>> {
    let array = |name: &str| recorded.iter().find(|(found, _)| *found == name).map(|(_, array)| (*array).clone());
    let first = wanted.first().map_or("", |buffer| buffer.name.as_str());
    let prefix = recorded.iter().find_map(|(name, _)| name.strip_suffix(first)).unwrap_or_default();
    let each = wanted.iter().map(|buffer| {
        let mapped = map.iter().find(|mapped| mapped.to == buffer.name);
        mapped.map_or_else(|| array(&format!("{prefix}{}", buffer.name)), |mapped| array(&mapped.from))
    });
    each.collect()
}

/// In the order in which they were given.
fn in_order(trace: &Trace, recorded: &[(&str, &Array)], wanted: &[Parameter]) -> Result<(Vec<Array>, Option<String>)> {
    let given = recorded.iter().all(|(name, _)| trace.manifest.order.iter().any(|own| own == name));
    if !given || recorded.len() != wanted.len() {
        return Err(unmatched(trace, recorded, wanted));
    }
    let pairs = recorded.iter().zip(wanted).map(|((name, _), buffer)| format!("{name} is {}", buffer.name));
    let said = format!("running statistics are matched by their order: {}", pairs.collect::<Vec<_>>().join(", "));
    Ok((recorded.iter().map(|(_, array)| (*array).clone()).collect(), Some(said)))
}

fn unmatched(trace: &Trace, recorded: &[(&str, &Array)], wanted: &[Parameter]) -> Error {
    let found: Vec<&str> = recorded.iter().map(|(name, _)| *name).collect();
    let names: Vec<&str> = wanted.iter().map(|buffer| buffer.name.as_str()).collect();
    trace.fault(format!(
        "has the running statistics {}, where the model has {}; call them so, or say which is which: map = {{ \"{}\" = {{ to = \"{}\" }} }}",
        found.join(", "),
        names.join(", "),
        found[0],
        names[0]
    ))
}
