//! Mistakes that are put into networks, and what each is called.

/// A mistake of the candidate.
#[derive(Debug, Clone, Copy)]
pub(in crate::calibration) struct Mistake {
    /// The cause that it is, in the catalogue; none of one that stands in no list.
    pub cause: &'static str,
    pub what: What,
    /// What has to stand in the experiment, that the mistake can be made there.
    pub needs: &'static str,
}

/// How a mistake is said. `{optimizer}` is the experiment's optimizer, `{loss}` its loss.
#[derive(Debug, Clone, Copy)]
pub(in crate::calibration) enum What {
    /// A key of the candidate.
    Key(&'static str),
    /// One of its `training.faults`.
    Fault(&'static str),
}

impl Mistake {
    /// As a table names it.
    pub fn words(&self) -> &'static str {
        match self.what {
            What::Key(words) | What::Fault(words) => words,
        }
    }

    /// As settings, of one mistake or of several.
    pub fn sets(mistakes: &[Self], optimizer: &str, loss: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let mut sets = Vec::new();
        for mistake in mistakes {
            match mistake.what {
                What::Key(key) => {
                    sets.push(format!("candidate.{}", key.replace("{optimizer}", optimizer).replace("{loss}", loss)));
                }
                What::Fault(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            sets.push(format!("candidate.training.faults=[{}]", faults.join(", ")));
        }
        sets
    }
}

const fn key(cause: &'static str, key: &'static str, needs: &'static str) -> Mistake {
    Mistake { cause, what: What::Key(key), needs }
}

const fn fault(cause: &'static str, fault: &'static str, needs: &'static str) -> Mistake {
    Mistake { cause, what: What::Fault(fault), needs }
}

/// What stands in every experiment.
const ANY: &str = "";

/// The mistakes of the catalogue.
#[rustfmt::skip]
pub(in crate::calibration) const MISTAKES: &[Mistake] = &[
    // Forward.
    key("gelu-by-tanh", "model.layer.2.gelu.approximate='tanh'", "'gelu'"),
    key("slope-other", "model.layer.3.leaky-relu.slope=0.2", "leaky-relu"),
    key("slope-other", "model.layer.3.leaky-relu.slope=0.07", "leaky-relu"),
    key("eps-of-norm", "model.layer.1.layer-norm.eps=1e-3", "'layer-norm'"),
    key("eps-of-norm", "model.layer.1.batch-norm.eps=3e-4", "'batch-norm'"),
    fault("norm-unbiased", "'norm-unbiased'", "-norm'"),
    fault("norm-eps-outside", "'norm-eps-outside'", "-norm'"),
    key("dropout-unscaled", "model.layer.2.dropout.scaled=false", "dropout"),
    key("other-activation", "model.layer.1='sigmoid'", "'relu'"),
    key("other-activation", "model.layer.1='silu'", "'tanh'"),
    // Loss.
    key("sum-for-mean", "training.loss={ {loss} = { reduction = 'sum' } }", ANY),
    key("mean-over-rows", "training.loss={ {loss} = { reduction = 'per-sample' } }", "outputs = 2 }"),
    key("half-the-mean", "training.loss={ {loss} = { reduction = 'half-mean' } }", ANY),
    key("reported-loss", "training.reported_loss={ loss = { {loss} = { reduction = 'sum' } } }", ANY),
    fault("targets-broadcast", "'targets-broadcast'", "outputs = 1 } }]"),
    key("other-loss", "training.loss='l1'", "'mse'"),
    key("other-loss", "training.loss={ huber = { delta = 0.3 } }", "'huber'"),
    key("settings-of-classes", "training.loss={ cross-entropy = { label_smoothing = 0.1 } }", "'cross-entropy'"),
    // Backward.
    fault("early-update", "'early-update'", ANY),
    fault("bias-gradient-averaged", "'bias-gradient-averaged'", ANY),
    fault("bias-gradient-summed", "'bias-gradient-summed'", ANY),
    fault("gradients-not-zeroed", "'gradients-not-zeroed'", ANY),
    fault("sigmoid-derivative-of-output", "'sigmoid-derivative-of-output'", "'sigmoid'"),
    fault("sigmoid-derivative-of-input", "'sigmoid-derivative-of-input'", "'sigmoid'"),
    fault("tanh-derivative-unsquared", "'tanh-derivative-unsquared'", "'tanh'"),
    fault("derivative-forgotten", "{ derivative-forgotten = 1 }", "8 } }, 'relu'"),
    fault("derivative-forgotten", "{ derivative-forgotten = 2 }", "dropout"),
    fault("norm-statistics-constant", "'norm-statistics-constant'", "-norm'"),
    fault("last-index-wins", "'last-index-wins'", "embedding"),
    fault("no-gradient", "{ no-gradient = 2 }", ANY),
    fault("gradients-scaled", "{ gradients-scaled = 0.125 }", ANY),
    key("penalty-other", "training.penalty.l2.factor=0.004", "l2"),
    key("penalty-other", "training.penalty.l2.biases=false", "l2"),
    // Update.
    key("rate-scaled", "training.optimizer.{optimizer}.lr=0.025", ANY),
    fault("ascent", "{ rate-scaled = -1 }", ANY),
    fault("no-bias-correction", "'no-bias-correction'", "adam"),
    fault("constant-correction", "'constant-correction'", "adam"),
    fault("eps-inside-root", "'eps-inside-root'", "1e-8"),
    fault("eps-hat", "'eps-hat'", "adam"),
    fault("step-counter", "{ step-counter = 1 }", "adam"),
    fault("step-per-parameter", "'step-per-parameter'", "adam"),
    fault("moments-reset", "'moments-reset'", "1e-8"),
    key("other-eps", "training.optimizer.{optimizer}.eps=1e-7", "1e-8"),
    key("other-eps", "training.optimizer.{optimizer}.eps=3.3e-4", "1e-8"),
    key("other-betas", "training.optimizer.{optimizer}.betas=[0.9, 0.99]", "adam"),
    key("other-betas", "training.optimizer.{optimizer}.betas=[0.85, 0.999]", "adam"),
    key("alpha-other", "training.optimizer.rmsprop.alpha=0.9", "rmsprop"),
    key("centered", "training.optimizer.rmsprop.centered=true", "rmsprop"),
    fault("momentum-average", "'momentum-average'", "momentum = 0.9"),
    key("momentum-forgotten", "training.optimizer.{optimizer}.momentum=0", "momentum = 0.9"),
    key("momentum-other", "training.optimizer.{optimizer}.momentum=0.8", "momentum = 0.9"),
    key("momentum-other", "training.optimizer.{optimizer}.momentum=0.9", "sgd = { lr = 0.05 }"),
    key("nesterov", "training.optimizer.sgd.nesterov=true", "momentum = 0.9"),
    key("dampening", "training.optimizer.sgd.dampening=0.9", "sgd = { lr = 0.05, momentum = 0.9"),
    fault("velocity-of-steps", "'velocity-of-steps'", "momentum = 0.9"),
    key("decay-other", "training.optimizer.{optimizer}.weight_decay=0.03", ANY),
    key("decay-scaled", "training.optimizer.{optimizer}.weight_decay=0.2", "weight_decay = 0.1"),
    key("decay-coupled", "training.optimizer={ adam = { lr = 0.01, eps = 1e-8, weight_decay = 0.1 } }", "adamw"),
    fault("no-decay-on-biases", "'no-decay-on-biases'", "weight_decay"),
    fault("decay-without-rate", "'decay-without-rate'", "adamw"),
    fault("decay-after-step", "'decay-after-step'", "adamw"),
    key("clip-forgotten", "training.clip='none'", "clip"),
    key("clip-other", "training.clip.norm=0.05", "clip"),
    key("clip-other", "training.clip={ norm = 0.03 }", "lr = 0.05 }"),
    fault("clip-per-tensor", "'clip-per-tensor'", "clip"),
    fault("clip-by-square", "'clip-by-square'", "clip"),
    fault("clip-without-eps", "'clip-without-eps'", "clip"),
    key("clip-value", "training.clip={ value = 0.1 }", "clip"),
    key("schedule-forgotten", "training.schedule='none'", "schedule"),
    fault("schedule-late", "{ schedule-late = 1 }", "schedule"),
    key("schedule-other", "training.schedule.step.gamma=0.7", "schedule"),
    key("schedule-other", "training.schedule.step.size=5", "schedule"),
    key("schedule-added", "training.schedule={ exponential = { gamma = 0.95, every = 'step' } }", "lr = 0.05 }"),
    fault("frozen", "{ frozen = '0.bias' }", "'tanh'"),
];

/// What stands in no list: its place is asked, and no name.
#[rustfmt::skip]
pub(in crate::calibration) const UNKNOWN: &[Mistake] = &[
    fault("", "'update-per-sample'", ANY),
    fault("", "{ transposed = '2.weight' }", "'relu', { linear = { outputs = 8 } }"),
    fault("", "'step-per-parameter', 'eps-inside-root', 'decay-after-step'", "adamw"),
    fault("", "'bias-gradient-averaged', 'early-update', { derivative-forgotten = 1 }", "8 } }, 'relu'"),
    key("", "training.optimizer.{optimizer}.betas=[0.87, 0.97]", "adam"),
    key("", "training.optimizer={ rmsprop = { lr = 0.013, alpha = 0.97, momentum = 0.3 } }", ANY),
];

/// Pairs of mistakes that show in different phases.
#[rustfmt::skip]
pub(in crate::calibration) const PAIRS: &[[Mistake; 2]] = &[
    [key("sum-for-mean", "training.loss={ {loss} = { reduction = 'sum' } }", ANY),
     key("rate-scaled", "training.optimizer.{optimizer}.lr=0.025", ANY)],
    [fault("early-update", "'early-update'", ANY), fault("no-bias-correction", "'no-bias-correction'", "adam")],
    [fault("bias-gradient-averaged", "'bias-gradient-averaged'", ANY),
     key("other-eps", "training.optimizer.{optimizer}.eps=1e-7", "1e-8")],
    [fault("bias-gradient-averaged", "'bias-gradient-averaged'", ANY),
     fault("momentum-average", "'momentum-average'", "momentum = 0.9")],
    [key("other-activation", "model.layer.1='sigmoid'", "'relu'"),
     key("decay-other", "training.optimizer.{optimizer}.weight_decay=0.03", ANY)],
    [key("reported-loss", "training.reported_loss={ loss = { {loss} = { reduction = 'sum' } } }", ANY),
     fault("derivative-forgotten", "{ derivative-forgotten = 1 }", "8 } }, 'relu'")],
    [fault("norm-unbiased", "'norm-unbiased'", "-norm'"), fault("ascent", "{ rate-scaled = -1 }", ANY)],
    [fault("gradients-not-zeroed", "'gradients-not-zeroed'", ANY),
     key("clip-other", "training.clip={ norm = 0.03 }", "lr = 0.05 }")],
];
