//! Writes the folder of libtorch into the binary, so that it runs from anywhere without LD_LIBRARY_PATH, lets the tests of
//! crates that depend on this one find it, and tells the program which libtorch it was built with.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Set by torch-sys's build script (its `links` name is "tch"); absent without the feature `torch`.
    let Ok(libraries) = env::var("DEP_TCH_LIBTORCH_LIB") else {
        return;
    };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{libraries}");
    reach_dependents(&libraries);
    println!("cargo:rustc-env=LOCKSTEP_LIBTORCH_VERSION={}", version(&Path::new(&libraries).join("..")));
}

/// `rustc-link-arg` is of this package alone. For crates that depend on it `cargo run` and `cargo test` look for libraries in
/// the search paths that lie below `target`: there a link leads to libtorch.
fn reach_dependents(libraries: &str) {
    let Some(out) = env::var_os("OUT_DIR") else { return };
    let link = Path::new(&out).join("libtorch");
    let _ = fs::remove_file(&link);
    #[cfg(unix)]
    if std::os::unix::fs::symlink(libraries, &link).is_ok() {
        println!("cargo:rustc-link-search=native={}", link.display());
    }
}

/// The version of the libtorch in `tree`: its headers say it; an official archive also has a `build-version`.
fn version(tree: &Path) -> String {
    let header = fs::read_to_string(tree.join("include/torch/headeronly/version.h")).unwrap_or_default();
    let number =
        |name: &str| header.lines().find_map(|line| line.strip_prefix(&format!("#define TORCH_VERSION_{name} ")));
    match (number("MAJOR"), number("MINOR"), number("PATCH")) {
        (Some(major), Some(minor), Some(patch)) => [major, minor, patch].map(str::trim).join("."),
        _ => fs::read_to_string(tree.join("build-version")).map_or("unknown".to_owned(), |text| text.trim().to_owned()),
    }
}
