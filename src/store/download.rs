//! One address, downloaded into a `.part` file that a later fetch goes on with.
//!
//! What a `.part` file holds is the start of what the address gives. It is gone on with (HTTP Range, RFC 9110 §14) only
//! where a checksum would notice that the two halves come from different versions; otherwise it begins anew.

use super::{
    Settings, fault,
    sets::{Download, Url},
    unwritten,
};
use crate::error::{Error, Result};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read, Write},
    path::Path,
    time::Duration,
};
use ureq::{Agent, Body, http::Response};

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

/// Brings `part` to what `download` gives. `action` is what errors tell the user to do.
pub(super) fn fetch(
    download: &Download,
    part: &Path,
    action: &str,
    settings: &Settings,
    watcher: &mut dyn Watcher,
) -> Result<()> {
    let mut file = open(part)?;
    let there = file.metadata().map_err(|error| unwritten(part, error))?.len();
    let mut have = there;
    if !download.is_known() || download.bytes.is_some_and(|bytes| have > bytes) {
        have = 0;
    }
    if have > 0 && download.bytes == Some(have) {
        return Ok(());
    }
    let failed = |error| Error::io(part, action, error);
    let url = settings.mirror.as_ref().map_or_else(|| download.url.clone(), |mirror| download.url.at(mirror));
    let (have, response) = request(&url, have, settings).map_err(|error| {
        if there == 0 {
            // Nothing came; an empty file that stays behind harms nobody.
            let _ = fs::remove_file(part);
        }
        failed(error)
    })?;
    if have < there {
        file.set_len(have).map_err(|error| unwritten(part, error))?;
    }
    let total = response.body().content_length().map(|length| have + length).or(download.bytes);
    watcher.begin(url.as_str(), have, total);
    let received = receive(response.into_body().into_reader(), &mut file, watcher);
    watcher.end();
    match received {
        Ok(received) if total.is_some_and(|total| have + received < total) => Err(failed(cut_short())),
        Ok(_) => Ok(()),
        Err(Broken::Read(error)) => Err(failed(said(error.into(), settings.timeout))),
        Err(Broken::Write(error)) => Err(unwritten(part, error)),
    }
}

/// Which side of a download failed.
enum Broken {
    Read(io::Error),
    Write(io::Error),
}

/// Writes what comes, until there is no more; returns the number of bytes.
fn receive(mut body: impl Read, file: &mut File, watcher: &mut dyn Watcher) -> std::result::Result<u64, Broken> {
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    loop {
        let count = body.read(&mut buffer).map_err(Broken::Read)?;
        if count == 0 {
            return Ok(received);
        }
        file.write_all(&buffer[..count]).map_err(Broken::Write)?;
        received += count as u64;
        watcher.advance(count as u64);
    }
}

/// The `.part` file, for this process alone.
fn open(part: &Path) -> Result<File> {
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

fn cut_short() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the connection ended before all was there; fetch again to go on")
}
