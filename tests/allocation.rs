//! What the scratch engine allocates per step once it is warm, counted by this binary's own allocator on the thread that
//! makes the step: nothing, whatever the size, however many threads share the work.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use lockstep::{
    data::Batch,
    engine::scratch,
    model::{self, Axis, Bag, BatchNorm, Embedding, Gelu, Layer, Linear, Model},
    tensor::{DType, View},
    training::{
        Accumulate, Adam, Clip, Curve, Loss, Norm, Optimizer, Penalty, ReportedMeasure, RmsProp, Schedule, Sgd,
        Training,
    },
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    // Per thread, as the test harness allocates on its own; without a destructor, so that any thread may count.
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator as it came; counting touches no memory but the thread's counter.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(address, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations in each of a few steps after the first, for a perceptron of these widths and every activation.
fn allocations(widths: [usize; 3], rows: usize, dtype: DType, threads: usize) -> Vec<usize> {
    let [inputs, hidden, outputs] = widths;
    let linear = |inputs, outputs| Layer::Linear(Linear { inputs, outputs, bias: true });
    let layers = vec![linear(inputs, hidden), Layer::Relu, Layer::Tanh, Layer::Sigmoid, linear(hidden, outputs)];
    let sgd = Sgd { momentum: 0.9, nesterov: true, ..Sgd::new(0.1) };
    let training = Training::new(Loss::MEAN_SQUARED_ERROR, Optimizer::Sgd(sgd));
    let training = Training { reported_loss: ReportedMeasure::DeltaTimesMse.into(), ..training };
    let mut engine = scratch::build(&Model::new(layers, inputs).unwrap(), &training, dtype, rows);
    engine.set_threads(threads);
    let (wide, narrow) = (vec![0.5; rows * inputs.max(outputs)], vec![0.5f32; rows * inputs.max(outputs)]);
    let view = |width: usize| match dtype {
        DType::F32 => View::new(&[rows, width], &narrow[..rows * width]),
        DType::F64 => View::new(&[rows, width], &wide[..rows * width]),
    };
    let batch = Batch::dense(view(inputs), view(outputs));
    let mut counts = vec![0; 6];
    for count in &mut counts {
        let before = ALLOCATED.get();
        engine.forward(&batch).unwrap();
        engine.loss(&batch).unwrap();
        engine.backward().unwrap();
        engine.update().unwrap();
        engine.step(&batch).unwrap();
        *count = ALLOCATED.get() - before;
    }
    counts.split_off(1)
}

#[test]
fn a_warm_step_of_a_small_model_allocates_nothing() {
    for dtype in [DType::F32, DType::F64] {
        assert_eq!(allocations([2, 5, 1], 4, dtype, 1), [0; 5], "{dtype}");
        assert_eq!(allocations([6, 8, 3], 20, dtype, 1), [0; 5], "{dtype}");
    }
}

/// More than a block of terms, class numbers that every loss of classes takes, and outputs that are probabilities.
#[test]
fn a_warm_step_allocates_nothing_whatever_the_loss_and_with_penalties() {
    let linear = Layer::Linear(Linear { inputs: 2, outputs: 3, bias: true });
    let model = Model::new(vec![linear, Layer::Sigmoid], 2).unwrap();
    let (inputs, targets) = ([0.5; 80], [0.0; 120]);
    for loss in Loss::examples(3) {
        let columns = loss.target_columns(3);
        let penalties = [Norm::L1, Norm::L2].map(|norm| Penalty { norm, factor: 0.1, mean: true, biases: false });
        let training = Training::new(loss.clone(), Optimizer::Sgd(Sgd::new(0.1)));
        let training = Training { penalties: penalties.to_vec(), ..training };
        let mut engine = scratch::build(&model, &training, DType::F64, 40);
        let batch = Batch::dense(View::new(&[40, 2], &inputs[..]), View::new(&[40, columns], &targets[..40 * columns]));
        for step in 0..3 {
            let before = ALLOCATED.get();
            engine.step(&batch).unwrap();
            assert!(step == 0 || ALLOCATED.get() == before, "{loss}");
        }
    }
}

