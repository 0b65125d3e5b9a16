//! What a mismatch is called: the right name, or none; and every line that is printed as its proof, run.

// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::panic)]

use lockstep::{
    Comparison, cause,
    experiment::Experiment,
    judge::verdict::{Outcome, Status, Verdict},
};
use std::{path::Path, sync::atomic::AtomicBool};

const ADAM: &str = "
    dtype = 'f64'
    reference.engine = 'scratch'
    data = { kind = 'blobs', rows = 24, centers = [[-1, 0, 1, 2], [2, 1, 0, 0], [1, 0, 2, 1]] }
    model.layers = [{ linear = { outputs = 5 } }, 'tanh', 'layer-norm', { linear = { outputs = 3 } }]
    training = { loss = 'cross-entropy', optimizer = { adamw = { lr = 0.01, weight_decay = 0.1 } }, batch_size = 8, steps = 12 }
";

const SGD: &str = "
    dtype = 'f32'
    reference.engine = 'scratch'
    data = { kind = 'regression', rows = 40, inputs = 3, outputs = 1, noise = 0.1 }
    model.layers = [{ linear = { outputs = 6 } }, 'sigmoid', { linear = { outputs = 4 } }, 'relu', { linear = { outputs = 1 } }]
    [training]
    loss = 'mse'
    optimizer = { sgd = { lr = 0.05, momentum = 0.9, weight_decay = 0.01 } }
    schedule = { step = { size = 3, gamma = 0.5, every = 'step' } }
    clip = { norm = 0.4 }
    batch_size = 10
    steps = 12
";

fn judged(base: &str, set: &str) -> (Experiment, Verdict) {
    let experiment = Experiment::parse(base, "x.toml", Path::new(""), &[set.to_owned()]).unwrap();
    let mut verdict = Comparison::default().run(&experiment).unwrap().0;
    cause::explain(&experiment, Comparison::default(), &mut verdict, &AtomicBool::new(false)).unwrap();
    (experiment, verdict)
}

