//! What a user sees of `lockstep data`: the files it leaves, what it says, its exit codes. The sources are a small HTTP
//! server in this file; the sets are a user's own, in `sets.toml`, or Lockstep's, made from the real files where
//! LOCKSTEP_DATA has them.

// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used)]

use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Cursor, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

/// How the server answers one request; when its answers are used up, whole files and ranges of them.
enum Answer {
    Cut(usize),
    Stall(usize),
    Slow(Duration),
    Whole,
    Status(&'static str),
    OtherRange,
    /// Without a word of how much there is: the file, and then these bytes again and again.
    Endless(Vec<u8>, Duration),
    /// The first bytes and a mark that this is all.
    Chunk(usize),
}

/// Files by path, answers that wait, and the path and range of every request so far.
#[derive(Default)]
struct Served {
    files: BTreeMap<String, Vec<u8>>,
    answers: Vec<Answer>,
    asked: Vec<(String, Option<String>)>,
}

#[derive(Clone)]
struct Server {
    port: u16,
    served: Arc<Mutex<Served>>,
}

impl Server {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        let served = Arc::new(Mutex::new(Served { files, ..Served::default() }));
        let server = Self { port: listener.local_addr().unwrap().port(), served };
        let own = server.clone();
        // Ends with the test's process; no test makes more than a few requests.
        thread::spawn(move || {
            for stream in listener.incoming().take(100) {
                let server = own.clone();
                thread::spawn(move || server.answer(&stream.unwrap()));
            }
        });
        server
    }

    /// Waiting answers, first one first.
    fn answers(&self, answers: Vec<Answer>) {
        self.served.lock().unwrap().answers = answers;
    }

    /// The ranges that were asked for, one for each request.
    fn ranges(&self) -> Vec<Option<String>> {
        self.served.lock().unwrap().asked.iter().map(|(_, range)| range.clone()).collect()
    }

    /// A client that gives up in the middle is no error here.
    fn answer(&self, stream: &TcpStream) {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let Some(request) = lines.next() else { return };
        let path = request.split(' ').nth(1).unwrap().to_owned();
        let range = lines.filter_map(|line| Some(line.to_lowercase().strip_prefix("range: ")?.to_owned())).last();
        let (file, answer) = {
            let mut served = self.served.lock().unwrap();
            served.asked.push((path.clone(), range.clone()));
            let answer = (!served.answers.is_empty()).then(|| served.answers.remove(0));
            (served.files.get(&path).cloned(), answer)
        };
        let Some(file) = file else {
            return send(stream, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", &[]);
        };
        let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", file.len());
        match answer {
            Some(Answer::Cut(count)) => send(stream, &whole, &file[..count]),
            Some(Answer::Stall(count)) => {
                send(stream, &whole, &file[..count]);
                thread::sleep(Duration::from_secs(5));
            }
            Some(Answer::Slow(pause)) => {
                send(stream, &whole, &[]);
                for piece in file.chunks(file.len().div_ceil(6)) {
                    thread::sleep(pause);
                    send(stream, "", piece);
                }
            }
            Some(Answer::Whole) => send(stream, &whole, &file),
            Some(Answer::Status(status)) => {
                send(stream, &format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"), &[])
            }
            Some(Answer::OtherRange) => {
                let head = format!("HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 1-2/{}\r\n", file.len());
                send(stream, &(head + "content-length: 2\r\n\r\n"), &file[1..3]);
            }
            Some(Answer::Endless(more, pause)) => {
                send(stream, "HTTP/1.1 200 OK\r\n\r\n", &file);
                let mut stream = stream;
                while stream.write_all(&more).is_ok() {
                    thread::sleep(pause);
                }
            }
            Some(Answer::Chunk(count)) => {
                let head = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{count:x}\r\n");
                send(stream, &head, &[&file[..count], b"\r\n0\r\n\r\n"].concat());
            }
            None => match range {
                None => send(stream, &whole, &file),
                Some(range) => {
                    let first: usize =
                        range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap();
                    let rest = &file[first..];
                    let place = format!("bytes {first}-{}/{}", file.len() - 1, file.len());
                    let head = format!("HTTP/1.1 206 Partial Content\r\ncontent-range: {place}\r\ncontent-length: ");
                    send(stream, &format!("{head}{}\r\n\r\n", rest.len()), rest);
                }
            },
        }
    }
}

fn send(mut stream: &TcpStream, head: &str, body: &[u8]) {
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush());
}

/// A data folder, and what the program says about it.
struct Place(TempDir);

impl Place {
    /// With one set, `mine`, of these downloads: file name and further lines.
    fn new(server: &Server, downloads: &[(&str, String)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let mut text = "[[set]]\nname = 'mine'\nwhat = 'a set of mine'\nterms = 'mine alone'\n".to_owned();
        for (name, lines) in downloads {
            let port = server.port;
            text += &format!("[[set.download]]\nurl = 'http://127.0.0.1:{port}/{name}'\n{lines}\n");
        }
        fs::write(place.path("sets.toml"), text).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lockstep"));
        command.arg("data").args(arguments).env("LOCKSTEP_DATA", self.0.path()).env("LOCKSTEP_DATA_TIMEOUT", "20");
        command.env_remove("LD_LIBRARY_PATH").env_remove("LOCKSTEP_DATA_SOURCE");
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(proxy);
        }
        command
    }

