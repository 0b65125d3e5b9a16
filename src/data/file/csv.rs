//! Tables of text: comma- or tab-separated values, with quoted fields (RFC 4180), a line of names or none.
//!
//! One column has the classes, or some have numbers to fit; the others are inputs, all of them finite numbers. Space
//! around a field does not count. Blank lines are skipped and counted in a note; nothing else is skipped.

use super::{content, located, shown};
use crate::{
    data::{
        columns::DTypes,
        set::DataSet,
        table::{Goals, HoldOut, Raw, Standardize, Table, Tables},
    },
    error::{Error, Result, did_you_mean},
};
use csv::{ByteRecord, ReaderBuilder, Trim};
use std::{collections::HashMap, path::Path};

/// A table and how it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Csv {
    /// The file of the training rows.
    pub path: String,
    /// The file of the test rows, of the same form.
    pub test: Option<String>,
    /// What stands between fields.
    pub separator: u8,
    /// Whether the first line has the names of the columns.
    pub header: bool,
    /// What is to be learned.
    pub goal: Goal,
    /// The columns that are left out.
    pub drop: Vec<Column>,
    /// What is taken from the training rows to validate on.
    pub hold_out: Option<HoldOut>,
    /// How inputs are standardized.
    pub standardize: Standardize,
}

/// What is to be learned.
#[derive(Debug, Clone, PartialEq)]
pub enum Goal {
    /// The names of classes.
    Classes(Column, ClassOrder),
    /// Numbers.
    Values(Vec<Column>),
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// By its name in the first line.
    Name(String),
    /// By its number, from 1.
    Number(usize),
    /// The last one.
    Last,
}

/// Which class is number 0, which 1, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassOrder {
    /// Names in ascending order: as numbers where all are numbers, else by code point.
    Sorted,
    /// In the order in which the training rows bring them.
    Appearance,
    /// As listed, all of them.
    Given(Vec<String>),
}

/// Where the columns of a file are, from 0.
#[derive(Debug)]
struct Layout {
    fields: usize,
    names: Vec<String>, // [fields], or none
    inputs: Vec<usize>,
    goals: Vec<usize>,
}

/// Numbers of classes by their names.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<String, u32>,
    /// Whether a name that is not known is one more class.
    open: bool,
}

impl Csv {
    /// Reads the table.
    ///
    /// # Errors
    /// If a file cannot be read, or something in it is not as it must be: file, line and column are named.
    pub(in crate::data) fn open(&self, folder: &Path, wanted: DTypes) -> Result<DataSet> {
        let mut names = match &self.goal {
            Goal::Classes(_, ClassOrder::Given(given)) => {
                Names { numbers: given.iter().cloned().zip(0..).collect(), open: false }
            }
            Goal::Classes(_, ClassOrder::Sorted | ClassOrder::Appearance) | Goal::Values(_) => {
                Names { open: true, ..Names::default() }
            }
        };
        let mut notes = Vec::new();
        let path = located(&self.path, folder)?;
        let (mut training, layout) = self.read(&path, None, &mut names, &mut notes)?;
        names.open = false;
        let classes = match &self.goal {
            Goal::Values(_) => None,
            Goal::Classes(_, order) => Some(number(order, &mut names, &mut training)),
        };
        let test = match &self.test {
            None => None,
            Some(test) => Some(self.read(&located(test, folder)?, Some(&layout), &mut names, &mut notes)?.0),
        };
        let mut tables = Tables { training, validation: None, test, classes, notes };
        let origin = path.display().to_string();
        if let Some(hold_out) = self.hold_out {
            tables.hold_out(hold_out, &origin)?;
        }
        tables.note_classes();
        tables.into_set(self.standardize, wanted, &origin)
    }

