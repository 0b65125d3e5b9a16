//! What the machine has: multiply-adds a second on registers, and bytes a second from each level of memory, with so
//! many threads at once. Measured in the same run as what is compared with them.
//!
//! A roofline (Williams, Waterman and Patterson, CACM 52(4), 2009): no work is done faster than its operations at the
//! peak rate, nor than its bytes at the bandwidth of the level that holds what it touches.

use super::counted::Counted;
use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// What so many threads reach together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// How many.
    pub threads: usize,
    /// 10⁹ f32 operations a second in multiply-adds (two each) on registers.
    pub gflops: f64,
    /// The levels of memory, from the nearest.
    pub levels: Vec<Level>,
}

/// A level of memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// `L1`, `L2`, `L3`, `memory`.
    pub name: String,
    /// Bytes that it has for these threads; `None` where that is all there are.
    pub bytes: Option<f64>,
    /// 10⁹ bytes a second: the better of reading, and of a = b + s·c.
    pub gb_per_s: f64,
}

/// How often each rate is taken; the best counts, as nothing makes a machine faster than it is.
const TRIES: usize = 15;
/// How long a try of arithmetic or of a cache lasts.
const TRY: Duration = Duration::from_millis(4);
/// Arrays from memory are four times as long as the last cache, but for caches as large as no array here is to be.
const MOST: usize = 1 << 29;

impl Peak {
    /// Measures; a second or so.
    pub(super) fn measure(threads: usize) -> Self {
        let caches = caches();
        let last = caches.last().map_or(32 << 20, |cache| cache.bytes);
        let level = |name: &str, bytes: Option<f64>, length: usize| {
            let gb_per_s = bandwidth(threads, length);
            Level { name: name.to_owned(), bytes, gb_per_s }
        };
        let cached = caches.iter().map(|cache| {
            let own = if cache.shared { cache.bytes } else { threads * cache.bytes };
            level(&cache.name, Some(own as f64), own / 2)
        });
        let mut levels: Vec<Level> = cached.collect();
        levels.push(level("memory", None, (4 * last).min(MOST)));
        Self { threads, gflops: multiply_adds(threads), levels }
    }

    /// Seconds that work takes at least, and what bounds it: `arithmetic`, or a level's name.
    pub fn least(&self, counted: &Counted) -> (f64, &str) {
        let arithmetic = counted.operations / (1e9 * self.gflops);
        let level = self
            .levels
            .iter()
            .find(|level| level.bytes.is_none_or(|bytes| counted.held <= bytes))
            .or(self.levels.last());
        match level.map(|level| (counted.bytes / (1e9 * level.gb_per_s), level.name.as_str())) {
            Some((seconds, name)) if seconds > arithmetic => (seconds, name),
            _ => (arithmetic, "arithmetic"),
        }
    }
}

struct Cache {
    name: String,
    bytes: usize,
    /// Whether all cores have it together.
    shared: bool,
}

/// The data caches of the first core, from the nearest; none where the system does not say (Linux's sysfs).
fn caches() -> Vec<Cache> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let read = |index: usize, file: &str| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{file}");
        fs::read_to_string(path).map(|text| text.trim().to_owned()).ok()
    };
    let cache = |index| {
        if read(index, "type")? == "Instruction" {
            return None;
        }
        let (size, level) = (read(index, "size")?, read(index, "level")?);
        let bytes = match size.strip_suffix('K') {
            Some(kilobytes) => 1024 * kilobytes.parse::<usize>().ok()?,
            None => size.strip_suffix('M')?.parse::<usize>().ok()? << 20,
        };
        // `0-1` or `0,2`: anything but a single number is several cores.
        let shared = cores > 1 && read(index, "shared_cpu_list")?.parse::<usize>().is_err();
        Some(Cache { name: format!("L{level}"), bytes, shared })
    };
    (0..8).filter_map(cache).collect()
}

/// The best rate of `amount` per second that all threads reach together, each doing its part of the work between two
/// barriers.
fn best(threads: usize, amount: f64, work: impl Fn(usize) -> f64 + Sync) -> f64 {
    let (from, to) = (Barrier::new(threads), Barrier::new(threads));
    let job = |thread: usize| {
        let mut best = f64::MAX;
        for _ in 0..TRIES {
            from.wait();
            let start = Instant::now();
            black_box(work(thread));
            to.wait();
            best = best.min(start.elapsed().as_secs_f64());
        }
        best
    };
    let seconds = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || job(thread))).collect();
        let own = job(0);
        others.into_iter().filter_map(|other| other.join().ok()).fold(own, f64::max)
    });
    amount / seconds / 1e9
}

/// As many independent chains of multiply-adds as hide their latency: two units of four cycles need eight.
const CHAINS: usize = 12;

/// Rounds of multiply-adds on registers.
struct Registers(usize);

impl WithSimd for Registers {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let factor = simd.splat_f32s(black_box(0.5));
        let term = simd.splat_f32s(black_box(0.25));
        let mut sums = [simd.splat_f32s(black_box(1.0)); CHAINS];
        for _ in 0..self.0 {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, factor, term);
            }
        }
        sums.iter().map(|&sum| f64::from(simd.reduce_sum_f32s(sum))).sum()
    }
}

