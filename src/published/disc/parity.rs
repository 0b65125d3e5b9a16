//! The six networks in lockstep, libtorch beside scratch, with nothing different between them.

use super::{
    FILE,
    networks::{FIXED, NETWORKS, STEPS_PER_EPOCH, TANH_UNIFORM},
};
use crate::{
    error::Result,
    judge::{
        noise::Limits,
        verdict::{Outcome, Verdict},
    },
    run::Mode,
    study::{Context, StudyVerdict, experiment},
};

/// Each network and type: epochs that it is compared over. f32 is the document's; the whole run of each.
const JOBS: [(&str, usize, u64); 3] = [("f32", 250, 0), ("f64", 50, 0), ("f32", 50, 1)];

/// How many parts it has.
pub(super) const PARTS: usize = NETWORKS.len() * JOBS.len() + 1;

/// One lockstep run at parity.
pub(super) struct Compared {
    pub network: usize,
    pub dtype: &'static str,
    pub seed: u64,
    pub steps: usize,
    pub verdict: Verdict,
}

/// Compares everything.
pub(super) fn find(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Vec<Compared>> {
    let jobs: Vec<_> =
        JOBS.into_iter().flat_map(|job| (0..NETWORKS.len()).map(move |network| (network, job))).collect();
    let name = |(network, (dtype, epochs, seed)): &(usize, (&str, usize, u64))| {
        format!("parity: {}, {dtype}, seed {seed}, {epochs} epochs", NETWORKS[*network].name())
    };
    let verdicts = context.each(&jobs, name, |job| {
        let (network, (dtype, epochs, seed)) = *job;
        let own = [format!("dtype={dtype}"), format!("training.epochs={epochs}"), format!("seed={seed}")];
        let sets = [NETWORKS[network].sets(), vec![FIXED.to_owned()], own.to_vec()].concat();
        let mut experiment = experiment(FILE, "disc/parity", &sets)?;
        experiment.title = name(job);
        context.silent(&experiment, Mode::Both, Limits::default())
    })?;
    let (verdict, _) = context.report("parity", &experiment(FILE, "disc/parity", &[FIXED.to_owned()])?)?;
    study.expect(
        format!("{} in the file's own words is at parity", NETWORKS[TANH_UNIFORM].name()),
        verdict.verdict == Outcome::Parity,
    );
    study.experiments.insert("parity".to_owned(), verdict);
    let mut found = Vec::new();
    for (job, verdict) in jobs.iter().zip(verdicts) {
        study.experiments.insert(name(job), verdict.clone());
        let (network, (dtype, epochs, seed)) = *job;
        found.push(Compared { network, dtype, seed, steps: epochs * STEPS_PER_EPOCH, verdict });
    }
    let all = found.iter().all(|compared| compared.verdict.verdict == Outcome::Parity);
    study.expect("each of the six networks is at parity, in f32 and in f64", all);
    Ok(found)
}
