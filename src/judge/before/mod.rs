//! What an experiment says before it runs: the settings in which its sides differ, which of those no number may reach, and what
//! a run of it cannot tell.

mod settings;
mod unreached;

use super::noise::Places;
use crate::{engine::Lends, experiment::Experiment, run::Mode};
pub(super) use settings::differences;
pub(super) use unreached::Unreached;

/// What a run of this experiment cannot say, whatever it finds.
pub(super) fn not_checked(experiment: &Experiment, mode: Mode, places: &Places) -> Vec<String> {
    let mut texts = Vec::new();
    if !experiment.noise.judged {
        texts.push(
            "anything: with noise = \"off\" nothing is judged, the sides are only set beside each other; take noise = \
             \"off\" out to have a verdict"
                .to_owned(),
        );
    }
    if !places.aligned {
        texts.push("forward and backward: the sides' layers do not correspond one to one".to_owned());
    }
    let uncompared = places.uncompared(experiment);
    if !uncompared.is_empty() {
        texts.push(format!("{}: only one side has it in that shape", uncompared.join(", ")));
    }
    if !places.lends.evaluation && places.lends != Lends::ALL && places.looked.is_empty() {
        let but = if places.lends.buffers { " but for running statistics" } else { "" };
        texts.push(format!("evaluation mode{but}: a trace has none of it"));
    }
    if let Some(recording) = experiment.candidate.recording().filter(|recording| recording.numbers().is_some()) {
        texts.push(format!("the steps between the recorded ones, and what they start from: {recording} has gaps"));
    }
    if !places.updates {
        let needed: Vec<&str> = experiment.reference.training.optimizer.moments().into_iter().flatten().collect();
        texts.push(match experiment.reference.training.accumulate {
            Some(_) => "updates: what earlier batches have gathered is not known between gaps; record every step".to_owned(),
            None => format!(
                "updates: what the optimizer has kept of earlier steps is not known; record it (state/<parameter>/{}.npy: state= of \
                 the recorder), or every step",
                needed.join(".npy, ")
            ),
        });
    }
    if mode == Mode::Probe {
        texts.push("the steps before the probed one".to_owned());
    }
    texts
}
