//! Batches of a part, step by step: what both sides borrow.
//!
//! Dense rows that are taken as they stand are lent in place. Everything else is gathered into buffers that are
//! reserved for the largest batch, so that no step allocates; a batch that they already hold is not gathered again.

use super::{
    Batch, BatchSize, Inputs, Length, Sparse,
    columns::{Columns, Csr, DTypes},
    order::{Listed, Order, Place},
    set::{DataSet, Encoding, Held, Targets, Which},
};
use crate::{
    error::{Error, Result},
    tensor::{DType, Values, View},
};
use std::{ops::Range, sync::Arc};

/// Numbers that the inputs of a batch have at most: 2 GB in f64.
const MOST_NUMBERS: usize = 250_000_000;

/// Takes batches from one part of a data set, in one order.
#[derive(Debug)]
pub struct Loader {
    set: Arc<DataSet>,
    which: Which,
    order: Order,
    /// The rows of every step, where they were listed.
    listed: Option<Arc<Listed>>,
    encoding: Encoding,
    targets_width: usize,
    training: bool,
    step: usize,
    place: Place,
    /// Which shuffle the rows stand in, and what the buffers hold: the shuffle and the places in it.
    shuffled: Option<usize>,
    gathered: Option<(Option<usize>, Range<usize>)>,
    rows: Vec<u32>, // [rows of the part] where they are shuffled
    wanted: DTypes,
    f32: Buffers<f32>,
    f64: Buffers<f64>,
    starts: Vec<usize>, // [batch + 1]
    columns: Vec<u32>,  // [values of the batch]
}

/// What is gathered in one type.
#[derive(Debug, Default)]
struct Buffers<T> {
    inputs: Vec<T>,  // [batch, columns], or what is not 0 of it
    targets: Vec<T>, // [batch, targets]
}

/// The rows of a batch.
#[derive(Clone, Copy)]
enum Rows<'a> {
    /// As they stand.
    Range(usize, usize),
    /// In the order of a shuffle.
    Listed(&'a [u32]),
}

impl Loader {
    /// Batches to train on, in the types of `wanted`; that of step 0 is prepared.
    ///
    /// # Errors
    /// If the set has no such part or does not hold a type that is wanted, the order leaves no batch, or the targets
    /// cannot be given in this encoding.
    pub fn new(set: Arc<DataSet>, which: Which, order: Order, encoding: Encoding, wanted: DTypes) -> Result<Self> {
        let part = set.part(which).ok_or_else(|| {
            Error::Usage(format!("the data have no {} rows; give them a key that says which", which.name()))
        })?;
        let held = [&part.inputs].map(held).into_iter().chain(match &part.targets {
            Targets::Values(values) => Some(values.held()),
            Targets::Classes(_) => None,
        });
        for (dtype, missing) in [(DType::F32, wanted.f32), (DType::F64, wanted.f64)] {
            if missing && !held.clone().all(|held| held.has(dtype)) {
                return Err(Error::Usage(format!("the data were opened without {dtype}, in which they are wanted")));
            }
        }
        order.check(part.rows())?;
        let (rows, columns) = (order.largest_batch(part.rows()), part.inputs.columns());
        if rows.saturating_mul(columns) > MOST_NUMBERS && !matches!(part.inputs, Held::Sparse(_)) {
            return Err(Error::Usage(format!(
                "a batch of {rows} rows of {columns} columns has more than {MOST_NUMBERS} numbers; set a smaller \
                 training.batch_size"
            )));
        }
        let (targets_width, place) = (set.targets_width(encoding)?, order.place(0, part.rows()));
        let rows = if order.shuffle_of(0).is_some() { vec![0; part.rows()] } else { Vec::new() };
        let mut loader = Self {
            which,
            order,
            listed: None,
            encoding,
            targets_width,
            training: true,
            step: 0,
            place,
            shuffled: None,
            gathered: None,
            rows,
            wanted,
            f32: Buffers::default(),
            f64: Buffers::default(),
            starts: Vec::new(),
            columns: Vec::new(),
            set,
        };
        loader.reserve();
        loader.prepare(0);
        Ok(loader)
    }

