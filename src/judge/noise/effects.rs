//! What has no effect: weights whose gradient in exact arithmetic is 0, as those of a bias before a batch norm, which
//! subtracts it again. A side's own gradient is rounding alone there; Adam makes full steps of it. Neither says anything
//! of a side, and neither is a reason to call two runs apart.

use crate::{
    judge::replay::Exact,
    tensor::{Squares, Values, squares},
};

/// What is known of an element's gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// At some step it was more than what f64 rounds off its terms.
    Some,
    /// It never was, though it has terms: they cancel.
    Cancels,
    /// It has had no terms: behind dead units.
    Silent,
}

/// What an exact gradient is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum By {
    /// A side's rounded tensors: what is beyond its bound is an effect, and no more can be said.
    Tensors,
    /// Weights, all in f64: `rounded` is the share of its bounds that f64's own rounding is. A bound up to `silent` comes of
    /// no term, but of what may underflow.
    Weights {
        /// The share.
        rounded: f64,
        /// The bound.
        silent: f64,
    },
}

/// The effects of every parameter of the reference, as far as steps were replayed.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    /// Per parameter, its elements; none where all have an effect. `None` where no step was replayed.
    known: Vec<Option<Vec<Effect>>>,
    /// Per parameter, whether the terms of any element cancel.
    cancel: Vec<bool>,
}

impl Effects {
    /// Takes in the exact gradient of a parameter, penalties left out, where `by` says what it is made from.
    pub fn take_in(&mut self, parameter: usize, exact: &Exact, by: By) {
        if self.known.len() <= parameter {
            self.known.resize(parameter + 1, None);
            self.cancel.resize(parameter + 1, false);
        }
        let first = self.known[parameter].is_none();
        let known = self.known[parameter].get_or_insert_default();
        if first {
            known.resize(exact.value.len(), Effect::Silent);
        }
        for (effect, (value, bound)) in known.iter_mut().zip(exact.value.iter().zip(&exact.bound)) {
            let (is_some, cancels) = match by {
                By::Tensors => (value.abs() > *bound, false),
                By::Weights { rounded, silent } => (value.abs() > rounded * bound, *bound > silent),
            };
            *effect = match *effect {
                _ if is_some => Effect::Some,
                Effect::Silent if cancels => Effect::Cancels,
                before @ (Effect::Some | Effect::Cancels | Effect::Silent) => before,
            };
        }
        if known.iter().all(|effect| *effect == Effect::Some) {
            known.clear();
        }
        self.cancel[parameter] = known.contains(&Effect::Cancels);
    }

    fn of(&self, parameter: usize) -> &[Effect] {
        self.known.get(parameter).and_then(Option::as_deref).unwrap_or_default()
    }

    /// Whether all of a parameter is without effect.
    pub fn is_without(&self, parameter: usize) -> bool {
        self.leaves_out(parameter) && !self.of(parameter).contains(&Effect::Some)
    }

    /// Whether any element is left out of gaps.
    pub fn leave_out(&self) -> bool {
        self.cancel.contains(&true)
    }

    fn leaves_out(&self, parameter: usize) -> bool {
        self.cancel.get(parameter) == Some(&true)
    }

    /// The gap of two lists of tensors, each taken as one vector, of which elements without effect are left out. Each pair
    /// comes with its parameter's number.
    pub fn gap<'a>(&self, parts: impl Iterator<Item = (usize, [Values<'a>; 2])> + Clone) -> f64 {
        let elements = |parameter: usize, [one, other]: [Values<'a>; 2]| {
            let out = if self.leaves_out(parameter) { self.of(parameter) } else { &[] };
            let kept = move |(place, _): &(usize, _)| out.get(*place) != Some(&Effect::Cancels);
            one.iter().zip(other.iter()).enumerate().filter(kept).map(|(_, pair)| pair)
        };
        let sums = |(parameter, pair): (usize, [Values<'a>; 2])| {
            if self.leaves_out(parameter) {
                elements(parameter, pair).fold(Squares::default(), |sums, (one, other)| sums.with(one, other))
            } else {
                squares(pair[0], pair[1])
            }
        };
        let all = parts.clone().map(sums).fold(Squares::default(), Squares::plus);
        all.gap_of(|| parts.clone().flat_map(|(parameter, pair)| elements(parameter, pair)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cancels_at_every_step_is_without_effect_and_left_out_of_a_gap() {
        let (mut effects, by) = (Effects::default(), By::Weights { rounded: 1e-9, silent: 1e-30 });
        let exact = |value: &[f64], bound: &[f64]| Exact { value: value.to_vec(), bound: bound.to_vec() };
        effects.take_in(1, &exact(&[1e-18, 0.5, 0.0], &[1e-6, 1e-6, 0.0]), by);
        assert!(!effects.is_without(0) && !effects.is_without(1));
        let (one, other) = ([1.0, 2.0, 3.0], [100.0, 2.0, 3.0]);
        let gap = |effects: &Effects| effects.gap([(1, [(&one[..]).into(), (&other[..]).into()])].into_iter());
        assert_eq!(gap(&effects), 0.0);
        effects.take_in(2, &exact(&[1e-18, 0.0], &[1e-6, 0.0]), by);
        assert!(effects.is_without(2));
        // One step at which it is more than rounding is enough, and stays.
        effects.take_in(2, &exact(&[1e-3, 0.0], &[1e-6, 0.0]), by);
        effects.take_in(2, &exact(&[1e-18, 0.0], &[1e-6, 0.0]), by);
        assert!(!effects.is_without(2));
        // A side's tensors show an effect as well, but never that there is none.
        effects.take_in(3, &exact(&[1e-18], &[1e-6]), By::Tensors);
        assert!(!effects.is_without(3));
        effects.take_in(1, &exact(&[1.0, 0.5, 1.0], &[1e-6; 3]), By::Tensors);
        assert!(gap(&effects) > 0.9);
    }
}
