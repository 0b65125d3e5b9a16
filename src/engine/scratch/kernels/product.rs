//! Products of dense matrices: C = A·B, a block of B's columns at a time.
//!
//! Of C, tiles of [`HEIGHT`] rows and up to [`WIDTH`] vectors are summed up in registers: for each k one vector load for
//! each of the tile's columns of B, one broadcast for each of its rows of A (Goto and van de Geijn, *Anatomy of
//! High-Performance Matrix Multiplication*, 2008). B is packed into panels as wide as a tile, in blocks that the second
//! cache holds, so that a tile reads it from end to end; A is read where it lies. Threads share the packing of a block,
//! then its tiles by rows of C. Every element of C is the sum of the same terms in the same order, however many threads
//! there are.

use super::{ARCH, Lanes, Team, vectorized};
use pulp::{Simd, WithSimd};
use std::{marker::PhantomData, ops::Range};

/// Rows of a tile: with [`WIDTH`] vectors each, 24 sums, and beside them a row of B and a broadcast in 32 registers.
pub(super) const HEIGHT: usize = 6;

/// Vectors in a row of a tile.
const WIDTH: usize = 4;

/// Registers that hold a tile of [`HEIGHT`] by [`WIDTH`]; a processor with fewer takes half of the vectors at a time.
const MANY: usize = 32;

/// Elements of a packed block of B: 512 KiB of f32, a quarter to a half of a core's second cache.
const BLOCK: usize = 1 << 17;

/// Terms that are summed up in registers before they join C, at most and at least: long beside the reading and writing of a
/// tile. The fewer, the wider a block, and A is read once for each block.
pub(super) const DEPTH: [usize; 2] = [512, 256];

/// Rows of A up to which packing B costs more than it gains.
const FEW: usize = 2 * HEIGHT;

/// Multiply-adds from which on threads share a product: some 6 µs of one thread, beside the two of sharing it out.
const SHARED_PRODUCTS: usize = 1 << 19;

/// A in C = A·B, with the rows of C.
#[derive(Clone, Copy)]
pub(super) enum Left<'a, T> {
    /// Row-major: k goes along the rows.
    Rows(&'a [T]),
    /// Row-major the other way: k goes down the columns.
    Columns(&'a [T]),
}

/// B in C = A·B, with the columns of C.
#[derive(Clone, Copy)]
pub(super) enum Right<'a, T> {
    /// `[k, n]`, row-major.
    Rows(&'a [T]),
    /// `[n, k]`, row-major: k goes along the rows.
    Columns(&'a [T]),
}

/// What the sums of C begin with.
#[derive(Clone, Copy)]
pub(super) enum Start<'a, T> {
    /// 0.
    Zero,
    /// The same row, `[n]`, for every row of C.
    Row(&'a [T]),
    /// What C holds.
    There,
}

impl<T> Start<'_, T> {
    /// The same, seen from a column on.
    fn from(self, column: usize) -> Self {
        match self {
            Self::Row(row) => Self::Row(&row[column..]),
            Self::Zero | Self::There => self,
        }
    }
}

/// The sizes of C = A·B: A `[m, k]`, B `[k, n]`, C `[m, n]`.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
}

/// C, shared out over threads by its rows.
pub(super) trait Target<T> {
    /// Who takes the rows of one thread.
    type Sink<'s>: Sink<T>
    where
        Self: 's;

    /// So many rows for each thread, in their order.
    fn parts(&mut self, rows: usize) -> impl Iterator<Item = Self::Sink<'_>>;
}

/// Who takes the rows of C that a thread works out.
pub(super) trait Sink<T>: Send {
    /// Room for a tile's rows of C from `row` on, counted from the thread's first, in these columns; and the steps from
    /// one row to the next. What lies behind a row may be written over before the next row is.
    fn room(&mut self, row: usize, columns: &Range<usize>) -> (&mut [T], usize);

    /// Called when `rows` of C, counted likewise, are complete in `columns`.
    fn complete(&mut self, rows: Range<usize>, columns: &Range<usize>) {
        let _ = (rows, columns);
    }
}

/// C in its place, row-major.
pub(super) struct Place<'a, T> {
    pub(super) rows: &'a mut [T],
    pub(super) width: usize,
}

