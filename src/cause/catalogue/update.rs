//! Mistakes in the update: the rate, momentum, decay, Adam, clipping, schedules.

use super::{
    super::{
        edit::{HOLE, Range, TYPED, digits},
        evidence::{number, plain},
    },
    ANY_SHARE, ANY_SIZE, Cause, Edit, Evidence, fault, one, values,
};
use crate::{
    judge::gap::Pattern,
    run::Phase,
    training::{Adam, Clip, Curve, Optimizer, RmsProp, Schedule, Sgd},
};

fn sgd(evidence: &Evidence<'_>) -> Option<Sgd> {
    if let Optimizer::Sgd(sgd) = evidence.reference().training.optimizer { Some(sgd) } else { None }
}

fn adam(evidence: &Evidence<'_>) -> Option<Adam> {
    if let Optimizer::Adam(adam) = evidence.reference().training.optimizer { Some(adam) } else { None }
}

fn rms_prop(evidence: &Evidence<'_>) -> Option<RmsProp> {
    if let Optimizer::RmsProp(options) = evidence.reference().training.optimizer { Some(options) } else { None }
}

/// The momentum of the rules that have one.
fn momentum(evidence: &Evidence<'_>) -> f64 {
    sgd(evidence).map(|sgd| sgd.momentum).or(rms_prop(evidence).map(|options| options.momentum)).unwrap_or_default()
}

fn rate(evidence: &Evidence<'_>) -> Vec<Edit> {
    let Some(factor) = evidence.factor().filter(|factor| *factor > 0.0) else { return Vec::new() };
    let (_, lr) = evidence.optimizer();
    let new = plain(lr * factor);
    // A rate that somebody would type is known, as are factors that people know.
    let known = evidence.known(factor).or_else(|| (digits(new) <= TYPED).then(|| format!("that of a rate of {new}")));
    vec![Edit::key(evidence.optimizer_key("lr", &number(new))).with(factor, known)]
}

fn beta(evidence: &Evidence<'_>) -> Vec<Edit> {
    let Some(Adam { betas: [one, two], .. }) = adam(evidence) else { return Vec::new() };
    let key = |one: &str, two: &str| Edit::key(evidence.optimizer_key("betas", &format!("[{one}, {two}]")));
    let known = [
        ([two, one], "the two exchanged"),
        ([0.9, 0.999], "PyTorch's default"),
        ([0.9, 0.98], "as in \"Attention Is All You Need\""),
        ([0.9, 0.95], "as in GPT-3"),
        ([0.5, 0.999], "as in DCGAN"),
        ([0.9, 0.99], ""),
        ([0.9, 0.9], ""),
        ([0.0, 0.999], "no first moment, as in RMSprop"),
    ];
    let known = known.into_iter().filter(|(pair, _)| *pair != [one, two]);
    let known = known.map(|([one, two], words)| key(&number(one), &number(two)).known_as(words));
    known.chain([key(HOLE, &number(two)).open(ANY_SHARE), key(&number(one), HOLE).open(ANY_SHARE)]).collect()
}

/// The other way of decay.
fn coupled(evidence: &Evidence<'_>) -> Vec<Edit> {
    let Some(Adam { lr, betas: [one, two], eps, weight_decay, decoupled }) = adam(evidence) else { return Vec::new() };
    let name = if decoupled { "adam" } else { "adamw" };
    self::one(weight_decay > 0.0, || {
        Edit::key(format!(
            "training.optimizer={{ {name} = {{ lr = {lr}, betas = [{one}, {two}], eps = {eps:e}, weight_decay = {weight_decay} }} }}"
        ))
    })
}

fn frozen(evidence: &Evidence<'_>) -> Vec<Edit> {
    let trained = evidence.reference().model.parameters();
    let zero = evidence.first.tensors.iter().filter(|found| found.pattern == Pattern::Zero);
    let named = zero.filter(|found| trained.iter().any(|parameter| parameter.name == found.name));
    let faults: Vec<String> = named.map(|found| format!("{{ frozen = \"{}\" }}", found.name)).collect();
    one(!faults.is_empty(), || Edit { faults, ..Edit::default() })
}

