//! Sets that are drawn: from a formula and a seed, the same numbers on every machine.
//!
//! Every part has a block of the stream to itself, so that the number of training rows does not change the test rows.

mod blobs;
mod circle;
mod line;
mod moons;
mod regression;
mod spirals;

pub use blobs::{Blobs, Centers};
pub use circle::Circle;
pub use line::Line;
pub use moons::Moons;
pub use regression::Regression;
pub use spirals::Spirals;

use super::table::{Goals, Raw, Standardize, Table, Tables};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// The data's own stream of a seed, so that no other use of the seed draws the same numbers.
const STREAM: u64 = 1;
/// The words of the stream that a block has to itself, as a power of two: no part that fits into memory takes as many,
/// and the four blocks are within the 2⁶⁸ words of a stream.
const WORDS_OF_BLOCK: u32 = 60;

/// A set that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// What.
    pub figure: Figure,
    /// The number of training rows, 1 or more.
    pub rows: usize,
    /// The number of validation rows.
    pub validation_rows: usize,
    /// The number of test rows.
    pub test_rows: usize,
    /// How inputs are standardized.
    pub standardize: Standardize,
    /// The seed of the stream.
    pub seed: u64,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Figure {
    /// `circle`: points of a square, within a circle or not.
    Circle(Circle),
    /// `moons`: two half circles that reach into each other.
    Moons(Moons),
    /// `spirals`: arms that turn around a point.
    Spirals(Spirals),
    /// `blobs`: normal clouds around centers.
    Blobs(Blobs),
    /// `line`: a straight line with noise.
    Line(Line),
    /// `regression`: normal inputs and a linear map of them with noise, of any width.
    Regression(Regression),
}

/// Blocks of the stream.
#[derive(Clone, Copy)]
enum Block {
    Training,
    Validation,
    Test,
    /// What the parts share.
    Shared,
}

impl Figure {
    /// The number of input columns.
    pub fn inputs(&self) -> usize {
        match self {
            Self::Circle(_) | Self::Moons(_) | Self::Spirals(_) => 2,
            Self::Blobs(blobs) => blobs.columns(),
            Self::Line(_) => 1,
            Self::Regression(regression) => regression.inputs,
        }
    }

    /// The number of classes; none where targets are values.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Circle(_) | Self::Moons(_) => Some(2),
            Self::Spirals(spirals) => Some(spirals.arms),
            Self::Blobs(blobs) => Some(blobs.centers.count()),
            Self::Line(_) | Self::Regression(_) => None,
        }
    }
}

impl Drawn {
    /// The parts: training, validation, test.
    pub(super) fn draw(&self) -> Tables {
        let sizes =
            [(Block::Training, self.rows), (Block::Validation, self.validation_rows), (Block::Test, self.test_rows)];
        let random = |block| stream(self.seed, block);
        let each =
            |draw: &dyn Fn(usize, &mut ChaCha8Rng) -> Table| sizes.map(|(block, rows)| draw(rows, &mut random(block)));
        let [training, validation, test] = match &self.figure {
            Figure::Circle(circle) => each(&|rows, random| circle.draw(rows, random)),
            Figure::Moons(moons) => each(&|rows, random| moons.draw(rows, random)),
            Figure::Spirals(spirals) => each(&|rows, random| spirals.draw(rows, random)),
            Figure::Blobs(blobs) => {
                let centers = blobs.places(&mut random(Block::Shared));
                each(&|rows, random| blobs.draw(rows, &centers, random))
            }
            Figure::Line(line) => each(&|rows, random| line.draw(rows, random)),
            Figure::Regression(regression) => {
                let (training, map) = regression.draw(self.rows, None, &mut random(Block::Training));
                let other = |block, rows| regression.draw(rows, Some(&map), &mut random(block)).0;
                [training, other(Block::Validation, self.validation_rows), other(Block::Test, self.test_rows)]
            }
        };
        let some = |table: Table| (table.rows() > 0).then_some(table);
        let classes = self.figure.classes().map(|count| (0..count).map(|class| class.to_string()).collect());
        Tables { training, validation: some(validation), test: some(test), classes, notes: Vec::new() }
    }
}

fn stream(seed: u64, block: Block) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(STREAM);
    random.set_word_pos((block as u128) << WORDS_OF_BLOCK);
    random
}

/// A draw from N(0, 1).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    random.sample(StandardNormal)
}

/// A draw from U(low, high).
fn uniform(random: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * random.random::<f64>()
}

