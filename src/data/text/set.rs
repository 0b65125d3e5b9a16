//! A data set of labelled text: files in, rows of counts, of word vectors or of word numbers out.
//!
//! What is learned from texts before training, the classes and the vocabulary, is learned from the training rows
//! alone. A table of word vectors is looked up for every part.

use super::{
    Numbering,
    counts::{Counts, Vocabulary},
    file_fault,
    lines::{self, Classes, Form, Labelled},
    tokens::{Recipe, Tokenized},
    vectors::{self, Seen, Unknown, Vectors},
    window::first_tokens,
};
use crate::{
    data::{
        columns::{Columns, Csr, DTypes},
        set::{DataSet, Held, Part, Targets, Which, without_row},
    },
    error::Result,
};
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

/// Tokens that a part is made of at most, each 4 bytes.
const MOST_TOKENS: usize = 250_000_000;

/// Labelled text as an experiment names it. Paths are as they are written.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The file of the training rows.
    pub training: String,
    /// Where the validation rows come from.
    pub validation: Option<Validation>,
    /// The file of the test rows.
    pub test: Option<String>,
    /// How a line is written.
    pub form: Form,
    /// The names of the classes in order; None takes them from the training file.
    pub classes: Option<Vec<String>>,
    /// Whether the texts are enciphered as those of `questions` are, and are to be read without the cipher.
    pub decipher: bool,
    /// How texts become tokens.
    pub recipe: Recipe,
    /// What tokens become.
    pub rows: Rows,
}

/// Where validation rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Validation {
    /// A file of their own.
    File(String),
    /// This part of the training file, from its end; rounded down to whole rows, as Python's `int` does.
    Truncated(f64),
}

/// What the inputs of a row are.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// How often each word of the vocabulary occurs: `[words]`, sparse.
    Counts,
    /// The vectors of the first tokens, side by side: `[first × dimensions]`.
    Vectors {
        /// The file of word vectors.
        path: String,
        /// The number of tokens.
        first: usize,
        /// What stands for words without a vector.
        unknown: Unknown,
    },
    /// The numbers of the first tokens in the vocabulary, for an embedding: `[first]`. Two more numbers than words:
    /// one for unknown words, one for padding.
    Words {
        /// The number of tokens.
        first: usize,
    },
}

/// The texts of a part, cut into tokens, with the numbers of their classes.
struct Tokens {
    which: Which,
    texts: Tokenized,
    labels: Vec<u32>, // [rows]
}

/// What gives tokens their place in a row.
enum Encoder {
    Counts(Vocabulary),
    Vectors(Vectors, usize),
    Words(Vocabulary, usize),
}

impl Text {
    /// Reads the set, held in the types of `wanted`; `locate` says where a path that is written leads.
    ///
    /// # Errors
    /// If a file cannot be read or has something that cannot be accepted, no text has a token, or no token has a vector.
    pub fn open(&self, locate: impl Fn(&str) -> Result<PathBuf>, wanted: DTypes) -> Result<DataSet> {
        let path = locate(&self.training)?;
        let all = self.read(&path, self.classes.as_deref().map_or(Classes::Found, Classes::Given))?;
        if let Rows::Vectors { first, .. } | Rows::Words { first } = self.rows
            && all.rows().saturating_mul(first) > MOST_TOKENS
        {
            let message =
                format!("has {} texts, whose first {first} tokens are too many; write a smaller first", all.rows());
            return Err(file_fault(&path, message));
        }
        let other = |which, file: &str| {
            let rows = self.read(&locate(file)?, Classes::Given(&all.classes))?;
            Ok(self.tokens(which, &rows, 0..rows.rows()))
        };
        let (kept, validation) = match &self.validation {
            None => (all.rows(), None),
            Some(Validation::File(file)) => (all.rows(), Some(other(Which::Validation, file)?)),
            Some(Validation::Truncated(share)) => {
                let kept = all.rows().saturating_sub((share * all.rows() as f64) as usize);
                (kept, Some(self.tokens(Which::Validation, &all, kept..all.rows())))
            }
        };
        let training = self.tokens(Which::Training, &all, 0..kept);
        let test = self.test.as_deref().map(|file| other(Which::Test, file)).transpose()?;

        let of_parts = [Some(&training), validation.as_ref(), test.as_ref()].into_iter().flatten();
        let of_classes: Vec<String> =
            of_parts.filter_map(|part| without_row(&all.classes, &part.labels, part.which)).collect();

        let mut notes = Vec::new();
        let parts = [Some(&training), validation.as_ref(), test.as_ref()].into_iter().flatten();
        let encoder = self.encoder(&path, &training.texts, parts, locate, &mut notes)?;
        let mut part = |tokens: Tokens| Part {
            inputs: encoder.encode(&tokens, wanted, &mut notes),
            targets: Targets::Classes(tokens.labels),
        };
        let (training, validation, test) = (part(training), validation.map(&mut part), test.map(&mut part));
        notes.extend(of_classes);
        DataSet::new(training, validation, test, Some(all.classes), notes)
    }