impl<T: Send> Target<T> for Place<'_, T> {
    type Sink<'s>
        = Place<'s, T>
    where
        Self: 's;

    fn parts(&mut self, rows: usize) -> impl Iterator<Item = Place<'_, T>> {
        let width = self.width;
        self.rows.chunks_mut(rows * width).map(move |rows| Place { rows, width })
    }
}

impl<T: Send> Sink<T> for Place<'_, T> {
    fn room(&mut self, row: usize, columns: &Range<usize>) -> (&mut [T], usize) {
        (&mut self.rows[row * self.width + columns.start..], self.width)
    }
}

/// C = A·B, added to what its sums begin with.
pub(super) fn product<T: Lanes>(
    team: &mut Team,
    packed: &mut Vec<T>,
    (a, b): (Left<'_, T>, Right<'_, T>),
    sizes: Sizes,
    start: Start<'_, T>,
    c: &mut impl Target<T>,
) {
    let Sizes { m, k, n } = sizes;
    let [most, least] = DEPTH;
    let most = (BLOCK / n).clamp(least, most);
    let depth = k.div_ceil(k.div_ceil(most));
    let lanes = lanes::<T>();
    let threads = threads(team, sizes);
    let rows = m.div_ceil(threads).next_multiple_of(HEIGHT);
    let full = WIDTH * lanes;
    let columns = (BLOCK / depth).next_multiple_of(full).min(n.next_multiple_of(full));
    let packed = room(packed, columns * depth);
    let direct = m <= FEW && matches!(b, Right::Rows(_));
    for first in (0..n).step_by(columns) {
        let wide = columns.min(n - first);
        for from in (0..k).step_by(depth) {
            let deep = depth.min(k - from);
            let block = Block { first, wide, from, deep, full, lanes };
            if !direct || wide % full != 0 {
                pack(team, b, sizes, &block, (threads, direct), &mut *packed);
            }
            let (packed, start) = (&*packed, if from > 0 { Start::There } else { start });
            let last = from + deep == k;
            team.each(c.parts(rows).enumerate(), |(number, sink)| {
                let rows = number * rows..((number + 1) * rows).min(m);
                ARCH.dispatch(Strip { a, b, direct, sizes, block: &block, packed, start, last, rows, sink });
            });
        }
    }
}

/// How many threads of a team share a product of these sizes.
pub(super) fn threads(team: &Team, Sizes { m, k, n }: Sizes) -> usize {
    if m * k * n < SHARED_PRODUCTS { 1 } else { team.threads() }
}

/// The first elements of a buffer that grows where it must, from an address on that whole vectors begin at.
fn room<T: Lanes>(buffer: &mut Vec<T>, elements: usize) -> &mut [T] {
    const LINE: usize = 64;
    let size = std::mem::size_of::<T>();
    if buffer.len() < elements + LINE / size {
        buffer.resize(elements + LINE / size, T::ZERO);
    }
    let skipped = buffer.as_ptr().align_offset(LINE).min(LINE / size);
    &mut buffer[skipped..skipped + elements]
}

/// How many lanes the processor's vectors have.
pub(super) fn lanes<T: Lanes>() -> usize {
    struct Count<T>(PhantomData<T>);
    impl<T: Lanes> WithSimd for Count<T> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<V: Simd>(self, _: V) -> usize {
            T::count::<V>()
        }
    }
    ARCH.dispatch(Count::<T>(PhantomData))
}

/// A block of B: columns `first..first + wide`, terms `from..from + deep`.
struct Block {
    first: usize,
    wide: usize,
    from: usize,
    deep: usize,
    /// Columns of a whole panel, and of a vector.
    full: usize,
    lanes: usize,
}

impl Block {
    /// The panels of the block: for each its first column, counted from the block's, its columns, and its width in the
    /// packed block, which is that of a tile of one, two or [`WIDTH`] vectors.
    fn panels(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.wide).step_by(self.full).map(|start| {
            let columns = self.full.min(self.wide - start);
            let width = if columns <= self.lanes { self.lanes } else { 2 * self.lanes };
            (start, columns, if columns <= width { width } else { self.full })
        })
    }
}

