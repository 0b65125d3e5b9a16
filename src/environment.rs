//! The machine, its clock and the libraries, for `lockstep env` and every verdict.

use std::{
    collections::BTreeMap,
    env, fs, thread,
    time::{Instant, UNIX_EPOCH},
};

/// What this program runs on and with.
pub fn environment() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut put = |key: &str, value: String| found.insert(key.to_owned(), value);
    put("lockstep", env!("CARGO_PKG_VERSION").to_owned());
    put("system", format!("{} {}", env::consts::OS, env::consts::ARCH));
    put("processor", processor());
    put("processor_features", features().join(" "));
    put("cores", thread::available_parallelism().map_or("unknown".to_owned(), |count| count.to_string()));
    put("libtorch", libtorch());
    #[cfg(feature = "torch")]
    put("libtorch_code_path", crate::engine::torch::code_path());
    found
}

/// What tells one build of this program from another, so that what one has begun no other goes on with.
pub fn program() -> String {
    let of_file = || {
        let file = fs::metadata(env::current_exe().ok()?).ok()?;
        let built = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(format!("{} bytes of {} ns", file.len(), built.as_nanos()))
    };
    format!("lockstep {}, {}", env!("CARGO_PKG_VERSION"), of_file().unwrap_or_default())
}

/// What one clock read costs, in microseconds: the median of batches of back-to-back reads.
pub fn timer_us() -> f64 {
    const READS: u32 = 100;
    let mut batches: Vec<f64> = (0..21)
        .map(|_| {
            let start = Instant::now();
            (1..READS).for_each(|_| {
                std::hint::black_box(Instant::now());
            });
            start.elapsed().as_secs_f64() * 1e6 / f64::from(READS)
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[batches.len() / 2]
}

fn processor() -> String {
    let listed = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = listed.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or("unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

/// The vector extensions that kernels choose between.
fn features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    return [
        ("fma", is_x86_feature_detected!("fma")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ]
    .into_iter()
    .filter_map(|(name, present)| present.then_some(name))
    .collect();
    #[cfg(not(target_arch = "x86_64"))]
    Vec::new()
}

fn libtorch() -> String {
    #[cfg(feature = "torch")]
    return crate::engine::torch::VERSION.to_owned();
    #[cfg(not(feature = "torch"))]
    "none: built without the feature `torch`".to_owned()
}
