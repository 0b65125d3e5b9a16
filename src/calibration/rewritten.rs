//! The layers that a seed draws, written otherwise for the candidate: equal formulations, in which a mismatch would be a
//! false alarm as well.

use super::random::Draws;

/// The layers and the loss of the candidate, that compute what those of the reference do.
pub(super) fn rewritten(draws: &mut Draws, layers: &[String], loss: &str) -> (Vec<String>, String) {
    let mut own = swapped(draws, layers);
    let mut loss = loss.to_owned();
    let last = own.last().map(String::as_str) == Some("'log-softmax'");
    if loss.starts_with("{ nll") && last {
        own.pop();
        loss = loss.replacen("nll", "cross-entropy", 1);
    } else if loss.starts_with("{ cross-entropy") && !loss.contains("label_smoothing") {
        own.push("'log-softmax'".to_owned());
        loss = loss.replacen("cross-entropy", "nll", 1);
    }
    (with_identities(draws, own), loss)
}

/// Two batches of half the rows for one of all, where that is the same step: every row is for itself, a batch counts by its
/// mean, and all updates have as many rows.
pub(super) fn in_halves(draws: &mut Draws, (batch, rows): (usize, usize), layers: &[String], training: &str) -> String {
    let mixed = ["batch-norm", "axis = 0", "p = 0.2", "p = 0.5"];
    let loss = training.lines().next().unwrap_or_default();
    let mean = ["reduction = 'mean'", "reduction = 'half-mean'"].iter().any(|mean| loss.contains(mean));
    let others = ["weights =", "every = 'step'"].iter().any(|other| training.contains(other));
    let apart = !layers.iter().any(|layer| mixed.iter().any(|mixed| layer.contains(mixed)));
    let even = batch.is_multiple_of(2) && rows.is_multiple_of(batch);
    if !(mean && apart && even) || others || draws.chance(0.2) {
        return String::new();
    }
    format!("candidate.training.batch_size = {}\ncandidate.training.accumulate = 2\n", batch / 2)
}

/// Dropout before what is linear on either side of 0, where it was behind it, and that by its other name.
fn swapped(draws: &mut Draws, layers: &[String]) -> Vec<String> {
    let mut own = layers.to_vec();
    for layer in &mut own {
        match layer.as_str() {
            "'relu'" if draws.chance(0.4) => "{ leaky-relu = { slope = 0.0 } }".clone_into(layer),
            "{ leaky-relu = { slope = 0.0 } }" => "'relu'".clone_into(layer),
            _ => {}
        }
    }
    for place in 1..own.len() {
        let bent = own[place - 1] == "'relu'" || own[place - 1].contains("leaky-relu");
        if bent && own[place].contains("dropout") && draws.chance(0.6) {
            own.swap(place - 1, place);
        }
    }
    own
}

/// Layers that change nothing, here and there.
fn with_identities(draws: &mut Draws, layers: Vec<String>) -> Vec<String> {
    let mut own = Vec::new();
    for (place, layer) in layers.into_iter().enumerate() {
        // An embedding has to come first.
        if place > 0 && draws.chance(0.3) {
            own.push(draws.one(&["{ dropout = { p = 0 } }", "{ leaky-relu = { slope = 1 } }", "'flatten'"]).to_owned());
        }
        own.push(layer);
    }
    own
}