    fn data(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn fetch(&self) -> Output {
        self.data(&["fetch", "mine", "--accept"])
    }

    /// Everything in the set's folder, in order.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("mine")).into_iter().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pinned(bytes: &[u8]) -> String {
    format!("sha256 = '{}'", sha256(bytes))
}

/// The exit code, and everything that was said.
fn outcome(output: &Output) -> (i32, String) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), said)
}

/// Some 300 kB that no two halves of are alike.
fn bytes() -> Vec<u8> {
    (0..40_000u32).flat_map(|number| format!("{number},").into_bytes()).collect()
}

#[test]
fn a_set_is_fetched_once_its_terms_are_accepted_then_listed_and_verified() {
    let server = Server::new(&[("/mine.csv", &bytes())]);
    let place = Place::new(&server, &[("mine.csv", pinned(&bytes()))]);
    assert!(outcome(&place.data(&["list"])).1.contains("missing\n    a set of mine\n    terms: mine alone"));
    let (code, said) = outcome(&place.data(&["fetch", "mine"]));
    assert_eq!(code, 2);
    assert!(said.contains("terms: mine alone") && said.contains("add --accept"), "{said}");
    assert!(server.ranges().is_empty() && place.files().is_empty());
    let (code, said) = outcome(&place.data(&["verify", "mine"]));
    assert!(code == 2 && said.contains("nothing to verify"), "{said}");

    let output = place.fetch();
    assert!(output.stderr.is_empty(), "no progress on a pipe");
    let (code, said) = outcome(&output);
    assert!(code == 0 && said.contains("terms: mine alone") && said.contains("has its published checksum"), "{said}");
    assert_eq!(fs::read(place.path("mine/mine.csv")).unwrap(), bytes());
    assert_eq!(place.files(), ["mine.csv"]);
    assert!(!place.path("SHA256SUMS").exists());
    let (_, listed) = outcome(&place.data(&["list"]));
    assert!(listed.contains("present\n    a set of mine"), "{listed}");
    assert!(listed.lines().all(|line| line.chars().count() <= 80 || line.starts_with("In ")), "{listed}");

    let (code, said) = outcome(&place.data(&["fetch", "mine"]));
    assert!(code == 0 && said.contains("nothing to do") && server.ranges().len() == 1, "{said}");
    assert_eq!(outcome(&place.data(&["verify"])).0, 0);
    fs::write(place.path("mine/mine.csv"), "changed").unwrap();
    let (code, said) = outcome(&place.data(&["verify", "mine"]));
    assert!(code == 1 && said.contains("wrong    mine/mine.csv") && said.contains(&sha256(b"changed")), "{said}");
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("move it away and fetch again"), "{said}");
    assert_eq!(fs::read(place.path("mine/mine.csv")).unwrap(), b"changed");
}

