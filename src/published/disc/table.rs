//! Table 1 again: six networks, both engines, one data set for all runs and one drawn for each.

use super::{
    networks::{EPOCHS, FIXED, NETWORKS, PRINTED_RUNS, SIGMOID_UNIFORM},
    runs::{self, Plan, Runs, prior, tests, trains, with},
};
use crate::{
    data::set::Which,
    error::Result,
    run::RunSide,
    study::{Context, Sample, StudyVerdict},
};

/// Runs of each network and engine, as many as are behind each printed number.
const RUNS: u64 = PRINTED_RUNS as u64;

/// libtorch's runs come in this many pieces, so that all cores have something to do until the end.
const PIECES: u64 = 3;

/// Other data sets.
pub(super) const DATA_SETS: u64 = 8;

/// Runs of each network on each of them.
pub(super) const DATA_RUNS: u64 = 5;

/// Every run, by network.
pub(super) struct Table {
    /// Scratch, one data set.
    pub fixed: Vec<Runs>,
    /// libtorch, the same data set.
    pub torch: Vec<Runs>,
    /// Scratch, a data set for each run.
    pub drawn: Vec<Runs>,
    /// Scratch on other data sets that are each the same for some runs, by network and data set.
    pub others: Vec<Vec<Runs>>,
    /// The share of class 1 in the fixed training and test rows, %.
    pub prior: [f64; 2],
}

/// How many parts it has.
pub(super) const PARTS: usize = NETWORKS.len() * (2 + PIECES as usize + DATA_SETS as usize);

impl Table {
    /// The least and the largest, over the other data sets, of the mean error of a network. One more data set lies
    /// between them in n − 1 of n + 1 cases, whatever the distribution.
    pub(super) fn over_sets(&self, network: usize, error: fn(&[runs::Final]) -> Sample) -> [f64; 2] {
        range(self.others[network].iter().map(|runs| error(runs).mean))
    }

    /// Whether a printed mean lies within what other data sets give.
    pub(super) fn may_be(&self, network: usize, printed: &Sample, error: fn(&[runs::Final]) -> Sample) -> bool {
        let [low, high] = self.over_sets(network, error);
        low <= printed.mean && printed.mean <= high
    }

    /// Whether a network's printed mean is ours: it is within two standard errors on one data set. Outside of them the
    /// data set, which is not known, may be what parts the two, so that it cannot be told where others give the printed
    /// mean; where none does, it is another. sigmoid (uniform) is judged by how it ends, as a ± 0.00 leaves no room:
    /// every run says the same of every row, so that its errors are the share of a class.
    pub(super) fn answer(&self, network: usize, printed: &Sample, error: fn(&[runs::Final]) -> Sample) -> Option<bool> {
        if network == SIGMOID_UNIFORM {
            return Some(self.fixed[network].iter().all(|run| run.is_constant() && self.is_share(run)));
        }
        match (error(&self.fixed[network]).agrees(printed), self.may_be(network, printed, error)) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }

    /// Whether a run's errors on the fixed data set are those of one answer for every row.
    pub(super) fn is_share(&self, run: &runs::Final) -> bool {
        let [of_training, of_test] = self.prior;
        let is = |turn: fn(f64) -> f64| {
            (run.train - turn(of_training)).abs() < 1e-9 && (run.test - turn(of_test)).abs() < 1e-9
        };
        is(|share| share) || is(|share| 100.0 - share)
    }

    /// In how many seeds both engines' runs of a network ended with the same training and test error.
    pub(super) fn equal_runs(&self, network: usize) -> usize {
        let pairs = self.fixed[network].iter().zip(&self.torch[network]);
        pairs.filter(|(one, other)| one.train == other.train && one.test == other.test).count()
    }

    /// In how many seeds one engine's run ended constant and the other's did not.
    pub(super) fn fates_differ(&self, network: usize) -> usize {
        let pairs = self.fixed[network].iter().zip(&self.torch[network]);
        pairs.filter(|(one, other)| one.is_constant() != other.is_constant()).count()
    }
}

/// The least and the largest value.
fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
}

