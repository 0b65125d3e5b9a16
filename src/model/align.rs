//! How the layers of two models correspond, as `diff` aligns lines: from both ends, then what is alike in between.
//!
//! A layer that is an identity shifts nothing. Where layers are alike but not one for one, as ReLU and dropout in the other
//! order, they are taken together: as a composite.

use super::{Axis, Layer, Model, Place};
use crate::tensor::Shape;
use std::ops::Range;

/// Layers of the two models that correspond: what comes out of the last of each is the same tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The reference's layers.
    pub reference: Range<usize>,
    /// The candidate's.
    pub candidate: Range<usize>,
}

/// How two models correspond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alignment {
    /// From the input on, all layers of both models that do not belong to the tail; nothing where they do not correspond.
    pub stretches: Option<Vec<Stretch>>,
    /// The last layers where they correspond only together with the losses behind them, as a sigmoid before
    /// binary cross-entropy and none before that of logits. Empty else.
    pub tail: Stretch,
    /// For each of the reference's layers, the candidate's whose output is the same tensor.
    pub layers: Vec<Option<usize>>,
    /// For each of the reference's parameters, the candidate's that is the same.
    pub parameters: Vec<Option<usize>>,
    /// The same for each of the reference's buffers.
    pub buffers: Vec<Option<usize>>,
}

/// Pairs of layers, one of each model, that are looked at to find what is alike; of more, a model is another.
const MOST_PAIRS: usize = 4_000_000;

impl Alignment {
    /// Of two models; `same_loss` says whether the losses behind them are the same, and `logits` whether these are
    /// cross-entropies, to which the logarithm of a softmax is as good as what it is taken of.
    pub fn new(reference: &Model, candidate: &Model, same_loss: bool, logits: bool) -> Self {
        let sides = [reference.places(), candidate.places()];
        let [one, other] = [0, 1].map(|side| sides[side].len());
        let (mut stretches, mut tail) = between(matches(&sides[0], &sides[1]), &sides);
        let nothing = Stretch { reference: one..one, candidate: other..other };
        let normalized = |places: &[Place]| {
            places.iter().all(|place| place.is_identity() || place.layer == Layer::LogSoftmax(Axis::Columns))
        };
        let idempotent =
            logits && normalized(&sides[0][tail.reference.clone()]) && normalized(&sides[1][tail.candidate.clone()]);
        // The same loss takes the same outputs: what is left belongs to the layers before it.
        if same_loss && !idempotent && !tail.is_empty() {
            match stretches.last_mut() {
                Some(last) => (last.reference.end, last.candidate.end) = (one, other),
                None => stretches.push(Stretch { reference: 0..one, candidate: 0..other }),
            }
            tail = nothing.clone();
        }
        let (parameters, buffers) = (own(&stretches, &sides, true), own(&stretches, &sides, false));
        let kept = |place: &Place| !place.parameters.is_empty();
        let trained = sides[0][tail.reference.clone()].iter().chain(&sides[1][tail.candidate.clone()]).any(kept);
        let corresponds = |stretch: &Stretch| stretch.corresponds(&sides, &parameters);
        if trained || stretches.is_empty() || !stretches.iter().all(corresponds) {
            let parameters = by_name(reference, candidate);
            let (layers, buffers) = (vec![None; one], vec![None; buffers.len()]);
            return Self { stretches: None, tail: nothing, layers, parameters, buffers };
        }
        let mut layers = vec![None; one];
        for stretch in &stretches {
            layers[stretch.reference.end - 1] = Some(stretch.candidate.end - 1);
        }
        Self { stretches: Some(stretches), tail, layers, parameters, buffers }
    }

    /// Whether the layers are one for one, so that a record of either side is laid out alike.
    pub fn is_plain(&self) -> bool {
        let single = |stretch: &Stretch| stretch.is_single() && stretch.reference == stretch.candidate;
        self.tail.is_empty() && self.stretches.iter().flatten().all(single)
    }

    /// For each of so many of the candidate's parameters, or buffers, the reference's that is the same, by the candidate's of
    /// each of the reference's.
    pub fn of_candidate(own: &[Option<usize>], count: usize) -> Vec<Option<usize>> {
        let mut found = vec![None; count];
        for (number, own) in own.iter().enumerate() {
            if let Some(place) = own.and_then(|own| found.get_mut(own)) {
                *place = Some(number);
            }
        }
        found
    }
}

impl Stretch {
    /// Whether it is one layer of each.
    pub fn is_single(&self) -> bool {
        self.reference.len() == 1 && self.candidate.len() == 1
    }

    /// Whether it has no layers.
    pub fn is_empty(&self) -> bool {
        self.reference.is_empty() && self.candidate.is_empty()
    }

