//! One address, downloaded into a `.part` file that a later fetch goes on with.
//!
//! What a `.part` file holds is the start of what the address gives. It is gone on with (HTTP Range, RFC 9110 §14) only
//! where a checksum would notice that the two halves come from different versions; otherwise it begins anew.
//!
//! No server keeps a download going for ever: it ends one byte past the length that is known, or past [`MOST_BYTES`] where
//! none is, and it has to bring [`LEAST`] bytes within every [`Settings::timeout`].

use super::{Settings, unwritten};
use crate::{
    error::{Error, Result},
    store::{Download, MOST_BYTES, Url, fault, refuse_no_file},
};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read, Write},
    path::Path,
    time::{Duration, Instant},
};
use ureq::{Agent, Body, http::Response};

/// What has to come within the timeout: 2 kB/s in the 30 s that are its default, where a modem of 1998 brought 6.
const LEAST: u64 = 1 << 16;

/// Hears how far a download is; every method may be left out.
pub trait Watcher {
    /// A download begins, or begins anew: its address, the bytes there already, and all there will be if that is known.
    fn begin(&mut self, url: &str, have: u64, total: Option<u64>) {
        let _ = (url, have, total);
    }
    /// So many bytes more.
    fn advance(&mut self, bytes: u64) {
        let _ = bytes;
    }
    /// The download has ended, whole or not.
    fn end(&mut self) {}
}

/// Brings `part` to what `download` gives, and returns it: while it is open no other process takes it. `action` is what
/// errors tell the user to do.
pub(super) fn fetch(
    download: &Download,
    part: &Path,
    action: &str,
    settings: &Settings,
    watcher: &mut dyn Watcher,
) -> Result<File> {
    let mut file = open(part)?;
    let there = file.metadata().map_err(|error| unwritten(part, error))?.len();
    let mut have = there;
    if !download.is_known() || download.bytes.is_some_and(|bytes| have > bytes) {
        have = 0;
    }
    if have > 0 && download.bytes == Some(have) {
        return Ok(file);
    }
    let failed = |error| Error::io(part, action, error);
    let url = settings.mirror.as_ref().map_or_else(|| download.url.clone(), |mirror| download.url.at(mirror));
    let answer = request(&url, have, settings).and_then(|(have, response)| {
        let announced = response.body().content_length().map(|length| have.saturating_add(length));
        check_length(announced, download.bytes)?;
        Ok((have, announced, response))
    });
    let (have, announced, response) = answer.map_err(|error| {
        if there == 0 {
            // Nothing came; an empty file that stays behind harms nobody.
            let _ = fs::remove_file(part);
        }
        failed(error)
    })?;
    if have < there {
        file.set_len(have).map_err(|error| unwritten(part, error))?;
    }
    let total = announced.or(download.bytes);
    // An end that the server marks is no connection that was cut.
    let is_marked = response.headers().contains_key("transfer-encoding");
    watcher.begin(url.as_str(), have, total);
    let most = download.bytes.unwrap_or(MOST_BYTES).saturating_sub(have);
    let received = receive(response.into_body().into_reader(), most, settings.timeout, &mut file, watcher);
    watcher.end();
    match (received.map(|received| have + received), download.bytes) {
        (Ok(found), Some(expected)) if found < expected && is_marked => {
            Err(failed(other_length(expected, &found.to_string())))
        }
        (Ok(found), _) if total.is_some_and(|total| found < total) => Err(failed(cut_short())),
        (Ok(_), _) => Ok(file),
        (Err(Broken::TooLong), Some(expected)) => Err(failed(other_length(expected, "more"))),
        (Err(Broken::TooLong), None) => Err(failed(too_long("more"))),
        (Err(Broken::TooSlow), _) => Err(failed(too_slow(settings.timeout))),
        (Err(Broken::Read(error)), _) => Err(failed(said(error.into(), settings.timeout))),
        (Err(Broken::Write(error)), _) => Err(unwritten(part, error)),
    }
}

/// Refuses an answer that says itself that it is too long, or is another one, before anything of it is written.
fn check_length(announced: Option<u64>, known: Option<u64>) -> io::Result<()> {
    let refused = match (announced, known) {
        (Some(found), Some(expected)) if found != expected => other_length(expected, &found.to_string()),
        (Some(found), None) if found > MOST_BYTES => too_long(&found.to_string()),
        _ => return Ok(()),
    };
    // What was there before may be of the right one: it is kept.
    Err(io::Error::other(refused))
}

/// How a download failed.
#[derive(Debug)]
enum Broken {
    Read(io::Error),
    Write(io::Error),
    TooLong,
    TooSlow,
}

/// Writes what comes, until there is no more, or more than `most`; returns the number of bytes.
fn receive(
    body: impl Read,
    most: u64,
    timeout: Duration,
    file: &mut impl Write,
    watcher: &mut dyn Watcher,
) -> std::result::Result<u64, Broken> {
    let mut body = body.take(most.saturating_add(1));
    let mut buffer = vec![0; 1 << 16];
    let (mut received, mut since, mut counted) = (0, Instant::now(), 0);
    loop {
        let count = body.read(&mut buffer).map_err(Broken::Read)?;
        if count == 0 {
            return Ok(received);
        }
        received += count as u64;
        if received > most {
            return Err(Broken::TooLong);
        }
        file.write_all(&buffer[..count]).map_err(Broken::Write)?;
        watcher.advance(count as u64);
        if received - counted >= LEAST {
            (since, counted) = (Instant::now(), received);
        } else if since.elapsed() > timeout {
            return Err(Broken::TooSlow);
        }
    }
}

