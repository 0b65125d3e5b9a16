//! Word vectors in text form: GloVe's (`word v₁ … v_d`) and word2vec's or fastText's (the same under a first line
//! `count d`), plain or gzip, told apart by their content.
//!
//! Files have millions of words and experiments a few thousand, so only wanted words are kept. A word is everything
//! before the last d fields: the published files have words with spaces in them, which no token can equal; they are
//! counted. Fields are parted by ASCII white space alone, as words may hold no-break spaces.
//!
//! Invariant: the table has one row for each word that was found, in the order of the file, then one for unknown
//! words (unless they are left out), then one of zeros for padding.

use super::{Numbering, fault, file_fault, quoted, tokens::is_space};
use crate::{
    error::{Error, Result},
    file,
};
use flate2::bufread::MultiGzDecoder;
use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader, Read},
    mem,
    path::Path,
};

/// The longest line, in bytes: 40,000 numbers and a word, more than any published file has. It bounds what a file
/// without line ends can take of memory.
const LONGEST_LINE: u64 = 1 << 20;
const ACTION: &str = "cannot read word vectors";
/// Bytes read at a time.
const BUFFER: usize = 1 << 16;

/// What stands for words that the file does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The mean of all vectors of the file, wanted or not.
    Mean,
    /// A vector of zeros, as padding is.
    Zeros,
    /// Nothing: they are left out of their text.
    Skip,
}

/// Vectors of the wanted words.
#[derive(Debug, Clone)]
pub struct Vectors {
    /// The numbers in a vector, d.
    pub width: usize,
    /// The vectors of words, then of unknown words unless they are left out, then of padding.
    pub table: Vec<f64>, // [rows, width]
    /// What the file was found to be.
    pub seen: Seen,
    numbers: HashMap<String, u32>,
    unknown: Option<u32>,
}

/// What a file of vectors was found to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many vectors the file has.
    pub vectors: usize,
    /// How many of the wanted words it has.
    pub found: usize,
    /// How many words are wanted.
    pub wanted: usize,
    /// How many of the file's words no token can equal, as they are empty or have spaces.
    pub odd: usize,
    /// How many vectors were passed over, as their word was wanted and had one already.
    pub repeated: usize,
}

impl Vectors {
    /// The number of rows of the table.
    pub fn rows(&self) -> usize {
        self.numbers.len() + usize::from(self.unknown.is_some()) + 1
    }

    /// The vector of a row.
    pub fn row(&self, number: u32) -> Option<&[f64]> {
        self.table.chunks_exact(self.width).nth(number as usize)
    }
}

impl Numbering for Vectors {
    fn known(&self, word: &str) -> Option<u32> {
        self.numbers.get(word).copied()
    }

    fn unknown(&self) -> Option<u32> {
        self.unknown
    }

    fn padding(&self) -> u32 {
        self.rows() as u32 - 1
    }
}

/// Reads the vectors of `wanted` words.
///
/// The mean is that of every line of the file, repeated words included. Numbers of words that are not wanted are
/// read for the mean alone; without it they are not looked at.
///
/// # Errors
/// If the file cannot be read, ends early, is not UTF-8, has a line of another length or with something else than
/// finite numbers, has not the vectors its first line says, or none of the wanted words. Errors of a line name it.
pub fn read<'w>(path: &Path, wanted: impl IntoIterator<Item = &'w str>, unknown: Unknown) -> Result<Vectors> {
    let mut lines = Lines::open(path)?;
    if !lines.advance()? {
        return Err(file_fault(path, "the file is empty; expected lines of a word and its numbers"));
    }
    let header = Header::of(&lines)?;
    if header.is_some() && !lines.advance()? {
        return Err(file_fault(path, "there are no vectors after the first line; fetch the file again"));
    }
    let width = header.map_or_else(|| lines.fields().saturating_sub(1), |header| header.width);
    if width == 0 || lines.fields() < width {
        let numbers = if width == 0 { "its".to_owned() } else { width.to_string() };
        return Err(lines.fault(format!("expected a word and {numbers} numbers, found {}", quoted(&lines.text))));
    }
    let mut table = Table::new(width, wanted.into_iter().collect(), unknown);
    loop {
        table.take(&lines)?;
        if !lines.advance()? {
            break;
        }
    }
    match header {
        Some(Header { vectors, .. }) if vectors != table.seen.vectors => {
            let found = table.seen.vectors;
            Err(fault(path, 1, format!("promises {vectors} vectors, and there are {found}; fetch the file again")))
        }
        _ => table.finish(path),
    }
}