    /// The training rows that somebody has listed, step by step.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn listed(set: Arc<DataSet>, listed: Arc<Listed>, encoding: Encoding, wanted: DTypes) -> Result<Self> {
        let order = Order::sequential(BatchSize::Rows(listed.largest_batch()));
        let mut loader = Self::new(set, Which::Training, order, encoding, wanted)?;
        loader.rows = listed.rows().to_vec();
        (loader.listed, loader.gathered) = (Some(listed), None);
        loader.reserve();
        loader.prepare(0);
        Ok(loader)
    }

    /// A whole part in batches of `size` rows as they stand, to evaluate: not to train on. Its steps are
    /// [`steps_per_epoch`](Self::steps_per_epoch).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn sequential(
        set: Arc<DataSet>,
        which: Which,
        size: BatchSize,
        encoding: Encoding,
        wanted: DTypes,
    ) -> Result<Self> {
        Ok(Self { training: false, ..Self::new(set, which, Order::sequential(size), encoding, wanted)? })
    }

    /// The data the batches come from.
    pub fn set(&self) -> &Arc<DataSet> {
        &self.set
    }

    /// The part of them.
    pub fn which(&self) -> Which {
        self.which
    }

    /// How many rows its batches have.
    pub fn size(&self) -> BatchSize {
        self.order.size
    }

    /// The number of rows of the part.
    pub fn rows(&self) -> usize {
        self.part_rows()
    }

    /// The number of batches of an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.listed.as_ref().map_or_else(|| self.order.steps_per_epoch(self.part_rows()), |listed| listed.steps())
    }

    /// The number of steps in `length`.
    pub fn steps(&self, length: Length) -> usize {
        length.steps(self.steps_per_epoch())
    }

    /// The rows of the largest batch.
    pub fn largest_batch(&self) -> usize {
        self.listed.as_ref().map_or_else(|| self.order.largest_batch(self.part_rows()), |listed| listed.largest_batch())
    }

    /// The number of target columns.
    pub fn targets_width(&self) -> usize {
        self.targets_width
    }

    /// Where the prepared step stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The rows of the part that the prepared batch has, in its order.
    pub fn row_numbers(&self) -> impl Iterator<Item = usize> + '_ {
        rows_of(&self.rows, &self.place.range).iter()
    }

    /// Makes the batch of `step` ready, whatever step was ready before.
    pub fn prepare(&mut self, step: usize) {
        self.step = step;
        if let Some(listed) = &self.listed {
            self.place = Place { epoch: 0, batch: step, range: listed.range(step) };
            return self.gather();
        }
        self.place = self.order.place(step, self.part_rows());
        let shuffle = self.order.shuffle_of(self.place.epoch);
        if let Some(shuffle) = shuffle.filter(|&shuffle| self.shuffled != Some(shuffle)) {
            self.order.shuffle(shuffle, &mut self.rows);
            self.shuffled = Some(shuffle);
        }
        let holds = (shuffle, self.place.range.clone());
        if self.gathered.as_ref() != Some(&holds) {
            self.gather();
            self.gathered = Some(holds);
        }
    }

    /// The prepared batch, without masks of dropout.
    ///
    /// # Panics
    /// If the loader was not made for `dtype` (a fault of the caller, never of a user).
    pub fn batch(&self, dtype: DType) -> Batch<'_> {
        assert!(self.wanted.has(dtype), "a loader gives batches in the types it was made for");
        Batch {
            inputs: self.inputs(dtype),
            targets: self.targets(dtype),
            masks: &[],
            training: self.training,
            step: self.step,
            epoch: self.place.epoch,
        }
    }

    fn part_rows(&self) -> usize {
        self.set.part(self.which).map_or(0, |part| part.rows())
    }

    fn inputs(&self, dtype: DType) -> Inputs<'_> {
        let gathered = match dtype {
            DType::F32 => Values::F32(&self.f32.inputs),
            DType::F64 => Values::F64(&self.f64.inputs),
        };
        match self.set.part(self.which).map(|part| &part.inputs) {
            Some(Held::Sparse(csr)) => Inputs::Sparse(Sparse {
                width: csr.width,
                starts: &self.starts,
                columns: &self.columns,
                values: gathered,
            }),
            held => {
                let lent = match held {
                    Some(Held::Dense(columns)) if self.rows.is_empty() => columns.view(self.place.range.clone(), dtype),
                    _ => None,
                };
                Inputs::Dense(lent.unwrap_or_else(|| View::new(&[self.place.range.len(), self.set.columns], gathered)))
            }
        }
    }

    fn targets(&self, dtype: DType) -> View<'_> {
        let gathered = match dtype {
            DType::F32 => Values::F32(&self.f32.targets),
            DType::F64 => Values::F64(&self.f64.targets),
        };
        let lent = match self.set.part(self.which).map(|part| &part.targets) {
            Some(Targets::Values(columns)) if self.rows.is_empty() => columns.view(self.place.range.clone(), dtype),
            _ => None,
        };
        lent.unwrap_or_else(|| View::new(&[self.place.range.len(), self.targets_width], gathered))
    }

    /// Room for the largest batch, in each type that is wanted; none for what is lent.
    fn reserve(&mut self) {
        let Some(part) = self.set.part(self.which) else { return };
        let (batch, lends) = (self.largest_batch(), self.rows.is_empty());
        let inputs = match &part.inputs {
            Held::Dense(_) if lends => 0,
            // The batch may be of the fullest rows.
            Held::Sparse(csr) => {
                let mut counts: Vec<usize> = csr.starts.windows(2).map(|ends| ends[1] - ends[0]).collect();
                counts.sort_unstable_by(|a, b| b.cmp(a));
                let fullest = counts.iter().take(batch).sum();
                self.starts.reserve(batch + 1);
                self.columns.reserve(fullest);
                fullest
            }
            held @ (Held::Dense(_) | Held::Vectors { .. } | Held::Words { .. }) => batch * held.columns(),
        };
        let targets = match &part.targets {
            Targets::Values(_) if lends => 0,
            Targets::Values(_) | Targets::Classes(_) => batch * self.targets_width,
        };
        if self.wanted.f32 {
            self.f32 = Buffers { inputs: Vec::with_capacity(inputs), targets: Vec::with_capacity(targets) };
        }
        if self.wanted.f64 {
            self.f64 = Buffers { inputs: Vec::with_capacity(inputs), targets: Vec::with_capacity(targets) };
        }
    }

    fn gather(&mut self) {
        let Some(part) = self.set.part(self.which) else { return };
        let rows = rows_of(&self.rows, &self.place.range);
        if let Held::Sparse(csr) = &part.inputs {
            gather_columns(csr, rows, &mut self.starts, &mut self.columns);
        }
        let classes = self.set.classes.as_ref().map_or(0, Vec::len);
        if self.wanted.f32 {
            self.f32.gather(&part.inputs, &part.targets, rows, self.encoding, classes);
        }
        if self.wanted.f64 {
            self.f64.gather(&part.inputs, &part.targets, rows, self.encoding, classes);
        }
    }
}

