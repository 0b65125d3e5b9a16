//! The four networks of Table 1, each on its data: one hidden ReLU layer on the vectors of the first tokens.

use super::sets::{File, ODIYA, Opened, QUESTIONS};
use crate::{
    error::{Error, Result},
    store,
    study::StudyVerdict,
};

/// The vectors of English words.
pub(super) const GLOVE: &str = "glove/glove.6B.50d.subset.txt";

pub(super) const FOUR_DIM: File = File {
    name: "text/4dim",
    text: include_str!("../../../experiments/text/4dim.toml"),
    data: &["4dim/4dim.train.txt", GLOVE],
};
pub(super) const PRODUCTS_SHAPE: File = File {
    name: "text/products-shape",
    text: include_str!("../../../experiments/text/products-shape.toml"),
    data: &[],
};

/// The reviews that are not ours to ship, where a user has put them.
const PRODUCTS: &str = "products/products.train.txt";

/// What makes the experiment on 4dim one on products. Products has two classes.
const ON_PRODUCTS: [&str; 4] = [
    "data.path=data:products/products.train.txt",
    "data.rows.vectors.first=350",
    "model.layers=[{ linear = { outputs = 250 } }, \"relu\", { linear = { outputs = 2 } }]",
    "training.batch_size=256",
];

/// One line of Table 1.
pub(super) struct Shape {
    /// As it is called there.
    pub(super) name: &'static str,
    /// Rows of a batch.
    pub(super) batch: usize,
    /// Tokens that are looked at.
    pub(super) first: usize,
    /// Hidden units.
    pub(super) units: usize,
    /// Classes.
    pub(super) classes: usize,
    file: &'static File,
    /// Seconds of an average epoch, bare NumPy and torch (Table 1, upper part).
    pub(super) epoch: [f64; 2],
    /// The speed-up that is printed beside them.
    pub(super) speedup: f64,
    /// Seconds of one classification of the test rows, bare NumPy and torch (Table 1, lower part).
    pub(super) classify: [f64; 2],
}

/// In the order of Table 1.
pub(super) const SHAPES: [Shape; 4] = [
    Shape {
        name: "4dim",
        batch: 64,
        first: 300,
        units: 200,
        classes: 4,
        file: &FOUR_DIM,
        epoch: [1.25, 0.7],
        speedup: 1.78,
        classify: [0.0085, 0.225],
    },
    Shape {
        name: "products",
        batch: 256,
        first: 350,
        units: 250,
        classes: 2,
        file: &PRODUCTS_SHAPE,
        epoch: [18.1, 11.0],
        speedup: 1.64,
        classify: [0.0645, 0.118],
    },
    Shape {
        name: "questions",
        batch: 8,
        first: 20,
        units: 100,
        classes: 6,
        file: &QUESTIONS,
        epoch: [2.38, 1.64],
        speedup: 1.45,
        classify: [0.0044, 0.0049],
    },
    Shape {
        name: "odiya",
        batch: 128,
        first: 10,
        units: 450,
        classes: 3,
        file: &ODIYA,
        epoch: [3.5, 2.45],
        speedup: 1.46,
        classify: [0.071, 0.0686],
    },
];

/// Whether the user has products.
fn has_products() -> Result<bool> {
    match store::is_there(PRODUCTS) {
        // No set of the program's own has such a file, so that an absent one is an error of usage.
        Err(Error::Usage(_)) => Ok(false),
        found => found,
    }
}

/// The reviews of products, changed by `sets`, where the user has them and the other files that a part of the study
/// wants.
pub(super) fn products(part: &str, wants: &[&str], sets: &[&str], study: &mut StudyVerdict) -> Result<Option<Opened>> {
    if !has_products()? || !study.has(part, wants)? {
        return Ok(None);
    }
    Opened::new(&FOUR_DIM, &[&ON_PRODUCTS[..], sets].concat()).map(Some)
}

impl Shape {
    /// Its data, if they are there; products' are drawn where the user has none.
    pub(super) fn open(&self, part: &str, study: &mut StudyVerdict) -> Result<Option<Opened>> {
        if !study.has(&format!("{part}, {}", self.name), self.file.data)? {
            return Ok(None);
        }
        let own =
            if self.name == "products" { products(&format!("{part}, products"), &[GLOVE], &[], study)? } else { None };
        own.map_or_else(|| Opened::new(self.file, &[]), Ok).map(Some)
    }

    /// What it was run on: its data, or drawn ones. Parts are named by it, so that a resumed study cannot mix them.
    pub(super) fn on(&self, opened: &Opened) -> String {
        if opened.is_drawn() { format!("{}, drawn", self.name) } else { self.name.to_owned() }
    }

    /// `300 tokens: 15000-200-4, batches of 64`
    pub(super) fn network(&self, opened: &Opened) -> String {
        format!(
            "{} tokens: {}-{}-{}, batches of {}",
            self.first, opened.set.columns, self.units, self.classes, self.batch
        )
    }
}
