//! What is trained: the networks of the published comparisons, as experiments, with the ratio that our engine is held
//! to.
//!
//! Data are drawn in the shape of the published ones, as time does not depend on what they say: batches of so many
//! rows, and as many test rows as there were. Learning rates are tiny, so that the numbers stay those of the first
//! steps however often a batch is repeated: converged, they would underflow, and processors are slow with what is
//! nearly 0.

use super::worker::Source;
use crate::{
    data::{
        columns::{Columns, Csr, DTypes},
        set::{DataSet, Held, Part},
    },
    error::Result,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A network, its batch, and what is expected of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workload {
    /// For tables.
    pub(super) name: &'static str,
    /// The experiment, as in a file.
    text: &'static str,
    /// Words of a row, where rows count words.
    words: Option<usize>,
    /// The least ratio of libtorch's time to ours: of a step, and of inference.
    pub(super) at_least: [f64; 2],
}

impl Workload {
    /// What a worker opens.
    pub(super) fn source(&self, sets: &[String]) -> Source {
        let (name, text) = (self.name.to_owned(), self.text.to_owned());
        Source::Text { name, text, sets: sets.to_vec(), words: self.words }
    }
}

impl Workload {
    /// Changes that leave little to compute.
    pub(super) fn small(&self) -> impl Iterator<Item = &'static str> {
        self.without_test_rows().chain(self.text.contains("columns").then_some("data.columns=20"))
    }

    /// Changes that leave little to infer.
    pub(super) fn without_test_rows(&self) -> impl Iterator<Item = &'static str> {
        self.text.contains("test_rows").then_some("data.test_rows=3").into_iter()
    }
}