    /// The rows of a file; the layout of the training file where there is one already.
    fn read(
        &self,
        path: &Path,
        known: Option<&Layout>,
        names: &mut Names,
        notes: &mut Vec<String>,
    ) -> Result<(Table, Layout)> {
        let origin = path.display().to_string();
        let bytes = content(path)?;
        let text = utf8(&bytes, &origin)?;
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.separator)
            .trim(Trim::All)
            .from_reader(text.as_bytes());
        let mut record = ByteRecord::new();
        let mut lines = Lines { bytes: text.as_bytes(), place: 0, line: 1 };
        let (mut layout, mut last) = (None, 0);
        let (mut inputs, mut values, mut classes) = (Vec::new(), Vec::new(), Vec::new());
        while reader
            .read_byte_record(&mut record)
            .map_err(|error| Error::data(&origin, format!("cannot be read as a table: {error}")))?
        {
            last = record.position().map_or(0, csv::Position::byte);
            let line = Line { origin: &origin, number: lines.of(record.position().map_or(0, csv::Position::byte)) };
            let layout = match &mut layout {
                Some(layout) => layout,
                none => {
                    let found = none.insert(self.layout(&record, &line)?);
                    check_same(known, found, &line)?;
                    if self.header {
                        continue;
                    }
                    found
                }
            };
            if record.len() != layout.fields {
                let (found, fields) = (record.len(), layout.fields);
                return Err(line.fault(format!(
                    "has {found} fields where the lines before have {fields}; the separator is {}",
                    shown(&char::from(self.separator).to_string())
                )));
            }
            for &column in &layout.inputs {
                inputs.push(line.number(&record, column, layout, self.header)?);
            }
            match &self.goal {
                Goal::Classes(..) => classes.push(line.class(&record, layout, names)?),
                Goal::Values(_) => {
                    for &column in &layout.goals {
                        values.push(line.number(&record, column, layout, self.header)?);
                    }
                }
            }
        }
        let at = usize::try_from(last).unwrap_or(usize::MAX).min(text.len());
        if is_open(&text.as_bytes()[at..], self.separator) {
            let number = 1 + text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() as u64;
            let line = Line { origin: &origin, number };
            return Err(line.fault("opens a quote that is never closed; close it, or double a quote that is meant"));
        }
        let blank = blank_lines(text);
        if blank > 0 {
            notes.push(
                format!("{blank} blank lines of {} are skipped", self.path)
                    .replace("1 blank lines of", "1 blank line of"),
            );
        }
        let layout = layout.filter(|layout| inputs.len() >= layout.inputs.len());
        let layout = layout.ok_or_else(|| Error::data(&origin, "has no row of data"))?;
        let goals = match &self.goal {
            Goal::Classes(..) => Goals::Classes(classes),
            Goal::Values(_) => Goals::Values { width: layout.goals.len(), values },
        };
        Ok((Table { width: layout.inputs.len(), inputs: Raw::F64(inputs), goals }, layout))
    }

    /// Where the columns are, from the first line.
    fn layout(&self, first: &ByteRecord, line: &Line) -> Result<Layout> {
        let fields = first.len();
        let names: Vec<String> = first.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
        let names = if self.header { names } else { Vec::new() };
        let place = |column: &Column| match column {
            Column::Last => Ok(fields - 1),
            Column::Number(number @ 1..) if *number <= fields => Ok(number - 1),
            Column::Number(number) => Err(line.fault(format!(
                "there is no column {number}; the first line has {fields} columns, counted from 1; the separator is {}",
                shown(&char::from(self.separator).to_string())
            ))),
            Column::Name(name) => named(name, &names, line),
        };
        let goals: Vec<usize> = match &self.goal {
            Goal::Classes(column, _) => vec![place(column).map_err(|error| error.mended_by(&["label"]))?],
            Goal::Values(columns) => {
                columns.iter().map(place).collect::<Result<_>>().map_err(|error| error.mended_by(&["targets"]))?
            }
        };
        let dropped: Vec<usize> =
            self.drop.iter().map(place).collect::<Result<_>>().map_err(|error| error.mended_by(&["drop"]))?;
        if let Some(both) = goals.iter().find(|goal| dropped.contains(goal)) {
            return Err(line
                .fault(format!("column {} is the target, and is to be dropped; keep one of the two", both + 1))
                .mended_by(&["drop"]));
        }
        let inputs: Vec<usize> =
            (0..fields).filter(|column| !goals.contains(column) && !dropped.contains(column)).collect();
        if inputs.is_empty() {
            return Err(line.fault(format!(
                "no column is left for the inputs; the line has {fields} fields, and the separator is {}",
                shown(&char::from(self.separator).to_string())
            )));
        }
        let is_number = |&column: &usize| names.get(column).is_some_and(|name| name.parse::<f64>().is_ok());
        if inputs.iter().all(is_number) {
            let fault = line.fault("has numbers where the names of columns should be; write header = false");
            return Err(fault.mended_by(&["header"]));
        }
        Ok(Layout { fields, names, inputs, goals })
    }
}

