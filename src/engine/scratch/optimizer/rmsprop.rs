//! RMSprop; the formula stands at [`training::RmsProp`].

use super::{Entry, Formula, vectorized};
use crate::{
    engine::scratch::Real,
    training::{self, Fault},
};

/// RMSprop; its states are the moving average v of squared gradients, and where they are asked for the one a of gradients
/// and the momentum b.
pub(super) struct RmsProp {
    options: training::RmsProp,
    eps_inside: bool,
    /// The fault that b gathers steps, lr·g/(√ṽ + ε).
    of_steps: bool,
    lr: f64,
}

/// One parameter and its state.
struct Tensors<'a, T> {
    value: &'a mut [T],
    gradient: &'a [T],
    v: &'a mut [T],
    a: &'a mut [T],
    b: &'a mut [T],
}

impl RmsProp {
    pub(super) fn new(options: training::RmsProp, faults: &[Fault]) -> Self {
        let (eps_inside, of_steps) = (faults.contains(&Fault::EpsInsideRoot), faults.contains(&Fault::VelocityOfSteps));
        Self { options, eps_inside, of_steps, lr: 0.0 }
    }

    /// One pass; the two switches are the options', so that what is off costs nothing.
    fn pass<T: Real, const CENTERED: bool, const MOMENTUM: bool>(
        options: &training::RmsProp,
        [inside, outside]: [T; 2],
        eps_inside: bool,
        tensors: Tensors<'_, T>,
        entry: Entry<T>,
    ) {
        let (alpha, fresh, eps) = (T::of(options.alpha), T::of(1.0 - options.alpha), T::of(options.eps));
        let momentum = T::of(options.momentum);
        let Tensors { value, gradient, v, a, b } = tensors;
        let count = value.len();
        let (gradient, v) = (&gradient[..count], &mut v[..count]);
        let (a, b) = (&mut a[..if CENTERED { count } else { 0 }], &mut b[..if MOMENTUM { count } else { 0 }]);
        vectorized(
            #[inline(always)]
            || {
                for place in 0..count {
                    let gradient = entry.gradient(gradient[place], value[place]);
                    v[place] = alpha * v[place] + fresh * gradient * gradient;
                    let mut mean_square = v[place];
                    if CENTERED {
                        a[place] = alpha * a[place] + fresh * gradient;
                        mean_square -= a[place] * a[place];
                    }
                    let divisor = if eps_inside { (mean_square + eps).sqrt() } else { mean_square.sqrt() + eps };
                    if MOMENTUM {
                        b[place] = momentum * b[place] + inside * gradient / divisor;
                        value[place] -= outside * b[place];
                    } else {
                        value[place] -= outside * gradient / divisor;
                    }
                }
            },
        );
    }
}

impl<T: Real> Formula<T> for RmsProp {
    fn keeps(&self) -> [bool; 3] {
        [true, self.options.centered, self.options.momentum != 0.0]
    }

    fn begin(&mut self, lr: f64) {
        self.lr = lr;
    }

    fn update(&self, value: &mut [T], gradient: &[T], [v, a, b]: [&mut [T]; 3], entry: Entry<T>) {
        let tensors = Tensors { value, gradient, v, a, b };
        let (lr, momentum) = (T::of(self.lr), self.options.momentum != 0.0);
        let rates = if self.of_steps && momentum { [lr, T::one()] } else { [T::one(), lr] };
        let pass = match (self.options.centered, momentum) {
            (false, false) => Self::pass::<T, false, false>,
            (false, true) => Self::pass::<T, false, true>,
            (true, false) => Self::pass::<T, true, false>,
            (true, true) => Self::pass::<T, true, true>,
        };
        pass(&self.options, rates, self.eps_inside, tensors, entry);
    }
}
