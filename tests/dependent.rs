//! A crate that depends on this one builds, links, starts and passes its test, with the lines that docs/engine.md tells its
//! author to write, and those alone.
#![cfg(feature = "torch")]
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::Path, process::Command};

const PAGE: &str = include_str!("../docs/engine.md");

/// The blocks of a language in the page, without their indentation.
fn blocks(language: &str) -> Vec<String> {
    let begin = format!("   ```{language}\n");
    let inside = PAGE.split(&begin).skip(1).map(|rest| rest.split("   ```").next().unwrap());
    inside
        .map(|block| block.lines().map(|line| line.strip_prefix("   ").unwrap_or(line)).collect::<Vec<_>>().join("\n"))
        .collect()
}

#[test]
#[ignore = "builds this crate anew, with other settings: some minutes; scripts/test --all runs it"]
fn a_crate_that_depends_on_this_one_builds_and_passes_its_test() {
    let here = env!("CARGO_MANIFEST_DIR");
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let [manifest, config] = <[String; 2]>::try_from(blocks("toml")).unwrap();
    let [test] = <[String; 1]>::try_from(blocks("rust")).unwrap();
    let package = "[package]\nname = \"dependent\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
    put("Cargo.toml", package.to_owned() + &manifest.replace("../lockstep", here));
    // Where the tests run with a libtorch elsewhere, the variable wins over the file.
    put(".cargo/config.toml", config.replace("../lockstep", here).replace(", relative = true", ""));
    put("tests/parity.rs", test);
    put("src/lib.rs", String::new());
    // The versions that are there, and what is built of them.
    fs::copy(Path::new(here).join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--offline"]).current_dir(folder.path()).env("CARGO_TARGET_DIR", target);
    // What `cargo test` has set for this package is not there where a dependent's author types it.
    for name in ["LD_LIBRARY_PATH", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION", "RUSTFLAGS"] {
        cargo.env_remove(name);
    }
    let ended = cargo.output().unwrap();
    let said = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(ended.status.success(), "{said}");
    assert!(said.contains("test my_engine_trains_as_pytorch_does ... ok"), "{said}");
}