/// The `.part` file, for this process alone.
fn open(part: &Path) -> Result<File> {
    refuse_no_file(part)?;
    let file = OpenOptions::new().create(true).append(true).open(part).map_err(|error| unwritten(part, error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(fault(part, "wait for it to end", ErrorKind::ResourceBusy, "another process is downloading this"))
        }
        // A file system without locks is no reason not to download.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Asks for what follows the first `have` bytes; returns how many of them the answer goes on from.
fn request(url: &Url, have: u64, settings: &Settings) -> io::Result<(u64, Response<Body>)> {
    let timeout = Some(settings.timeout);
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .accept_encoding("identity")
        .user_agent(concat!("lockstep/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(timeout)
        .timeout_connect(timeout)
        .timeout_recv_response(timeout)
        .timeout_per_read(timeout)
        // A second request has a connection of its own: servers close those that were answered.
        .max_idle_connections(0)
        .build()
        .into();
    let ask = |have: u64| {
        let request = agent.get(url.as_str());
        let request = if have > 0 { request.header("range", format!("bytes={have}-")) } else { request };
        request.call().map_err(|error| said(error, settings.timeout))
    };
    let mut response = ask(have)?;
    if have > 0 && response.status() != 200 && goes_on_from(&response) != Some(have) {
        // 416 where the file is shorter than what is there, or an answer to another question.
        response = ask(0)?;
    }
    match response.status().as_u16() {
        200 => Ok((0, response)),
        206 if goes_on_from(&response) == Some(have) => Ok((have, response)),
        status @ (404 | 410) => {
            Err(io::Error::new(ErrorKind::NotFound, format!("it is no longer there (HTTP {status})")))
        }
        _ => Err(io::Error::other(format!("the server answered HTTP {}", response.status()))),
    }
}

/// The first byte of a partial answer: `content-range: bytes 5-9/10` gives 5.
fn goes_on_from(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    let (first, _) = range.strip_prefix("bytes ")?.split_once('-')?;
    first.parse().ok().filter(|_| response.status() == 206)
}

/// The client's error in words that a user can act on.
#[allow(clippy::wildcard_enum_match_arm)] // The client's other errors say enough.
fn said(error: ureq::Error, timeout: Duration) -> io::Error {
    match error {
        ureq::Error::Timeout(_) => {
            let text = format!("the server sent nothing for {} s", timeout.as_secs_f64());
            io::Error::new(ErrorKind::TimedOut, text)
        }
        ureq::Error::HostNotFound => io::Error::other("the host's address cannot be found (is there a network?)"),
        ureq::Error::ConnectionFailed => io::Error::other("no connection to the host (is there a network?)"),
        ureq::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => cut_short(),
        ureq::Error::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// A download of another length; its kind says that it must not be continued.
fn other_length(expected: u64, found: &str) -> io::Error {
    let text = format!("the server has another file: expected {expected} bytes, found {found}");
    io::Error::new(ErrorKind::InvalidData, text)
}

fn too_long(found: &str) -> io::Error {
    let text = format!(
        "expected at most {MOST_BYTES} bytes, found {found}; if that is its length, write it as `bytes` under its url in \
         the set"
    );
    io::Error::new(ErrorKind::InvalidData, text)
}

fn too_slow(timeout: Duration) -> io::Error {
    let text = format!(
        "the server sent less than {LEAST} bytes in {} s; fetch again to resume, or set LOCKSTEP_DATA_TIMEOUT to more \
         seconds",
        timeout.as_secs_f64()
    );
    io::Error::new(ErrorKind::TimedOut, text)
}

fn cut_short() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the connection ended before all was there; fetch again to resume")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Unheard;

    impl Watcher for Unheard {}

    /// One byte after every pause.
    struct Drip(Duration);

    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(self.0);
            buffer[0] = b'x';
            Ok(1)
        }
    }

    #[test]
    fn a_server_that_never_ends_is_left() {
        let minute = Duration::from_secs(60);
        let mut kept = Vec::new();
        let long = receive(io::repeat(0), 1_000_000, minute, &mut kept, &mut Unheard);
        assert!(matches!(long, Err(Broken::TooLong)) && kept.len() <= 1_000_000);
        kept.clear();
        assert_eq!(
            receive(io::repeat(0).take(1_000_000), 1_000_000, minute, &mut kept, &mut Unheard).unwrap(),
            1_000_000
        );
        let drip = Drip(Duration::from_millis(5));
        let slow = receive(drip, u64::MAX, Duration::from_millis(50), &mut kept, &mut Unheard);
        assert!(matches!(slow, Err(Broken::TooSlow)));
    }

    #[test]
    fn an_answer_that_says_it_is_of_another_length_is_refused_before_it_is_written() {
        assert!(check_length(None, Some(5)).is_ok() && check_length(Some(5), Some(5)).is_ok());
        assert!(
            check_length(Some(MOST_BYTES), None).is_ok()
                && check_length(Some(MOST_BYTES + 1), Some(MOST_BYTES + 1)).is_ok()
        );
        for (announced, known, told) in [
            (4, Some(5), "expected 5 bytes, found 4"),
            (6, Some(5), "expected 5 bytes, found 6"),
            (MOST_BYTES + 1, None, "write it as `bytes` under its url"),
        ] {
            let error = check_length(Some(announced), known).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
