//! probe
use lockstep::{experiment::*, lockstep::*, verdict::*};
fn main() {
    let t0 = std::time::Instant::now();
    let experiment = Experiment::load(
        std::path::Path::new(&std::env::args().nth(1).unwrap()),
        &std::env::args().skip(2).collect::<Vec<_>>(),
    )
    .unwrap();
    let mut lockstep = Lockstep::new(&experiment, Mode::Both).unwrap();
    println!("built {:?}", t0.elapsed());
    let mut judge = Judge::new(&experiment, Mode::Both, &lockstep);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let ended = lockstep.run(5000, None, &stop, &mut [&mut judge]).unwrap();
    println!("run {:?}", t0.elapsed());
    let (verdict, _) = judge.finish(ended, Measured { speed: Some(Speed::default()), ..Default::default() });
    println!("{}", serde_json::to_string_pretty(&verdict).unwrap());
}