fn rows_of<'a>(shuffled: &'a [u32], range: &Range<usize>) -> Rows<'a> {
    shuffled.get(range.clone()).map_or(Rows::Range(range.start, range.end), Rows::Listed)
}

impl<'a> Rows<'a> {
    fn len(self) -> usize {
        match self {
            Self::Range(start, end) => end - start,
            Self::Listed(rows) => rows.len(),
        }
    }

    fn iter(self) -> impl Iterator<Item = usize> + 'a {
        let (range, listed) = match self {
            Self::Range(start, end) => (start..end, &[][..]),
            Self::Listed(rows) => (0..0, rows),
        };
        range.chain(listed.iter().map(|&row| row as usize))
    }
}

/// A type that rows are gathered in.
trait Element: Copy + Default {
    const ONE: Self;
    /// The values in this type; none where they are not held.
    fn of(columns: &Columns) -> &[Self];
    /// A number below 2²⁴, exactly.
    fn number(number: u32) -> Self;
}

impl Element for f32 {
    const ONE: Self = 1.0;

    fn of(columns: &Columns) -> &[Self] {
        columns.f32().unwrap_or_default()
    }

    fn number(number: u32) -> Self {
        number as f32
    }
}

impl Element for f64 {
    const ONE: Self = 1.0;