/// Every workload. The text networks are those of Rizk's Table 1: one hidden ReLU layer on the first tokens' vectors.
pub(super) const ALL: [Workload; 9] = [
    Workload {
        name: "xor",
        text: r#"
            title = "XOR: 2-5-1 sigmoid, MSE, SGD"
            data.kind = "xor"
            model.layers = [{ linear = { outputs = 5 } }, "sigmoid", { linear = { outputs = 1 } }, "sigmoid"]
            training = { loss = "mse", optimizer = { sgd = { lr = 1e-5 } }, steps = 1 }
        "#,
        words: None,
        at_least: [80.0, 5.0],
    },
    Workload {
        name: "circle",
        text: r#"
            title = "Circle: 2-25-25-25-25-2 ReLU, MSE, SGD"
            data = { kind = "circle", rows = 100, test_rows = 1000 }
            model.layers = [
              { linear = { outputs = 25 } }, "relu", { linear = { outputs = 25 } }, "relu",
              { linear = { outputs = 25 } }, "relu", { linear = { outputs = 25 } }, "relu",
              { linear = { outputs = 2 } },
            ]
            training = { loss = "mse", optimizer = { sgd = { lr = 1e-6 } }, steps = 1 }
        "#,
        words: None,
        at_least: [8.0, 5.0],
    },
    Workload {
        name: "disc",
        text: r#"
            title = "Disc: 2-25-25-25-1 tanh, sigmoid output, MSE, SGD"
            data = { kind = "circle", rows = 50, test_rows = 1000 }
            model.layers = [
              { linear = { outputs = 25 } }, "tanh", { linear = { outputs = 25 } }, "tanh",
              { linear = { outputs = 25 } }, "tanh", { linear = { outputs = 1 } }, "sigmoid",
            ]
            training = { loss = "mse", optimizer = { sgd = { lr = 1e-6 } }, steps = 1 }
        "#,
        words: None,
        at_least: [8.0, 5.0],
    },
    Workload {
        name: "questions",
        text: r#"
            title = "Questions: 2000-100-6 ReLU, cross-entropy, SGD"
            data = { kind = "blobs", rows = 8, test_rows = 500, columns = 2000, centers = 6, standardize = "scalar" }
            model.layers = [{ linear = { outputs = 100 } }, "relu", { linear = { outputs = 6 } }]
            training = { loss = "cross-entropy", optimizer = { sgd = { lr = 1e-7 } }, steps = 1 }
        "#,
        words: None,
        at_least: [1.5, 1.1],
    },
    Workload {
        name: "odiya",
        text: r#"
            title = "Odiya: 3000-450-3 ReLU, cross-entropy, SGD"
            data = { kind = "blobs", rows = 128, test_rows = 1000, columns = 3000, centers = 3, standardize = "scalar" }
            model.layers = [{ linear = { outputs = 450 } }, "relu", { linear = { outputs = 3 } }]
            training = { loss = "cross-entropy", optimizer = { sgd = { lr = 1e-7 } }, steps = 1 }
        "#,
        words: None,
        at_least: [1.1, 1.1],
    },
    Workload {
        name: "4dim",
        text: r#"
            title = "4dim: 15000-200-4 ReLU, cross-entropy, SGD"
            data = { kind = "blobs", rows = 64, test_rows = 512, columns = 15000, centers = 4, standardize = "scalar" }
            model.layers = [{ linear = { outputs = 200 } }, "relu", { linear = { outputs = 4 } }]
            training = { loss = "cross-entropy", optimizer = { sgd = { lr = 1e-8 } }, steps = 1 }
        "#,
        words: None,
        at_least: [1.15, 1.1],
    },
    Workload {
        name: "products",
        text: r#"
            title = "Products: 17500-250-2 ReLU, cross-entropy, SGD"
            data = { kind = "blobs", rows = 256, test_rows = 512, columns = 17500, centers = 2, standardize = "scalar" }
            model.layers = [{ linear = { outputs = 250 } }, "relu", { linear = { outputs = 2 } }]
            training = { loss = "cross-entropy", optimizer = { sgd = { lr = 1e-8 } }, steps = 1 }
        "#,
        words: None,
        at_least: [1.15, 1.1],
    },
    Workload {
        name: "sst2",
        text: r#"
            title = "SST-2: 10106-1 on counted words, BCE, Adam"
            data = { kind = "blobs", rows = 16, test_rows = 872, columns = 10106, centers = 2 }
            model.layers = [{ linear = { outputs = 1 } }, "sigmoid"]
            training = { loss = "bce", optimizer = { adam = { lr = 1e-7 } }, steps = 1 }
        "#,
        words: Some(8),
        at_least: [15.0, 1.1],
    },
    Workload {
        name: "mnist",
        text: r#"
            title = "MNIST: 784-512-256-10 ReLU, cross-entropy, Adam"
            data = { kind = "blobs", rows = 64, test_rows = 10000, columns = 784, centers = 10, standardize = "scalar" }
            model.layers = [
              { linear = { outputs = 512 } }, "relu", { linear = { outputs = 256 } }, "relu",
              { linear = { outputs = 10 } },
            ]
            training = { loss = "cross-entropy", optimizer = { adam = { lr = 1e-7 } }, steps = 1 }
        "#,
        words: None,
        at_least: [1.2, 1.1],
    },
];

/// The same set with rows that count words: so many different columns of each row are 1, the others 0.
///
/// # Errors
/// If the set has no room for them.
pub(super) fn counted_words(set: &DataSet, words: usize) -> Result<DataSet> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let width = set.columns;
    let mut part = |part: &Part| {
        let mut columns = Vec::with_capacity(part.rows() * words);
        for _ in 0..part.rows() {
            let mut row: Vec<u32> = Vec::with_capacity(words);
            while row.len() < words.min(width) {
                let column = random.next_u32() % width as u32;
                if !row.contains(&column) {
                    row.push(column);
                }
            }
            row.sort_unstable();
            columns.extend(row);
        }
        let starts = (0..=part.rows()).map(|row| row * words.min(width)).collect();
        let values = Columns::from_fn(columns.len(), 1, held(&part.inputs), |_| 1.0);
        Part { inputs: Held::Sparse(Csr { width, starts, columns, values }), targets: part.targets.clone() }
    };
    with_parts(set, &mut part)
}

