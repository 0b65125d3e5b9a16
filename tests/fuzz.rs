//! Whatever the bytes of a file are, they are read or refused: no panic, no abort, no hang, no more memory than is stated.
//!
//! A few thousand mutations of valid files run with the other tests; CONTRIBUTING.md says how to run them for long. A case
//! that failed is kept in `tests/regressions/fuzz` and runs first from then on.

// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::panic)]

use flate2::{Compression, write::GzEncoder};
use lockstep::{Comparison, experiment::Experiment, run::Start};
use ndarray::{Array1, Array2, Array3};
use ndarray_npy::{NpzWriter, WriteNpyExt, write_npy};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, serialize, tensor::TensorView};
use std::{
    collections::HashMap,
    env, fs,
    io::{Cursor, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

/// Cases of each reader where nothing else is asked for.
const CASES: usize = 400;

/// What one case may take: a mutation of a small file is small, and a gigabyte of zeros packed in it is refused.
const LONGEST: Duration = Duration::from_secs(20);

/// A reader, the name of its file, and a valid one.
struct Reader {
    name: &'static str,
    file: &'static str,
    valid: Vec<u8>,
    /// The experiment that reads the file; nothing where the file is the experiment.
    experiment: &'static str,
}

const TEXT: &[u8] = b"sentence\tlabel\ngood film\t1\na bad film\t0\nbad\t0\n";

const MANIFEST: &[u8] = br#"{"schema": 1, "engine": "loops", "layout": {"0.weight": "out,in"}}"#;

const TRAINING: &str = "training = { loss = 'mse', optimizer = { sgd = { lr = 0.1 } }, steps = 3 }\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn readers() -> Vec<Reader> {
    let csv = b"x,y,class\n0.5,1,a\n-2,\"3\",b\n4,5e-3,a\n".to_vec();
    let mut npy = Vec::new();
    Array2::from_elem((1, 2), 0.5f32).write_npy(&mut npy).unwrap();
    let mut weights = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    weights.add_array("0.weight", &Array2::from_elem((1, 2), 0.5f32)).unwrap();
    weights.add_array("0.bias", &Array1::from_elem(1, 0.25f64)).unwrap();
    let mut arrays = NpzWriter::new(Cursor::new(Vec::new()));
    arrays.add_array("x", &Array2::from_elem((4, 2), 1.5f32)).unwrap();
    arrays.add_array("y", &Array1::from_elem(4, 0.25f64)).unwrap();
    let mut recorded = NpzWriter::new(Cursor::new(Vec::new()));
    recorded.add_array("0.weight", &Array3::from_elem((4, 1, 2), 0.5f64)).unwrap();
    recorded.add_array("loss", &Array1::from_elem(3, 0.25f64)).unwrap();
    let mut steps = Vec::new();
    Array3::from_elem((4, 1, 2), 0.5f64).write_npy(&mut steps).unwrap();
    let trace = |path| {
        format!(
            "{TRAINING}data.kind = 'xor'\nmodel = {{ bias = false, layers = [{{ linear = {{ outputs = 1 }} }}] }}\n\
             reference.engine = 'scratch'\ncandidate.engine = {{ trace = '{path}' }}\n"
        )
    };
    let numbers = [0u8; 8];
    let view = |shape: &[usize]| {
        TensorView::new(Dtype::F32, shape.to_vec(), &numbers[..4 * shape.iter().product::<usize>()]).unwrap()
    };
    let tensors = HashMap::from([("0.weight", view(&[1, 2])), ("0.bias", view(&[1]))]);
    let idx = [&[0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1][..], &[1, 2, 3, 4, 5, 6]].concat();
    let class = "training = { loss = 'cross-entropy', optimizer = { sgd = { lr = 0.1 } }, steps = 3 }\n\
                 model.layers = [{ linear = { outputs = 2 } }]\n";
    let read = |name, file, valid, experiment| Reader { name, file, valid, experiment };
    vec![
        read("toml", "x.toml", include_bytes!("../experiments/circle/parity.toml").to_vec(), ""),
        read("csv", "x.csv", csv.clone(), leak(format!("{class}data = {{ kind = 'csv', path = 'x.csv' }}\n"))),
        read("gzip", "x.csv.gz", gzip(&csv), leak(format!("{class}data = {{ kind = 'csv', path = 'x.csv.gz' }}\n"))),
        read(
            "text",
            "x.tsv",
            TEXT.to_vec(),
            leak(format!("{class}data = {{ kind = 'text', path = 'x.tsv', header = true, rows = {{ words = {{ first = 3 }} }} }}\n")
                .replace("[{", "[{ embedding = { words = 20, columns = 2 } }, 'flatten', {")),
        ),
        read(
            "vectors",
            "v.txt",
            b"good 0.5 -1e-3\nbad 2 3\nfilm -7.25 0\n".to_vec(),
            leak(format!(
                "{class}data = {{ kind = 'text', path = 'x.tsv', header = true, rows = {{ vectors = {{ path = 'v.txt', first = 3 }} }} }}\n"
            )),
        ),
        read(
            "idx",
            "x.idx",
            idx,
            leak(format!("{class}data = {{ kind = 'idx', inputs = 'x.idx', targets = 'y.idx' }}\n")),
        ),
        read(
            "npz",
            "x.npz",
            arrays.finish().unwrap().into_inner(),
            leak(format!(
                "{TRAINING}model.layers = [{{ linear = {{ outputs = 1 }} }}]\n\
             data = {{ kind = 'npz', path = 'x.npz', inputs = 'x', targets = 'y' }}\n"
            )),
        ),
        read(
            "npy",
            "w/0.weight.npy",
            npy,
            leak(format!(
                "{TRAINING}data.kind = 'xor'\nmodel = {{ init = {{ file = 'w' }}, layers = [{{ linear = {{ outputs = 1, bias = false }} }}] }}\n"
            )),
        ),
        read(
            "npz-weights",
            "w.npz",
            weights.finish().unwrap().into_inner(),
            leak(format!(
                "{TRAINING}data.kind = 'xor'\nmodel = {{ init = {{ file = 'w.npz' }}, layers = [{{ linear = {{ outputs = 1 }} }}] }}\n"
            )),
        ),
        read("trace", "run.npz", recorded.finish().unwrap().into_inner(), leak(trace("run.npz"))),
        read("trace-npy", "run/parameter/0.weight.npy", steps, leak(trace("run"))),
        read("manifest", "run/manifest.json", MANIFEST.to_vec(), leak(trace("run"))),
        read(
            "safetensors",
            "w.safetensors",
            serialize(tensors, None).unwrap(),
            leak(format!(
                "{TRAINING}data.kind = 'xor'\nmodel = {{ init = {{ file = 'w.safetensors' }}, layers = [{{ linear = {{ outputs = 1 }} }}] }}\n"
            )),
        ),
    ]
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

impl Reader {
    /// Reads these bytes as a user would let them be read; whether they were accepted.
    fn read(&self, folder: &Path, bytes: &[u8]) -> bool {
        let path = folder.join(self.file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        match self.name {
            "idx" => fs::write(folder.join("y.idx"), [0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 0]).unwrap(),
            "vectors" => fs::write(folder.join("x.tsv"), TEXT).unwrap(),
            "trace-npy" => fs::write(folder.join("run/manifest.json"), MANIFEST).unwrap(),
            "manifest" => {
                fs::create_dir_all(folder.join("run/parameter")).unwrap();
                write_npy(folder.join("run/parameter/0.weight.npy"), &Array3::from_elem((4, 1, 2), 0.5f64)).unwrap();
            }
            _ => {}
        }
        let read = if self.experiment.is_empty() {
            Experiment::load(&path, &[])
        } else {
            Experiment::parse(self.experiment, "fuzz.toml", folder, &[])
        };
        // What was recorded is read as it is judged.
        let judged = self.experiment.contains("trace = ");
        let used = |experiment: Experiment| match judged {
            true => Comparison::default().run(&experiment).map(drop),
            false => Start::draw(&experiment).map(drop),
        };
        match read.and_then(used) {
            Ok(()) => true,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                false
            }
        }
    }

    /// Another file, near the valid one.
    fn mutated(&self, random: &mut ChaCha8Rng) -> Vec<u8> {
        const WORDS: [&[u8]; 12] = [
            b"999999999999999999999",
            b"-1",
            b"nan",
            b"1e309",
            b"\xff\xff\xff\xff",
            b"\0\0\0\0",
            b"\"",
            b"{",
            b"]]",
            b"\n",
            b"'descr'",
            b"\xe2\x80\xae",
        ];
        let mut bytes = self.valid.clone();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..=bytes.len());
            let end = (at + random.random_range(0..9)).min(bytes.len());
            match random.random_range(0..6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
                1 => drop(bytes.splice(at..end, std::iter::empty())),
                2 => drop(bytes.splice(at..end, WORDS[random.random_range(0..WORDS.len())].iter().copied())),
                3 => bytes.truncate(at),
                4 => {
                    let piece = bytes[at..end].to_vec();
                    let to = random.random_range(0..=bytes.len());
                    bytes.splice(to..to, piece);
                }
                _ => {
                    drop(bytes.splice(
                        at..at,
                        (0..random.random_range(1..9)).map(|_| random.random::<u8>()).collect::<Vec<_>>(),
                    ))
                }
            }
        }
        bytes
    }
}

