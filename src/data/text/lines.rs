//! Files of labelled text, one text a line, in UTF-8.
//!
//! Three forms: `text<TAB>label` (split at the last tab, because a text may have tabs of its own), the same under a
//! header line (GLUE), and `COARSE:fine text` (TREC). The file is held once; texts are lent from it. A text may be
//! empty, a line may not: every line gives one text and one label, so that rows and lines agree.

use super::{cipher, fault, file_fault, quoted};
use crate::{
    data::file::content,
    error::{Error, Result},
};
use std::{ops::Range, path::Path};

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `text<TAB>label`, split at the last tab.
    Tabbed {
        /// Whether the first line names the columns.
        header: bool,
    },
    /// `COARSE:fine text`, as TREC's questions are.
    Question {
        /// Whether the label is `COARSE:fine`; if not, it is `COARSE`.
        fine: bool,
    },
}

/// Where the names of the classes come from.
#[derive(Debug, Clone, Copy)]
pub enum Classes<'a> {
    /// Those that the file has: sorted by number if all are whole numbers, else by code point.
    Found,
    /// These, in this order, of which the file need not have every one.
    Given(&'a [String]),
}

/// Texts with their labels.
#[derive(Debug, Clone)]
pub struct Labelled {
    file: String,
    texts: Vec<Range<usize>>, // [rows], places in `file`
    /// The number of each text's class: `[rows]`.
    pub labels: Vec<u32>,
    /// The names of the classes.
    pub classes: Vec<String>,
}

impl Labelled {
    /// The texts, in the order of the file.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.texts.iter().map(|place| &self.file[place.clone()])
    }

    /// The number of texts.
    pub fn rows(&self) -> usize {
        self.texts.len()
    }

    /// The texts without the [`cipher`] of the `questions` data set; labels stay.
    pub fn deciphered(self) -> Self {
        // No run of letters leaves its text, and every letter stays one byte long: the places still hold.
        Self { file: cipher::decipher(&self.file), ..self }
    }
}

/// Reads a file of labelled text.
///
/// # Errors
/// If it cannot be read or is not UTF-8, has no lines, a line is not of the form, a label is empty or none of the
/// given classes, or there is only one. Errors of a line name it.
pub fn read(path: &Path, form: Form, classes: Classes) -> Result<Labelled> {
    let file = utf8(path, content(path)?)?;
    let header = form == Form::Tabbed { header: true };
    let mut lines = lines(&file);
    let heading = if header { lines.next() } else { None };
    let rows = lines.map(|line| Row::parse(path, &file, line, form)).collect::<Result<Vec<_>>>()?;
    if rows.is_empty() {
        return Err(file_fault(path, format!("there are no lines of text; expected {}", form.expected())));
    }
    let names = names(path, &rows, classes)?;
    if let Some(line) = heading {
        check_header(path, Row::parse(path, &file, line, form)?.label, &names)?;
    }
    let labels = numbers(path, &rows, &names)?;
    let texts = rows.into_iter().map(|row| row.text).collect();
    Ok(Labelled { texts, labels, classes: names, file })
}

impl Form {
    fn expected(self) -> &'static str {
        match self {
            Self::Tabbed { .. } => "`text<TAB>label`",
            Self::Question { .. } => "`COARSE:fine text`",
        }
    }
}

/// One line, taken apart.
struct Row<'f> {
    line: usize,
    text: Range<usize>,
    label: &'f str,
}

impl<'f> Row<'f> {
    fn parse(path: &Path, file: &'f str, (line, place): (usize, Range<usize>), form: Form) -> Result<Self> {
        let whole = &file[place.clone()];
        let fail = |found: &str| {
            fault(path, line, format!("expected {}, found {found} in {}", form.expected(), quoted(whole)))
        };
        if whole.is_empty() {
            return Err(fault(path, line, format!("the line is empty; expected {}, or no line", form.expected())));
        }
        let (text, label) = match form {
            Form::Tabbed { .. } => {
                let (text, label) = whole.rsplit_once('\t').ok_or_else(|| fail("no tab"))?;
                (place.start..place.start + text.len(), label.trim())
            }
            Form::Question { fine } => {
                let (label, text) = whole.split_once(' ').ok_or_else(|| fail("no space"))?;
                let (coarse, finer) = label.split_once(':').ok_or_else(|| fail("no colon before the space"))?;
                let complete = !coarse.is_empty() && !finer.is_empty();
                (
                    place.end - text.len()..place.end,
                    if !complete {
                        ""
                    } else if fine {
                        label
                    } else {
                        coarse
                    },
                )
            }
        };
        if label.is_empty() { Err(fail("no label")) } else { Ok(Self { line, text, label }) }
    }
}