/// Counts the lines of a file on the way through it.
struct Lines<'a> {
    bytes: &'a [u8],
    place: usize,
    line: u64,
}

/// Whether the last record of a file ends within quotes: it has one that opens a field, and an odd number of them.
fn is_open(record: &[u8], separator: u8) -> bool {
    let opens = |pair: &[u8]| pair[1] == b'"' && (pair[0] == separator || matches!(pair[0], b'\n' | b'\r' | b' '));
    let opened = record.first() == Some(&b'"') || record.windows(2).any(opens);
    opened && record.iter().filter(|&&byte| byte == b'"').count() % 2 == 1
}

impl Lines<'_> {
    /// The line of the record at or behind a place that is not before the last one; the reader's own count takes the
    /// blank lines before a record for its first.
    fn of(&mut self, place: u64) -> u64 {
        let rest = self.bytes.get(self.place..).unwrap_or_default();
        let before = usize::try_from(place).unwrap_or(usize::MAX).saturating_sub(self.place).min(rest.len());
        let blank = rest[before..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.line += rest[..before + blank].iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.place += before + blank;
        self.line
    }
}

/// A line of a file.
struct Line<'a> {
    origin: &'a str,
    number: u64,
}

impl Line<'_> {
    fn fault(&self, message: impl Into<String>) -> Error {
        Error::data(format!("{}:{}", self.origin, self.number), message)
    }

    /// The finite number in a column.
    fn number(&self, record: &ByteRecord, column: usize, layout: &Layout, header: bool) -> Result<f64> {
        let text = field(record, column);
        text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| {
            let hint = match (text, header, self.number) {
                ("" | "?" | "NA", ..) => ": a value that is missing; fill it in, drop the column or delete the line",
                (_, false, 1) => "; if the first line has the names of the columns, write header = true",
                _ => "; a column that is not to be used goes into `drop`",
            };
            self.fault(format!("{} must be a finite number; found {}{hint}", layout.column(column), shown(text)))
        })
    }

    /// The number of the class in the column of the target.
    fn class(&self, record: &ByteRecord, layout: &Layout, names: &mut Names) -> Result<u32> {
        let column = layout.goals[0];
        let name = field(record, column);
        if name.is_empty() {
            return Err(self.fault(format!("{} must be the name of a class; it is empty", layout.column(column))));
        }
        if let Some(&number) = names.numbers.get(name) {
            return Ok(number);
        }
        if !names.open {
            let hint = did_you_mean(name, names.numbers.keys().map(String::as_str));
            let mut known: Vec<&str> = names.numbers.keys().map(String::as_str).collect();
            known.sort_unstable();
            known.truncate(10);
            let fault = self.fault(format!(
                "{} has class {}, which is none of the classes known from the training rows{hint} ({})",
                layout.column(column),
                shown(name),
                known.join(", ")
            ));
            return Err(fault.mended_by(&["classes"]));
        }
        let number = names.numbers.len() as u32;
        names.numbers.insert(name.to_owned(), number);
        Ok(number)
    }
}

impl Layout {
    /// A column as an error calls it.
    fn column(&self, column: usize) -> String {
        let name = self.names.get(column).map(|name| format!(" ({})", shown(name)));
        format!("column {}{}", column + 1, name.unwrap_or_default())
    }
}

fn field(record: &ByteRecord, column: usize) -> &str {
    record.get(column).and_then(|field| std::str::from_utf8(field).ok()).unwrap_or_default()
}

