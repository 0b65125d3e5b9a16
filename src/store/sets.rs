//! The table of data sets: what each is, the files it has, where they come from and by what they are known.
//!
//! Lockstep's own sets are in `sets.toml` beside this file; a `sets.toml` in the data folder adds the user's, in the
//! same format. What is read here is valid: names stay inside their set's folder, checksums are checksums, addresses
//! are HTTP or HTTPS.

use super::{fault, refuse_no_file};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::{
    fmt::{self, Display, Formatter},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};
use toml::Spanned;

/// Lockstep's own sets.
const BUILT_IN: &str = include_str!("sets.toml");
/// The user's sets, in the data folder.
pub const USER_FILE: &str = "sets.toml";
/// The checksums taken at first fetches, in the data folder.
pub const SUMS_FILE: &str = "SHA256SUMS";
/// What a download is called until it is whole and checked.
pub const PART: &str = ".part";
/// What a file is called until it is whole and checked.
pub const NEW: &str = ".new";

/// A value of the table, or what is wrong with it.
type Checked<T> = std::result::Result<T, String>;

/// A data set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Its name, and that of its folder.
    pub name: Name,
    /// What it is, in one line.
    pub what: String,
    /// The terms it is under.
    pub terms: String,
    /// The page that describes it.
    pub page: Option<Url>,
    /// What can be downloaded.
    #[serde(default, rename = "download")]
    pub downloads: Vec<Download>,
    /// Files that no pinned address gives.
    #[serde(default)]
    pub by_hand: Vec<File>,
}

/// Something at an address: a file of the set, or an archive of several.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// Its official address.
    pub url: Url,
    /// The checksum of what comes over the wire, where it is known.
    pub sha256: Option<Sha256>,
    /// Its length, where it is known: then nothing longer or shorter is taken.
    pub bytes: Option<u64>,
    /// What it gives; the download itself if nothing is named.
    #[serde(default, rename = "file")]
    pub files: Vec<File>,
}

/// A file of a set, as it is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name in the set's folder.
    pub path: Name,
    /// What it is called inside the zip archive that is downloaded.
    pub member: Option<String>,
    /// How it is changed before it is kept.
    pub convert: Option<Convert>,
    /// What it holds, in one line.
    pub format: Option<String>,
    /// Its length; about, if a mirror may pack it otherwise. No more is unpacked of a member of an archive.
    pub bytes: Option<u64>,
    /// Its checksum, where it is known.
    pub sha256: Option<Sha256>,
    /// The checksum of what the gzipped file unpacks to, where it is known.
    pub content_sha256: Option<Sha256>,
}

/// How a downloaded file is changed before it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Convert {
    /// From Latin-1 to UTF-8.
    #[serde(rename = "latin-1")]
    Latin1,
    /// The first column of a CSV file to its end.
    ClassLast,
    /// Without white space at the end.
    Trim,
}

/// A file of a set, with what it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The set.
    pub set: &'a Set,
    /// The file.
    pub file: &'a File,
    /// What gives it; nothing for a file that is put there by hand.
    pub download: Option<&'a Download>,
}

impl Entry<'_> {
    /// `sst2/train.tsv`: as [`locate`](super::locate) and `SHA256SUMS` name it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.set.name.0, self.file.path.0)
    }

    /// Where it lies.
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(&self.set.name.0).join(&self.file.path.0)
    }
}

impl Set {
    /// Its files: those that are downloaded, then those that are put there by hand.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let downloaded = self.downloads.iter().flat_map(move |download| {
            download.files.iter().map(move |file| Entry { set: self, file, download: Some(download) })
        });
        downloaded.chain(self.by_hand.iter().map(move |file| Entry { set: self, file, download: None }))
    }

    /// What a file's fields cannot say each alone; fills in what a download gives if nothing is named.
    fn complete(&mut self) -> Checked<()> {
        for download in &mut self.downloads {
            let name = Name::try_from(download.url.file_name().to_owned())
                .map_err(|error| format!("`{}` ends in no file name: {error}", download.url.0))?;
            if download.files.is_empty() {
                download.files.push(File::plain(name.clone()));
            }
            for file in &mut download.files {
                let kept = file.member.is_none() && file.convert.is_none();
                if !kept && file.path == name {
                    return Err(format!("`{}` has to be called otherwise than the download it is made from", name.0));
                }
                if kept && file.sha256.is_none() {
                    file.sha256.clone_from(&download.sha256);
                }
            }
        }
        for file in &self.by_hand {
            if file.member.is_some() || file.convert.is_some() {
                return Err(format!("`{}` is put there by hand: `member` and `convert` say nothing", file.path.0));
            }
            if file.format.is_none() {
                return Err(format!("`{}` is put there by hand: `format` has to say what it holds", file.path.0));
            }
        }
        let mut names: Vec<&str> = self.entries().map(|entry| entry.file.path.0.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("two files are called `{}`", pair[0])),
            None if names.is_empty() => Err("it has no files; give it a [[set.download]] with a url".to_owned()),
            None => Ok(()),
        }
    }
}