/// A schedule of another length, of other factors, or one that moves at other times.
fn schedule(evidence: &Evidence<'_>) -> Vec<Edit> {
    let Some(Schedule { curve, every_step }) = evidence.reference().training.schedule else { return Vec::new() };
    let (name, length, factors) = match curve {
        Curve::Step { size, .. } => ("step", Some(("size", size)), &["gamma"][..]),
        Curve::Exponential { .. } => ("exponential", None, &["gamma"][..]),
        Curve::Cosine { length, .. } => ("cosine", Some(("length", length)), &["minimum"][..]),
        Curve::Linear { length, .. } => ("warm-up", Some(("length", length)), &["start", "end"][..]),
    };
    let key = |key: &str, value: &str| Edit::key(format!("training.schedule.{name}.{key}={value}"));
    let mut edits = Vec::new();
    if evidence.experiment.listed.is_none() {
        edits.push(key("every", if every_step { "\"epoch\"" } else { "\"step\"" }));
    }
    if let Some((of, own)) = length {
        let near = [own + 1, own.saturating_sub(1), own * 2, own / 2];
        edits.extend(near.iter().filter(|length| **length > 0).map(|length| key(of, &length.to_string())));
        edits.push(key(of, HOLE).open(Range::Count { from: 1, to: 4 * own }));
    }
    edits.extend(factors.iter().map(|of| key(of, HOLE).open(ANY_SIZE)));
    edits
}

/// A rate that changes where it should stay.
fn decaying(evidence: &Evidence<'_>) -> Vec<Edit> {
    let curve = |curve: String| Edit::key(format!("training.schedule={{ {curve} }}"));
    one(evidence.reference().training.schedule.is_none(), || {
        curve(format!("exponential = {{ gamma = {HOLE}, every = \"step\" }}")).open(ANY_SHARE)
    })
}

