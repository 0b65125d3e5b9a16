//! `lockstep data`: the data sets there are, fetched and checked.

use super::print;
use crate::{
    error::{Error, Result},
    fetch::{self, Basis, Plan, Settings, State, Sums, Watcher},
    store::{self, Entry, Set, Sets},
};
use clap::{Args, Subcommand};
use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};
use std::{
    fmt::Write as _,
    io::{self, BufRead, IsTerminal, Write as _},
    path::Path,
    time::Duration,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Environment:
  LOCKSTEP_DATA          the data folder [default: lockstep/data in your cache]
  LOCKSTEP_DATA_SOURCE   scheme and host, such as http://127.0.0.1:8000, that
                         stand in for every source's: a mirror of yours
  LOCKSTEP_DATA_TIMEOUT  seconds after which a download is given up in which
                         nothing came, or less than 64 KiB [default: 30]
  HTTPS_PROXY, ALL_PROXY, NO_PROXY as usual

Your own sets: sets.toml in the data folder, with, for each,
  [[set]]
  name  = \"mine\"
  what  = \"one line about it\"
  terms = \"CC0\"
  [[set.download]]
  url    = \"https://example.org/mine.csv\"
  sha256 = \"…\"              # optional: what it has to be
  bytes  = 12345            # optional: its length; unless it is said, 4 GiB
                            # are the most that is taken
It is then mine/mine.csv in that folder.")]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the data sets, which are there, their sources and terms
    List,
    /// Download a data set from its official source and check it; an interrupted download resumes
    Fetch {
        /// The set's name (`lockstep data list` shows the ones there are), or `all`
        name: String,
        /// Accept the terms, which are printed, without being asked
        #[arg(long)]
        accept: bool,
    },
    /// Check the files that are there: 0 if none is wrong, 1 if one is
    Verify {
        /// The set's name
        #[arg(default_value = "all")]
        name: String,
    },
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let folder = store::folder()?;
    let sets = Sets::load(&folder)?;
    match &options.action {
        Action::List => list(&folder, &sets),
        Action::Fetch { name, accept } => fetch(&folder, &sets.choose(name)?, *accept),
        Action::Verify { name } => verify(&folder, &sets.choose(name)?),
    }
}

fn list(folder: &Path, sets: &Sets) -> Result<u8> {
    let mut text = format!("In {}\n\n", folder.display());
    for set in sets.iter() {
        let files: Vec<Entry<'_>> = set.entries().collect();
        let there = files.iter().filter(|entry| entry.path(folder).is_file()).count();
        let there = match there {
            0 => "missing".to_owned(),
            all if all == files.len() => "present".to_owned(),
            some => format!("partly ({some} of {})", files.len()),
        };
        let bytes: u64 = files.iter().filter_map(|entry| entry.file.bytes).sum();
        let size = if bytes > 0 { DecimalBytes(bytes).to_string() } else { "?".to_owned() };
        let _ = writeln!(text, "{:<12}{size:>10}  {there}\n    {}", set.name, set.what);
        let _ = writeln!(text, "    terms: {}\n    {}", set.terms, source(set));
    }
    text.push_str("\nGet one with `lockstep data fetch NAME`, all with `lockstep data fetch all`.\n");
    print(&text)?;
    Ok(0)
}

/// The page of a set, or the address of its first download.
fn source(set: &Set) -> &str {
    let download = set.downloads.first().map(|download| &download.url);
    set.page.as_ref().or(download).map_or("no source", |url| url.as_str())
}

fn fetch(folder: &Path, sets: &[&Set], accept: bool) -> Result<u8> {
    let settings = Settings::from_environment()?;
    let mut failed = 0;
    for set in sets {
        match fetch_one(folder, set, accept, &settings) {
            Err(error) if sets.len() > 1 => {
                failed += 1;
                // A stderr that cannot be written leaves the exit code to say it.
                let _ = writeln!(io::stderr(), "lockstep: {error}");
            }
            result => result?,
        }
    }
    if failed > 0 {
        return Err(Error::Usage(format!("{failed} of {} data sets could not be fetched", sets.len())));
    }
    Ok(0)
}

