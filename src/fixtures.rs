//! Tests alone: what Python's PyTorch computes for every layer, from `tests/fixtures/pytorch/layers.json` (made by
//! `scripts/fixtures`, which says what is in it), as models, batches and parameters of this crate.

use crate::{
    data::{BatchSize, set::Encoding},
    experiment::{EngineKind, Side},
    judge::{gap::Deviation, noise::Limits, replay::Replay},
    model::{Axis, Bag, BatchNorm, Dropout, Embedding, Gelu, Layer, Linear, Model, Norm, init::Init},
    run::StepRecord,
    tensor::DType,
    training::{Loss, Optimizer, Sgd, Training},
};
use serde_json::Value;

/// One layer on one batch, in one type. Tensors are in f64, which holds every f32.
pub(crate) struct Case {
    /// What it is called in a message.
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) model: Model,
    pub(crate) rows: usize,
    pub(crate) training: bool,
    pub(crate) input: Vec<f64>,                  // [rows, inputs]
    pub(crate) mask: Option<Vec<f64>>,           // [rows, width]
    pub(crate) parameters: Vec<Vec<f64>>,        // in `state_dict` order
    pub(crate) buffers: Vec<Vec<f64>>,           // before the forward phase
    pub(crate) output: Vec<f64>,                 // [rows, width]
    pub(crate) output_gradient: Vec<f64>,        // [rows, width]
    pub(crate) input_gradient: Option<Vec<f64>>, // [rows, inputs]
    pub(crate) gradients: Vec<Vec<f64>>,         // per parameter
    pub(crate) buffers_after: Vec<Vec<f64>>,
}

/// What a side makes of a case.
pub(crate) struct Found {
    pub(crate) output: Vec<f64>,
    pub(crate) input_gradient: Vec<f64>,
    pub(crate) gradients: Vec<Vec<f64>>,
    pub(crate) buffers: Vec<Vec<f64>>,
}

impl Found {
    /// The share of its bound that each tensor of a side uses.
    pub(crate) fn budgets(&self, case: &Case) -> Vec<(String, f64)> {
        let side = Side {
            batch_size: BatchSize::Full,
            engine: EngineKind::Scratch,
            dtype: case.dtype,
            seed: 0,
            model: case.model.clone(),
            encoding: Encoding::Values,
            init: Init::Zeros,
            training: Training::new(Loss::MEAN_SQUARED_ERROR, Optimizer::Sgd(Sgd::new(0.1))),
        };
        let mut replay = Replay::new(&side, case.dtype, Limits::default().k);
        let record = StepRecord {
            rows: case.rows,
            evaluation: !case.training,
            inputs: case.input.clone(),
            masks: case.mask.iter().cloned().collect(),
            buffers_before: case.buffers.clone(),
            activations: vec![self.output.clone()],
            output_gradient: case.output_gradient.clone(),
            ..StepRecord::default()
        };
        let parameters = |index: usize| case.parameters[index].as_slice();
        let before = |index: usize| case.buffers[index].as_slice();
        let mut all = Vec::new();
        let mut take = |what: String, found: &[f64], value: &[f64], bound: &[f64]| {
            all.push((what, Deviation::new(found, value, bound).budget));
        };
        let exact = replay.forward(0, &record, &parameters).clone();
        take("output".to_owned(), &self.output, &exact.value, &exact.bound);
        for (number, exact) in replay.buffers(&record, &before).iter().enumerate() {
            take(format!("buffer {number}"), &self.buffers[number], &exact.value, &exact.bound);
        }
        for (number, exact) in replay.backward(&record, &parameters).iter().enumerate() {
            take(format!("gradient {number}"), &self.gradients[number], &exact.value, &exact.bound);
        }
        let through = !matches!(case.model.layers[0], Layer::Linear(_) | Layer::Embedding(_) | Layer::EmbeddingBag(..));
        if through {
            let exact = replay.input_gradient();
            take("input gradient".to_owned(), &self.input_gradient, &exact.value, &exact.bound);
        }
        all
    }
}

/// The code path of libtorch on which the cases were recorded.
#[cfg(feature = "torch")]
pub(crate) fn code_path() -> String {
    read()["code_path"].as_str().unwrap().to_owned()
}

fn read() -> Value {
    serde_json::from_str(include_str!("../tests/fixtures/pytorch/layers.json")).unwrap()
}