/// Packs a block: panel after panel, in each row after row. Where B is read `direct`ly, only a panel that is not whole.
fn pack<T: Lanes>(
    team: &mut Team,
    b: Right<'_, T>,
    sizes: Sizes,
    block: &Block,
    (threads, direct): (usize, bool),
    packed: &mut [T],
) {
    // Parts of a panel, so that also few panels have work for all threads.
    let panels = block.wide.div_ceil(block.full);
    let parts = if panels.is_multiple_of(threads) { 1 } else { threads };
    let deep = block.deep.div_ceil(parts).next_multiple_of(16);
    let mut rest = packed;
    let mut pieces = block.panels().flat_map(|(start, columns, width)| {
        let (panel, behind) = std::mem::take(&mut rest).split_at_mut(block.deep * width);
        rest = behind;
        let panel = if direct && columns == block.full { &mut [] } else { panel };
        panel.chunks_mut(deep * width).enumerate().map(move |(part, target)| Piece {
            target,
            width,
            columns: block.first + start..block.first + start + columns,
            terms: block.from + part * deep..block.from + ((part + 1) * deep).min(block.deep),
        })
    });
    let fill = |piece: Piece<'_, T>| {
        vectorized(
            #[inline(always)]
            || piece.fill(b, sizes),
        );
    };
    if threads == 1 {
        return pieces.for_each(fill);
    }
    loop {
        let some = pieces.by_ref().take(super::team::MOST);
        let mut any = false;
        team.each(some.inspect(|_| any = true), fill);
        if !any {
            return;
        }
    }
}

/// A part of a panel: rows of B for the `terms`, in its `columns`.
struct Piece<'a, T> {
    target: &'a mut [T],
    width: usize,
    columns: Range<usize>,
    terms: Range<usize>,
}

impl<T: Lanes> Piece<'_, T> {
    #[inline(always)]
    fn fill(self, b: Right<'_, T>, sizes: Sizes) {
        let Self { target, width, columns, terms } = self;
        let count = columns.len();
        match b {
            Right::Rows(b) => {
                for (row, term) in target.chunks_exact_mut(width).zip(terms) {
                    let from = &b[term * sizes.n + columns.start..];
                    if count < width && width % EIGHT == 0 && from.len() >= width {
                        // What is behind the columns is never looked at.
                        for (row, from) in row.chunks_exact_mut(EIGHT).zip(from.chunks_exact(EIGHT)) {
                            row.copy_from_slice(from);
                        }
                    } else {
                        row[..count].copy_from_slice(&from[..count]);
                    }
                }
            }
            Right::Columns(b) => {
                let from = &b[columns.start * sizes.k..columns.end * sizes.k];
                turn((from, target), [sizes.k, width], [count, terms.len()], terms.start);
            }
        }
    }
}

/// A matrix the other way round: `from` `[lines, steps[0]]`, of which `count` columns from `first` on become the rows of
/// `target`, `[count, steps[1]]`.
#[inline(always)]
pub(super) fn turn<T: Lanes>(
    (from, target): (&[T], &mut [T]),
    [from_step, target_step]: [usize; 2],
    [lines, count]: [usize; 2],
    first: usize,
) {
    let steps = [from_step, target_step];
    let mut line = 0;
    while line < lines {
        let (from, target) = (&from[line * from_step + first..], &mut target[line..]);
        line += match lines - line {
            16.. => turn_lines::<T, 16>((from, target), steps, count),
            EIGHT.. => turn_lines::<T, EIGHT>((from, target), steps, count),
            _ => turn_lines::<T, 1>((from, target), steps, count),
        };
    }
}

/// A number of values that any vectors divide into, and that few columns still have.
const EIGHT: usize = 8;

/// Turns `L` lines; returns how many that are.
#[inline(always)]
fn turn_lines<T: Lanes, const L: usize>((from, target): (&[T], &mut [T]), steps: [usize; 2], count: usize) -> usize {
    let mut column = 0;
    while column < count {
        let (from, target) = (&from[column..], &mut target[column * steps[1]..]);
        column += match count - column {
            16.. => turn_square::<T, L, 16>((from, target), steps),
            EIGHT.. => turn_square::<T, L, EIGHT>((from, target), steps),
            _ => turn_square::<T, L, 1>((from, target), steps),
        };
    }
    L
}

/// Turns `C` columns of `L` lines, which fit in registers; returns how many columns that are.
#[inline(always)]
fn turn_square<T: Lanes, const L: usize, const C: usize>(
    (from, target): (&[T], &mut [T]),
    [from_step, target_step]: [usize; 2],
) -> usize {
    let mut square = [[T::ZERO; C]; L];
    for (row, from) in square.iter_mut().zip(from.chunks(from_step)) {
        row.copy_from_slice(&from[..C]);
    }
    for (column, target) in target.chunks_mut(target_step).take(C).enumerate() {
        target[..L].iter_mut().zip(&square).for_each(|(value, row)| *value = row[column]);
    }
    C
}

