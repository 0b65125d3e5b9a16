//! RMSprop; the formula stands at [`training::RmsProp`].

use super::{Entry, Formula, vectorized, zeros};
use crate::{
    engine::scratch::Real,
    model::Parameter,
    training::{self, Fault},
};

/// RMSprop, with the moving average v of squared gradients, and where they are asked for the one a of gradients and the
/// momentum b.
pub(super) struct RmsProp<T> {
    options: training::RmsProp,
    eps_inside: bool,
    /// The fault that b gathers steps, lr·g/(√ṽ + ε).
    of_steps: bool,
    lr: f64,
    v: Vec<Vec<T>>, // per parameter, as many as it has elements
    a: Vec<Vec<T>>, // likewise, or none
    b: Vec<Vec<T>>, // likewise, or none
}

/// One parameter and its state.
struct Tensors<'a, T> {
    value: &'a mut [T],
    gradient: &'a [T],
    v: &'a mut [T],
    a: &'a mut [T],
    b: &'a mut [T],
}

impl<T: Real> RmsProp<T> {
    pub(super) fn new(options: training::RmsProp, faults: &[Fault], parameters: &[Parameter]) -> Self {
        Self {
            options,
            eps_inside: faults.contains(&Fault::EpsInsideRoot),
            of_steps: faults.contains(&Fault::VelocityOfSteps),
            lr: 0.0,
            v: zeros(parameters, true),
            a: zeros(parameters, options.centered),
            b: zeros(parameters, options.momentum != 0.0),
        }
    }

    /// One pass; the two switches are the options', so that what is off costs nothing.
    fn pass<const CENTERED: bool, const MOMENTUM: bool>(
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

impl<T: Real> Formula<T> for RmsProp<T> {
    fn begin(&mut self, lr: f64) {
        self.lr = lr;
    }

    fn update(&mut self, index: usize, value: &mut [T], gradient: &[T], entry: Entry<T>) {
        let Self { options, v, a, b, .. } = self;
        let tensors = Tensors { value, gradient, v: &mut v[index], a: &mut a[index], b: &mut b[index] };
        let (lr, momentum) = (T::of(self.lr), options.momentum != 0.0);
        let rates = if self.of_steps && momentum { [lr, T::one()] } else { [T::one(), lr] };
        let pass = match (options.centered, momentum) {
            (false, false) => Self::pass::<false, false>,
            (false, true) => Self::pass::<false, true>,
            (true, false) => Self::pass::<true, false>,
            (true, true) => Self::pass::<true, true>,
        };
        pass(options, rates, self.eps_inside, tensors, entry);
    }
}
