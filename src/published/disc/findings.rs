//! What claims and sections read from the findings.

use super::{
    Findings,
    claims::OTHER_ACTIVATIONS,
    differences::Differences,
    networks::{NETWORKS, RELU_NORMAL},
    runs::{Final, constant, tests},
    speed::{BACKWARD, FORWARD},
};
use crate::study::sorted;

impl Findings {
    /// Names of networks.
    pub(super) fn names(places: impl IntoIterator<Item = usize>) -> String {
        let names: Vec<_> = places.into_iter().map(|network| NETWORKS[network].name()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// The place with the least and the one with the largest mean test error.
    pub(super) fn extremes(&self) -> [usize; 2] {
        let mean = |network: &usize| tests(&self.table.fixed[*network]).mean;
        let mut order: Vec<usize> = (0..NETWORKS.len()).collect();
        order.sort_by(|one, other| mean(one).total_cmp(&mean(other)));
        [order[0], order[NETWORKS.len() - 1]]
    }

    /// Networks that the mean at .01 leaves with a larger test error than the sum does.
    pub(super) fn hurt_by_mean(&self) -> Vec<usize> {
        let apart = |network: &usize| tests(&self.sums.mean[*network]).above(&tests(&self.table.fixed[*network]));
        (0..NETWORKS.len()).filter(|network| apart(network) > 2.0).collect()
    }

    /// µs of a phase on an engine, the least of an activation's networks: other programs only add to it.
    fn phase(&self, activation: &str, engine: usize, phase: usize) -> f64 {
        let networks = NETWORKS.iter().zip(&self.speed.phases).filter(|(network, _)| network.activation == activation);
        let times = networks.map(|(_, phases)| phases[engine][phase]);
        times.fold(f64::INFINITY, |least, time| if time < least || time.is_nan() { time } else { least })
    }

    /// How many µs a phase takes longer with another activation than with ReLU, for each engine.
    pub(super) fn saving(&self, other: &str, phase: usize) -> [f64; 2] {
        [0, 1].map(|engine| self.phase(other, engine, phase) - self.phase("relu", engine, phase))
    }

    /// Whether ReLU saves more in backward than in forward, against both others and for both engines.
    pub(super) fn saves_backward(&self) -> bool {
        OTHER_ACTIVATIONS.iter().all(|other| {
            let [forward, backward] = [FORWARD, BACKWARD].map(|phase| self.saving(other, phase));
            backward.iter().zip(&forward).all(|(backward, forward)| backward > forward)
        })
    }

    /// Backward over forward, for each engine: least and largest of every network on batches of 50 and of one on all
    /// rows at once. NaN is the largest.
    pub(super) fn backward_over_forward(&self) -> [[f64; 2]; 2] {
        [0, 1].map(|engine| {
            let all = self.speed.phases.iter().chain([&self.speed.large]);
            let ratios = sorted(all.map(|phases| phases[engine][BACKWARD] / phases[engine][FORWARD]).collect());
            [ratios[0], ratios[ratios.len() - 1]]
        })
    }

    /// Steps of networks on an engine, µs: the least and the largest first quartile, median and third quartile.
    pub(super) fn steps(&self, engine: usize, relu: bool) -> [[f64; 3]; 2] {
        let networks =
            NETWORKS.iter().zip(&self.speed.steps).filter(|(network, _)| (network.activation == "relu") == relu);
        let steps: Vec<[f64; 3]> = networks.map(|(_, pair)| pair[engine]).collect();
        let by_quartile = [0, 1, 2].map(|quartile| sorted(steps.iter().map(|step| step[quartile]).collect()));
        [by_quartile.each_ref().map(|all| all[0]), by_quartile.each_ref().map(|all| all[all.len() - 1])]
    }

    /// Whether the steps of both ReLU networks take less than those of the others on an engine: they do where the
    /// middle halves are apart, they do not where a median is no less, and in between it cannot be told.
    pub(super) fn relu_is_faster(&self, engine: usize) -> Option<bool> {
        let ([_, relu], [others, _]) = (self.steps(engine, true), self.steps(engine, false));
        match (relu[2] < others[0], relu[1] < others[1]) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }

    /// Whether a network's test error lies beyond every other's by more than two standard errors: above, or below.
    pub(super) fn is_extreme(&self, network: usize, above: bool) -> Option<bool> {
        let test = |place: usize| tests(&self.table.fixed[place]);
        let beyond =
            |other: usize| if above { test(network).above(&test(other)) } else { test(other).above(&test(network)) };
        let mut others = (0..NETWORKS.len()).filter(|other| *other != network).map(beyond);
        if others.clone().all(|errors| errors > 2.0) {
            Some(true)
        } else if others.any(|errors| errors < -2.0) {
            Some(false)
        } else {
            None
        }
    }

    /// Whether rates of a network can be compared by the few runs of the sweep: it learns at one, and is not one of
    /// which many runs at a tenth of the rate end constant in part, which the few may miss.
    pub(super) fn rates_compare(&self, network: usize) -> bool {
        let [_, slower] = &self.inits.relu_normal;
        self.rates[network].learns() && !(network == RELU_NORMAL && constant(slower) > 0)
    }

    /// Runs of an activation's variants that are uniform and wide, or normal and narrow.
    fn variants(&self, activation: &'static str, wide: bool) -> impl Iterator<Item = &Final> {
        let all = self.inits.variants.iter().filter(move |variant| variant.activation == activation);
        let start = if wide { "U(" } else { "N(" };
        all.filter(move |variant| variant.weights.starts_with(start)).flat_map(|variant| &variant.runs)
    }

    /// How many of those end constant, and how many there are.
    pub(super) fn constant_variants(&self, activation: &'static str, wide: bool) -> [usize; 2] {
        let constant = self.variants(activation, wide).filter(|run| run.is_constant()).count();
        [constant, self.variants(activation, wide).count()]
    }

    /// Whether sigmoid learns by the width of its initial weights, whatever their distribution.
    pub(super) fn width_decides_sigmoid(&self) -> bool {
        self.variants("sigmoid", true).all(|run| run.test < 10.0)
            && self.variants("sigmoid", false).all(Final::is_constant)
    }

    /// Whether relu ends constant by that.
    pub(super) fn width_decides_relu(&self) -> bool {
        self.variants("relu", true).any(Final::is_constant) && self.variants("relu", false).all(|run| run.test < 10.0)
    }
}

impl Findings {
    /// Which of our networks differ in their test errors, on one data set.
    pub(super) fn differences(&self) -> Differences {
        Differences::of(&self.table.fixed.iter().map(|runs| tests(runs)).collect::<Vec<_>>())
    }
}