/// A thread's rows of C in the columns of a block.
struct Strip<'a, T, S> {
    a: Left<'a, T>,
    b: Right<'a, T>,
    direct: bool,
    sizes: Sizes,
    block: &'a Block,
    packed: &'a [T],
    start: Start<'a, T>,
    last: bool,
    rows: Range<usize>,
    sink: S,
}

impl<T: Lanes, S: Sink<T>> WithSimd for Strip<'_, T, S> {
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(mut self, simd: V) {
        let count = self.rows.len();
        let mut row = 0;
        while row < count {
            row += match count - row {
                HEIGHT.. => self.tiles::<V, HEIGHT>(simd, row),
                4.. => self.tiles::<V, 4>(simd, row),
                2.. => self.tiles::<V, 2>(simd, row),
                _ => self.tiles::<V, 1>(simd, row),
            };
        }
    }
}

impl<T: Lanes, S: Sink<T>> Strip<'_, T, S> {
    /// `H` rows of C in all panels; returns how many rows that are.
    #[inline(always)]
    fn tiles<V: Simd, const H: usize>(&mut self, simd: V, row: usize) -> usize {
        let Block { first, wide, from, deep, .. } = *self.block;
        let Sizes { m, k, n } = self.sizes;
        let (top, columns) = (self.rows.start + row, first..first + wide);
        let (c, step) = self.sink.room(row, &columns);
        for (start, columns, width) in self.block.panels() {
            let b = match self.b {
                Right::Rows(b) if self.direct && columns == self.block.full => (&b[from * n + first + start..], n),
                Right::Rows(_) | Right::Columns(_) => (&self.packed[start * deep..][..deep * width], width),
            };
            let (c, begin) = (&mut c[start..], self.start.from(first + start));
            let c = Tiled { c, step, columns, only: wide == n && start == 0 && columns == wide };
            match self.a {
                Left::Rows(a) => {
                    let mut rows: [&[T]; H] = [&[]; H];
                    for (row, a) in rows.iter_mut().zip(a[top * k..].chunks(k)) {
                        *row = &a[from..from + deep];
                    }
                    panel::<V, T, _, H>(simd, Along(rows), (b, deep), c, begin);
                }
                Left::Columns(a) => {
                    let a = Down { a: &a[from * m + top..], step: m };
                    panel::<V, T, _, H>(simd, a, (b, deep), c, begin);
                }
            }
        }
        if self.last {
            self.sink.complete(row..row + H, &columns);
        }
        H
    }
}

/// `H` rows of A, term by term.
trait Group<T, const H: usize>: Copy {
    /// The same rows, seen to be of so many terms: where the compiler sees it too, it checks no index.
    fn of(self, terms: usize) -> Self;
    /// The rows' values for a term.
    fn at(&self, term: usize) -> [T; H];
}

/// Rows that lie along memory.
#[derive(Clone, Copy)]
struct Along<'a, T, const H: usize>([&'a [T]; H]);

/// Rows whose values for one term lie together, and so many steps from those for the next.
#[derive(Clone, Copy)]
struct Down<'a, T> {
    a: &'a [T],
    step: usize,
}

impl<T: Copy, const H: usize> Group<T, H> for Along<'_, T, H> {
    #[inline(always)]
    fn of(self, terms: usize) -> Self {
        let mut rows = self.0;
        rows.iter_mut().for_each(|row| *row = &row[..terms]);
        Self(rows)
    }

    #[inline(always)]
    fn at(&self, term: usize) -> [T; H] {
        std::array::from_fn(|row| self.0[row][term])
    }
}

impl<T: Copy, const H: usize> Group<T, H> for Down<'_, T> {
    #[inline(always)]
    fn of(self, _: usize) -> Self {
        self
    }

    #[inline(always)]
    fn at(&self, term: usize) -> [T; H] {
        let values = &self.a[term * self.step..][..H];
        std::array::from_fn(|row| values[row])
    }
}