/// The most memory that this process has held, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Runs a case; one that panics or hangs is kept. It stands in a file before it runs, so that an abort leaves it, too.
fn case(reader: &Reader, folder: &Path, bytes: &[u8]) -> bool {
    let kept = folder.join("case");
    fs::write(&kept, bytes).unwrap();
    let start = Instant::now();
    let read = catch_unwind(AssertUnwindSafe(|| reader.read(folder, bytes)));
    let slow = start.elapsed() > LONGEST;
    if read.is_err() || slow {
        let name = format!(
            "{}-{:08x}",
            reader.name,
            bytes.iter().fold(0u32, |sum, &byte| sum.rotate_left(5) ^ u32::from(byte))
        );
        let kept = regressions().join(name);
        fs::create_dir_all(regressions()).unwrap();
        fs::write(&kept, bytes).unwrap();
        panic!("{}: {}; kept as {}", reader.name, if slow { "it took too long" } else { "it panics" }, kept.display());
    }
    read.unwrap_or(false)
}

fn regressions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions/fuzz")
}

/// Mutations of every reader's file, until `enough` of them.
fn fuzz(seed: u64, enough: impl Fn(usize, Duration) -> bool) {
    let folder = tempfile::tempdir().unwrap();
    // A part of them, so that several programs share the work.
    let asked = env::var("LOCKSTEP_FUZZ_READERS").ok();
    let asked = |name: &str| asked.as_ref().is_none_or(|asked| asked.split(',').any(|asked| asked == name));
    for reader in readers().into_iter().filter(|reader| asked(reader.name)) {
        assert!(case(&reader, folder.path(), &reader.valid), "{}: the valid file is refused", reader.name);
        for entry in fs::read_dir(regressions()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("{}-", reader.name)) {
                case(&reader, folder.path(), &fs::read(entry.path()).unwrap());
            }
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (start, before, mut count, mut accepted) = (Instant::now(), peak(), 0, 0);
        while !enough(count, start.elapsed()) {
            let bytes = reader.mutated(&mut random);
            accepted += usize::from(case(&reader, folder.path(), &bytes));
            count += 1;
        }
        let grown = peak() - before;
        println!("{}: {count} files, {accepted} of them accepted, {} MB more at the most", reader.name, grown >> 20);
        // Nothing that a small file says makes it large: a packed one may hold a thousand times its bytes.
        assert!(grown < 1 << 30, "{}: {grown} bytes", reader.name);
    }
}

#[test]
fn no_bytes_of_a_file_end_the_program() {
    fuzz(7, |count, _| count >= CASES);
}

#[test]
#[ignore = "takes as long as LOCKSTEP_FUZZ_SECONDS says for each reader, 600 where it says nothing"]
fn no_bytes_of_a_file_end_the_program_for_long() {
    let seconds = env::var("LOCKSTEP_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = since.as_nanos() as u64;
    println!("seed {seed}");
    fuzz(seed, |_, elapsed| elapsed >= Duration::from_secs(seconds));
}