    /// The files it is read from, as they are written.
    pub(in crate::data) fn files(&self) -> Vec<Option<&String>> {
        let validation = match &self.validation {
            Some(Validation::File(path)) => Some(path),
            Some(Validation::Truncated(_)) | None => None,
        };
        let vectors = match &self.rows {
            Rows::Vectors { path, .. } => Some(path),
            Rows::Counts | Rows::Words { .. } => None,
        };
        vec![Some(&self.training), validation, self.test.as_ref(), vectors]
    }

    fn read(&self, path: &Path, classes: Classes) -> Result<Labelled> {
        let labelled = lines::read(path, self.form, classes)?;
        Ok(if self.decipher { labelled.deciphered() } else { labelled })
    }

    fn tokens(&self, which: Which, labelled: &Labelled, rows: Range<usize>) -> Tokens {
        let texts = self.recipe.tokenize(labelled.texts().skip(rows.start).take(rows.len()));
        Tokens { which, texts, labels: labelled.labels[rows].to_vec() }
    }

    fn encoder<'t>(
        &self,
        path: &Path,
        training: &Tokenized,
        parts: impl Iterator<Item = &'t Tokens>,
        locate: impl Fn(&str) -> Result<PathBuf>,
        notes: &mut Vec<String>,
    ) -> Result<Encoder> {
        Ok(match &self.rows {
            Rows::Counts => Encoder::Counts(Vocabulary::of(training, path)?),
            Rows::Words { first } => Encoder::Words(Vocabulary::of(training, path)?, *first),
            Rows::Vectors { path, first, unknown } => {
                let words = parts.flat_map(|part| part.texts.words.iter().map(String::as_str));
                let vectors = vectors::read(&locate(path)?, words, *unknown)?;
                let Seen { vectors: all, found, wanted, odd, repeated } = vectors.seen;
                notes.push(format!("{found} of {wanted} distinct words have a vector among the {all} of the file"));
                note(notes, odd, "words of the file of vectors are empty or have spaces: no token equals them");
                note(notes, repeated, "vectors were passed over, as their word has one already");
                Encoder::Vectors(vectors, *first)
            }
        })
    }
}

impl Encoder {
    fn encode(&self, part: &Tokens, wanted: DTypes, notes: &mut Vec<String>) -> Held {
        let name = part.which.name();
        match self {
            Self::Counts(vocabulary) => {
                let counts = vocabulary.count(&part.texts);
                note(notes, counts.empty_rows(), &format!("{name} rows have no token of the vocabulary"));
                note(notes, counts.unknown, &format!("tokens of the {name} rows are not in the vocabulary: left out"));
                let Counts { width, starts, columns, values, .. } = counts;
                Held::Sparse(Csr { width, starts, columns, values: Columns::from_f32(1, values, wanted) })
            }
            Self::Vectors(vectors, first) => {
                let tokens = window(part, *first, vectors, notes);
                let table = Columns::new(vectors.width, vectors.table.clone(), wanted);
                Held::Vectors { tokens, first: *first, table }
            }
            Self::Words(vocabulary, first) => {
                let tokens = window(part, *first, vocabulary, notes);
                Held::Words { tokens, first: *first, vocabulary: vocabulary.words().len() + 2 }
            }
        }
    }
}

fn window(part: &Tokens, first: usize, numbering: &impl Numbering, notes: &mut Vec<String>) -> Vec<u32> {
    let window = first_tokens(&part.texts, first, numbering);
    let name = part.which.name();
    note(notes, window.empty, &format!("{name} rows have no token"));
    note(notes, window.cut, &format!("{name} rows have more than {first} tokens: the rest is cut"));
    let fate = if numbering.unknown().is_some() { "are unknown words" } else { "are unknown words: left out" };
    note(notes, window.unknown, &format!("of the first tokens of the {name} rows {fate}"));
    window.tokens
}