/// The tile of a panel, as wide as it needs to be.
#[inline(always)]
fn panel<V: Simd, T: Lanes, G: Group<T, H>, const H: usize>(
    simd: V,
    a: G,
    ((b, b_step), deep): ((&[T], usize), usize),
    c: Tiled<'_, T>,
    start: Start<'_, T>,
) {
    match c.columns.div_ceil(T::count::<V>()) {
        1 => simd.vectorize(Tile::<_, _, H, 1> { a, b, b_step, deep, c, start }),
        2 => simd.vectorize(Tile::<_, _, H, 2> { a, b, b_step, deep, c, start }),
        _ if V::REGISTER_COUNT >= MANY => {
            simd.vectorize(Tile::<_, _, H, WIDTH> { a, b, b_step, deep, c, start });
        }
        _ => {
            let half = WIDTH / 2 * T::count::<V>();
            let Tiled { c, step, columns, .. } = c;
            let (one, other) = (Start::from(start, 0), Start::from(start, half));
            let left = Tiled { c: &mut *c, step, columns: half, only: false };
            simd.vectorize(Tile::<_, _, H, 2> { a, b, b_step, deep, c: left, start: one });
            let right = Tiled { c: &mut c[half..], step, columns: columns - half, only: false };
            simd.vectorize(Tile::<_, _, H, 2> { a, b: &b[half..], b_step, deep, c: right, start: other });
        }
    }
}

/// Rows of C from one on, in the columns of a panel.
struct Tiled<'a, T> {
    c: &'a mut [T],
    step: usize,
    columns: usize,
    /// Whether these are all columns of C, so that what is written behind a row is where the next one will be.
    only: bool,
}

impl<T: Lanes> Tiled<'_, T> {
    /// Writes a row.
    #[inline(always)]
    fn put<V: Simd, const W: usize>(&mut self, simd: V, row: usize, sums: [T::Vector<V>; W]) {
        let (lanes, c) = (T::count::<V>(), &mut self.c[row * self.step..]);
        if self.columns == W * lanes || (self.only && c.len() >= W * lanes) {
            for (target, sum) in T::vectors_mut::<V>(&mut c[..W * lanes]).iter_mut().zip(sums) {
                *target = sum;
            }
            return;
        }
        for (sum, c) in sums.into_iter().zip(c[..self.columns].chunks_mut(lanes)) {
            T::store_some(simd, c, sum);
        }
    }
}

/// As many values as there are, at most those of so many vectors.
#[inline(always)]
fn get<V: Simd, T: Lanes, const W: usize>(simd: V, values: &[T]) -> [T::Vector<V>; W] {
    let lanes = T::count::<V>();
    if values.len() >= W * lanes {
        let all = T::vectors::<V>(&values[..W * lanes]);
        return std::array::from_fn(|vector| all[vector]);
    }
    std::array::from_fn(|vector| T::load_some(simd, values.get(vector * lanes..).unwrap_or_default()))
}

/// `H` rows of C in `W` vectors.
struct Tile<'a, T, G, const H: usize, const W: usize> {
    a: G,
    b: &'a [T],
    b_step: usize,
    deep: usize,
    c: Tiled<'a, T>,
    start: Start<'a, T>,
}

impl<T: Lanes, G: Group<T, H>, const H: usize, const W: usize> WithSimd for Tile<'_, T, G, H, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(self, simd: V) {
        let Self { a, b, b_step, deep, mut c, start } = self;
        let (a, lanes) = (a.of(deep), T::count::<V>());
        let row = match start {
            Start::Row(row) => get(simd, row),
            Start::Zero | Start::There => [T::splat(simd, T::ZERO); W],
        };
        let mut sums = [row; H];
        for (term, row) in b.chunks(b_step).enumerate().take(deep) {
            let row = T::vectors::<V>(&row[..W * lanes]);
            let row: [T::Vector<V>; W] = std::array::from_fn(|vector| row[vector]);
            for (sums, a) in sums.iter_mut().zip(a.at(term)) {
                let a = T::splat(simd, a);
                for (sum, &b) in sums.iter_mut().zip(&row) {
                    *sum = T::mul_add(simd, a, b, *sum);
                }
            }
        }
        if let Start::There = start {
            for (row, sums) in sums.iter_mut().enumerate() {
                let there: [T::Vector<V>; W] = get(simd, &c.c[row * c.step..][..c.columns]);
                sums.iter_mut().zip(there).for_each(|(sum, there)| *sum = T::plus(simd, there, *sum));
            }
            // What is behind a row is still to be read.
            c.only = false;
        }
        // By value: sums whose address is taken do not stay in registers.
        for (row, sums) in sums.into_iter().enumerate() {
            c.put(simd, row, sums);
        }
    }
}