#[test]
fn a_warm_step_allocates_nothing_whatever_the_optimizer_and_when_it_clips() {
    let model = Model::new(vec![Layer::Linear(Linear { inputs: 2, outputs: 3, bias: true })], 2).unwrap();
    let (inputs, targets) = ([0.5; 80], [0.0; 120]);
    let batch = Batch::dense(View::new(&[40, 2], &inputs[..]), View::new(&[40, 3], &targets[..]));
    let rmsprop = RmsProp { momentum: 0.9, centered: true, weight_decay: 0.1, ..RmsProp::default() };
    for optimizer in [Optimizer::Adam(Adam::default()), Optimizer::Adam(Adam::adamw()), Optimizer::RmsProp(rmsprop)] {
        for (clip, batches) in [(Clip::Norm(0.1), 1), (Clip::Value(0.1), 1), (Clip::Norm(0.1), 2)] {
            let accumulate = (batches > 1).then_some(Accumulate { batches, mean: true });
            let schedule = Some(Schedule { curve: Curve::Exponential { gamma: 0.9 }, every_step: true });
            let training = Training {
                clip: Some(clip),
                schedule,
                accumulate,
                ..Training::new(Loss::MEAN_SQUARED_ERROR, optimizer)
            };
            let mut engine = scratch::build(&model, &training, DType::F64, 40);
            for step in 0..3 {
                let before = ALLOCATED.get();
                engine.step(&batch).unwrap();
                assert!(step == 0 || ALLOCATED.get() == before, "{optimizer:?}, {clip:?}, {batches}");
            }
        }
    }
}

/// Training with the statistics of a batch norm, and an embedding's table.
#[test]
fn a_warm_step_allocates_nothing_whatever_the_layer() {
    let norm = model::Norm { columns: 4, eps: 1e-5, affine: true };
    let table = Embedding { words: 2, columns: 2 };
    let layers = [
        Layer::LeakyRelu { slope: 0.01 },
        Layer::Gelu(Gelu::Erf),
        Layer::Gelu(Gelu::Tanh),
        Layer::Silu,
        Layer::Softplus { beta: 1.0, threshold: 20.0 },
        Layer::Softmax(Axis::Rows),
        Layer::LogSoftmax(Axis::Columns),
        Layer::LayerNorm(norm),
        Layer::BatchNorm(BatchNorm { norm, momentum: 0.1 }),
    ];
    let first = Layer::Embedding(table);
    let models = layers.map(|layer| vec![first, Layer::Flatten, layer]).into_iter();
    let inputs = [0.0, 1.0].repeat(20);
    let targets = [0.5; 80];
    for layers in models.chain([vec![Layer::EmbeddingBag(table, Bag::Mean)]]) {
        let model = Model::new(layers, 2).unwrap();
        let training = Training::new(Loss::MEAN_SQUARED_ERROR, Optimizer::Sgd(Sgd::new(0.1)));
        let mut engine = scratch::build(&model, &training, DType::F64, 20);
        let outputs = model.outputs();
        let batch = Batch::dense(View::new(&[20, 2], &inputs[..]), View::new(&[20, outputs], &targets[..20 * outputs]));
        for step in 0..3 {
            let before = ALLOCATED.get();
            engine.step(&batch).unwrap();
            assert!(step == 0 || ALLOCATED.get() == before, "{model}");
        }
    }
}

/// Large enough for packed tiles in every product, or in some; batch 1 is a product with a vector.
#[test]
fn a_warm_step_of_a_large_model_allocates_nothing() {
    for (widths, rows) in
        [([3000, 450, 3], 128), ([300, 40, 6], 32), ([25, 25, 2], 100), ([2000, 100, 6], 8), ([300, 40, 1], 1)]
    {
        for (dtype, threads) in [(DType::F32, 1), (DType::F32, 2), (DType::F64, 1)] {
            assert_eq!(allocations(widths, rows, dtype, threads), [0; 5], "{dtype} {widths:?} on {threads} threads");
        }
    }
}