/// Says so if there is anything to say.
fn note(notes: &mut Vec<String>, count: usize, what: &str) {
    if count > 0 {
        notes.push(format!("{count} {what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::Tokenizer, *};
    use std::fs;

    const TRAINING: &str = "a cat sat\tx\na dog\ty\n\tx\nthe dog sat on a cat\ty\nthe end\tx\n";

    fn text(rows: Rows) -> Text {
        Text {
            training: "training.txt".to_owned(),
            validation: Some(Validation::Truncated(0.39)),
            test: Some("test.txt".to_owned()),
            form: Form::Tabbed { header: false },
            classes: None,
            decipher: false,
            recipe: Recipe { stem: false, tokenizer: Tokenizer::WhiteSpace },
            rows,
        }
    }

    fn open(text: &Text) -> Result<DataSet> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in
            [("training.txt", TRAINING), ("test.txt", "the cat cat\ty\n"), ("words.vec", "cat 1 2\nthe 3 4\nsat 5 6\n")]
        {
            fs::write(folder.path().join(name), content).unwrap();
        }
        text.open(|name| Ok(folder.path().join(name)), DTypes::F32)
    }

    #[test]
    fn counts_are_of_the_words_of_the_training_rows_alone() {
        let set = open(&text(Rows::Counts)).unwrap();
        // 0.39 × 5 = 1.95: one row is held out, and its `end` is no word of the vocabulary a cat dog on sat the.
        let rows = [Some(&set.training), set.validation.as_ref(), set.test.as_ref()].map(|part| {
            let Held::Sparse(csr) = &part.unwrap().inputs else { panic!("counts are sparse") };
            (csr.starts.clone(), csr.columns.clone(), csr.values.f32().unwrap().to_vec())
        });
        assert_eq!(rows[0], (vec![0, 3, 5, 5, 11], vec![0, 1, 4, 0, 2, 0, 1, 2, 3, 4, 5], vec![1.0; 11]));
        assert_eq!(rows[1], (vec![0, 1], vec![5], vec![1.0]));
        assert_eq!(rows[2], (vec![0, 2], vec![1, 5], vec![2.0, 1.0]));
        assert_eq!(set.training.targets, Targets::Classes(vec![0, 1, 0, 1]));
        assert_eq!((set.columns, set.classes), (6, Some(vec!["x".to_owned(), "y".to_owned()])));
        assert_eq!(
            set.notes,
            [
                "1 training rows have no token of the vocabulary",
                "1 tokens of the validation rows are not in the vocabulary: left out",
                "1 of 2 classes has no validation row: y",
                "1 of 2 classes has no test row: x"
            ]
        );
    }

    #[test]
    fn vectors_are_looked_up_for_every_part() {
        let rows = Rows::Vectors { path: "words.vec".to_owned(), first: 2, unknown: Unknown::Mean };
        let set = open(&text(rows)).unwrap();
        let Held::Vectors { tokens, table, .. } = &set.training.inputs else { panic!("rows are of vectors") };
        assert_eq!(tokens, &[3, 0, 3, 3, 4, 4, 1, 3]);
        assert_eq!(table.f32(), Some(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 3.0, 4.0, 0.0, 0.0][..]));
        assert!(matches!(&set.test.unwrap().inputs, Held::Vectors { tokens, .. } if tokens == &[1, 0]));
        assert_eq!(set.columns, 4);
        assert_eq!(set.notes[0], "3 of 7 distinct words have a vector among the 3 of the file");
        assert!(set.notes.contains(&"4 of the first tokens of the training rows are unknown words".to_owned()));
    }

    #[test]
    fn words_are_numbered_by_code_point_then_unknown_words_then_padding() {
        let set = open(&text(Rows::Words { first: 3 })).unwrap();
        let Some(Part { inputs: Held::Words { tokens, vocabulary, .. }, .. }) = set.validation else { panic!("words") };
        assert_eq!((tokens, vocabulary), (vec![5, 6, 7], 8));
    }

    #[test]
    fn a_class_that_the_rows_held_out_leave_no_row_to_train_on_is_told() {
        let set = open(&Text { validation: Some(Validation::Truncated(0.8)), ..text(Rows::Counts) }).unwrap();
        assert_eq!((set.training.rows(), set.classes.unwrap().len()), (1, 2));
        assert!(set.notes.contains(&"1 of 2 classes has no training row: y".to_owned()), "{:?}", set.notes);
    }
}