    fn of(columns: &Columns) -> &[Self] {
        columns.f64().unwrap_or_default()
    }

    fn number(number: u32) -> Self {
        f64::from(number)
    }
}

impl<T: Element> Buffers<T> {
    fn gather(&mut self, inputs: &Held, targets: &Targets, rows: Rows<'_>, encoding: Encoding, classes: usize) {
        let own = &mut self.inputs;
        match inputs {
            Held::Dense(columns) => gather_rows(T::of(columns), columns.width(), rows, own),
            Held::Sparse(csr) => {
                own.clear();
                let values = T::of(&csr.values);
                rows.iter().for_each(|row| own.extend_from_slice(&values[csr.starts[row]..csr.starts[row + 1]]));
            }
            Held::Vectors { tokens, first, table } => {
                own.clear();
                let (vectors, dimensions) = (T::of(table), table.width());
                for token in rows.iter().flat_map(|row| &tokens[row * first..][..*first]) {
                    own.extend_from_slice(&vectors[*token as usize * dimensions..][..dimensions]);
                }
            }
            Held::Words { tokens, first, .. } => {
                own.clear();
                for row in rows.iter() {
                    own.extend(tokens[row * first..][..*first].iter().map(|&token| T::number(token)));
                }
            }
        }
        let own = &mut self.targets;
        match (targets, encoding) {
            (Targets::Values(columns), _) => gather_rows(T::of(columns), columns.width(), rows, own),
            (Targets::Classes(numbers), Encoding::OneHot) => {
                own.clear();
                own.resize(rows.len() * classes, T::default());
                for (columns, row) in own.chunks_exact_mut(classes.max(1)).zip(rows.iter()) {
                    columns[numbers[row] as usize] = T::ONE;
                }
            }
            (Targets::Classes(numbers), _) => {
                own.clear();
                own.extend(rows.iter().map(|row| T::number(numbers[row])));
            }
        }
    }
}

/// Replaces the content of `target` by the rows of `width` values, unless they stand as they are lent.
fn gather_rows<T: Copy>(values: &[T], width: usize, rows: Rows<'_>, target: &mut Vec<T>) {
    target.clear();
    let Rows::Listed(rows) = rows else { return };
    match width {
        1 => target.extend(rows.iter().map(|&row| values[row as usize])),
        2 => target.extend(rows.iter().flat_map(|&row| {
            let start = 2 * row as usize;
            [values[start], values[start + 1]]
        })),
        _ => rows.iter().for_each(|&row| target.extend_from_slice(&values[row as usize * width..][..width])),
    }
}

/// Replaces the content of `starts` and `columns` by those of the rows.
fn gather_columns(csr: &Csr, rows: Rows<'_>, starts: &mut Vec<usize>, columns: &mut Vec<u32>) {
    starts.clear();
    columns.clear();
    starts.push(0);
    for row in rows.iter() {
        columns.extend_from_slice(&csr.columns[csr.starts[row]..csr.starts[row + 1]]);
        starts.push(columns.len());
    }
}

