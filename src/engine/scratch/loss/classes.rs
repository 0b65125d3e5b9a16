//! Losses whose terms belong to rows: cross-entropy, negative log-likelihood and log-loss, of a class for each row or, for
//! cross-entropy, of probabilities.
//!
//! Cross-entropy is −Σ aₖ·ln softmax(x)ₖ with aₖ = wₖ·((1 − ε)·tₖ + ε/K) of the class weights w, the label smoothing ε, K
//! classes and the targets t, which are 1 at a row's class and 0 elsewhere where it has one. Its gradient in xₖ is
//! softmax(x)ₖ·Σa − aₖ. The largest logit is taken off before anything is raised to a power.

use super::{Real, Sum};
use crate::training::{Classes, Loss, Measure};

/// A loss of rows.
pub(super) struct Rows<T> {
    measure: Kind,
    classes: usize,
    /// Whether targets are class numbers, `[rows, 1]`, not probabilities, `[rows, classes]`.
    numbers: bool,
    weights: Vec<T>, // [classes]
    /// 1 − ε, and ε/K.
    smoothing: [T; 2],
    /// Whether the largest logit stays where it is: a mistake.
    unstable: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    CrossEntropy,
    Likelihood,
    LogLoss { zeros_dropped: bool },
}

impl<T: Real> Rows<T> {
    /// A loss for so many classes, if its terms belong to rows.
    pub(super) fn new(loss: &Loss, classes: usize, unstable: bool) -> Option<Self> {
        let (measure, epsilon) = match &loss.measure {
            Measure::CrossEntropy(Classes { label_smoothing, .. }) => (Kind::CrossEntropy, *label_smoothing),
            Measure::NegativeLogLikelihood { .. } => (Kind::Likelihood, 0.0),
            Measure::LogLoss { zeros_dropped } => (Kind::LogLoss { zeros_dropped: *zeros_dropped }, 0.0),
            Measure::SquaredError
            | Measure::AbsoluteError
            | Measure::Huber { .. }
            | Measure::SmoothL1 { .. }
            | Measure::BinaryCrossEntropy
            | Measure::BinaryCrossEntropyWithLogits { .. } => return None,
        };
        let weight =
            |class| loss.weights().and_then(|weights| weights.get(class)).map_or(T::one(), |&weight| T::of(weight));
        Some(Self {
            measure,
            classes,
            numbers: loss.of_classes(),
            weights: (0..classes).map(weight).collect(),
            smoothing: [T::of(1.0 - epsilon), T::of(epsilon / classes as f64)],
            unstable,
        })
    }

    /// The sum of the rows' terms.
    pub(super) fn sum(&self, outputs: &[T], targets: &[T]) -> T {
        let mut sum = Sum::new();
        for (row, target) in self.pairs(outputs, targets).filter(|(row, target)| !self.is_dropped(row, target)) {
            sum.add(self.term(row, target));
        }
        sum.total()
    }

    /// What a mean is divided by, and the rows that count.
    pub(super) fn count(&self, outputs: &[T], targets: &[T]) -> (f64, usize) {
        let rows = self.pairs(outputs, targets).filter(|(row, target)| !self.is_dropped(row, target));
        if !self.numbers {
            let rows = rows.count();
            return (rows as f64, rows);
        }
        let (mut sum, mut count) = (Sum::new(), 0);
        for (_, target) in rows {
            sum.add(self.weights[self.class(target)]);
            count += 1;
        }
        (sum.total().widen(), count)
    }

    /// Writes `factor` times the gradient of the sum.
    pub(super) fn gradient(&self, outputs: &[T], targets: &[T], factor: T, gradient: &mut [T]) {
        for ((row, target), gradient) in self.pairs(outputs, targets).zip(gradient.chunks_exact_mut(self.classes)) {
            if self.measure == Kind::CrossEntropy {
                self.cross_entropy_gradient(row, target, factor, gradient);
                continue;
            }
            gradient.fill(T::zero());
            let class = self.class(target);
            gradient[class] = match self.measure {
                Kind::LogLoss { .. } if self.is_dropped(row, target) => T::zero(),
                Kind::LogLoss { .. } => -(factor / row[class]),
                Kind::CrossEntropy | Kind::Likelihood => -(self.weights[class] * factor),
            };
        }
    }

    fn pairs<'a>(&self, outputs: &'a [T], targets: &'a [T]) -> impl Iterator<Item = (&'a [T], &'a [T])> {
        outputs.chunks_exact(self.classes).zip(targets.chunks_exact(if self.numbers { 1 } else { self.classes }))
    }

    /// The class of a row; `Training::takes` has seen to it that there is one.
    fn class(&self, target: &[T]) -> usize {
        (target[0].widen() as usize).min(self.classes - 1)
    }

    fn is_dropped(&self, row: &[T], target: &[T]) -> bool {
        self.measure == Kind::LogLoss { zeros_dropped: true } && row[self.class(target)] == T::zero()
    }

    fn term(&self, row: &[T], target: &[T]) -> T {
        match self.measure {
            Kind::CrossEntropy => self.cross_entropy(row, target),
            Kind::Likelihood => -(row[self.class(target)] * self.weights[self.class(target)]),
            Kind::LogLoss { .. } => -row[self.class(target)].logarithm(),
        }
    }

    fn cross_entropy(&self, row: &[T], target: &[T]) -> T {
        let largest = self.taken_off(row);
        let sum = row.iter().fold(T::zero(), |sum, &x| sum + (x - largest).exponential());
        let log_sum = sum.logarithm();
        let log = |x: T| if self.unstable { (x.exponential() / sum).logarithm() } else { x - largest - log_sum };
        if self.numbers && self.smoothing[1] == T::zero() {
            // The other classes' logarithms may be infinite.
            let class = self.class(target);
            return -(log(row[class]) * self.weights[class]);
        }
        let terms = row.iter().enumerate().map(|(class, &x)| log(x) * self.share(class, target));
        -terms.fold(T::zero(), |sum, term| sum + term)
    }

    fn cross_entropy_gradient(&self, row: &[T], target: &[T], factor: T, gradient: &mut [T]) {
        let largest = self.taken_off(row);
        let (mut sum, mut shares) = (T::zero(), T::zero());
        for (class, (gradient, &x)) in gradient.iter_mut().zip(row).enumerate() {
            *gradient = (x - largest).exponential();
            sum += *gradient;
            shares += self.share(class, target);
        }
        let over_sum = shares / sum;
        for (class, gradient) in gradient.iter_mut().enumerate() {
            *gradient = factor * (*gradient * over_sum - self.share(class, target));
        }
    }

    /// What is taken off every logit of a row.
    fn taken_off(&self, row: &[T]) -> T {
        if self.unstable { T::zero() } else { row.iter().fold(T::neg_infinity(), |largest, &x| largest.max(x)) }
    }

    /// aₖ.
    fn share(&self, class: usize, target: &[T]) -> T {
        let [kept, spread] = self.smoothing;
        let share = match self.numbers {
            true if class == self.class(target) => T::one(),
            true => T::zero(),
            false => target[class],
        };
        self.weights[class] * (share * kept + spread)
    }
}