/// word2vec's first line.
#[derive(Clone, Copy)]
struct Header {
    vectors: usize,
    width: usize,
}

impl Header {
    /// The first line as a header, if it is two whole numbers.
    fn of(line: &Lines) -> Result<Option<Self>> {
        let mut fields = line.text.split_ascii_whitespace().map(str::parse);
        let (Some(Ok(vectors)), Some(Ok(width)), None) = (fields.next(), fields.next(), fields.next()) else {
            return Ok(None);
        };
        if width == 0 || vectors == 0 {
            let message = format!("promises {vectors} vectors of {width} numbers; expected 1 or more of each");
            return Err(line.fault(message));
        }
        Ok(Some(Self { vectors, width }))
    }
}

/// What has been read.
struct Table<'w> {
    width: usize,
    wanted: HashSet<&'w str>,
    unknown: Unknown,
    numbers: HashMap<String, u32>,
    rows: Vec<f64>, // [found, width]
    sum: Vec<f64>,  // [width], of every vector
    seen: Seen,
}

impl<'w> Table<'w> {
    fn new(width: usize, wanted: HashSet<&'w str>, unknown: Unknown) -> Self {
        let seen = Seen { wanted: wanted.len(), ..Seen::default() };
        Self { width, wanted, unknown, numbers: HashMap::new(), rows: Vec::new(), sum: vec![0.0; width], seen }
    }

    fn take(&mut self, line: &Lines) -> Result<()> {
        let (word, numbers) = line.split(self.width)?;
        self.seen.vectors += 1;
        self.seen.odd += usize::from(word.is_empty() || word.contains(is_space));
        let repeated = self.numbers.contains_key(word);
        self.seen.repeated += usize::from(repeated);
        let keep = !repeated && self.wanted.contains(word);
        if !keep && self.unknown != Unknown::Mean {
            return Ok(());
        }
        let start = self.rows.len();
        for (field, sum) in numbers.split_ascii_whitespace().zip(&mut self.sum) {
            let number = line.number(field)?;
            *sum += number;
            self.rows.push(number);
        }
        if keep {
            self.numbers.insert(word.to_owned(), self.numbers.len() as u32); // no more than were wanted
        } else {
            self.rows.truncate(start);
        }
        Ok(())
    }

    fn finish(mut self, path: &Path) -> Result<Vectors> {
        self.seen.found = self.numbers.len();
        if self.numbers.is_empty() {
            let (vectors, wanted) = (self.seen.vectors, self.seen.wanted);
            return Err(file_fault(
                path,
                format!(
                    "none of its {vectors} words is among the {wanted} words of the texts; expected vectors of the same \
                     language and spelling (lower case, not enciphered)"
                ),
            ));
        }
        let row = self.numbers.len() as u32;
        match self.unknown {
            Unknown::Mean => self.rows.extend(self.sum.iter().map(|sum| sum / self.seen.vectors as f64)),
            Unknown::Zeros => self.rows.resize(self.rows.len() + self.width, 0.0),
            Unknown::Skip => {}
        }
        self.rows.resize(self.rows.len() + self.width, 0.0);
        let unknown = (self.unknown != Unknown::Skip).then_some(row);
        Ok(Vectors { width: self.width, table: self.rows, seen: self.seen, numbers: self.numbers, unknown })
    }
}