    /// Whether it takes more than one layer of a side, identities left out.
    pub fn is_composite(&self, [one, other]: &[Vec<Place>; 2]) -> bool {
        let real = |places: &[Place]| places.iter().filter(|place| !place.is_identity()).count();
        let counts = [real(&one[self.reference.clone()]), real(&other[self.candidate.clone()])];
        !self.is_single() && counts != [1, 1]
    }

    /// Whether the outputs have the same width and, where it is not one layer each, one side's parameters all have their
    /// counterparts: a layer more is that, two other networks are not.
    fn corresponds(&self, sides: &[Vec<Place>; 2], parameters: &[Option<usize>]) -> bool {
        let [one, other] = [&sides[0][self.reference.clone()], &sides[1][self.candidate.clone()]];
        let (Some(last), Some(of_other)) = (one.last(), other.last()) else { return false };
        let trained = |places: &[Place]| places.iter().map(|place| place.parameters.len()).sum::<usize>();
        let numbers = one.iter().flat_map(|place| place.parameters.clone());
        let shared = numbers.filter(|&number| parameters[number].is_some()).count();
        last.output.elements() == of_other.output.elements()
            && (!self.is_composite(sides) || [trained(one), trained(other)].contains(&shared))
    }
}

/// Whether two layers are the same but for what a bias adds, or a norm's weight and bias, and stand between tensors of the
/// same shapes.
fn alike(one: &Place, other: &Place) -> bool {
    one.input == other.input && one.output == other.output && one.facts.plain == other.facts.plain
}

/// The layers that are alike, as pairs in order: from both ends, then the most of them, those with parameters first.
fn matches(one: &[Place], other: &[Place]) -> Vec<(usize, usize)> {
    let first = one.iter().zip(other).take_while(|(one, other)| alike(one, other)).count();
    let most = one.len().min(other.len()) - first;
    let last = one.iter().rev().zip(other.iter().rev()).take(most).take_while(|(one, other)| alike(one, other)).count();
    let middle = |places: &[Place]| -> Vec<usize> {
        (first..places.len() - last).filter(|&index| !places[index].is_identity()).collect()
    };
    let (rows, columns) = (middle(one), middle(other));
    let mut pairs: Vec<_> = (0..first).map(|index| (index, index)).collect();
    if rows.len().saturating_mul(columns.len()) <= MOST_PAIRS {
        pairs.extend(longest(one, other, &rows, &columns));
    }
    pairs.extend((0..last).rev().map(|back| (one.len() - 1 - back, other.len() - 1 - back)));
    pairs
}