/// The same set with every row dense.
///
/// # Errors
/// If it cannot be held so.
pub(super) fn dense(set: &DataSet) -> Result<DataSet> {
    with_parts(set, &mut |part: &Part| match &part.inputs {
        Held::Sparse(csr) => {
            let wanted = csr.values.held();
            let mut values = vec![0.0; csr.rows() * csr.width];
            for (row, ends) in values.chunks_exact_mut(csr.width).zip(csr.starts.windows(2)) {
                for place in ends[0]..ends[1] {
                    let value = csr.values.f64().map(|values| values[place]);
                    let value = value.or_else(|| csr.values.f32().map(|values| f64::from(values[place])));
                    row[csr.columns[place] as usize] = value.unwrap_or_default();
                }
            }
            Part { inputs: Held::Dense(Columns::new(csr.width, values, wanted)), targets: part.targets.clone() }
        }
        Held::Dense(_) | Held::Vectors { .. } | Held::Words { .. } => part.clone(),
    })
}

fn with_parts(set: &DataSet, part: &mut dyn FnMut(&Part) -> Part) -> Result<DataSet> {
    let training = part(&set.training);
    let validation = set.validation.as_ref().map(&mut *part);
    let test = set.test.as_ref().map(part);
    DataSet::new(training, validation, test, set.classes.clone(), set.notes.clone())
}

/// The types that inputs are held in.
fn held(inputs: &Held) -> DTypes {
    match inputs {
        Held::Dense(columns) => columns.held(),
        Held::Sparse(csr) => csr.values.held(),
        Held::Vectors { table, .. } => table.held(),
        Held::Words { .. } => DTypes::BOTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_is_an_experiment_of_the_shape_that_its_target_was_set_for() {
        let expected = [
            ("xor", 4, 4, "2-5-1"),
            ("circle", 100, 1000, "2-25-25-25-25-2"),
            ("disc", 50, 1000, "2-25-25-25-1"),
            ("questions", 8, 500, "2000-100-6"),
            ("odiya", 128, 1000, "3000-450-3"),
            ("4dim", 64, 512, "15000-200-4"),
            ("products", 256, 512, "17500-250-2"),
            ("sst2", 16, 872, "10106-1"),
            ("mnist", 64, 10000, "784-512-256-10"),
        ];
        for (workload, (name, rows, test_rows, widths)) in ALL.iter().zip(expected) {
            let mut sets = vec!["reference.engine=scratch".to_owned()];
            sets.extend(workload.without_test_rows().map(str::to_owned));
            let written = |end: &str| workload.text.contains(&format!("test_rows = {test_rows}{end}"));
            assert!(name == "xor" || written(",") || written(" }"), "{name}");
            let experiment = workload.source(&sets).open().unwrap();
            let model = &experiment.candidate.model;
            let mut shape = vec![model.inputs.to_string()];
            let after = model.layers.iter().zip(model.widths());
            let linear = after.filter(|(layer, _)| matches!(layer, crate::model::Layer::Linear(_)));
            shape.extend(linear.map(|(_, width)| width.to_string()));
            assert_eq!((workload.name, shape.join("-").as_str()), (name, widths));
            assert_eq!(experiment.set.training.rows(), rows, "{name}");
            assert_eq!(matches!(experiment.set.training.inputs, Held::Sparse(_)), name == "sst2");
        }
    }

    #[test]
    fn dense_rows_are_the_sparse_ones() {
        let set = ALL[7].source(&["data.columns=12".to_owned(), "data.test_rows=5".to_owned()]).open().unwrap().set;
        let spread = dense(&set).unwrap();
        let (Held::Sparse(csr), Held::Dense(columns)) = (&set.training.inputs, &spread.training.inputs) else {
            panic!()
        };
        let values = columns.f32().unwrap();
        let ones =
            |row: usize| (0..12u32).filter(|&column| values[row * 12 + column as usize] == 1.0).collect::<Vec<_>>();
        for row in 0..16 {
            assert_eq!(ones(row), csr.columns[csr.starts[row]..csr.starts[row + 1]], "{row}");
        }
        assert_eq!((values.iter().sum::<f32>(), spread.test.unwrap().rows()), (16.0 * 8.0, 5));
    }
}
