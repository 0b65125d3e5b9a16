//! Mistakes in the rows, on purpose.

use super::set::{Held, Part, Targets};

impl Part {
    /// Gives every class the next one's number, the last one the first; values are given to the next row.
    pub fn permute_labels(&mut self) {
        match &mut self.targets {
            Targets::Classes(classes) => {
                let count = classes.iter().copied().max().unwrap_or(0) + 1;
                classes.iter_mut().for_each(|class| *class = (*class + 1) % count);
            }
            Targets::Values(values) => {
                let (old, width) = (values.clone(), values.width());
                let before = |place: usize| (place + old.rows() * width - width) % (old.rows() * width);
                values.change(|place, value| {
                    let at = before(place);
                    let wide = old.f64().map(|old| old[at]);
                    wide.or_else(|| old.f32().map(|old| f64::from(old[at]))).unwrap_or(value)
                });
            }
        }
    }

    /// Multiplies every input; numbers of words are left as they are.
    pub fn scale_inputs(&mut self, factor: f64) {
        match &mut self.inputs {
            Held::Dense(columns) | Held::Vectors { table: columns, .. } => columns.change(|_, x| x * factor),
            Held::Sparse(rows) => rows.values.change(|_, x| x * factor),
            Held::Words { .. } => {}
        }
    }
}