impl File {
    fn plain(path: Name) -> Self {
        Self { path, member: None, convert: None, format: None, bytes: None, sha256: None, content_sha256: None }
    }
}

impl Download {
    /// Whether a mixture of two versions of it, half from each, would be noticed.
    pub fn is_known(&self) -> bool {
        // A zip archive has a checksum of every member.
        let known = |file: &File| file.sha256.is_some() || file.content_sha256.is_some() || file.member.is_some();
        self.sha256.is_some() || self.files.iter().all(known)
    }
}

/// Every set there is: Lockstep's own, then the user's.
#[derive(Debug)]
pub struct Sets(Vec<Set>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    set: Vec<Spanned<Set>>,
}

impl Sets {
    /// Lockstep's own sets and those of `sets.toml` in the data folder.
    ///
    /// # Errors
    /// A `sets.toml` that cannot be read or does not say what a set needs, with its line.
    pub fn load(folder: &Path) -> Result<Self> {
        let mut sets = Self(Vec::new());
        sets.add(BUILT_IN, Path::new("src/store/sets.toml"))?;
        let path = folder.join(USER_FILE);
        refuse_no_file(&path)?;
        match fs::read_to_string(&path) {
            Ok(text) => sets.add(&text, &path)?,
            // No folder, no file in it, or something else where the folder should be: there are no more sets.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Error::io(&path, "cannot be read", error)),
        }
        Ok(sets)
    }

    fn add(&mut self, text: &str, path: &Path) -> Result<()> {
        let wrong = |at: usize, message: &str| {
            let line = text[..at.min(text.len())].matches('\n').count() + 1;
            fault(path, format!("line {line}"), ErrorKind::InvalidData, message)
        };
        let document: Document =
            toml::from_str(text).map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message()))?;
        for set in document.set {
            let at = set.span().start;
            let mut set = set.into_inner();
            set.complete().map_err(|message| wrong(at, &format!("set `{}`: {message}", set.name.0)))?;
            if self.get(&set.name.0).is_some() || [SUMS_FILE, USER_FILE, "all"].contains(&set.name.0.as_str()) {
                return Err(wrong(at, &format!("the name `{}` is taken; choose another", set.name.0)));
            }
            self.0.push(set);
        }
        Ok(())
    }

    /// Every set, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = &Set> {
        self.0.iter()
    }

    fn get(&self, name: &str) -> Option<&Set> {
        self.iter().find(|set| set.name.0 == name)
    }

    /// The set called `name`, or all of them for `all`.
    ///
    /// # Errors
    /// No set of that name, with those there are.
    pub fn choose(&self, name: &str) -> Result<Vec<&Set>> {
        if name == "all" {
            return Ok(self.iter().collect());
        }
        self.get(name).map(|set| vec![set]).ok_or_else(|| {
            let names: Vec<&str> = self.iter().map(|set| set.name.0.as_str()).collect();
            let hint = near(name, names.iter().copied());
            Error::Usage(format!("there is no data set `{name}`{hint} (there are: {}, all)", names.join(", ")))
        })
    }

    /// The file that is called `SET/FILE`.
    ///
    /// # Errors
    /// No set has it, with the nearest that one has.
    pub fn find(&self, name: &str) -> Result<Entry<'_>> {
        self.iter().flat_map(Set::entries).find(|entry| entry.name() == name).ok_or_else(|| {
            let names: Vec<String> = self.iter().flat_map(Set::entries).map(|entry| entry.name()).collect();
            let hint = near(name, names.iter().map(String::as_str));
            Error::Usage(format!(
                "no data set has a file `{name}`{hint}; `lockstep data list` shows the sets there are"
            ))
        })
    }
}

fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let nearest = names.map(|other| (strsim::damerau_levenshtein(name, other), other)).min();
    nearest.filter(|(edits, _)| *edits <= 2).map_or(String::new(), |(_, name)| format!("; did you mean `{name}`?"))
}

/// A name of a set or file: one part of a path, the same on every system.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(pub(crate) String);