/// A file, decompressed if it is gzip, at one of its lines.
struct Lines<'p> {
    path: &'p Path,
    reader: Box<dyn BufRead>,
    number: usize,
    text: String, // the line, without its end
}

impl<'p> Lines<'p> {
    fn open(path: &'p Path) -> Result<Self> {
        let fail = |error| Error::io(path, ACTION, error);
        let mut file = BufReader::with_capacity(BUFFER, file::open(path, ACTION)?);
        let gzip = file.fill_buf().map_err(fail)?.starts_with(&[0x1F, 0x8B]);
        let reader: Box<dyn BufRead> =
            if gzip { Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))) } else { Box::new(file) };
        Ok(Self { path, reader, number: 0, text: String::new() })
    }

    /// Goes to the next line; whether there is one.
    fn advance(&mut self) -> Result<bool> {
        let mut bytes = mem::take(&mut self.text).into_bytes(); // the memory of the last line
        bytes.clear();
        let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut bytes).map_err(|error| {
            let action =
                format!("cannot read word vectors after line {}; if it is cut off, fetch it again", self.number);
            Error::io(self.path, action, error)
        })?;
        self.number += 1;
        if read as u64 == LONGEST_LINE {
            return Err(self.fault(format!("the line has {LONGEST_LINE} bytes or more; expected vectors in text form")));
        }
        self.text = String::from_utf8(bytes).map_err(|error| {
            let byte = error.as_bytes()[error.utf8_error().valid_up_to()];
            self.fault(format!("byte 0x{byte:02X} is not UTF-8; expected vectors in text form, in UTF-8"))
        })?;
        self.text.truncate(self.text.trim_end_matches('\n').len());
        Ok(read > 0)
    }

    fn fields(&self) -> usize {
        self.text.split_ascii_whitespace().count()
    }

    /// The word, and the last `width` fields.
    fn split(&self, width: usize) -> Result<(&str, &str)> {
        let separator = |letter: char| letter.is_ascii_whitespace();
        let mut start = self.text.len();
        for _ in 0..width {
            let before = self.text[..start].trim_end_matches(separator);
            start = 1 + before.rfind(separator).ok_or_else(|| self.wrong_length(width))?;
        }
        let word = self.text[..start - 1].trim_end_matches(separator);
        // A number too many is no word with a space: the line belongs to vectors of another width.
        if word.rsplit_once(separator).is_some_and(|(_, last)| last.parse::<f64>().is_ok()) {
            return Err(self.wrong_length(width));
        }
        Ok((word, &self.text[start..]))
    }

    fn wrong_length(&self, width: usize) -> Error {
        let found = self.fields().saturating_sub(1);
        self.fault(format!("expected a word and {width} numbers, found {found} after the first field"))
    }

    fn number(&self, field: &str) -> Result<f64> {
        let number: Option<f64> = field.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.fault(format!("expected a finite number, found {}", quoted(field))))
    }

    fn fault(&self, message: impl Into<String>) -> Error {
        fault(self.path, self.number, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::{fs, io::Write};

    const PLAIN: &str = "the 1 2\n. . 3 -4\ncat 5e0 6 \nthe 7 8\n\u{A0} 0.5 9\ndog 1 1\n";

    fn read_bytes(content: impl AsRef<[u8]>, unknown: Unknown) -> Result<Vectors> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.vec");
        fs::write(&path, content).unwrap();
        read(&path, ["cat", "the", "bird"], unknown)
    }

    fn complaint(content: impl AsRef<[u8]>) -> String {
        let text = read_bytes(content, Unknown::Mean).unwrap_err().to_string();
        text.rsplit_once("words.vec:").unwrap().1.to_owned()
    }

    fn gzip(content: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn wanted_words_are_kept_in_the_order_of_the_file_then_the_mean_then_zeros() {
        let vectors = read_bytes(PLAIN, Unknown::Mean).unwrap();
        // The mean is that of all six lines: (1 + 3 + 5 + 7 + .5 + 1) / 6, (2 − 4 + 6 + 8 + 9 + 1) / 6.
        assert_eq!(vectors.table, [1.0, 2.0, 5.0, 6.0, 17.5 / 6.0, 22.0 / 6.0, 0.0, 0.0]);
        assert_eq!(["the", "cat", "bird", "dog"].map(|word| vectors.known(word)), [Some(0), Some(1), None, None]);
        assert_eq!((vectors.unknown(), vectors.padding(), vectors.rows()), (Some(2), 3, 4));
        assert_eq!(vectors.row(vectors.padding()), Some(&[0.0, 0.0][..]));
        assert_eq!(vectors.seen, Seen { vectors: 6, found: 2, wanted: 3, odd: 2, repeated: 1 });
    }

    #[test]
    fn unknown_words_are_zeros_or_have_no_row() {
        let zeros = read_bytes(PLAIN, Unknown::Zeros).unwrap();
        assert_eq!((&zeros.table[4..], zeros.unknown()), (&[0.0; 4][..], Some(2)));
        let none = read_bytes(PLAIN, Unknown::Skip).unwrap();
        assert_eq!((&none.table[4..], none.unknown(), none.padding()), (&[0.0; 2][..], None, 2));
    }

    #[test]
    fn a_header_and_compression_change_nothing() {
        let plain = read_bytes(PLAIN, Unknown::Mean).unwrap();
        let headed = format!("6 2\n{PLAIN}");
        for content in [headed.clone().into_bytes(), gzip(PLAIN), gzip(&headed), [gzip("6 2\n"), gzip(PLAIN)].concat()]
        {
            let other = read_bytes(content, Unknown::Mean).unwrap();
            assert_eq!((&other.table, &other.seen), (&plain.table, &plain.seen));
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_with_its_number() {
        let cases: [(&[u8], &str); 14] = [
            (b"", " the file is empty; expected lines of a word and its numbers"),
            (b"2 2\n", " there are no vectors after the first line; fetch the file again"),
            (b"0 2\nthe 1 2\n", "1: promises 0 vectors of 2 numbers; expected 1 or more of each"),
            (b"3 2\nthe 1 2\n", "1: promises 3 vectors, and there are 1; fetch the file again"),
            (b"1 2\nthe 1 2\ncat 1 2\n", "1: promises 1 vectors, and there are 2; fetch the file again"),
            (b"1 999999999999\nthe 1 2\n", "2: expected a word and 999999999999 numbers, found `the 1 2`"),
            (b"the\n", "1: expected a word and its numbers, found `the`"),
            (b"the 1 2\ncat 1\n", "2: expected a word and 2 numbers, found 1 after the first field"),
            (b"the 1 2\ncat 1 2 3\n", "2: expected a word and 2 numbers, found 3 after the first field"),
            (b"the 1 2\n\ncat 1 2\n", "2: expected a word and 2 numbers, found 0 after the first field"),
            (b"the 1 2\ncat 1 x2\n", "2: expected a finite number, found `x2`"),
            (b"the 1 nan\n", "1: expected a finite number, found `nan`"),
            (b"the 1 2\n\xE0\xAC 1 2\n", "2: byte 0xE0 is not UTF-8; expected vectors in text form, in UTF-8"),
            (
                b"tree 1 2\n",
                " none of its 1 words is among the 3 words of the texts; expected vectors of the same language and \
                 spelling (lower case, not enciphered)",
            ),
        ];
        for (content, expected) in cases {
            assert_eq!(complaint(content), expected);
        }
    }

    #[test]
    fn a_file_that_ends_early_or_has_no_lines_is_refused() {
        let whole = gzip(&PLAIN.repeat(100));
        for cut in [whole.len() - 1, whole.len() / 2, 3] {
            let text = complaint(&whole[..cut]);
            assert!(text.contains("if it is cut off, fetch it again"), "{text}");
        }
        let text = complaint(gzip(&"x".repeat(3 << 20)));
        assert_eq!(text, "1: the line has 1048576 bytes or more; expected vectors in text form");
    }
}