/// The heaviest common subsequence of some layers of two models.
fn longest(one: &[Place], other: &[Place], rows: &[usize], columns: &[usize]) -> Vec<(usize, usize)> {
    // One with parameters says more than any number of those without.
    let weight = |place: &Place| if place.parameters.is_empty() { 1 } else { 1 + rows.len() };
    let width = columns.len() + 1;
    let mut best = vec![0; (rows.len() + 1) * width];
    for (i, &row) in rows.iter().enumerate().rev() {
        for (j, &column) in columns.iter().enumerate().rev() {
            let [down, right, both] = [(i + 1) * width + j, i * width + j + 1, (i + 1) * width + j + 1];
            let taken = if alike(&one[row], &other[column]) { best[both] + weight(&one[row]) } else { 0 };
            best[i * width + j] = taken.max(best[down]).max(best[right]);
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while let (Some(&row), Some(&column)) = (rows.get(i), columns.get(j)) {
        let [here, down, right] = [i * width + j, (i + 1) * width + j, i * width + j + 1].map(|at| best[at]);
        if alike(&one[row], &other[column]) && here == best[(i + 1) * width + j + 1] + weight(&one[row]) {
            pairs.push((row, column));
            (i, j) = (i + 1, j + 1);
        } else if down >= right && here == down {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// What lies before a pair of layers that are alike, or behind the last one.
struct Gap {
    /// The layers, identities left out.
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// All of them.
    all: [Range<usize>; 2],
    pair: Option<(usize, usize)>,
}

/// The stretches that these pairs make, and what is left behind the last.
fn between(pairs: Vec<(usize, usize)>, sides: &[Vec<Place>; 2]) -> (Vec<Stretch>, Stretch) {
    let [one, other] = sides;
    let ends = (one.len(), other.len());
    let real = |places: &[Place], layers: Range<usize>| -> Vec<usize> {
        layers.filter(|&index| !places[index].is_identity()).collect()
    };
    let mut from = (0, 0);
    let gap = |pair: Option<(usize, usize)>| {
        let end = pair.unwrap_or(ends);
        let all = [from.0..end.0, from.1..end.1];
        from = (end.0 + 1, end.1 + 1);
        Gap { rows: real(one, all[0].clone()), columns: real(other, all[1].clone()), all, pair }
    };
    let gaps: Vec<Gap> = pairs.into_iter().map(Some).chain([None]).map(gap).collect();
    let (mut stretches, mut at) = (Stretches::default(), 0);
    while let Some(gap) = gaps.get(at) {
        at += 1;
        let [rows, columns] = &gap.all;
        if replaced(&gap.rows, &gap.columns, sides) {
            gap.rows.iter().zip(&gap.columns).for_each(|(&row, &column)| stretches.push((row + 1, column + 1)));
        } else if let Some(more) = closing(&gaps[at - 1..], one) {
            at += more;
            stretches.push(gaps[at - 1].pair.unwrap_or(ends));
        } else if replaced(&rows.clone().collect::<Vec<_>>(), &columns.clone().collect::<Vec<_>>(), sides) {
            // An identity stands in the place of a layer that is switched off.
            rows.clone().zip(columns.clone()).for_each(|(row, column)| stretches.push((row + 1, column + 1)));
        } else if gap.pair.is_none() {
            break;
        }
        if let Some((row, column)) = gaps[at - 1].pair {
            stretches.push((row + 1, column + 1));
        }
    }
    let Stretches { mut all, from } = stretches;
    let rest = Stretch { reference: from.0..ends.0, candidate: from.1..ends.1 };
    // Identities at the very end are the last stretch's.
    let empty = real(one, rest.reference.clone()).is_empty() && real(other, rest.candidate.clone()).is_empty();
    match all.last_mut() {
        Some(last) if empty => {
            (last.reference.end, last.candidate.end) = ends;
            (all, Stretch { reference: ends.0..ends.0, candidate: ends.1..ends.1 })
        }
        _ => (all, rest),
    }
}

/// Stretches that follow each other.
#[derive(Default)]
struct Stretches {
    all: Vec<Stretch>,
    from: (usize, usize),
}

impl Stretches {
    /// One more, up to these layers.
    fn push(&mut self, end: (usize, usize)) {
        self.all.push(Stretch { reference: self.from.0..end.0, candidate: self.from.1..end.1 });
        self.from = end;
    }
}

/// Whether layers stand in each other's place, one for one.
fn replaced(rows: &[usize], columns: &[usize], [one, other]: &[Vec<Place>; 2]) -> bool {
    let width = |(&row, &column): (&usize, &usize)| one[row].output.elements() == other[column].output.elements();
    rows.len() == columns.len() && rows.iter().zip(columns).all(width)
}

/// How many gaps further on one side has had what the other has in the first, with nothing in between that is trained.
fn closing(gaps: &[Gap], one: &[Place]) -> Option<usize> {
    let mut more = [0, 0];
    for (number, gap) in gaps.iter().enumerate() {
        more = [more[0] + gap.rows.len(), more[1] + gap.columns.len()];
        if number > 0 && more[0] == more[1] {
            return Some(number);
        }
        gap.pair.filter(|&(row, _)| one[row].parameters.is_empty())?;
    }
    None
}

/// For each of the reference's parameters, or of its buffers, the candidate's that is the same: of layers one for one by
/// name, of others in order.
fn own(stretches: &[Stretch], [one, other]: &[Vec<Place>; 2], trained: bool) -> Vec<Option<usize>> {
    let tensors = |place: &Place| -> Vec<(usize, &'static str, Shape)> {
        if trained {
            let named = place.parameters.clone().zip(&place.facts.parameters);
            named.map(|(at, &(name, shape))| (at, name, shape)).collect()
        } else {
            let named = place.buffers.clone().zip(&place.facts.buffers);
            named.map(|(at, &(name, shape, _))| (at, name, shape)).collect()
        }
    };
    let count = one.last().map_or(0, |place| if trained { place.parameters.end } else { place.buffers.end });
    let mut found = vec![None; count];
    for stretch in stretches {
        let mut theirs: Vec<_> = other[stretch.candidate.clone()].iter().flat_map(tensors).collect();
        for (number, name, shape) in one[stretch.reference.clone()].iter().flat_map(tensors) {
            let same = theirs.iter().position(|&(_, other, of_other)| (other, of_other) == (name, shape));
            found[number] = same.map(|same| theirs.remove(same).0);
        }
    }
    found
}

/// The same by name and shape, of models whose layers do not correspond.
fn by_name(reference: &Model, candidate: &Model) -> Vec<Option<usize>> {
    let theirs = candidate.parameters();
    reference.parameters().iter().map(|parameter| theirs.iter().position(|other| other == parameter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BatchNorm, Dropout, Linear, Norm};

    fn linear(inputs: usize, outputs: usize) -> Layer {
        Layer::Linear(Linear { inputs, outputs, bias: true })
    }

    const fn dropout(p: f64) -> Layer {
        Layer::Dropout(Dropout { p, scaled: true, first_epoch_only: false })
    }

    fn aligned(reference: &[Layer], candidate: &[Layer], same_loss: bool) -> Alignment {
        let model = |layers: &[Layer]| Model::new(layers.to_vec(), 4).unwrap();
        Alignment::new(&model(reference), &model(candidate), same_loss, false)
    }

    fn ranges(alignment: &Alignment) -> Vec<(Range<usize>, Range<usize>)> {
        let stretches = alignment.stretches.iter().flatten();
        stretches.map(|stretch| (stretch.reference.clone(), stretch.candidate.clone())).collect()
    }

    #[test]
    fn equal_models_are_aligned_layer_by_layer_and_so_are_layers_that_are_replaced() {
        let model = [linear(4, 3), Layer::Relu, dropout(0.0), linear(3, 2)];
        assert!(aligned(&model, &model, true).is_plain());
        let other = [linear(4, 3), Layer::LeakyRelu { slope: 0.0 }, dropout(0.5), linear(3, 2)];
        assert!(aligned(&model, &other, false).is_plain());
    }

    #[test]
    fn an_identity_more_shifts_nothing() {
        let model = [linear(4, 3), Layer::Relu, linear(3, 2)];
        for identity in [dropout(0.0), Layer::LeakyRelu { slope: 1.0 }, Layer::Flatten] {
            for place in 0..=3 {
                let mut other = model.to_vec();
                other.insert(place, identity);
                for (one, two) in [(&model[..], &other[..]), (&other[..], &model[..])] {
                    let alignment = aligned(one, two, true);
                    assert_eq!(alignment.parameters, (0..4).map(Some).collect::<Vec<_>>());
                    assert!(alignment.tail.is_empty() && !alignment.is_plain());
                    assert_eq!(ranges(&alignment).len(), 3);
                }
            }
        }
    }

    #[test]
    fn layers_in_another_order_and_a_layer_more_are_composites() {
        let model = [linear(4, 3), Layer::Relu, dropout(0.5), linear(3, 2)];
        let swapped = [linear(4, 3), dropout(0.5), Layer::Relu, linear(3, 2)];
        assert_eq!(ranges(&aligned(&model, &swapped, true)), [(0..1, 0..1), (1..3, 1..3), (3..4, 3..4)]);
        let with_identity = [linear(4, 3), Layer::LeakyRelu { slope: 1.0 }, dropout(0.5), Layer::Relu, linear(3, 2)];
        assert_eq!(ranges(&aligned(&model, &with_identity, true))[1], (1..3, 1..4));
        let more = [linear(4, 3), Layer::Tanh, Layer::Relu, dropout(0.5), linear(3, 2)];
        assert_eq!(ranges(&aligned(&model, &more, true))[1], (1..2, 1..3));
        let last = [linear(4, 3), Layer::Relu, dropout(0.5), linear(3, 2), Layer::Sigmoid];
        assert_eq!(ranges(&aligned(&model, &last, true))[3], (3..4, 3..5));
    }

    #[test]
    fn what_differs_together_with_the_loss_is_the_tail() {
        let (logits, probabilities) = ([linear(4, 1)], [linear(4, 1), Layer::Sigmoid]);
        let alignment = aligned(&logits, &probabilities, false);
        assert_eq!(ranges(&alignment), [(0..1, 0..1)]);
        assert_eq!(alignment.tail, Stretch { reference: 1..1, candidate: 1..2 });
        assert_eq!(aligned(&probabilities, &logits, false).tail, Stretch { reference: 1..2, candidate: 1..1 });
    }

    #[test]
    fn a_layer_more_that_is_trained_leaves_the_others_where_they_are() {
        let norm = Layer::BatchNorm(BatchNorm { norm: Norm { columns: 3, eps: 1e-5, affine: true }, momentum: 0.1 });
        let (plain, more) =
            ([linear(4, 3), Layer::Relu, linear(3, 2)], [linear(4, 3), norm, Layer::Relu, linear(3, 2)]);
        let alignment = aligned(&plain, &more, true);
        assert_eq!(ranges(&alignment), [(0..1, 0..1), (1..2, 1..3), (2..3, 3..4)]);
        assert_eq!(alignment.parameters, [Some(0), Some(1), Some(4), Some(5)]);
        assert_eq!(aligned(&more, &plain, true).parameters, [Some(0), Some(1), None, None, Some(2), Some(3)]);
    }

    #[test]
    fn models_of_other_widths_do_not_correspond() {
        let alignment =
            aligned(&[linear(4, 3), Layer::Relu, linear(3, 2)], &[linear(4, 5), Layer::Relu, linear(5, 2)], true);
        assert_eq!(alignment.stretches, None);
        assert_eq!(alignment.parameters, [None, None, None, Some(3)]);
        let deeper = aligned(&[linear(4, 2)], &[linear(4, 3), Layer::Relu, linear(3, 2)], true);
        assert_eq!(deeper.stretches, None);
    }
}