/// The mistake of a candidate, and what it is called, with others that no run of this kind could tell from it.
const CASES: [(&str, &str, &[&str]); 57] = [
    (ADAM, "training.faults=['no-bias-correction']", &["no-bias-correction"]),
    (ADAM, "training.faults=['constant-correction']", &["constant-correction"]),
    (ADAM, "training.faults=['eps-inside-root']", &["eps-inside-root"]),
    (ADAM, "training.faults=['eps-hat']", &["eps-hat"]),
    (ADAM, "training.faults=[{ step-counter = 1 }]", &["step-counter"]),
    (ADAM, "training.faults=['step-per-parameter']", &["step-per-parameter"]),
    (ADAM, "training.faults=['moments-reset']", &["moments-reset"]),
    (ADAM, "training.faults=['decay-without-rate']", &["decay-without-rate"]),
    (ADAM, "training.faults=['decay-after-step']", &["decay-after-step"]),
    (ADAM, "training.faults=['no-decay-on-biases']", &["no-decay-on-biases"]),
    (ADAM, "training.faults=['early-update']", &["early-update"]),
    (ADAM, "training.faults=['norm-unbiased']", &["norm-unbiased"]),
    (ADAM, "training.faults=['norm-statistics-constant']", &["norm-statistics-constant"]),
    (ADAM, "training.faults=['tanh-derivative-unsquared']", &["tanh-derivative-unsquared"]),
    (ADAM, "training.faults=[{ frozen = '0.bias' }]", &["frozen"]),
    (ADAM, "training.optimizer.adamw.eps=1e-7", &["other-eps"]),
    (ADAM, "training.optimizer.adamw.betas=[0.9, 0.99]", &["other-betas"]),
    (ADAM, "training.optimizer.adamw.weight_decay=0.2", &["decay-scaled"]),
    (ADAM, "training.optimizer={ adam = { lr = 0.01, weight_decay = 0.1 } }", &["decay-coupled"]),
    (ADAM, "training.loss={ cross-entropy = { reduction = 'sum' } }", &["sum-for-mean"]),
    (ADAM, "model.layer.2.layer-norm.eps=1e-3", &["eps-of-norm"]),
    (ADAM, "model.layer.1='sigmoid'", &["other-activation"]),
    (SGD, "training.optimizer.sgd.lr=0.5", &["rate-scaled"]),
    (SGD, "training.optimizer.sgd.lr=-0.05", &["ascent"]),
    (ADAM, "training.penalty={ l2 = { factor = 0.001, biases = false } }", &["penalty-added"]),
    (
        ADAM,
        "training={ penalty = { l2 = { factor = 0.005 } }, reported_loss = { penalty = false } }",
        &["penalty-added"],
    ),
    (SGD, "training.optimizer.sgd.momentum=0", &["momentum-forgotten"]),
    (SGD, "training.faults=['momentum-average']", &["momentum-average", "rate-scaled"]),
    (SGD, "training.optimizer.sgd.nesterov=true", &["nesterov"]),
    (SGD, "training.faults=['velocity-of-steps']", &["velocity-of-steps"]),
    (SGD, "training.clip='none'", &["clip-forgotten"]),
    (SGD, "training.schedule='none'", &["schedule-forgotten"]),
    (SGD, "training.faults=['bias-gradient-averaged']", &["bias-gradient-averaged"]),
    (SGD, "training.faults=['gradients-not-zeroed']", &["gradients-not-zeroed"]),
    (SGD, "training.faults=['sigmoid-derivative-of-input']", &["sigmoid-derivative-of-input"]),
    (SGD, "training.faults=['targets-broadcast']", &["targets-broadcast"]),
    // Constants that stand in no list.
    (ADAM, "training.optimizer.adamw.eps=3.3e-4", &["other-eps"]),
    (ADAM, "training.optimizer.adamw.betas=[0.9, 0.997]", &["other-betas"]),
    (ADAM, "training.optimizer.adamw.betas=[0.73, 0.999]", &["other-betas"]),
    (ADAM, "training.optimizer.adamw.weight_decay=0.073", &["decay-other"]),
    (ADAM, "training.loss={ cross-entropy = { label_smoothing = 0.07 } }", &["settings-of-classes"]),
    (ADAM, "model.layer.2.layer-norm.eps=3e-4", &["eps-of-norm"]),
    (ADAM, "training.penalty={ l1 = { factor = 0.0037, biases = true } }", &["penalty-added"]),
    (ADAM, "training.clip={ norm = 0.37 }", &["clip-other"]),
    (ADAM, "training.clip={ value = 0.037 }", &["clip-other"]),
    (ADAM, "training.schedule={ exponential = { gamma = 0.97, every = 'step' } }", &["schedule-added"]),
    (SGD, "training.optimizer.sgd.weight_decay=0.0137", &["decay-other"]),
    (SGD, "training.optimizer.sgd.momentum=0.77", &["momentum-other"]),
    (SGD, "training.optimizer.sgd.dampening=0.35", &["dampening"]),
    (SGD, "training.clip={ norm = 0.29 }", &["clip-other"]),
    (SGD, "training.schedule.step.gamma=0.65", &["schedule-other"]),
    (SGD, "training.schedule.step.size=5", &["schedule-other"]),
    (SGD, "training.faults=[{ schedule-late = -1 }]", &["schedule-late"]),
    (ADAM, "training.faults=[{ step-counter = 3 }]", &["step-counter"]),
    (SGD, "training.loss={ huber = { delta = 0.6 } }", &["other-loss"]),
    (SGD, "training.optimizer.sgd.lr=0.0333", &["rate-scaled"]),
    (SGD, "model.layer.3={ leaky-relu = { slope = 0.07 } }", &["slope-other"]),
];

