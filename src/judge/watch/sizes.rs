//! In which steps a candidate differs, by the size of their batches: a last batch that is smaller shows a divisor that is not its own.

use std::collections::BTreeMap;

/// Steps that are mentioned by their number.
const MENTIONED: usize = 3;

/// What became of the steps of each size.
#[derive(Default)]
pub(in crate::judge) struct Sizes {
    /// By the rows of the batch: steps that were judged, and those of them that differ.
    seen: BTreeMap<usize, [usize; 2]>,
    /// The first steps that differ.
    first: Vec<usize>,
}

impl Sizes {
    /// Takes in a step with a batch of so many rows.
    pub(super) fn take_in(&mut self, step: usize, rows: usize, differs: bool) {
        let [judged, apart] = self.seen.entry(rows).or_default();
        *judged += 1;
        if differs {
            *apart += 1;
            if self.first.len() <= MENTIONED {
                self.first.push(step);
            }
        }
    }

    /// Where all steps of one size differ and no others, which these are, in words.
    pub(in crate::judge) fn only_in(&self) -> Option<String> {
        let mut off = self.seen.iter().filter(|(_, [_, apart])| *apart > 0);
        let (Some((rows, [judged, apart])), None) = (off.next(), off.next()) else { return None };
        if judged != apart || self.seen.len() == 1 {
            return None;
        }
        let steps: Vec<String> = self.first.iter().take(MENTIONED).map(ToString::to_string).collect();
        let more = if self.first.len() > MENTIONED { ", …" } else { "" };
        let [word, ending] = if self.first.len() == 1 { ["the step", "s"] } else { ["the steps", ""] };
        Some(format!("only {word} with a batch of {rows} rows differ{ending}: {}{more}", steps.join(", ")))
    }
}