/// Every case whose layer is in the vocabulary; a layer norm without a bias is not.
pub(crate) fn layers() -> Vec<Case> {
    read()["cases"].as_array().unwrap().iter().filter_map(case).collect()
}

fn case(value: &Value) -> Option<Case> {
    let dtype = if value["dtype"] == "f32" { DType::F32 } else { DType::F64 };
    let tensor = |value: &Value| -> Vec<f64> {
        let number = |value: &Value| {
            let value = value.as_f64().unwrap();
            if dtype == DType::F32 { f64::from(value as f32) } else { value }
        };
        value["values"].as_array().unwrap().iter().map(number).collect()
    };
    let some = |value: &Value| (!value.is_null()).then(|| tensor(value));
    let rows = value["input"]["shape"][0].as_u64().unwrap() as usize;
    let input = tensor(&value["input"]);
    let layer = layer(value["name"].as_str().unwrap(), &value["options"])?;
    // One layer needs none of the checks on how layers fit together: an embedding alone has outputs of two dimensions.
    let model = Model { inputs: input.len() / rows, layers: vec![layer] };
    let named = |group: &str, names: Vec<&str>| names.iter().map(|name| tensor(&value[group][*name])).collect();
    let parameters = || layer.facts().parameters.into_iter().map(|(name, _)| name).collect();
    let buffers = || layer.facts().buffers.into_iter().map(|(name, ..)| name).collect();
    Some(Case {
        name: format!("{} {} {} {}", value["name"], value["options"], value["case"], value["dtype"]),
        dtype,
        model,
        rows,
        training: value["training"].as_bool().unwrap(),
        mask: some(&value["mask"]),
        parameters: named("parameters", parameters()),
        buffers: named("buffers", buffers()),
        output: tensor(&value["output"]),
        output_gradient: tensor(&value["output_gradient"]),
        input_gradient: some(&value["input_gradient"]),
        gradients: named("parameter_gradients", parameters()),
        buffers_after: named("buffers_after", buffers()),
        input,
    })
}

fn layer(name: &str, options: &Value) -> Option<Layer> {
    let whole = |key: &str| options[key].as_u64().unwrap() as usize;
    let number = |key: &str| options[key].as_f64().unwrap();
    let flag = |key: &str| options[key].as_bool().unwrap();
    let axis = || if options["dim"] == 0 { Axis::Rows } else { Axis::Columns };
    let table = || Embedding { words: whole("num_embeddings"), columns: whole("embedding_dim") };
    Some(match name {
        "Linear" => {
            Layer::Linear(Linear { inputs: whole("in_features"), outputs: whole("out_features"), bias: flag("bias") })
        }
        "Sigmoid" => Layer::Sigmoid,
        "Tanh" => Layer::Tanh,
        "ReLU" => Layer::Relu,
        "LeakyReLU" => Layer::LeakyRelu { slope: number("negative_slope") },
        "GELU" => Layer::Gelu(if options["approximate"] == "tanh" { Gelu::Tanh } else { Gelu::Erf }),
        "SiLU" => Layer::Silu,
        "Softplus" => Layer::Softplus { beta: number("beta"), threshold: number("threshold") },
        "Softmax" => Layer::Softmax(axis()),
        "LogSoftmax" => Layer::LogSoftmax(axis()),
        "Dropout" => Layer::Dropout(Dropout { p: number("p"), scaled: true, first_epoch_only: false }),
        "LayerNorm" => {
            let affine = flag("elementwise_affine");
            if affine && !flag("bias") {
                return None;
            }
            let columns = options["normalized_shape"][0].as_u64().unwrap() as usize;
            Layer::LayerNorm(Norm { columns, eps: number("eps"), affine })
        }
        "BatchNorm1d" => {
            let norm = Norm { columns: whole("num_features"), eps: number("eps"), affine: flag("affine") };
            Layer::BatchNorm(BatchNorm { norm, momentum: number("momentum") })
        }
        "Embedding" => Layer::Embedding(table()),
        "EmbeddingBag" => Layer::EmbeddingBag(table(), if options["mode"] == "sum" { Bag::Sum } else { Bag::Mean }),
        "Flatten" => Layer::Flatten,
        other => panic!("no layer is called {other}"),
    })
}
