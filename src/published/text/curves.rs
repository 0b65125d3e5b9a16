//! Figure 2, drawn: accuracies over the epochs, with dropout and without.

use super::{
    dropout::{Dropout, Found, NAMES, Network},
    sets::{Look, strokes, title},
};
use crate::{
    error::Result,
    report::plots::{Area, Axis, Drawn, PALETTE, Stroke, figure, heading, legend, panel},
};
use std::path::Path;

const WITH: Stroke = Stroke { color: PALETTE[0], width: 4, dashed: false };
const WITHOUT: Stroke = Stroke { color: PALETTE[1], width: 4, dashed: false };

/// The figure `name`: a row for each data set, a panel for each network.
pub(super) fn draw(
    folder: &Path,
    name: &str,
    heads: &str,
    shows: &str,
    all: &[Found],
    dropout: fn(Network) -> Dropout,
) -> Result<()> {
    figure(&folder.join(name), (1100, 120 + 340 * all.len() as u32), |area| {
        let area = heading(area, heads, shows)?;
        let dashed = |stroke: Stroke| Stroke { dashed: true, ..stroke };
        let entries = [
            ("with dropout (-d): training".to_owned(), Some(WITH)),
            ("validation".to_owned(), Some(dashed(WITH))),
            ("without: training".to_owned(), Some(WITHOUT)),
            ("validation".to_owned(), Some(dashed(WITHOUT))),
        ];
        let area = legend(&area, &entries)?;
        for (found, row) in all.iter().zip(area.split_evenly((all.len().max(1), 1))) {
            for (network, area) in Network::BOTH.into_iter().zip(row.split_evenly((1, 2))) {
                curves(&area, found, network, dropout(network))?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn curves(area: &Area<'_>, found: &Found, network: Network, dropout: Dropout) -> Drawn {
    let words = format!("{}, {}: dropout {}", NAMES[found.set], network.name(), dropout.name());
    let area = title(area, &words)?;
    let accuracies = found.looks().flat_map(|look| [100.0 * look.training.accuracy, 100.0 * look.validation.accuracy]);
    let x = Axis::linear("epoch", found.looks().map(|look| look.epoch as f64).chain([0.0]));
    let mut chart = panel(&area, &x, &Axis::linear("accuracy (%)", accuracies))?;
    for (dropout, stroke) in [(Dropout::Without, WITHOUT), (dropout, WITH)] {
        let Some(looks) = found.of(network, dropout).next() else { continue };
        let points =
            |of: fn(&Look) -> f64| looks.iter().map(|look| (look.epoch as f64, 100.0 * of(look))).collect::<Vec<_>>();
        strokes(&mut chart, &points(|look| look.training.accuracy), stroke)?;
        strokes(&mut chart, &points(|look| look.validation.accuracy), Stroke { dashed: true, ..stroke })?;
    }
    Ok(())
}