/// The content as text; the error of what is not UTF-8 names its line.
fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count();
        let byte = error.as_bytes()[valid];
        fault(path, line, format!("byte 0x{byte:02X} is not UTF-8; convert the file (iconv -f LATIN1 -t UTF-8)"))
    })
}

/// The number and the place of each line, without its end (`\n` or `\r\n`) and without a byte-order mark.
fn lines(file: &str) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut start = if file.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
    file[start..].split_inclusive('\n').enumerate().map(move |(number, line)| {
        let content = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
        let place = start..start + content.len();
        start += line.len();
        (number + 1, place)
    })
}

/// The classes, as given or as found.
fn names(path: &Path, rows: &[Row], classes: Classes) -> Result<Vec<String>> {
    let Classes::Given(given) = classes else {
        let mut found: Vec<&str> = rows.iter().map(|row| row.label).collect();
        found.sort_unstable();
        found.dedup();
        if found.iter().all(|name| name.parse::<u64>().is_ok()) {
            found.sort_by_key(|name| name.parse::<u64>().ok());
        }
        if let [only] = found[..] {
            return Err(file_fault(path, format!("every label is {}; expected two classes or more", quoted(only))));
        }
        return Ok(found.into_iter().map(str::to_owned).collect());
    };
    Ok(given.to_vec())
}

/// The class of each row.
fn numbers(path: &Path, rows: &[Row], names: &[String]) -> Result<Vec<u32>> {
    let mut order: Vec<u32> = (0..names.len() as u32).collect();
    order.sort_by_key(|&class| &names[class as usize]);
    let class = |row: &Row| {
        let place = order.binary_search_by(|&class| names[class as usize].as_str().cmp(row.label));
        place.map(|place| order[place]).map_err(|_| unknown_label(path, row, names))
    };
    rows.iter().map(class).collect()
}

fn unknown_label(path: &Path, row: &Row, names: &[String]) -> Error {
    const MOST: usize = 12;
    let near = names.iter().find(|name| strsim::osa_distance(name, row.label) == 1 && name.len() > 1);
    let hint = near.map(|name| format!("; did you mean {}?", quoted(name))).unwrap_or_default();
    let listed = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    let dots = if names.len() > MOST { ", …" } else { "" };
    let label = quoted(row.label);
    let message = format!("label {label} is none of the {} classes ({listed}{dots}){hint}", names.len());
    fault(path, row.line, message).mended_by(&["classes"])
}