#[test]
fn a_download_that_was_cut_short_is_gone_on_with_where_it_stopped() {
    let bytes = bytes();
    let server = Server::new(&[("/mine.csv", &bytes)]);
    let place = Place::new(&server, &[("mine.csv", pinned(&bytes))]);
    server.answers(vec![Answer::Cut(100_000)]);
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("fetch again to resume"), "{said}");
    assert!(
        said.contains(&format!("save that address by hand as {}", place.path("mine/mine.csv").display())),
        "{said}"
    );
    assert_eq!(fs::metadata(place.path("mine/mine.csv.part")).unwrap().len(), 100_000);
    assert_eq!(outcome(&place.fetch()).0, 0);
    assert_eq!(server.ranges(), [None, Some("bytes=100000-".to_owned())]);
    assert_eq!(fs::read(place.path("mine/mine.csv")).unwrap(), bytes);
}

#[test]
fn a_server_that_ignores_or_mistakes_the_range_still_gives_the_whole_file() {
    let bytes = bytes();
    for (answers, requests) in [
        (vec![Answer::Whole], 1),
        (vec![Answer::OtherRange], 2),
        (vec![Answer::Status("416 Range Not Satisfiable")], 2),
    ] {
        let server = Server::new(&[("/mine.csv", &bytes)]);
        let place = Place::new(&server, &[("mine.csv", pinned(&bytes))]);
        fs::create_dir(place.path("mine")).unwrap();
        fs::write(place.path("mine/mine.csv.part"), &bytes[..70_000]).unwrap();
        server.answers(answers);
        let (code, said) = outcome(&place.fetch());
        assert_eq!((code, server.ranges().len()), (0, requests), "{said}");
        assert_eq!(fs::read(place.path("mine/mine.csv")).unwrap(), bytes);
    }
}

#[test]
fn without_a_checksum_a_download_begins_anew_and_is_held_to_its_first_fetch() {
    let bytes = bytes();
    let server = Server::new(&[("/mine.csv", &bytes)]);
    let place = Place::new(&server, &[("mine.csv", String::new())]);
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/mine.csv.part"), "the start of another version").unwrap();
    let (code, said) = outcome(&place.fetch());
    assert!(code == 0 && said.contains("first fetched: nothing to check it against"), "{said}");
    assert_eq!(server.ranges(), [None]);
    let line = format!("{}  mine/mine.csv\n", sha256(&bytes));
    assert_eq!(fs::read_to_string(place.path("SHA256SUMS")).unwrap(), line);
    assert!(outcome(&place.data(&["verify", "mine"])).1.contains("ok       mine/mine.csv: as first fetched"));

    fs::remove_file(place.path("mine/mine.csv")).unwrap();
    server.served.lock().unwrap().files.insert("/mine.csv".to_owned(), b"a later version".to_vec());
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("not installed: another file than the first fetched"), "{said}");
    assert!(place.files().is_empty());
    fs::remove_file(place.path("SHA256SUMS")).unwrap();
    fs::write(place.path("mine/mine.csv"), "of unknown origin").unwrap();
    let (code, said) = outcome(&place.data(&["verify", "mine"]));
    assert!(code == 0 && said.contains("unknown  mine/mine.csv"), "{said}");
}

#[test]
fn a_wrong_checksum_installs_nothing_and_names_what_was_expected_and_found() {
    let server = Server::new(&[
        ("/mine.csv", b"an error page"),
        ("/file.csv", b"good"),
        ("/mine.gz", b"neither gzip nor short"),
    ]);
    let content = format!("[[set.download.file]]\npath = 'mine.gz'\ncontent_sha256 = '{}'", sha256(b"x"));
    let file = format!("[[set.download.file]]\npath = 'kept.csv'\nsha256 = '{}'", sha256(b"other"));
    for (name, lines, found) in [
        ("mine.csv", pinned(b"mine"), sha256(b"an error page")),
        ("file.csv", file, sha256(b"good")),
        ("mine.gz", content, "no whole gzip file".to_owned()),
    ] {
        let place = Place::new(&server, &[(name, lines)]);
        let (code, said) = outcome(&place.fetch());
        assert!(code == 2 && said.contains("expected SHA-256") && said.contains(&format!("found {found}")), "{said}");
        assert!(place.files().is_empty(), "{:?}", place.files());
    }
}

