//! EPFL's mini library: six networks on a disc, from the learning rate that its summed loss makes work to the factor
//! that mini-batches gain.

mod claims;
mod differences;
mod findings;
mod inits;
mod labels;
mod networks;
mod parity;
mod plots;
mod rates;
mod report;
mod runs;
mod speed;
mod stuck;
mod sums;
mod table;
mod times;

use crate::{
    error::Result,
    study::{Context, Page, Study, StudyVerdict},
};
use networks::NETWORKS;

/// The study.
pub const STUDY: Study = Study {
    name: "disc",
    title: "EPFL mini library: six networks on a disc",
    data: &[],
    parts: 3
        + NETWORKS.len()
        + table::PARTS
        + rates::PARTS
        + sums::PARTS
        + inits::PARTS
        + NETWORKS.len()
        + parity::PARTS,
    run,
};

/// The document's protocol, with one of its networks.
const FILE: &str = include_str!("../../../experiments/disc/parity.toml");

/// The mean of squares, as the document's text has it, against the sum of its library.
const MEAN_AGAINST_SUM: &str = include_str!("../../../experiments/disc/mean-against-sum.toml");

/// Everything the study found.
struct Findings {
    speed: speed::Speed,
    table: table::Table,
    /// By network.
    rates: Vec<rates::Swept>,
    sums: sums::Sums,
    inits: inits::Inits,
    /// How far the mirrored network is off, by network.
    mirrored: Vec<f64>,
    parity: Vec<parity::Compared>,
}

fn run(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Page> {
    let found = Findings {
        // First, while nothing else of the study runs.
        speed: speed::measure(context, study)?,
        table: table::fill(context, study)?,
        rates: rates::sweep(context)?,
        sums: sums::find(context, study)?,
        inits: inits::find(context)?,
        mirrored: labels::find(context)?,
        parity: parity::find(context, study)?,
    };
    sums::expect(&found.sums, study);
    claims::expect(&found, study);
    claims::answer(&found, study);
    plots::draw(context.folder, &found)?;
    Ok(Page { report: report::render(&found, study), summary: crate::study::page::summary(study, STUDY.title) })
}