/// A header whose label is one that other lines have is a row that would be lost.
fn check_header(path: &Path, label: &str, names: &[String]) -> Result<()> {
    if names.iter().any(|name| name == label) {
        let label = quoted(label);
        let message = format!("expected a header, found a text with the label {label}; say header = false");
        return Err(fault(path, 1, message).mended_by(&["header"]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    const TABBED: Form = Form::Tabbed { header: false };

    fn read_text(content: impl AsRef<[u8]>, form: Form, classes: Classes) -> Result<Labelled> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.txt");
        std::fs::write(&path, content).unwrap();
        read(&path, form, classes)
    }

    fn complaint(content: impl AsRef<[u8]>, form: Form, classes: Classes) -> String {
        let text = read_text(content, form, classes).unwrap_err().to_string();
        text.rsplit_once("lines.txt:").unwrap().1.to_owned()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_line_is_split_at_its_last_tab_and_classes_are_sorted() {
        let read = read_text("\u{FEFF}a\tb\tsports\r\n\tbusiness\nc d\tsports", TABBED, Classes::Found).unwrap();
        assert_eq!(read.texts().collect::<Vec<_>>(), ["a\tb", "", "c d"]);
        assert_eq!((read.labels, read.classes), (vec![1, 0, 1], names(&["business", "sports"])));
    }

    #[test]
    fn labels_that_are_whole_numbers_are_sorted_as_numbers() {
        let read = read_text("a\t10\nb\t2\n", TABBED, Classes::Found).unwrap();
        assert_eq!(read.classes, names(&["2", "10"]));
    }

    #[test]
    fn a_header_is_skipped_but_a_row_is_not_taken_for_one() {
        let form = Form::Tabbed { header: true };
        let read = read_text("sentence\tlabel\na\t1\nb\t0\n", form, Classes::Found).unwrap();
        assert_eq!(read.texts().collect::<Vec<_>>(), ["a", "b"]);
        let text = complaint("a\t1\nb\t0\nc\t1\n", form, Classes::Found);
        assert_eq!(text, "1: expected a header, found a text with the label `1`; say header = false");
    }

    #[test]
    fn a_question_has_a_coarse_label_and_a_fine_one() {
        let content = "NUM:dist How far ?\nLOC:city What county ?\n";
        let coarse = read_text(content, Form::Question { fine: false }, Classes::Found).unwrap();
        assert_eq!(coarse.texts().next(), Some("How far ?"));
        assert_eq!(coarse.classes, names(&["LOC", "NUM"]));
        let fine = read_text(content, Form::Question { fine: true }, Classes::Found).unwrap();
        assert_eq!(fine.classes, names(&["LOC:city", "NUM:dist"]));
    }

    #[test]
    fn given_classes_keep_their_order() {
        let given = names(&["DESC", "ENTY", "ABBR"]);
        let read = read_text("a\tENTY\n", TABBED, Classes::Given(&given)).unwrap();
        assert_eq!((read.labels, read.classes), (vec![1], given));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_with_its_number() {
        let given = names(&["neg", "pos"]);
        let question = Form::Question { fine: false };
        let cases: [(&[u8], Form, &str); 8] = [
            (b"a\tneg\nb pos\n", TABBED, "2: expected `text<TAB>label`, found no tab in `b pos`"),
            (b"a\tneg\n\nb\tpos\n", TABBED, "2: the line is empty; expected `text<TAB>label`, or no line"),
            (b"a\t \n", TABBED, "1: expected `text<TAB>label`, found no label in `a\\t `"),
            (b"a\tneg\nb\tpso\n", TABBED, "2: label `pso` is none of the 2 classes (neg, pos); did you mean `pos`?"),
            (b"a\tneg\n\xF0\tpos\n", TABBED, "2: byte 0xF0 is not UTF-8; convert the file (iconv -f LATIN1 -t UTF-8)"),
            (b"", TABBED, " there are no lines of text; expected `text<TAB>label`"),
            (b"NUM dist\n", question, "1: expected `COARSE:fine text`, found no colon before the space in `NUM dist`"),
            (b"NUM: how\n", question, "1: expected `COARSE:fine text`, found no label in `NUM: how`"),
        ];
        for (content, form, expected) in cases {
            assert_eq!(complaint(content, form, Classes::Given(&given)), expected);
        }
        let text = complaint("a\t1\nb\t1\n", TABBED, Classes::Found);
        assert_eq!(text, " every label is `1`; expected two classes or more");
        let missing = read(&PathBuf::from("nowhere.txt"), TABBED, Classes::Found).unwrap_err().to_string();
        assert!(missing.starts_with("nowhere.txt: cannot open the data"), "{missing}");
    }

    #[test]
    fn deciphering_changes_texts_and_nothing_else() {
        let read = read_text("gnuj fv ?\tpos\nrug\tneg\n", TABBED, Classes::Found).unwrap().deciphered();
        assert_eq!(read.texts().collect::<Vec<_>>(), ["what is ?", "the"]);
        assert_eq!(read.classes, names(&["neg", "pos"]));
    }
}