#[test]
fn files_come_out_of_an_archive_that_is_downloaded_once_or_was_put_there_by_hand() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in [("a/train.txt", &bytes()[..]), ("a/dev.txt", b"caf\xe9")] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text).unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    assert!(zip.len() < bytes().len(), "it is deflated");
    let member = |path: &str, member: &str| format!("[[set.download.file]]\npath = '{path}'\nmember = '{member}'\n");
    let lines = pinned(&zip) + "\n" + &member("train.txt", "a/train.txt") + &member("dev.txt", "a/dev.txt");
    let lines = [("mine.zip", lines + "convert = 'latin-1'")];
    let server = Server::new(&[("/mine.zip", &zip)]);
    let place = Place::new(&server, &lines);
    server.answers(vec![Answer::Cut(1000)]);
    assert_eq!(outcome(&place.fetch()).0, 2);
    let (code, said) = outcome(&place.fetch());
    assert!(code == 0 && said.contains("its archive has the published checksum"), "{said}");
    assert_eq!(place.files(), ["dev.txt", "train.txt"]);
    assert_eq!(fs::read(place.path("mine/train.txt")).unwrap(), bytes());
    assert_eq!(fs::read_to_string(place.path("mine/dev.txt")).unwrap(), "café");

    let place = Place::new(&server, &lines);
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/mine.zip"), &zip).unwrap();
    let asked = server.ranges().len();
    // Nothing is asked of the network, so nobody has to accept anything.
    assert_eq!(outcome(&place.data(&["fetch", "mine"])).0, 0);
    assert_eq!(server.ranges().len(), asked);
    assert_eq!(place.files(), ["dev.txt", "mine.zip", "train.txt"]);

    let place = Place::new(&server, &[("mine.zip", member("x.txt", "a/x.txt"))]);
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("there is no `a/x.txt` in it") && place.files().is_empty(), "{said}");
    let known = member("train.txt", "a/train.txt") + "bytes = 1000";
    let place = Place::new(&server, &[("mine.zip", known)]);
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("it unpacks to more than 1000 bytes") && place.files().is_empty(), "{said}");
    let mut damaged = zip.clone();
    damaged[3000] ^= 255;
    server.served.lock().unwrap().files.insert("/mine.zip".to_owned(), damaged);
    let place = Place::new(&server, &[("mine.zip", member("train.txt", "a/train.txt"))]);
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("not the archive that was expected") && place.files().is_empty(), "{said}");
}

#[test]
fn a_slow_source_is_waited_for_and_a_silent_one_is_given_up() {
    let bytes = bytes();
    let server = Server::new(&[("/mine.csv", &bytes)]);
    let place = Place::new(&server, &[("mine.csv", pinned(&bytes))]);
    let fetch =
        || outcome(&place.command(&["fetch", "mine", "--accept"]).env("LOCKSTEP_DATA_TIMEOUT", "1").output().unwrap());
    server.answers(vec![Answer::Stall(50_000), Answer::Slow(Duration::from_millis(300))]);
    let (code, said) = fetch();
    assert!(code == 2 && said.contains("the server sent nothing for 1 s"), "{said}");
    assert_eq!(fs::metadata(place.path("mine/mine.csv.part")).unwrap().len(), 50_000);
    // Longer than the limit in all, 6 × 0.3 s, but never silent for so long.
    let (code, said) = fetch();
    assert_eq!(code, 0, "{said}");
    assert_eq!(fs::read(place.path("mine/mine.csv")).unwrap(), bytes);
}