/// The place of the column of this name.
fn named(name: &str, names: &[String], line: &Line) -> Result<usize> {
    if names.is_empty() {
        return Err(line.fault(format!(
            "column {} is asked for by its name, but header = false: there are no names; write its number, from 1",
            shown(name)
        )));
    }
    let mut places = names.iter().enumerate().filter(|(_, known)| *known == name).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => {
            Err(line.fault(format!("several columns are called {}; write the number of one, from 1", shown(name))))
        }
        (None, _) => {
            let hint = did_you_mean(name, names.iter().map(String::as_str));
            let known: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
            Err(line.fault(format!("there is no column {}{hint} (columns: {})", shown(name), known.join(", "))))
        }
    }
}

/// The names of classes in their order; the rows that were read get the numbers that go with it.
fn number(order: &ClassOrder, names: &mut Names, training: &mut Table) -> Vec<String> {
    let mut ordered: Vec<(String, u32)> = names.numbers.iter().map(|(name, &number)| (name.clone(), number)).collect();
    ordered.sort_unstable_by_key(|(_, number)| *number);
    if *order == ClassOrder::Sorted {
        let value = |name: &str| name.parse::<f64>().ok().filter(|value| value.is_finite());
        let numbers = ordered.iter().all(|(name, _)| value(name).is_some());
        ordered.sort_unstable_by(|(a, _), (b, _)| match (value(a), value(b)) {
            (Some(x), Some(y)) if numbers => x.total_cmp(&y).then_with(|| a.cmp(b)),
            _ => a.cmp(b),
        });
    }
    let mut renumbered = vec![0; ordered.len()];
    ordered.iter().zip(0..).for_each(|((_, old), new)| renumbered[*old as usize] = new);
    names.numbers.values_mut().for_each(|number| *number = renumbered[*number as usize]);
    if let Goals::Classes(classes) = &mut training.goals {
        classes.iter_mut().for_each(|class| *class = renumbered[*class as usize]);
    }
    ordered.into_iter().map(|(name, _)| name).collect()
}

/// A test file has the columns of the training file.
fn check_same(known: Option<&Layout>, found: &Layout, line: &Line) -> Result<()> {
    match known {
        Some(known) if known.fields != found.fields => {
            Err(line.fault(format!("has {} fields, but the training file has {}", found.fields, known.fields)))
        }
        Some(known) => match known.names.iter().zip(&found.names).position(|(known, found)| known != found) {
            Some(column) => Err(line.fault(format!(
                "column {} is called {}, but {} in the training file",
                column + 1,
                shown(&found.names[column]),
                shown(&known.names[column])
            ))),
            None => Ok(()),
        },
        None => Ok(()),
    }
}

/// The text of a file without the mark that some programs put before it.
fn utf8<'a>(bytes: &'a [u8], origin: &str) -> Result<&'a str> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        Error::data(format!("{origin}:{line}"), "the bytes here are not UTF-8 text; convert the file to UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Lines with nothing on them, outside of quoted fields.
fn blank_lines(text: &str) -> usize {
    let mut quoted = false;
    let mut blank = 0;
    for line in text.lines() {
        blank += usize::from(line.is_empty() && !quoted);
        quoted ^= line.bytes().filter(|&byte| byte == b'"').count() % 2 == 1;
    }
    blank
}

#[cfg(test)]
mod tests {
    use super::{super::tests::file, *};
    use crate::data::{
        set::{Held, Targets},
        table::{Edge, Share},
    };

    fn plain(path: &str) -> Csv {
        Csv {
            path: path.to_owned(),
            test: None,
            separator: b',',
            header: true,
            goal: Goal::Classes(Column::Last, ClassOrder::Sorted),
            drop: Vec::new(),
            hold_out: None,
            standardize: Standardize::No,
        }
    }

    fn name(name: &str) -> Column {
        Column::Name(name.to_owned())
    }