fn fetch_one(folder: &Path, set: &Set, accept: bool, settings: &Settings) -> Result<()> {
    let plan = Plan::new(set, folder)?;
    if plan.downloads.is_empty() && plan.by_hand.is_empty() {
        return print(&format!("{}: all there, nothing to do\n", set.name));
    }
    if plan.needs_network() {
        consent(set, &plan, accept)?;
    }
    let mut by_hand = String::new();
    for entry in &plan.by_hand {
        let format = entry.file.format.as_deref().unwrap_or_default();
        let _ = writeln!(by_hand, "by hand  {}\n         {format}", entry.path(folder).display());
    }
    let only_by_hand = plan.downloads.is_empty();
    let mut lines = String::new();
    for file in plan.run(settings, &mut Bar(None))? {
        let _ = writeln!(lines, "fetched  {}: {}", file.name, told(file.basis));
    }
    print(&(lines + &by_hand))?;
    if only_by_hand {
        // Nothing could be done about what is missing.
        return Err(Error::Usage(format!(
            "{}: what is missing has no download that can be pinned; put it where it says above",
            set.name
        )));
    }
    Ok(())
}

fn told(basis: Basis) -> &'static str {
    match basis {
        Basis::Published => "has its published checksum",
        Basis::Archive => "its archive has the published checksum; its own is recorded",
        Basis::Recorded => "as first fetched",
        Basis::First => "first fetched: nothing to check it against; its checksum is recorded",
    }
}

/// Prints the terms; asks on a terminal, and needs `--accept` where nobody can answer.
fn consent(set: &Set, plan: &Plan<'_>, accept: bool) -> Result<()> {
    let mut text = format!("{}: {}\n  terms: {}\n  {}\n", set.name, set.what, set.terms, source(set));
    for download in &plan.downloads {
        let size = download.bytes.map_or(String::new(), |bytes| format!(" ({})", DecimalBytes(bytes)));
        let _ = writeln!(text, "  from {}{size}", download.url.as_str());
    }
    print(&text)?;
    if accept {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Error::Usage(format!(
            "{}: nobody is there to be asked; add --accept if you accept these terms",
            set.name
        )));
    }
    let _ = write!(io::stderr(), "Do you accept these terms and fetch it? [y/N] ");
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Error::io(Path::new("stdin"), "cannot read the answer; add --accept", error))?;
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    Err(Error::Usage(format!("{}: not accepted, nothing was fetched", set.name)))
}

/// A bar on a terminal, one for each download; nothing on a pipe.
struct Bar(Option<ProgressBar>);

impl Watcher for Bar {
    fn begin(&mut self, url: &str, have: u64, total: Option<u64>) {
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_position(have);
        let template = "{msg:28!} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(url.rsplit('/').next().unwrap_or(url).to_owned());
        // What was there already is no part of the speed.
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(200));
        self.0 = Some(bar);
    }

    fn advance(&mut self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

fn verify(folder: &Path, sets: &[&Set]) -> Result<u8> {
    let sums = Sums::load(folder)?;
    let mut text = String::new();
    let [mut right, mut wrong, mut missing, mut unknown] = [0; 4];
    for entry in sets.iter().flat_map(|set| set.entries()) {
        let (count, word, rest) = match fetch::state(&entry.path(folder), &entry, &sums)? {
            State::Right(Basis::Recorded) => (&mut right, "ok", ": as first fetched".to_owned()),
            State::Right(_) => (&mut right, "ok", String::new()),
            State::Wrong { expected, found } => {
                (&mut wrong, "wrong", format!("\n         expected {expected}\n         found    {found}"))
            }
            State::Missing => (&mut missing, "missing", String::new()),
            State::Unknown => (&mut unknown, "unknown", ": nothing to check it against".to_owned()),
        };
        *count += 1;
        let _ = writeln!(text, "{word:<9}{}{rest}", entry.name());
    }
    let _ = writeln!(text, "\n{right} ok, {wrong} wrong, {missing} missing, {unknown} unknown in {}", folder.display());
    print(&text)?;
    if right + wrong + unknown == 0 {
        return Err(Error::Usage(format!("there is nothing to verify in {}", folder.display())));
    }
    Ok(u8::from(wrong > 0))
}