#[test]
fn a_server_that_sends_more_less_or_for_ever_is_left_and_nothing_of_it_is_kept() {
    let bytes = bytes();
    let server = Server::new(&[("/mine.csv", &bytes)]);
    let known = |length: usize| format!("bytes = {length}");
    let more = || vec![b'x'; 1 << 16];
    for (answer, length, told) in [
        (Answer::Whole, bytes.len() - 1, format!("expected {} bytes, found {}", bytes.len() - 1, bytes.len())),
        (Answer::Whole, bytes.len() + 1, format!("expected {} bytes, found {}", bytes.len() + 1, bytes.len())),
        (Answer::Chunk(1000), bytes.len(), format!("expected {} bytes, found 1000", bytes.len())),
        (Answer::Endless(more(), Duration::ZERO), 300_000, "expected 300000 bytes, found more".to_owned()),
    ] {
        let place = Place::new(&server, &[("mine.csv", known(length))]);
        server.answers(vec![answer]);
        let (code, said) = outcome(&place.fetch());
        assert!(code == 2 && said.contains(&told), "{told}: {said}");
        assert!(place.files().is_empty(), "{told}: {:?}", place.files());
    }
    // What was put there by hand is not deleted.
    let place = Place::new(&server, &[("mine.csv", known(3) + "\n[[set.download.file]]\npath = 'my.csv'")]);
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/mine.csv"), "long").unwrap();
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("expected 3 bytes, found 4") && place.files() == ["mine.csv"], "{said}");

    // Never silent, and never done.
    let place = Place::new(&server, &[("mine.csv", String::new())]);
    server.answers(vec![Answer::Endless(vec![b'x'], Duration::from_millis(100))]);
    let mut fetch = place.command(&["fetch", "mine", "--accept"]);
    let (code, said) = outcome(&fetch.env("LOCKSTEP_DATA_TIMEOUT", "1").output().unwrap());
    assert!(code == 2 && said.contains("the server sent less than 65536 bytes in 1 s"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_or_a_device_in_the_place_of_a_file_is_refused_and_not_read() {
    let server = Server::new(&[("/mine.csv", &bytes())]);
    for lines in [pinned(&bytes()), "[[set.download.file]]\npath = 'my.csv'\nconvert = 'trim'".to_owned()] {
        for name in ["mine/mine.csv", "mine/mine.csv.part", "SHA256SUMS"] {
            let place = Place::new(&server, &[("mine.csv", lines.clone())]);
            fs::create_dir(place.path("mine")).unwrap();
            assert!(Command::new("mkfifo").arg(place.path(name)).status().unwrap().success());
            let (code, said) = outcome(&place.fetch());
            let told = format!("{}: move it away and try again: expected a file", place.path(name).display());
            assert!(code == 2 && said.contains(&told), "{said}");
            fs::remove_file(place.path(name)).unwrap();
            std::os::unix::fs::symlink("/dev/zero", place.path(name)).unwrap();
            let (code, said) = outcome(&place.fetch());
            assert!(code == 2 && said.contains("found a pipe or a device"), "{said}");
        }
    }
}

#[test]
fn what_cannot_be_reached_is_said_with_the_file_to_put_where() {
    let server = Server::new(&[]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (source, told) in [
        (None, "it is no longer there (HTTP 404)"),
        (Some(format!("http://{closed}")), "onnection refused"),
        (Some("http://nowhere.invalid".to_owned()), ""),
    ] {
        let place = Place::new(&server, &[("mine.csv", String::new())]);
        let mut command = place.command(&["fetch", "mine", "--accept"]);
        if let Some(source) = source {
            command.env("LOCKSTEP_DATA_SOURCE", source);
        }
        let (code, said) = outcome(&command.output().unwrap());
        let by_hand = format!("save that address by hand as {}", place.path("mine/mine.csv").display());
        assert!(code == 2 && said.contains(&by_hand) && said.contains(told), "{said}");
        assert!(place.files().is_empty());
    }
    let place = Place::new(&server, &[("mine.csv", String::new())]);
    let (code, said) = outcome(&place.data(&["fetch", "mnits", "--accept"]));
    assert!(code == 2 && said.contains("did you mean `mnist`?"), "{said}");
    for (name, value) in [("LOCKSTEP_DATA_SOURCE", "here"), ("LOCKSTEP_DATA_TIMEOUT", "-1")] {
        let (code, said) = outcome(&place.command(&["fetch", "mine", "--accept"]).env(name, value).output().unwrap());
        assert!(code == 2 && said.contains(&format!("{name}: `{value}` is no ")), "{said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_fetch_and_a_folder_that_is_none_are_said_with_what_mends_them() {
    let server = Server::new(&[("/mine.csv", &bytes())]);
    let place = Place::new(&server, &[("mine.csv", String::new())]);
    fs::create_dir(place.path("mine")).unwrap();
    let other = fs::File::create(place.path("mine/mine.csv.part")).unwrap();
    other.lock().unwrap();
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("another process is downloading this"), "{said}");
    fs::remove_dir_all(place.path("mine")).unwrap();
    fs::write(place.path("mine"), "a file").unwrap();
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("cannot be written"), "{said}");
    fs::write(place.path("sets.toml"), "[[set]]\nname = 1\n").unwrap();
    let (code, said) = outcome(&place.fetch());
    assert!(code == 2 && said.contains("sets.toml: line 2: "), "{said}");
}

/// The official downloads, made back from the files that Lockstep keeps of them.
fn official(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let uci = "/ml/machine-learning-databases";
    let class_first = |row: &str| row.rsplit_once(',').map(|(values, class)| format!("{class},{values}\n")).unwrap();
    let latin1 = |text: Vec<u8>| -> Vec<u8> {
        String::from_utf8(text).unwrap().chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect()
    };
    let mut files = vec![
        ("/Data/QA/QC/train_5500.label".to_owned(), latin1(read("trec/train_5500.label.txt"))),
        ("/Data/QA/QC/TREC_10.label".to_owned(), read("trec/TREC_10.label.txt")),
        (format!("{uci}/iris/iris.data"), [&read("uci/iris.csv")[..], b"\n\n"].concat()),
        (
            format!("{uci}/wine/wine.data"),
            String::from_utf8(read("uci/wine.csv")).unwrap().lines().map(class_first).collect::<String>().into_bytes(),
        ),
        (format!("{uci}/00267/data_banknote_authentication.txt"), read("uci/banknote_authentication.csv")),
        (format!("{uci}/breast-cancer-wisconsin/wdbc.data"), read("uci/wdbc.data")),
    ];
    for name in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
        files.push((format!("/mnist/{name}-ubyte.gz"), read(&format!("mnist/{name}-ubyte.gz"))));
    }
    let repository = "/BasRizk/NaiveBayesVsPerceptronNLP/e7c5922036632e9b52945ecae738c1dd7b61426b/datasets";
    for set in ["questions", "odiya", "4dim"] {
        files.push((format!("{repository}/{set}.train.txt"), read(&format!("{set}/{set}.train.txt"))));
    }
    files
}

#[test]
fn the_own_sets_come_from_their_downloads_with_the_checksums_they_have() {
    let Some(real) = env::var_os("LOCKSTEP_DATA").map(PathBuf::from).filter(|folder| folder.join("mnist").is_dir())
    else {
        eprintln!("skipped: LOCKSTEP_DATA names no folder with the data sets");
        return;
    };
    let files = official(&real);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let server = Server::new(&files);
    let place = Place(tempfile::tempdir().unwrap());
    let source = format!("http://127.0.0.1:{}", server.port);
    for set in ["trec", "uci", "mnist", "questions", "odiya", "4dim"] {
        let mut command = place.command(&["fetch", set, "--accept"]);
        let (code, said) = outcome(&command.env("LOCKSTEP_DATA_SOURCE", &source).output().unwrap());
        assert_eq!(code, 0, "{said}");
        for entry in fs::read_dir(place.path(set)).unwrap() {
            let name = Path::new(set).join(entry.unwrap().file_name());
            assert!(fs::read(place.0.path().join(&name)).unwrap() == fs::read(real.join(&name)).unwrap(), "{name:?}");
        }
    }
    let (code, said) = outcome(&place.data(&["verify"]));
    assert!(code == 0 && said.contains("13 ok, 0 wrong, 6 missing, 0 unknown"), "{said}");
    // What the folder of real data has itself; the full GloVe file is not among it.
    let (code, said) = outcome(&place.command(&["verify"]).env("LOCKSTEP_DATA", &real).output().unwrap());
    assert!(code == 0 && said.contains(" 0 wrong, ") && said.contains(" 0 unknown "), "{said}");
    let (code, said) = outcome(&place.data(&["fetch", "questions"]));
    assert!(code == 2 && said.contains("questions.test.txt") && said.contains("ROT13"), "{said}");
}