    /// The set of a file with this text.
    fn open(text: &[u8], change: impl Fn(&mut Csv)) -> Result<DataSet> {
        let (folder, _) = file("x.csv", text);
        let mut csv = plain("x.csv");
        change(&mut csv);
        csv.open(folder.path(), DTypes::F64)
    }

    fn inputs(set: &DataSet) -> &[f64] {
        let Held::Dense(columns) = &set.training.inputs else { panic!("dense") };
        columns.f64().unwrap()
    }

    const TEXT: &str =
        "\u{feff}id, class,\"length, cm\",width\r\n1,b,2.5,.5\r\n\r\n2,\"a \"\"x\"\"\",-1e3, 7 \r\n3,b,0,0\n\n";

    #[test]
    fn quotes_names_and_blank_lines_are_read_as_they_are_meant() {
        let set = open(TEXT.as_bytes(), |csv| {
            csv.goal = Goal::Classes(name("class"), ClassOrder::Sorted);
            csv.drop = vec![Column::Number(1)];
        })
        .unwrap();
        assert_eq!((set.columns, inputs(&set)), (2, &[2.5, 0.5, -1000.0, 7.0, 0.0, 0.0][..]));
        assert_eq!(set.classes.unwrap(), ["a \"x\"", "b"]);
        assert_eq!(set.training.targets, Targets::Classes(vec![1, 0, 1]));
        assert!(set.notes[0].starts_with("2 blank lines of "), "{:?}", set.notes);
        let set = open(TEXT.as_bytes(), |csv| {
            csv.goal = Goal::Values(vec![name("width"), name("length, cm")]);
            csv.drop = vec![name("class")];
        })
        .unwrap();
        assert_eq!((inputs(&set), &set.classes), (&[1.0, 2.0, 3.0][..], &None));
        let Targets::Values(values) = &set.training.targets else { panic!("values") };
        assert_eq!((values.width(), values.f64().unwrap()), (2, &[0.5, 2.5, 7.0, -1000.0, 0.0, 0.0][..]));
    }

    #[test]
    fn classes_are_numbered_as_asked() {
        for (order, expected, numbers) in [
            (ClassOrder::Sorted, vec!["2", "9", "10"], [1, 2, 0, 1]),
            (ClassOrder::Appearance, vec!["9", "10", "2"], [0, 1, 2, 0]),
            (ClassOrder::Given(["10", "2", "9"].map(str::to_owned).to_vec()), vec!["10", "2", "9"], [2, 0, 1, 2]),
        ] {
            let set = open(b"0\t9\n0\t10\n0\t2\n0\t9", |csv| {
                (csv.header, csv.separator) = (false, b'\t');
                csv.goal = Goal::Classes(Column::Last, order.clone());
            })
            .unwrap();
            assert_eq!(
                (set.classes.unwrap(), set.training.targets),
                (expected.iter().map(|name| (*name).to_owned()).collect(), Targets::Classes(numbers.to_vec()))
            );
        }
    }