impl Display for Name {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Checked<Self> {
        let plain = |letter: char| letter.is_alphanumeric() || "._-+".contains(letter);
        let fits = (1..=100).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('.');
        if !fits || name.ends_with(PART) || name.ends_with(NEW) {
            return Err(format!(
                "`{name}` cannot name a set or a file; expected letters, digits and . _ - + (at most 100 bytes, \
                 no . at its start, no {PART} or {NEW} at its end)"
            ));
        }
        Ok(Self(name))
    }
}

/// A SHA-256 in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256(pub(crate) String);

impl TryFrom<String> for Sha256 {
    type Error = String;

    fn try_from(text: String) -> Checked<Self> {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(format!("`{text}` is no SHA-256; expected 64 hexadecimal digits, as `sha256sum FILE` prints them"))
    }
}

/// An HTTP or HTTPS address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url(String);

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Checked<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let whole = rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_alphanumeric() || first == '['));
        if whole && text.chars().all(|letter| letter.is_ascii_graphic()) {
            return Ok(Self(text));
        }
        Err(format!("`{text}` is no address; expected https://HOST/PATH or http://HOST/PATH, without spaces"))
    }
}

impl Url {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With another scheme and host, as a mirror has it.
    pub fn at(&self, mirror: &Url) -> Self {
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        Self(format!("{}{path}", mirror.0.trim_end_matches('/')))
    }

    /// What comes after the last slash, without a query.
    pub fn file_name(&self) -> &str {
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        path.rsplit_once('/').map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Sets> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(USER_FILE), text).unwrap();
        Sets::load(folder.path())
    }

    #[test]
    fn every_own_file_has_a_checksum_or_comes_from_a_download_that_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let sets = Sets::load(folder.path()).unwrap();
        assert_eq!(sets.iter().count(), 8);
        for entry in sets.iter().flat_map(Set::entries) {
            let own = entry.file.sha256.is_some() || entry.file.content_sha256.is_some();
            let whole = entry.download.is_some_and(|download| download.sha256.is_some());
            assert!(own || whole, "{}", entry.name());
            assert!(entry.file.bytes.is_some() && entry.file.format.is_some(), "{}", entry.name());
        }
    }

    #[test]
    fn a_download_without_files_is_kept_under_its_own_name_and_checksum() {
        let sum = "0A".repeat(32);
        let text = format!(
            "[[set]]\nname = 'mine'\nwhat = 'w'\nterms = 't'\n\
             [[set.download]]\nurl = 'http://h/a/b.csv?x=1'\nsha256 = '{sum}'"
        );
        let sets = load(&text).unwrap();
        let entry = sets.find("mine/b.csv").unwrap();
        assert_eq!(entry.file.sha256.as_ref().unwrap().0, sum.to_lowercase());
        let mirror = Url::try_from("http://127.0.0.1:80/".to_owned()).unwrap();
        assert_eq!(entry.download.unwrap().url.at(&mirror).0, "http://127.0.0.1:80/a/b.csv?x=1");
    }

    #[test]
    fn a_mistake_in_the_users_sets_is_told_with_its_line() {
        let head = "[[set]]\nname = 'mine'\nwhat = 'w'\nterms = 't'\n";
        let download = "[[set.download]]\nurl = 'http://h/b.csv'\n";
        for (text, line, told) in [
            (format!("{head}{download}sha256 = 'abc'\n"), 7, "64 hexadecimal digits"),
            (format!("{head}{download}sha = 'abc'\n"), 7, "unknown field `sha`"),
            (format!("{head}[[set.download]]\nurl = 'ftp://h/b.csv'\n"), 6, "expected https://HOST/PATH"),
            (format!("{head}[[set.download]]\nurl = 'http://h/'\n"), 1, "no file name"),
            (format!("{head}{download}[[set.download.file]]\npath = '../../etc/passwd'\n"), 8, "cannot name"),
            (format!("{head}{download}[[set.download.file]]\npath = 'b.csv'\nconvert = 'trim'\n"), 1, "otherwise"),
            (format!("{head}{download}{download}"), 1, "two files are called `b.csv`"),
            (format!("{head}[[set.by_hand]]\npath = 'b'\n"), 1, "`format`"),
            (head.to_owned(), 1, "no files"),
            (format!("\n{}{download}", head.replace("mine", "sst2")), 2, "taken"),
            (format!("{}{download}", head.replace("mine", "all")), 1, "taken"),
            ("[[set]\n".to_owned(), 1, "unclosed array table"),
        ] {
            let error = load(&text).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains(&format!("sets.toml: line {line}: ")), "{text}\n{error}");
        }
    }
}