/// Trains everything.
pub(super) fn fill(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Table> {
    let plan = |name: &str, network: usize, own: &[String], side: RunSide, seeds| Plan {
        name: format!("{name}: {}", NETWORKS[network].name()),
        sets: [NETWORKS[network].sets(), own.to_vec()].concat(),
        side,
        seeds,
        epochs: EPOCHS,
    };
    let every = 0..NETWORKS.len();
    let fixed = [FIXED.to_owned()];
    let pieces = (0..PIECES).map(|piece| piece * RUNS / PIECES..(piece + 1) * RUNS / PIECES);
    let torch = every.clone().flat_map(|network| {
        let name = |seeds: &std::ops::Range<u64>| format!("libtorch, seeds {} to {}", seeds.start, seeds.end - 1);
        let fixed = &fixed;
        pieces.clone().map(move |seeds| plan(&name(&seeds), network, fixed, RunSide::Reference, seeds))
    });
    let mut plans: Vec<Plan> = torch.collect();
    for network in every.clone() {
        plans.push(plan("one data set", network, &fixed, RunSide::Candidate, 0..RUNS));
        plans.push(plan("a data set for each run", network, &[], RunSide::Candidate, 0..RUNS));
    }
    for network in every {
        for set in 1..=DATA_SETS {
            let own = [format!("data.seed={set}")];
            plans.push(plan(&format!("data set {set}"), network, &own, RunSide::Candidate, 0..DATA_RUNS));
        }
    }
    let mut found = runs::all(context, &plans)?.into_iter();
    let mut next = |count: usize| found.by_ref().take(count).collect::<Vec<Runs>>();
    let torch = NETWORKS.iter().map(|_| next(PIECES as usize).concat()).collect();
    let (mut one, mut drawn) = (Vec::new(), Vec::new());
    for _ in &NETWORKS {
        one.extend(next(1));
        drawn.extend(next(1));
    }
    let others = NETWORKS.iter().map(|_| next(DATA_SETS as usize)).collect();
    let set = with(&fixed)?.set;
    let table =
        Table { fixed: one, torch, drawn, others, prior: [Which::Training, Which::Test].map(|part| prior(&set, part)) };
    expect(&table, study);
    Ok(table)
}

/// The engines' runs must agree with each other, or neither can be set beside what is printed.
fn expect(table: &Table, study: &mut StudyVerdict) {
    let both = |network: usize, error: fn(&[runs::Final]) -> Sample| {
        let (one, other) = (error(&table.fixed[network]), error(&table.torch[network]));
        // Twelve comparisons are made, of which one in twenty would be two standard errors apart by chance; with four,
        // one in a thousand.
        one.above(&other).abs() <= 4.0
    };
    let agree = (0..NETWORKS.len()).all(|network| both(network, trains) && both(network, tests));
    study.expect("both engines give each of the six networks the same errors, within four standard errors", agree);
}

#[cfg(test)]
mod tests_of_the_table {
    use super::{super::runs::Final, *};

    #[test]
    fn a_printed_mean_is_held_against_the_means_of_data_sets() {
        let run = |test: f64| Final { train: 0.0, test, outputs: None };
        let of = |means: [f64; 3]| vec![means.map(|mean| vec![run(mean - 0.5), run(mean + 0.5)]).to_vec()];
        let table = Table {
            fixed: vec![vec![run(1.0)]],
            torch: vec![vec![run(1.0)]],
            drawn: vec![],
            others: of([2.0, 1.5, 4.0]),
            prior: [50.0; 2],
        };
        assert_eq!(table.over_sets(0, tests), [1.5, 4.0]);
        let may_be = |mean| table.may_be(0, &Sample::printed(mean, 0.1, 15), tests);
        assert_eq!([1.4, 1.6, 4.1, f64::NAN].map(may_be), [false, true, false, false]);
        let answer = |mean| table.answer(0, &Sample::printed(mean, 0.1, 15), tests);
        assert_eq!([1.0, 1.6, 4.1, f64::NAN].map(answer), [Some(true), None, Some(false), Some(false)]);
        assert_eq!((table.equal_runs(0), table.fates_differ(0)), (1, 0));
    }
}