/// Points one by one: each row's class is its number modulo `classes`, so that all have as many rows as can be.
fn points<const WIDTH: usize>(rows: usize, classes: usize, mut point: impl FnMut(usize) -> [f64; WIDTH]) -> Table {
    let class = |row: usize| row % classes;
    Table {
        width: WIDTH,
        inputs: Raw::F64((0..rows).flat_map(|row| point(class(row))).collect()),
        goals: Goals::Classes((0..rows).map(|row| class(row) as u32).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::columns::DTypes, *};

    fn drawn(figure: Figure) -> Drawn {
        Drawn { figure, rows: 2000, validation_rows: 500, test_rows: 1000, standardize: Standardize::No, seed: 3 }
    }

    fn every_figure() -> [Figure; 6] {
        [
            Figure::Circle(Circle::default()),
            Figure::Moons(Moons { noise: 0.1 }),
            Figure::Spirals(Spirals { arms: 3, turns: 1.0, noise: 0.2 }),
            Figure::Blobs(Blobs { centers: Centers::Drawn { count: 4, columns: 3 }, spread: 1.0 }),
            Figure::Line(Line { slope: 2.0, intercept: 1.0, noise: 0.1 }),
            Figure::Regression(Regression { inputs: 3, outputs: 2, noise: 0.1, scale: vec![1.0; 3] }),
        ]
    }

    /// Each row of inputs with its class.
    fn classified(table: &Table) -> impl Iterator<Item = (Vec<f64>, u32)> + '_ {
        let Goals::Classes(classes) = &table.goals else { panic!("classes") };
        let row = |row: usize| (0..table.width).map(|column| table.inputs.at(row * table.width + column)).collect();
        classes.iter().enumerate().map(move |(place, &class)| (row(place), class))
    }

    #[test]
    fn parts_are_drawn_apart_and_follow_from_the_seed_alone() {
        for figure in every_figure() {
            let set = drawn(figure);
            let tables = set.draw();
            assert_eq!(tables, set.draw());
            let (validation, test) = (tables.validation.clone().unwrap(), tables.test.clone().unwrap());
            assert_eq!([&tables.training, &validation, &test].map(Table::rows), [2000, 500, 1000]);
            let first = [&tables.training, &validation, &test].map(|table| table.inputs.at(0));
            assert!(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
            let without = Drawn { validation_rows: 0, ..set.clone() }.draw();
            assert_eq!((&without.training, without.validation, &without.test), (&tables.training, None, &tables.test));
            let other = Drawn { seed: 4, ..set.clone() }.draw();
            assert!(other.training.inputs != tables.training.inputs && other.test.unwrap().inputs != test.inputs);
            let held = tables.into_set(Standardize::No, DTypes::F32, "x").unwrap();
            assert_eq!(
                (held.columns, held.classes.map(|classes| classes.len())),
                (set.figure.inputs(), set.figure.classes())
            );
        }
    }

    #[test]
    fn a_circle_of_half_the_area_parts_the_square_evenly() {
        for inside in [false, true] {
            let table = drawn(Figure::Circle(Circle { inside, ..Circle::default() })).draw().training;
            let mut ones = 0;
            for (point, class) in classified(&table) {
                assert!(point.iter().all(|coordinate| (-1.0..1.0).contains(coordinate)));
                assert_eq!(class == 1, (point[0].hypot(point[1]) < 0.797_884_560_802_865_4) == inside);
                ones += class;
            }
            // Binomial: 1000 ± 22; five deviations are allowed.
            assert!(ones.abs_diff(1000) < 112, "{ones}");
        }
    }

    #[test]
    fn without_noise_points_lie_on_their_curves() {
        let table = drawn(Figure::Moons(Moons { noise: 0.0 })).draw().training;
        for (point, class) in classified(&table) {
            let [x, y] = if class == 0 { [point[0], point[1]] } else { [1.0 - point[0], 0.5 - point[1]] };
            assert!((x.hypot(y) - 1.0).abs() < 1e-15 && y >= -1e-15, "{point:?}");
        }
        let table = drawn(Figure::Spirals(Spirals { arms: 3, turns: 0.5, noise: 0.0 })).draw().training;
        for (point, class) in classified(&table) {
            let radius = point[0].hypot(point[1]);
            let angle = std::f64::consts::TAU * (0.5 * radius + f64::from(class) / 3.0);
            let gap = (point[0] - radius * angle.cos()).hypot(point[1] - radius * angle.sin());
            assert!(gap < 1e-14, "{point:?}");
        }
        let table = drawn(Figure::Line(Line { slope: -3.0, intercept: 5.0, noise: 0.0 })).draw().training;
        let Goals::Values { values, .. } = &table.goals else { panic!("values") };
        assert!(values.iter().enumerate().all(|(row, &y)| y == -3.0 * table.inputs.at(row) + 5.0));
    }

    #[test]
    fn blobs_have_their_centers_and_their_spread_in_every_part() {
        let centers = vec![vec![5.0, -5.0], vec![0.0, 50.0]];
        let blobs = Blobs { centers: Centers::Given(centers.clone()), spread: 2.0 };
        let tables = drawn(Figure::Blobs(blobs)).draw();
        for table in [tables.training, tables.test.unwrap()] {
            let mut sums = [[0.0; 2]; 2];
            let mut squares = 0.0;
            for (point, class) in classified(&table) {
                for column in 0..2 {
                    let from_center = point[column] - centers[class as usize][column];
                    sums[class as usize][column] += from_center;
                    squares += from_center * from_center;
                }
            }
            let rows = table.rows() as f64;
            // Each mean errs by 2/√(rows/2), the deviation by 2/√(4·rows); five of each are allowed.
            assert!(sums.iter().flatten().all(|sum| (sum / (rows / 2.0)).abs() < 10.0 / (rows / 2.0).sqrt()));
            assert!(((squares / (2.0 * rows)).sqrt() - 2.0).abs() < 10.0 / (4.0 * rows).sqrt());
        }
    }
}