/// The lanes of a vector of f32.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// 10⁹ operations a second.
fn multiply_adds(threads: usize) -> f64 {
    let (arch, mut rounds) = (Arch::new(), 1 << 12);
    let took = |rounds| {
        let start = Instant::now();
        black_box(arch.dispatch(Registers(rounds)));
        start.elapsed()
    };
    while took(rounds) < TRY && rounds < 1 << 32 {
        rounds *= 2;
    }
    let operations = 2.0 * (threads * rounds * CHAINS * arch.dispatch(Lanes)) as f64;
    best(threads, operations, |_| arch.dispatch(Registers(rounds)))
}

/// Three arrays of one thread.
struct Arrays<'a> {
    a: &'a mut [f64],
    b: &'a [f64],
    c: &'a [f64],
}

/// The sum of an array.
struct Read<'a>(&'a [f64]);

impl WithSimd for Read<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (body, tail) = S::as_simd_f64s(self.0);
        let mut sums = [simd.splat_f64s(0.0); 8];
        let (chunks, rest) = body.as_chunks::<8>();
        for chunk in chunks {
            for (sum, &value) in sums.iter_mut().zip(chunk) {
                *sum = simd.add_f64s(*sum, value);
            }
        }
        let sum: f64 = sums.iter().chain(rest).map(|&sum| simd.reduce_sum_f64s(sum)).sum();
        sum + tail.iter().sum::<f64>()
    }
}

/// a = b + s·c, STREAM's triad (McCalpin 1995).
impl WithSimd for Arrays<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let scale = simd.splat_f64s(black_box(3.0));
        let (a, _) = S::as_mut_simd_f64s(self.a);
        let ((b, _), (c, _)) = (S::as_simd_f64s(self.b), S::as_simd_f64s(self.c));
        for ((a, &b), &c) in a.iter_mut().zip(b).zip(c) {
            *a = simd.mul_add_f64s(scale, c, b);
        }
        0.0
    }
}

/// 10⁹ bytes a second over so many bytes in all, the better of reading them and of the triad. Each thread has its
/// share, and writes it before it reads it, so that it is near its core.
fn bandwidth(threads: usize, bytes: usize) -> f64 {
    let (arch, length) = (Arch::new(), (bytes / threads / size_of::<f64>() / 3).max(64));
    let total = (3 * length * size_of::<f64>() * threads) as f64;
    // Little is repeated until it takes as long as a try.
    let passes = ((1 << 26) / (3 * length * size_of::<f64>())).clamp(1, 1 << 14);
    let arrays = |_| std::sync::Mutex::new([1.0, 2.0, 3.0].map(|value| vec![value; length]));
    let arrays: Vec<_> = (0..threads).map(arrays).collect();
    let of = |thread: usize, pass: &dyn Fn(&mut [Vec<f64>; 3]) -> f64| {
        arrays[thread].lock().map_or(0.0, |mut arrays| (0..passes).map(|_| pass(&mut arrays)).sum())
    };
    let read = |thread| of(thread, &|arrays| arrays.iter().map(|array| arch.dispatch(Read(black_box(array)))).sum());
    let triad = |thread| {
        of(thread, &|[a, b, c]| {
            let sum = arch.dispatch(Arrays { a, b, c });
            black_box(&a);
            sum
        })
    };
    let amount = total * passes as f64;
    best(threads, amount, read).max(best(threads, amount, triad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_bound_by_arithmetic_or_by_the_level_that_holds_it() {
        let level = |name: &str, bytes, gb_per_s| Level { name: name.to_owned(), bytes, gb_per_s };
        let levels = vec![level("L2", Some(1e6), 100.0), level("memory", None, 10.0)];
        let peak = Peak { threads: 1, gflops: 200.0, levels };
        let counted = |operations, bytes, held| Counted { operations, bytes, held };
        assert_eq!(peak.least(&counted(2e9, 1e8, 2e6)), (0.01, "arithmetic"));
        assert_eq!(peak.least(&counted(2e9, 1e9, 2e6)), (0.1, "memory"));
        assert_eq!(peak.least(&counted(1e8, 1e9, 1e6)), (0.01, "L2"));
    }

    #[test]
    fn two_threads_share_a_sum_and_the_triad_is_right() {
        let (mut a, b, c) = (vec![0.0; 1003], vec![2.0; 1003], vec![3.0; 1003]);
        pulp::Scalar::new().vectorize(Arrays { a: &mut a, b: &b, c: &c });
        assert!(a.iter().all(|&a| a == 11.0));
        assert_eq!(Arch::new().dispatch(Read(&b)), 2006.0);
        let done = std::sync::atomic::AtomicUsize::new(0);
        let rate = best(2, 1.0, |_| done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) as f64);
        assert!(rate > 0.0 && done.into_inner() == 2 * TRIES);
    }
}
