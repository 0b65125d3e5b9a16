//! `[data] kind = "text"`: labelled lines, how they become tokens, and what tokens become.

use crate::{
    data::{
        DataKind,
        text::{
            lines::Form,
            set::{Rows, Text, Validation},
            tokens::{Recipe, Tokenizer},
            vectors::Unknown,
        },
    },
    error::Result,
    experiment::{
        reader::{Choice, Reader, finite},
        tree::{Node, Value},
    },
};

/// What the kind takes.
pub(super) const KEYS: &[&str] =
    &["path", "validation", "test", "format", "header", "classes", "decipher", "stem", "tokens", "rows"];

/// Tokens of a row at most: the longest published comparison takes 350.
const MOST_TOKENS: usize = 100_000;

pub(super) const ROWS: [(&str, &str); 3] = [
    ("counts", "\"counts\""),
    ("vectors", "{ vectors = { path = \"data:glove/glove.6B.50d.txt\", first = 20 } }"),
    ("words", "{ words = { first = 20 } }"),
];

pub(super) fn decode(table: &Reader, _seed: u64) -> Result<DataKind> {
    let training = table.text("path")?.ok_or_else(|| table.missing("path", "path = \"data:sst2/train.tsv\""))?;
    let header = table.boolean("header")?.unwrap_or(false);
    let forms = [
        ("tabbed", Form::Tabbed { header }),
        ("question", Form::Question { fine: false }),
        ("fine-question", Form::Question { fine: true }),
    ];
    let tokenizers =
        [("punctuation", Tokenizer::Punctuation), ("words", Tokenizer::Words), ("white-space", Tokenizer::WhiteSpace)];
    let recipe = Recipe {
        stem: table.boolean("stem")?.unwrap_or(false),
        tokenizer: table.named("tokens", "way to cut texts", &tokenizers)?.unwrap_or(Tokenizer::Words),
    };
    Ok(DataKind::Text(Text {
        training: training.to_owned(),
        validation: validation(table)?,
        test: table.text("test")?.map(str::to_owned),
        form: table.named("format", "format of lines", &forms)?.unwrap_or(Form::Tabbed { header }),
        classes: table.get("classes").map(classes).transpose()?,
        decipher: table.boolean("decipher")?.unwrap_or(false),
        recipe,
        rows: table.get("rows").map_or(Ok(Rows::Counts), rows)?,
    }))
}

/// A file of their own, or a part of the training file.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is a number, or refused.
fn validation(table: &Reader) -> Result<Option<Validation>> {
    let expected = "the path of a file, or a share of the training rows above 0 and below 1, taken from their end";
    table.typed("validation", expected, |value| match value {
        Value::Text(path) if !path.is_empty() => Some(Validation::File(path.clone())),
        value => finite(value).filter(|share| *share > 0.0 && *share < 1.0).map(Validation::Truncated),
    })
}

/// The names of the classes, in the order of their numbers.
fn classes(node: &Node) -> Result<Vec<String>> {
    let expected = || node.fault(format!("`classes` in [data] must be an array of names; found {}", node.found()));
    let Value::Array(names) = &node.value else { return Err(expected()) };
    let name = |node: &Node| if let Value::Text(name) = &node.value { Some(name.clone()) } else { None };
    let names = names.iter().map(name).collect::<Option<Vec<_>>>().filter(|names| !names.is_empty());
    names.ok_or_else(expected)
}

fn rows(node: &Node) -> Result<Rows> {
    let choice = Choice::read(node, "rows of text", &ROWS)?;
    let first = |table: &Reader| {
        let first = table.whole("first", 1..=MOST_TOKENS)?;
        first.ok_or_else(|| table.missing("first", "first = 20, how many tokens of a text count"))
    };
    match choice.typed {
        ("counts", None) => Ok(Rows::Counts),
        ("words", Some(settings)) => {
            let table = Reader::open(settings, "rows words", &["first"])?;
            Ok(Rows::Words { first: first(&table)? })
        }
        ("vectors", Some(settings)) => {
            let table = Reader::open(settings, "rows vectors", &["path", "first", "unknown"])?;
            let unknown = [("mean", Unknown::Mean), ("zeros", Unknown::Zeros), ("skip", Unknown::Skip)];
            let path = table.text("path")?;
            Ok(Rows::Vectors {
                path: path.ok_or_else(|| table.missing("path", "path = \"vectors.txt\""))?.to_owned(),
                first: first(&table)?,
                unknown: table.named("unknown", "stand-in for unknown words", &unknown)?.unwrap_or(Unknown::Mean),
            })
        }
        _ => Err(choice.unknown()),
    }
}
