//! What the lecture prints: "Neural Net Training with PyTorch", CS 780/880 Natural Language Processing, lecture 12,
//! Samuel Carton, University of New Hampshire. Each constant names its slide.

/// Steps between two printed means ("Training loop").
pub(super) const WINDOW: usize = 500;
/// Epochs ("Training loop").
pub(super) const EPOCHS: usize = 2;
/// Windows of an epoch: 4210 steps have eight whole ones.
pub(super) const WINDOWS: usize = 8;
/// Half a unit of the third digit, to which all of the training is printed.
pub(super) const HALF_DIGIT: f64 = 0.0005;
/// Half a unit of the fourth, to which the first loss is.
pub(super) const FIRST_HALF_DIGIT: f64 = 0.00005;

/// Rows, columns and stored elements ("Reading and preprocessing SST-2 dataset").
pub(super) const TRAINING: [usize; 3] = [67_349, 10_106, 535_539];
/// The same of the dev set.
pub(super) const DEV: [usize; 3] = [872, 10_106, 12_939];

/// The loss of the first batch before training ("Our model"), its labels ("PyTorch DataLoaders") and its logits.
pub(super) const FIRST_LOSS: f64 = 0.6944;
pub(super) const FIRST_LABELS: [u8; 16] = [0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0];
pub(super) const FIRST_LOGITS: [f64; 16] = [
    0.0178, -0.0002, -0.0112, 0.0167, -0.0239, 0.0316, -0.0090, 0.0220, 0.0039, 0.0079, -0.0467, 0.0296, 0.0232,
    0.0018, 0.0024, 0.0018,
];

/// One printed run.
pub(super) struct Printed {
    pub(super) name: &'static str,
    /// The mean training loss of each 500 steps, epoch after epoch.
    pub(super) windows: &'static [f64],
    /// Epoch mean train loss; only of epochs that ended.
    pub(super) losses: &'static [f64],
    /// Epoch train accuracy: of predictions made on the way.
    pub(super) accuracies: &'static [f64],
    /// Epoch dev accuracy, as printed under it; L2's are those of its last looks.
    pub(super) dev: &'static [f64],
    /// Dev accuracy after each 500 steps, epoch after epoch.
    pub(super) looks: &'static [f64],
}

/// The plain network ("Training loop").
pub(super) const PLAIN: Printed = Printed {
    name: "plain",
    windows: &[
        0.560, 0.438, 0.381, 0.362, 0.344, 0.326, 0.315, 0.307, //
        0.255, 0.261, 0.256, 0.256, 0.264, 0.266, 0.251, 0.263,
    ],
    losses: &[0.374, 0.258],
    accuracies: &[0.849, 0.902],
    dev: &[0.812, 0.814],
    looks: &[],
};

/// With .001·mean(w²) ("Regularized model").
pub(super) const L2: Printed = Printed {
    name: "L2",
    windows: &[
        0.562, 0.438, 0.381, 0.362, 0.339, 0.328, 0.313, 0.305, //
        0.256, 0.262, 0.268, 0.255, 0.263, 0.258, 0.253, 0.257,
    ],
    losses: &[0.375, 0.260],
    accuracies: &[0.849, 0.903],
    dev: &[0.822, 0.817],
    looks: &[
        0.759, 0.811, 0.791, 0.805, 0.814, 0.819, 0.811, 0.822, //
        0.820, 0.805, 0.823, 0.815, 0.826, 0.819, 0.815, 0.817,
    ],
};

/// Taken for the plain network again, until it stops ("Early stopping"): the slide leaves the model out.
pub(super) const STOPPED: Printed = Printed {
    name: "early stopping",
    windows: &[
        0.556, 0.438, 0.388, 0.361, 0.350, 0.321, 0.308, 0.302, //
        0.251, 0.267, 0.268,
    ],
    losses: &[0.374],
    accuracies: &[0.850],
    dev: &[],
    looks: &[0.782, 0.783, 0.803, 0.807, 0.802, 0.818, 0.827, 0.820, 0.818, 0.817, 0.820],
};

/// Every printed run.
pub(super) const ALL: [&Printed; 3] = [&PLAIN, &STOPPED, &L2];
