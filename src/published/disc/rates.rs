//! Is a learning rate of .01 "quasi-optimal for each network"? Two decades either way.

use super::{
    networks::{EPOCHS, FIXED, NETWORKS, rate},
    runs::{self, Plan, Runs, tests},
};
use crate::{error::Result, run::RunSide, study::Context};

/// The rates: half decades.
pub(super) const RATES: [f64; 9] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];

/// The published rate's place.
pub(super) const PUBLISHED: usize = 4;

/// Runs of each.
pub(super) const RUNS: u64 = 6;

/// How many parts it has.
pub(super) const PARTS: usize = NETWORKS.len() * RATES.len();

/// The runs of one network, by rate.
pub(super) struct Swept {
    pub by_rate: Vec<Runs>,
}

impl Swept {
    /// The rate with the least mean test error.
    pub(super) fn best(&self) -> usize {
        let means: Vec<f64> = self.by_rate.iter().map(|runs| tests(runs).mean).collect();
        (0..means.len()).min_by(|a, b| means[*a].total_cmp(&means[*b])).unwrap_or(PUBLISHED)
    }

    /// How many standard errors the published rate's test error lies above the best one's.
    pub(super) fn above_best(&self) -> f64 {
        tests(&self.by_rate[PUBLISHED]).above(&tests(&self.by_rate[self.best()]))
    }

    /// Whether the published rate cannot be told from the best: what can be said against "quasi-optimal" is more than
    /// two standard errors. A network that learns at no rate has no best.
    pub(super) fn is_quasi_optimal(&self) -> Option<bool> {
        self.learns().then(|| self.above_best() <= 2.0)
    }

    /// Whether any rate leads below 40 %: 50 % is what a network that says the same of every row has.
    pub(super) fn learns(&self) -> bool {
        tests(&self.by_rate[self.best()]).mean < 40.0
    }
}

/// Trains everything; by network.
pub(super) fn sweep(context: &Context<'_>) -> Result<Vec<Swept>> {
    let plans: Vec<Plan> = NETWORKS
        .iter()
        .flat_map(|network| {
            RATES.map(|lr| Plan {
                name: format!("rate {lr}: {}", network.name()),
                sets: [network.sets(), vec![FIXED.to_owned(), rate(lr)]].concat(),
                side: RunSide::Candidate,
                seeds: 0..RUNS,
                epochs: EPOCHS,
            })
        })
        .collect();
    let found = runs::all(context, &plans)?;
    Ok(found.chunks(RATES.len()).map(|by_rate| Swept { by_rate: by_rate.to_vec() }).collect())
}

#[cfg(test)]
mod tests_of_rates {
    use super::{super::runs::Final, *};

    fn swept(errors: [f64; 9]) -> Swept {
        let runs = |error: f64| [-0.1, 0.0, 0.1].map(|off| Final { train: 0.0, test: error + off, outputs: None });
        Swept { by_rate: errors.map(|error| runs(error).to_vec()).to_vec() }
    }

    #[test]
    fn a_rate_is_quasi_optimal_where_the_best_is_no_better_than_chance_would_have_it() {
        let [mut near, mut far] = [[5.0; 9]; 2];
        (near[2], near[PUBLISHED], far[2], far[PUBLISHED]) = (2.0, 2.1, 2.0, 3.0);
        assert_eq!((swept(near).best(), swept(near).is_quasi_optimal()), (2, Some(true)));
        assert_eq!((swept(far).best(), swept(far).is_quasi_optimal()), (2, Some(false)));
        assert_eq!(swept([50.0; 9]).is_quasi_optimal(), None);
    }
}