#[test]
fn a_mistake_has_its_name_and_every_line_that_proves_it_does() {
    let mut failed = Vec::new();
    for (base, mistake, names) in CASES {
        let (_, verdict) = judged(base, &format!("candidate.{mistake}"));
        let found: Vec<_> = verdict.causes.iter().map(|cause| (cause.status, cause.id.as_str())).collect();
        let [cause] = verdict.causes.as_slice() else {
            failed.push(format!("{mistake}: {found:?}"));
            continue;
        };
        if cause.status != Status::Confirmed || !names.contains(&cause.id.as_str()) {
            failed.push(format!("{mistake}: {found:?}"));
            continue;
        }
        let every = cause.alternatives.iter().map(|other| &other.edits).chain([&cause.edits]);
        for edits in every {
            let sets: Vec<String> = edits.iter().cloned().chain([format!("candidate.{mistake}")]).collect();
            let experiment = Experiment::parse(base, "x.toml", Path::new(""), &sets).unwrap();
            let again = Comparison::default().run(&experiment).unwrap().0;
            let right = again.phases.values().all(|phase| phase.first_divergence.is_none());
            if !right || again.verdict == Outcome::Mismatch {
                failed.push(format!("{mistake}: {edits:?} is {:?}", again.verdict));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What is in no list has no name.
#[test]
fn a_mistake_that_nobody_knows_is_called_by_no_name() {
    for (base, mistake) in
        [(ADAM, "training.optimizer.adamw.betas=[0.87, 0.97]"), (SGD, "training.faults=[{ transposed = '2.weight' }]")]
    {
        // A square weight, for the last of them.
        let base = base.replace("outputs = 4", "outputs = 6");
        let (_, verdict) = judged(&base, &format!("candidate.{mistake}"));
        assert_eq!(verdict.verdict, Outcome::Mismatch, "{mistake}");
        let named: Vec<_> = verdict.causes.iter().filter(|cause| cause.status != Status::Unexplained).collect();
        assert!(named.is_empty() && !verdict.causes.is_empty(), "{mistake}: {named:?}");
    }
}

/// Two mistakes in different phases are two causes.
#[test]
fn two_mistakes_have_two_names() {
    let base = ADAM.replace("steps = 12 }", "steps = 12, faults = [] }");
    for (mistakes, names) in [
        (
            ["training.optimizer.adamw.eps=1e-7", "training.loss={ cross-entropy = { reduction = 'sum' } }"],
            ["sum-for-mean", "other-eps"],
        ),
        (["training.faults=['early-update', 'no-bias-correction']", "seed=0"], ["early-update", "no-bias-correction"]),
    ] {
        let sets: Vec<String> = mistakes.iter().map(|mistake| format!("candidate.{mistake}")).collect();
        let experiment = Experiment::parse(&base, "x.toml", Path::new(""), &sets).unwrap();
        let mut verdict = Comparison::default().run(&experiment).unwrap().0;
        cause::explain(&experiment, Comparison::default(), &mut verdict, &AtomicBool::new(false)).unwrap();
        let mut found: Vec<&str> = verdict.causes.iter().map(|cause| cause.id.as_str()).collect();
        found.sort_unstable();
        let mut names = names.to_vec();
        names.sort_unstable();
        assert_eq!(found, names, "{mistakes:?}");
        assert!(verdict.causes.iter().all(|cause| cause.status == Status::Confirmed), "{:?}", verdict.causes);
    }
}

/// Parity has no causes, and each cause says what to do.
#[test]
fn parity_has_no_cause() {
    for base in [ADAM, SGD] {
        let (_, verdict) = judged(base, "seed=3");
        assert_eq!((verdict.verdict, verdict.causes.len()), (Outcome::Parity, 0));
    }
    for cause in cause::ALL.iter().copied().flatten() {
        assert!(!cause.does.is_empty() && !cause.formula.is_empty() && !cause.by_hand.is_empty(), "{}", cause.id);
        assert!(!cause.in_pytorch.is_empty(), "{}", cause.id);
    }
    let mut ids: Vec<&str> = cause::ALL.iter().copied().flatten().map(|cause| cause.id).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

/// docs/causes.md is the catalogue as a page; UPDATE_DOCS=1 writes it anew.
#[test]
fn the_page_of_causes_is_the_catalogue() {
    let mut page = "# Causes\n\nThe mistakes that a mismatch is called by, an entry each, as `lockstep explain ID` prints them. Written from the catalogue \
        ([src/cause/catalogue](../src/cause/catalogue/mod.rs)); real programs that make them are in [cases/](../cases/README.md).\n\n\
        A cause is an edit of the reference's definition under which the candidate's own numbers are right. It is *confirmed* where a run of the \
        reference with it agrees with the candidate, and at least two steps differ without it. Edits that what was recorded cannot tell apart are \
        one answer. Where nothing fits, nothing is named.\n"
        .to_owned();
    for (phase, causes) in ["backward", "loss", "update", "forward"].iter().zip(cause::ALL) {
        page += &format!("\n## In {phase}\n");
        for cause in causes {
            page += &format!(
                "\n### `{}`\n\nThe candidate {}.\n\n- {}\n- By hand: {}.\n- In PyTorch: {}.\n",
                cause.id, cause.does, cause.formula, cause.by_hand, cause.in_pytorch
            );
            if !cause.told_by.is_empty() {
                page += &format!("- Told from others by: {}.\n", cause.told_by);
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/causes.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let same = std::fs::read_to_string(path).unwrap() == page;
    assert!(same, "docs/causes.md is another one: write it anew with UPDATE_DOCS=1 cargo test --test causes");
}