    #[test]
    fn a_test_file_has_the_classes_and_the_columns_of_the_training_file() {
        let with_test = |test: &str| {
            let (folder, _) = file("x.csv", b"x,y\n1,b\n2,a\n");
            std::fs::write(folder.path().join("t.csv"), test).unwrap();
            Csv { test: Some("t.csv".to_owned()), ..plain("x.csv") }.open(folder.path(), DTypes::F32)
        };
        assert_eq!(with_test("x,y\n3,b\n").unwrap().test.unwrap().targets, Targets::Classes(vec![1]));
        for (test, expected) in [
            (
                "x,y\n3,b\n4,bb",
                "t.csv:3: column 2 (\"y\") has class \"bb\", which is none of the classes known from the \
                 training rows; did you mean `b`? (a, b)",
            ),
            ("x,z\n3,b", "t.csv:1: column 2 is called \"z\", but \"y\" in the training file"),
            ("x,y,z\n3,b,b", "t.csv:1: has 3 fields, but the training file has 2"),
            ("x,y\n", "t.csv: has no row of data"),
        ] {
            let error = with_test(test).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}");
        }
    }

    /// What a case changes of how a file is read.
    type Change = Box<dyn Fn(&mut Csv)>;

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_column() {
        let as_is = |_: &mut Csv| {};
        let goal = |goal: Goal| move |csv: &mut Csv| csv.goal = goal.clone();
        let label = |column: Column| goal(Goal::Classes(column, ClassOrder::Sorted));
        let given =
            |names: [&str; 2]| goal(Goal::Classes(Column::Last, ClassOrder::Given(names.map(str::to_owned).to_vec())));
        let cases: [(&[u8], Change, &str); 21] = [
            (b"", Box::new(as_is), "x.csv: has no row of data"),
            (b"\n\n", Box::new(as_is), "x.csv: has no row of data"),
            (b"x,y\n", Box::new(as_is), "x.csv: has no row of data"),
            (b"x,y\n1,a\n\xff,b", Box::new(as_is), "x.csv:3: the bytes here are not UTF-8"),
            (b"x,y\n1,a\n2\n", Box::new(as_is), "x.csv:3: has 1 fields where the lines before have 2"),
            (b"x,y\n1,a\n\n\n2,b,c", Box::new(as_is), "x.csv:5: has 3 fields where the lines before have 2"),
            (b"x,y\n\"1,a\n2,b\n", Box::new(as_is), "x.csv:2: has 1 fields"),
            (b"x,y\n1,a\nnan,b", Box::new(as_is), "x.csv:3: column 1 (\"x\") must be a finite number; found \"nan\""),
            (b"x,y\n-inf,a", Box::new(as_is), "found \"-inf\""),
            (b"x,y\n1e999,a", Box::new(as_is), "found \"1e999\""),
            (b"x,y\n?,a", Box::new(as_is), "found \"?\": a value that is missing"),
            (b"x,y\n\"a\nb\",b", Box::new(as_is), "x.csv:2: column 1 (\"x\") must be a finite number; found \"a\\nb\""),
            (b"x,y\n1,", Box::new(as_is), "x.csv:2: column 2 (\"y\") must be the name of a class; it is empty"),
            (
                b"1,a\n2,b",
                Box::new(as_is),
                "x.csv:1: has numbers where the names of columns should be; write header = false",
            ),
            (
                b"x,y\n1,a",
                Box::new(|csv| csv.header = false),
                "x.csv:1: column 1 must be a finite number; found \"x\"; if the first line has the names",
            ),
            (
                b"x;y\n1;a",
                Box::new(as_is),
                "x.csv:1: no column is left for the inputs; the line has 1 fields, and the separator is \",\"",
            ),
            (
                b"width,class\n1,a",
                Box::new(label(name("clas"))),
                "x.csv:1: there is no column \"clas\"; did you mean `class`? (columns: width, class)",
            ),
            (b"x,x,y\n1,2,a", Box::new(label(name("x"))), "x.csv:1: several columns are called \"x\""),
            (
                b"x,y\n1,a",
                Box::new(label(Column::Number(3))),
                "x.csv:1: there is no column 3; the first line has 2 columns",
            ),
            (
                b"x,y\n1,a",
                Box::new(|csv| csv.drop = vec![name("y")]),
                "x.csv:1: column 2 is the target, and is to be dropped",
            ),
            (b"x,y\n1,a\n1,b\n1,c", Box::new(given(["a", "b"])), "x.csv:4: column 2 (\"y\") has class \"c\""),
        ];
        for (text, change, expected) in cases {
            let error = open(text, &change).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\n{expected}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_class_without_a_training_row_is_told() {
        let held_out = |csv: &mut Csv| {
            csv.goal = Goal::Classes(Column::Last, ClassOrder::Given(["a", "b", "c"].map(str::to_owned).to_vec()));
            csv.hold_out = Some(HoldOut { share: Share::Rows(2), from: Edge::End });
        };
        let set = open(b"x,y\n1,a\n1,b\n1,b", held_out).unwrap();
        assert_eq!(set.classes.unwrap(), ["a", "b", "c"]);
        assert_eq!(set.notes[1], "2 of 3 classes have no training row: b, c");
    }
}
