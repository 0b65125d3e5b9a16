//! Mistakes in the gradients.

use super::{
    super::edit::{HOLE, Range},
    ANY_SIZE, Cause, Edit, Evidence, fault,
};
use crate::{run::Phase, training::Norm};

fn scaled(evidence: &Evidence<'_>) -> Vec<Edit> {
    let Some(factor) = evidence.factor() else {
        // Under Adam and clipping the factor is not that of the update.
        return vec![Edit::fault(format!("{{ gradients-scaled = {HOLE} }}")).open(Range::Size { from: 1e-6, to: 1e6 })];
    };
    let known = evidence.known(factor);
    let factor = super::super::evidence::plain(factor);
    vec![Edit::fault(format!("{{ gradients-scaled = {factor} }}")).with(factor, known)]
}

/// A mistake of one layer, of each in turn.
fn of_layers(evidence: &Evidence<'_>, name: &str) -> Vec<Edit> {
    let layers = 0..evidence.reference().model.layers.len();
    layers.map(|layer| Edit::fault(format!("{{ {name} = {layer} }}"))).collect()
}

/// Penalties of another size, or of other parameters.
fn penalty(evidence: &Evidence<'_>) -> Vec<Edit> {
    let penalties = &evidence.reference().training.penalties;
    let mut edits = Vec::new();
    for penalty in penalties {
        let name = match penalty.norm {
            Norm::L1 => "l1",
            Norm::L2 => "l2",
        };
        let factor = |factor: &str| Edit::key(format!("training.penalty.{name}.factor={factor}"));
        edits.extend([0.5, 2.0, 0.0].map(|by| factor(&(penalty.factor * by).to_string())));
        edits.push(factor(HOLE).open(ANY_SIZE));
        edits.push(Edit::key(format!("training.penalty.{name}.biases={}", !penalty.biases)));
        edits.push(Edit::key(format!(
            "training.penalty.{name}.reduction=\"{}\"",
            if penalty.mean { "sum" } else { "mean" }
        )));
    }
    edits
}

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "early-update",
        does: "updates a layer's weights before it passes the error back through them",
        formula: "δₗ = (W⁽ⁿᵉʷ⁾)ᵀδₗ₊₁ in place of Wᵀδₗ₊₁: the last layer is right, those before it are off by a little",
        by_hand: "work out all gradients first, then update all weights",
        in_pytorch: "backward() has done all of it before step()",
        phase: Phase::Backward,
        told_by: "a larger rate",
        edits: |_| fault("early-update"),
    },
    Cause {
        id: "bias-gradient-averaged",
        does: "averages the gradients of biases over the rows, where they are to be summed",
        formula: "mean over rows of δ in place of its sum: the mean is in δ already",
        by_hand: "write db = delta.sum(axis=0); delta has its 1/N already",
        in_pytorch: "autograd sums; a mean belongs into the loss alone",
        phase: Phase::Backward,
        told_by: "another batch size",
        edits: |_| fault("bias-gradient-averaged"),
    },
    Cause {
        id: "bias-gradient-summed",
        does: "sums the gradients of a bias over everything: all elements get the same",
        formula: "ΣΣδ in place of the sum over the rows of each column",
        by_hand: "write db = delta.sum(axis=0), with the axis",
        in_pytorch: "autograd sums over the rows alone",
        phase: Phase::Backward,
        told_by: "a layer of more than one output",
        edits: |_| fault("bias-gradient-summed"),
    },
    Cause {
        id: "gradients-not-zeroed",
        does: "adds each step's gradients to those of the steps before",
        formula: "g ← g + ∂L/∂w in place of g ← ∂L/∂w",
        by_hand: "set gradients to 0 before every backward pass",
        in_pytorch: "call optimizer.zero_grad() at every step",
        phase: Phase::Backward,
        told_by: "a second step",
        edits: |_| fault("gradients-not-zeroed"),
    },
    Cause {
        id: "sigmoid-derivative-of-output",
        does: "takes σ′ at σ(x), not at x",
        formula: "σ(y)(1 − σ(y)) with y = σ(x), in place of y(1 − y)",
        by_hand: "give the derivative what it is of: y * (1 - y) of the output, or s(z) * (1 - s(z)) of the sum",
        in_pytorch: "autograd does it",
        phase: Phase::Backward,
        told_by: "activations and gradients, recorded beside the weights",
        edits: |_| fault("sigmoid-derivative-of-output"),
    },
    Cause {
        id: "sigmoid-derivative-of-input",
        does: "takes σ′ to be x(1 − x) of the sum x, not y(1 − y) of the output y",
        formula: "x(1 − x) in place of y(1 − y), y = σ(x)",
        by_hand: "give the derivative the output, not the sum",
        in_pytorch: "autograd does it",
        phase: Phase::Backward,
        told_by: "activations and gradients, recorded beside the weights",
        edits: |_| fault("sigmoid-derivative-of-input"),
    },
    Cause {
        id: "tanh-derivative-unsquared",
        does: "takes tanh′ to be 1 − y",
        formula: "1 − y in place of 1 − y²",
        by_hand: "write 1 - y**2",
        in_pytorch: "autograd does it",
        phase: Phase::Backward,
        told_by: "activations and gradients, recorded beside the weights",
        edits: |_| fault("tanh-derivative-unsquared"),
    },
    Cause {
        id: "relu-derivative-one-at-zero",
        does: "takes ReLU′(0) to be 1",
        formula: "x ≥ 0 in place of x > 0",
        by_hand: "write (x > 0)",
        in_pytorch: "autograd takes 0 there",
        phase: Phase::Backward,
        told_by: "an input of exactly 0",
        edits: |_| fault("relu-derivative-one-at-zero"),
    },
    Cause {
        id: "derivative-forgotten",
        does: "leaves out the derivative of a layer on the way back: an activation's, or the mask of dropout",
        formula: "δ in place of δ·f′",
        by_hand: "multiply by the layer's derivative, of dropout by the mask of the way there",
        in_pytorch: "autograd does it; detach() and functions of NumPy in between do not",
        phase: Phase::Backward,
        told_by: "gradients, recorded beside the weights",
        edits: |evidence| of_layers(evidence, "derivative-forgotten"),
    },
    Cause {
        id: "norm-statistics-constant",
        does: "takes mean and variance of a norm for constants on the way back",
        formula: "G·w·s in place of s·(h − Σh/n − x̂·Σhx̂/n), h = G·w",
        by_hand: "pass the gradient through mean and variance, too",
        in_pytorch: "autograd does it; detach() of the statistics does not",
        phase: Phase::Backward,
        told_by: "gradients, recorded beside the weights",
        edits: |_| fault("norm-statistics-constant"),
    },
    Cause {
        id: "softmax-diagonal",
        does: "takes softmax's derivative to be y(1 − y), its Jacobian's diagonal alone",
        formula: "y(1 − y)·G in place of y(G − ΣGy)",
        by_hand: "take the whole Jacobian, or the gradient of softmax and cross-entropy together: p − t",
        in_pytorch: "autograd takes all of it",
        phase: Phase::Backward,
        told_by: "more than one class",
        edits: |_| fault("softmax-diagonal"),
    },
    Cause {
        id: "last-index-wins",
        does: "keeps the last gradient alone of a word that a batch has several times",
        formula: "dC[ix] += g, which NumPy does once for each index, in place of the sum",
        by_hand: "write np.add.at(dC, ix, g)",
        in_pytorch: "autograd adds them up; by hand use index_add_",
        phase: Phase::Backward,
        told_by: "a batch in which a word stands twice",
        edits: |_| fault("last-index-wins"),
    },
    Cause {
        id: "no-gradient",
        does: "passes no gradient back through a layer: nothing before it learns",
        formula: "0 in place of δ",
        by_hand: "write the layer's backward pass",
        in_pytorch: "look for detach(), .data, or a function that autograd does not know",
        phase: Phase::Backward,
        told_by: "gradients, recorded beside the weights",
        edits: |evidence| of_layers(evidence, "no-gradient"),
    },
    Cause {
        id: "gradients-scaled",
        does: "divides or multiplies gradients once more",
        formula: "c·g in place of g",
        by_hand: "divide by the number of rows once: in the loss's gradient, or at the end",
        in_pytorch: "look for a loss that is divided before backward()",
        phase: Phase::Backward,
        told_by: "another batch size, and gradients recorded beside the weights",
        edits: scaled,
    },
    Cause {
        id: "penalty-other",
        does: "has a penalty of another size, or of other parameters",
        formula: "λ‖w‖² has the gradient 2λw, ½λ‖w‖² has λw; with biases, or without",
        by_hand: "look for a factor of 2, and at which parameters are penalized",
        in_pytorch: "write the penalty into the loss as it is meant",
        phase: Phase::Backward,
        told_by: "weights that are not 0",
        edits: penalty,
    },
    Cause {
        id: "penalty-added",
        does: "penalizes weights though nothing is to",
        formula: "g + 2λw in place of g, of λ‖w‖²; with biases, or without",
        by_hand: "take the penalty out, or write it into the definition",
        in_pytorch: "look for weight_decay, or a norm that is added to the loss",
        phase: Phase::Backward,
        told_by: "weights that are not 0",
        edits: |evidence| {
            if !evidence.reference().training.penalties.is_empty() {
                return Vec::new();
            }
            let penalty = |norm: &str, biases: bool| {
                let table = format!("{{ factor = {HOLE}, biases = {biases} }}");
                Edit::key(format!("training.penalty={{ {norm} = {table} }}")).open(ANY_SIZE)
            };
            // In the gradient alone, the loss that is printed does not have it.
            let unprinted = Edit::key("training.reported_loss={ penalty = false }");
            let all = ["l2", "l1"].into_iter().flat_map(|norm| [true, false].map(|biases| penalty(norm, biases)));
            all.flat_map(|edit| [edit.and(&unprinted), edit]).collect()
        },
    },
];