/// Clipping at another size, or where there should be none.
fn clipped(evidence: &Evidence<'_>) -> Vec<Edit> {
    let key = |kind: &str, most: &str| Edit::key(format!("training.clip={{ {kind} = {most} }}"));
    let kinds = match evidence.reference().training.clip {
        None => &["norm", "value"][..],
        Some(Clip::Norm(_)) => &["norm"],
        Some(Clip::Value(_)) => &["value"],
    };
    let sizes = |kind: &&str| -> Vec<Edit> {
        let known = [1.0, 5.0, 0.5].map(|most| key(kind, &number(most)));
        known.into_iter().chain([key(kind, HOLE).open(ANY_SIZE)]).collect()
    };
    kinds.iter().flat_map(sizes).collect()
}

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "rate-scaled",
        does: "takes steps of another learning rate",
        formula: "w − c·lr·g in place of w − lr·g",
        by_hand: "multiply the gradient by lr alone; look for a second division by the number of rows, and for another rate",
        in_pytorch: "set lr of the optimizer to the rate that was meant",
        phase: Phase::Update,
        told_by: "gradients, recorded beside the weights: they tell whether the factor is in them or in the rate",
        edits: rate,
    },
    Cause {
        id: "ascent",
        does: "adds the step in place of subtracting it",
        formula: "w + lr·g in place of w − lr·g",
        by_hand: "write w -= lr * g",
        in_pytorch: "take maximize=True out, or the minus before the loss",
        phase: Phase::Update,
        told_by: "gradients, recorded beside the weights",
        edits: |_| vec![Edit::fault("{ rate-scaled = -1 }")],
    },
    Cause {
        id: "no-bias-correction",
        does: "leaves out Adam's bias correction",
        formula: "m and v as they are, in place of m/(1 − β₁ᵗ) and v/(1 − β₂ᵗ): at the first step (1 − β₁)/√(1 − β₂) = 3.162 times too far",
        by_hand: "divide m by 1 - beta1**t and v by 1 - beta2**t, t from 1",
        in_pytorch: "torch.optim.Adam has it; an Adam of your own needs step counts in its state",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |_| fault("no-bias-correction"),
    },
    Cause {
        id: "constant-correction",
        does: "corrects Adam's bias by 1 − β at every step, not by 1 − βᵗ",
        formula: "m/(1 − β₁) in place of m/(1 − β₁ᵗ), and so for v",
        by_hand: "raise beta to the power of t, the number of the step from 1, and count t up",
        in_pytorch: "torch.optim.Adam counts steps; do not make the optimizer anew at every step",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |_| fault("constant-correction"),
    },
    Cause {
        id: "eps-inside-root",
        does: "adds ε inside the root",
        formula: "√(v + ε) in place of √v + ε",
        by_hand: "write lr * m / (np.sqrt(v) + eps)",
        in_pytorch: "torch's Adam and RMSprop add ε outside the root",
        phase: Phase::Update,
        told_by: "gradients near √ε in size",
        edits: |_| fault("eps-inside-root"),
    },
    Cause {
        id: "eps-hat",
        does: "adds Adam's ε before the bias correction, as TensorFlow does",
        formula: "lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m/(√v + ε) in place of lr·m̂/(√v̂ + ε) (Kingma and Ba, end of section 2)",
        by_hand: "correct v first, then take its root and add eps",
        in_pytorch: "torch.optim.Adam adds ε to the corrected root; multiply ε by √(1 − β₂ᵗ) to get TensorFlow's",
        phase: Phase::Update,
        told_by: "gradients near ε in size",
        edits: |_| fault("eps-hat"),
    },
    Cause {
        id: "other-eps",
        does: "has another ε in its optimizer",
        formula: "√v + ε with another ε; 1e-7 is the default of Keras and TensorFlow, 1e-8 PyTorch's",
        by_hand: "use PyTorch's eps, 1e-8, or write yours into the definition",
        in_pytorch: "give the optimizer eps=…",
        phase: Phase::Update,
        told_by: "gradients near ε in size",
        edits: |evidence| {
            let own = adam(evidence).map(|adam| adam.eps).or(rms_prop(evidence).map(|options| options.eps));
            own.map_or(Vec::new(), |own| {
                let known = [
                    (1e-7, "the default of Keras and TensorFlow"),
                    (1e-8, "PyTorch's default, and optax'"),
                    (1e-5, "burn's default"),
                    (1e-6, ""),
                    (1e-10, ""),
                ];
                values(|value| evidence.optimizer_key("eps", value), own, &known, ANY_SIZE)
            })
        },
    },
    Cause {
        id: "other-betas",
        does: "has other β in Adam",
        formula: "m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²",
        by_hand: "use β₁ = 0.9 and β₂ = 0.999, and look whether they were exchanged",
        in_pytorch: "give the optimizer betas=(…, …)",
        phase: Phase::Update,
        told_by: "more steps",
        edits: beta,
    },
    Cause {
        id: "step-counter",
        does: "counts Adam's t too far",
        formula: "1 − βᵗ⁺¹ in place of 1 − βᵗ at the first step, t = 1",
        by_hand: "count t up once before the first update: 1, 2, 3, …",
        in_pytorch: "torch.optim.Adam counts by itself",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |_| {
            let by = |steps: &str| Edit::fault(format!("{{ step-counter = {steps} }}"));
            vec![by("1"), by(HOLE).open(Range::Count { from: 2, to: 32 })]
        },
    },
    Cause {
        id: "step-per-parameter",
        does: "counts Adam's t up once for every parameter, not once for every step",
        formula: "t = 1, 2, 3, … over the parameters of one step",
        by_hand: "count t up outside of the loop over parameters",
        in_pytorch: "torch.optim.Adam counts for each parameter by itself",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |_| fault("step-per-parameter"),
    },
    Cause {
        id: "moments-reset",
        does: "starts its optimizer's state anew at every step",
        formula: "m = v = 0 and t = 1 before every update",
        by_hand: "make m, v (or the velocity) once, before the loop",
        in_pytorch: "make the optimizer once, before the loop",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |evidence| {
            // Momentum that starts anew is none.
            let kept = adam(evidence).is_some() || rms_prop(evidence).is_some();
            if kept { fault("moments-reset") } else { Vec::new() }
        },
    },
    Cause {
        id: "momentum-average",
        does: "gathers momentum as an average",
        formula: "b ← μb + (1 − μ)g in place of b ← μb + g: steps of 1 − μ the size",
        by_hand: "write v = mu * v + g, or multiply the rate by 1/(1 - mu)",
        in_pytorch: "torch.optim.SGD adds g whole; its dampening leaves out a part of it, but for the first step's",
        phase: Phase::Update,
        told_by: "a schedule, or another momentum",
        edits: |_| fault("momentum-average"),
    },
    Cause {
        id: "momentum-forgotten",
        does: "has no momentum",
        formula: "w − lr·g in place of w − lr·b, b ← μb + g",
        by_hand: "keep a velocity for every parameter, made before the loop",
        in_pytorch: "give the optimizer momentum=…",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |evidence| {
            // Nesterov's needs some.
            let nesterov = sgd(evidence).is_some_and(|sgd| sgd.nesterov);
            one(momentum(evidence) > 0.0, || {
                let mut edit = Edit::key(evidence.optimizer_key("momentum", "0"));
                edit.keys.extend(nesterov.then(|| "training.optimizer.sgd.nesterov=false".to_owned()));
                edit
            })
        },
    },
    Cause {
        id: "momentum-other",
        does: "has momentum that it should not have, or another one",
        formula: "b ← μb + g with another μ",
        by_hand: "use the momentum that was meant; 0.9 is usual",
        in_pytorch: "give the optimizer momentum=…",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |evidence| match (sgd(evidence), rms_prop(evidence)) {
            (None, None) => Vec::new(),
            _ => values(
                |value| evidence.optimizer_key("momentum", value),
                momentum(evidence),
                &[(0.9, ""), (0.99, ""), (0.5, "")],
                ANY_SHARE,
            ),
        },
    },
    Cause {
        id: "nesterov",
        does: "has Nesterov's momentum where plain momentum is meant, or plain where Nesterov's is",
        formula: "w − lr·(g + μb) in place of w − lr·b, or the other way round",
        by_hand: "look ahead, or do not",
        in_pytorch: "give the optimizer nesterov=…",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |evidence| match sgd(evidence) {
            Some(Sgd { momentum, nesterov, dampening, .. }) if momentum > 0.0 && dampening == 0.0 => {
                vec![Edit::key(format!("training.optimizer.sgd.nesterov={}", !nesterov))]
            }
            _ => Vec::new(),
        },
    },
    Cause {
        id: "dampening",
        does: "dampens the gradient on its way into the momentum, or does not, or dampens the first one, too",
        formula: "b ← μb + (1 − d)g, and b = g at the first step",
        by_hand: "the first gradient goes in whole, the others times 1 - dampening",
        in_pytorch: "give the optimizer dampening=…",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |evidence| match sgd(evidence) {
            Some(Sgd { momentum, dampening, nesterov: false, .. }) if momentum > 0.0 && dampening == 0.0 => values(
                |value| evidence.optimizer_key("dampening", value),
                dampening,
                &[(momentum, "as large as the momentum: an average")],
                ANY_SHARE,
            ),
            Some(Sgd { dampening, .. }) if dampening > 0.0 => {
                let mut edits = fault("dampening-at-first");
                edits.extend(values(
                    |value| evidence.optimizer_key("dampening", value),
                    dampening,
                    &[(0.0, "PyTorch's default")],
                    ANY_SHARE,
                ));
                edits
            }
            _ => Vec::new(),
        },
    },
    Cause {
        id: "velocity-of-steps",
        does: "gathers steps with the rate in them, where momentum gathers gradients",
        formula: "b ← μb + lr·g, w − b in place of b ← μb + g, w − lr·b: the same until the rate moves",
        by_hand: "multiply by the rate when the weight is changed, not before",
        in_pytorch: "torch.optim.SGD gathers gradients",
        phase: Phase::Update,
        told_by: "a schedule",
        edits: |_| fault("velocity-of-steps"),
    },
    Cause {
        id: "no-decay-on-biases",
        does: "leaves biases out of weight decay",
        formula: "g + λw for matrices alone",
        by_hand: "decay every parameter, or write your rule down: PyTorch's optimizers decay all that they are given",
        in_pytorch: "put biases into a group of their own with weight_decay=0 to get this",
        phase: Phase::Update,
        told_by: "biases that are not 0",
        edits: |_| fault("no-decay-on-biases"),
    },
    Cause {
        id: "decay-scaled",
        does: "has another weight decay: twice, or half",
        formula: "2λw or ½λw in place of λw: λ‖w‖² has the gradient 2λw",
        by_hand: "½λ‖w‖² is the penalty whose gradient is λw",
        in_pytorch: "weight_decay=λ adds λw to the gradient",
        phase: Phase::Update,
        told_by: "weights that are not 0",
        edits: |evidence| {
            let own = evidence.reference().training.optimizer.weight_decay();
            let scaled = [2.0, 0.5].map(|by| Edit::key(evidence.optimizer_key("weight_decay", &number(by * own))));
            if own > 0.0 { scaled.to_vec() } else { Vec::new() }
        },
    },
    Cause {
        id: "decay-other",
        does: "has weight decay that it should not have, or none, or another one",
        formula: "g + λw with another λ",
        by_hand: "use the decay that was meant",
        in_pytorch: "give the optimizer weight_decay=…; AdamW's default is 0.01, Adam's and SGD's 0",
        phase: Phase::Update,
        told_by: "weights that are not 0",
        edits: |evidence| {
            let own = evidence.reference().training.optimizer.weight_decay();
            let known = [
                (0.0, "none: the default of PyTorch's Adam and SGD"),
                (0.01, "the default of PyTorch's AdamW"),
                (1e-4, "the default of AdamW in optax and burn"),
                (4e-3, "the default of AdamW in Keras"),
                (5e-4, ""),
                (1e-3, ""),
                (0.1, ""),
            ];
            let mut edits = values(|value| evidence.optimizer_key("weight_decay", value), own, &known, ANY_SIZE);
            let bare: Vec<Edit> = edits.iter().filter(|_| own == 0.0).cloned().collect();
            edits.extend(bare.into_iter().map(|edit| edit.and(&Edit::fault("\"no-decay-on-biases\""))));
            edits
        },
    },
    Cause {
        id: "decay-coupled",
        does: "mixes up Adam's two kinds of weight decay",
        formula: "λw in the gradient, which Adam then divides by √v, or lr·λ·w off the weight beside it",
        by_hand: "Adam with weight_decay adds λw to the gradient; AdamW multiplies the weight by 1 - lr·λ",
        in_pytorch: "torch.optim.Adam for the one, torch.optim.AdamW for the other",
        phase: Phase::Update,
        told_by: "weights that are not 0",
        edits: coupled,
    },
    Cause {
        id: "decay-without-rate",
        does: "takes λw off the weight, without the rate",
        formula: "w·(1 − λ) in place of w·(1 − lr·λ)",
        by_hand: "multiply the decay by the learning rate",
        in_pytorch: "torch.optim.AdamW multiplies by lr",
        phase: Phase::Update,
        told_by: "weights that are not 0",
        edits: |_| fault("decay-without-rate"),
    },
    Cause {
        id: "decay-after-step",
        does: "takes decoupled decay of the weight after the step, not before it",
        formula: "(w + Δ)(1 − lr·λ) in place of w·(1 − lr·λ) + Δ",
        by_hand: "decay first, then add the step",
        in_pytorch: "torch.optim.AdamW decays first",
        phase: Phase::Update,
        told_by: "a larger rate",
        edits: |_| fault("decay-after-step"),
    },
    Cause {
        id: "alpha-other",
        does: "keeps another share of the mean square in RMSprop",
        formula: "v ← αv + (1 − α)g²; α is 0.99 in PyTorch, 0.9 in Keras (rho)",
        by_hand: "use PyTorch's alpha, 0.99, or write yours into the definition",
        in_pytorch: "give the optimizer alpha=…",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |evidence| {
            rms_prop(evidence).map_or(Vec::new(), |own| {
                let known = [(0.9, "the default of Keras (rho) and optax (decay)"), (0.99, "PyTorch's default")];
                values(|value| evidence.optimizer_key("alpha", value), own.alpha, &known, ANY_SHARE)
            })
        },
    },
    Cause {
        id: "centered",
        does: "takes the mean gradient off in RMSprop, or does not",
        formula: "√(v − a²) in place of √v, or the other way round",
        by_hand: "keep a mean of gradients beside that of squares, or do not",
        in_pytorch: "give the optimizer centered=…",
        phase: Phase::Update,
        told_by: "a second step",
        edits: |evidence| {
            rms_prop(evidence).map_or(Vec::new(), |own| {
                vec![Edit::key(format!("training.optimizer.rmsprop.centered={}", !own.centered))]
            })
        },
    },
    Cause {
        id: "clip-forgotten",
        does: "does not clip gradients",
        formula: "g in place of g·min(1, most/‖g‖)",
        by_hand: "clip between backward and update",
        in_pytorch: "call clip_grad_norm_ between backward() and step()",
        phase: Phase::Update,
        told_by: "gradients beyond the limit",
        edits: |evidence| one(evidence.reference().training.clip.is_some(), || Edit::key("training.clip=\"none\"")),
    },
    Cause {
        id: "clip-per-tensor",
        does: "clips each parameter's gradient by its own norm",
        formula: "min(1, most/‖gᵢ‖) for each tensor, in place of one factor of all",
        by_hand: "take the norm over all gradients together",
        in_pytorch: "clip_grad_norm_(model.parameters(), most) takes them all at once",
        phase: Phase::Update,
        told_by: "gradients beyond the limit",
        edits: |_| fault("clip-per-tensor"),
    },
    Cause {
        id: "clip-by-square",
        does: "clips by the squared norm",
        formula: "most/‖g‖² in place of most/‖g‖",
        by_hand: "take the root of the sum of squares",
        in_pytorch: "clip_grad_norm_ takes the root",
        phase: Phase::Update,
        told_by: "gradients beyond the limit",
        edits: |_| fault("clip-by-square"),
    },
    Cause {
        id: "clip-without-eps",
        does: "clips by most/‖g‖, without PyTorch's 10⁻⁶",
        formula: "most/‖g‖ in place of most/(‖g‖ + 10⁻⁶)",
        by_hand: "add 1e-6 to the norm",
        in_pytorch: "clip_grad_norm_ adds 1e-6",
        phase: Phase::Update,
        told_by: "gradients beyond the limit",
        edits: |_| fault("clip-without-eps"),
    },
    Cause {
        id: "clip-other",
        does: "clips gradients at another size, or where nothing is to be clipped",
        formula: "g·min(1, c/‖g‖) with another c, or in place of g",
        by_hand: "clip at the size that was meant",
        in_pytorch: "look at what clip_grad_norm_ or clip_grad_value_ is given",
        phase: Phase::Update,
        told_by: "gradients beyond the limit",
        edits: clipped,
    },
    Cause {
        id: "clip-value",
        does: "clips elements where the norm is meant, or the norm where elements are",
        formula: "min(max(g, −c), c) in place of g·min(1, c/‖g‖), or the other way round",
        by_hand: "use the kind of clipping that was meant",
        in_pytorch: "clip_grad_norm_ and clip_grad_value_ are two functions",
        phase: Phase::Update,
        told_by: "gradients beyond the limit",
        edits: |evidence| {
            let (other, own) = match evidence.reference().training.clip {
                Some(Clip::Norm(most)) => ("value", most),
                Some(Clip::Value(most)) => ("norm", most),
                None => return Vec::new(),
            };
            let key = |most: &str| Edit::key(format!("training.clip={{ {other} = {most} }}"));
            vec![key(&number(own)), key(HOLE).open(ANY_SIZE)]
        },
    },
    Cause {
        id: "schedule-forgotten",
        does: "keeps the learning rate as it is",
        formula: "lr in place of the schedule's",
        by_hand: "work out the rate of every step",
        in_pytorch: "call scheduler.step()",
        phase: Phase::Update,
        told_by: "steps behind the first move",
        edits: |evidence| {
            one(evidence.reference().training.schedule.is_some(), || Edit::key("training.schedule=\"none\""))
        },
    },
    Cause {
        id: "schedule-late",
        does: "moves its learning rate late, or early",
        formula: "lr(n − 1) or lr(n + 1) in place of lr(n)",
        by_hand: "count the moves from 0 at the first update",
        in_pytorch: "call scheduler.step() right after optimizer.step()",
        phase: Phase::Update,
        told_by: "steps behind the first move",
        edits: |_| {
            let by = |moves: &str| Edit::fault(format!("{{ schedule-late = {moves} }}"));
            vec![by("1"), by("-1"), by(HOLE).open(Range::Count { from: 2, to: 32 })]
        },
    },
    Cause {
        id: "schedule-other",
        does: "has a schedule of another length or with other factors, or one that moves at other times",
        formula: "T − 1, T + 1, 2T or T/2 in place of T; after every step in place of every epoch; another γ",
        by_hand: "count what the schedule counts: steps or epochs, and from 0",
        in_pytorch: "look where scheduler.step() stands, and what T_max counts",
        phase: Phase::Update,
        told_by: "steps behind the first move",
        edits: schedule,
    },
    Cause {
        id: "schedule-added",
        does: "lowers its learning rate from step to step, where it should stay",
        formula: "lr·γⁿ in place of lr",
        by_hand: "use the rate as it is, or write the schedule into the definition",
        in_pytorch: "take the scheduler out",
        phase: Phase::Update,
        told_by: "more steps",
        edits: decaying,
    },
    Cause {
        id: "frozen",
        does: "never updates a parameter",
        formula: "w stays w",
        by_hand: "update every parameter, γ and β of norms, too",
        in_pytorch: "give the optimizer all of model.parameters(), with requires_grad",
        phase: Phase::Update,
        told_by: "gradients, recorded beside the weights: they tell whether the gradient is 0 or the update",
        edits: frozen,
    },
    Cause {
        id: "accumulated",
        does: "adds the gradients of several batches where their mean is meant, or takes the mean of a sum",
        formula: "Σg in place of Σg/n, or the other way round",
        by_hand: "divide the loss of each batch by their number",
        in_pytorch: "write (loss / n).backward()",
        phase: Phase::Update,
        told_by: "another number of batches",
        edits: |evidence| match evidence.reference().training.accumulate {
            Some(accumulate) => vec![Edit::key(format!("training.accumulate.mean={}", !accumulate.mean))],
            None => Vec::new(),
        },
    },
];