fn held(inputs: &Held) -> DTypes {
    match inputs {
        Held::Dense(columns) | Held::Vectors { table: columns, .. } => columns.held(),
        Held::Sparse(csr) => csr.values.held(),
        Held::Words { .. } => DTypes::BOTH,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            order::{Last, Shuffle},
            set::Part,
        },
        *,
    };

    const ROWS: usize = 23;
    const EVERY_SHUFFLE: [Shuffle; 3] = [Shuffle::No, Shuffle::Once, Shuffle::EveryEpoch];

    fn names(count: usize) -> Option<Vec<String>> {
        Some((0..count).map(|class| class.to_string()).collect())
    }

    fn set(inputs: Held, targets: Targets, classes: Option<Vec<String>>) -> Arc<DataSet> {
        Arc::new(DataSet::new(Part { inputs, targets }, None, None, classes, Vec::new()).unwrap())
    }

    fn classes(count: u32) -> Targets {
        Targets::Classes((0..ROWS as u32).map(|row| row * row % count).collect())
    }

    /// Every way of holding inputs, with what each row is as dense numbers.
    fn every_held() -> Vec<(Held, Vec<Vec<f64>>)> {
        let dense = |width: usize| Columns::from_fn(ROWS, width, DTypes::BOTH, |place| place as f64 / 7.0);
        let widened =
            |width: usize| (0..ROWS).map(move |row| (0..width).map(|c| (row * width + c) as f64 / 7.0).collect());
        let mut every: Vec<_> = [1, 2, 3].map(|width| (Held::Dense(dense(width)), widened(width).collect())).into();
        let sparse: Vec<Vec<f64>> = (0..ROWS)
            .map(|row| (0..5).map(|c| if (row + c) % 3 == 0 { (row + 1) as f64 } else { 0.0 }).collect())
            .collect();
        let mut csr = Csr { width: 5, starts: vec![0], columns: vec![], values: Columns::new(1, vec![], DTypes::BOTH) };
        let mut values = Vec::new();
        for row in &sparse {
            for (column, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                csr.columns.push(column as u32);
                values.push(value);
            }
            csr.starts.push(values.len());
        }
        csr.values = Columns::new(1, values, DTypes::BOTH);
        every.push((Held::Sparse(csr), sparse));
        let tokens: Vec<u32> = (0..ROWS as u32 * 2).map(|place| place * place % 11).collect();
        let numbers = tokens.chunks_exact(2).map(|row| row.iter().map(|&token| f64::from(token)).collect()).collect();
        every.push((Held::Words { tokens: tokens.clone(), first: 2, vocabulary: 11 }, numbers));
        let vectors = tokens
            .chunks_exact(2)
            .map(|row| row.iter().flat_map(|&token| (0..3).map(move |c| f64::from(token * 3 + c) / 7.0)).collect());
        let table = Columns::from_fn(11, 3, DTypes::BOTH, |place| place as f64 / 7.0);
        every.push((Held::Vectors { tokens: tokens.clone(), first: 2, table }, vectors.collect()));
        every
    }

    fn rounded(values: impl Iterator<Item = f64>, dtype: DType) -> Vec<f64> {
        values.map(|value| if dtype == DType::F32 { f64::from(value as f32) } else { value }).collect()
    }

    #[test]
    fn a_batch_has_the_rows_and_targets_that_the_order_names_however_they_are_held() {
        for (held, expected) in every_held() {
            let data = set(held, classes(3), names(3));
            for shuffle in EVERY_SHUFFLE {
                for last in [Last::Keep, Last::Drop, Last::Split] {
                    let order = Order { size: BatchSize::Rows(5), last, shuffle, seed: 1 };
                    let mut loader =
                        Loader::new(data.clone(), Which::Training, order, Encoding::OneHot, DTypes::BOTH).unwrap();
                    // There and back again: a step's batch does not depend on what was asked before.
                    for step in [0, 1, 4, 9, 3, 0, 14] {
                        loader.prepare(step);
                        let rows: Vec<usize> = loader.row_numbers().collect();
                        assert_eq!(rows.len(), loader.place().range.len());
                        for dtype in [DType::F32, DType::F64] {
                            let batch = loader.batch(dtype);
                            assert_eq!((batch.step, batch.epoch, batch.training), (step, loader.place().epoch, true));
                            assert_eq!((batch.rows(), batch.inputs.dtype()), (rows.len(), dtype));
                            let mut found = Vec::new();
                            batch.inputs.widen_into(&mut found);
                            let inputs = rows.iter().flat_map(|&row| expected[row].iter().copied());
                            assert_eq!(found, rounded(inputs, dtype), "{shuffle:?} {last:?} {step}");
                            batch.targets.widen_into(&mut found);
                            let targets = rows
                                .iter()
                                .flat_map(|row| (0..3).map(move |class| f64::from(u8::from(row * row % 3 == class))));
                            assert_eq!(found, targets.collect::<Vec<_>>());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_epoch_sees_each_row_once_and_another_epoch_in_another_order() {
        let data = set(every_held().remove(0).0, classes(2), names(2));
        let order = |shuffle| Order { size: BatchSize::Rows(4), last: Last::Split, shuffle, seed: 1 };
        for shuffle in EVERY_SHUFFLE {
            let mut loader =
                Loader::new(data.clone(), Which::Training, order(shuffle), Encoding::Binary, DTypes::F32).unwrap();
            let mut epoch = |epoch: usize| {
                let steps = epoch * loader.steps_per_epoch()..(epoch + 1) * loader.steps_per_epoch();
                let rows = steps.flat_map(|step| {
                    loader.prepare(step);
                    loader.row_numbers().collect::<Vec<_>>()
                });
                rows.collect::<Vec<_>>()
            };
            let [first, second] = [epoch(0), epoch(1)];
            assert_eq!(first.iter().eq(&second), shuffle != Shuffle::EveryEpoch);
            assert_eq!(first.iter().copied().eq(0..ROWS), shuffle == Shuffle::No);
            for mut rows in [first, second] {
                rows.sort_unstable();
                assert!(rows.into_iter().eq(0..ROWS));
            }
        }
    }

    #[test]
    fn rows_as_they_stand_are_lent_in_place() {
        let values = Columns::from_fn(ROWS, 2, DTypes::F32, |place| place as f64);
        let data = set(Held::Dense(values.clone()), Targets::Values(values), None);
        let mut loader =
            Loader::sequential(data.clone(), Which::Training, BatchSize::Rows(10), Encoding::Values, DTypes::F32)
                .unwrap();
        loader.prepare(2);
        let batch = loader.batch(DType::F32);
        assert!(!batch.training);
        let Held::Dense(columns) = &data.training.inputs else { panic!("dense") };
        let Inputs::Dense(View { values: Values::F32(lent), .. }) = batch.inputs else { panic!("dense f32") };
        assert!(std::ptr::eq(lent, &columns.f32().unwrap()[40..46]));
        assert_eq!(loader.f32.inputs.capacity() + loader.f32.targets.capacity(), 0);
    }

    #[test]
    fn buffers_never_grow() {
        for (held, _) in every_held() {
            for shuffle in EVERY_SHUFFLE {
                let order = Order { size: BatchSize::Rows(5), last: Last::Split, shuffle, seed: 1 };
                let data = set(held.clone(), classes(3), names(3));
                let mut loader = Loader::new(data, Which::Training, order, Encoding::Index, DTypes::BOTH).unwrap();
                let room = |loader: &Loader| {
                    let of = (loader.f32.inputs.capacity(), loader.f64.inputs.capacity(), loader.columns.capacity());
                    (of, loader.f32.targets.capacity(), loader.f64.targets.capacity(), loader.starts.capacity())
                };
                let before = room(&loader);
                for step in 0..100 {
                    loader.prepare(step);
                    assert_eq!(room(&loader), before);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_given_is_refused_before_the_first_step() {
        let data = set(Held::Dense(Columns::new(1, vec![0.0; 23], DTypes::F32)), classes(3), names(3));
        let order = Order { size: BatchSize::Rows(24), last: Last::Drop, shuffle: Shuffle::No, seed: 0 };
        let sequential = Order::sequential(BatchSize::Full);
        for (which, order, encoding, wanted, expected) in [
            (Which::Test, sequential, Encoding::Index, DTypes::F32, "the data have no test rows"),
            (Which::Training, order, Encoding::Index, DTypes::F32, "the 23 rows of data do not fill one batch of 24"),
            (Which::Training, sequential, Encoding::Binary, DTypes::F32, "cannot be given as 0 and 1"),
            (Which::Training, sequential, Encoding::Index, DTypes::BOTH, "the data were opened without f64"),
        ] {
            let error = Loader::new(data.clone(), which, order, encoding, wanted).unwrap_err().to_string();
            assert!(error.starts_with(expected) || error.contains(expected), "{error}");
        }
    }
}
