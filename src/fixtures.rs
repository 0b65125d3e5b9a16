//! Tests alone: what Python's PyTorch computes for every layer, from `tests/fixtures/pytorch/layers.json` (made by
//! `scripts/fixtures`, which says what is in it), as models, batches and parameters of this crate.

use crate::{
    model::{Axis, Bag, BatchNorm, Dropout, Embedding, Gelu, Layer, Linear, Model, Norm},
    tensor::DType,
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

/// Every case whose layer is in the vocabulary; a layer norm without a bias is not.
pub(crate) fn layers() -> Vec<Case> {
    let text = include_str!("../tests/fixtures/pytorch/layers.json");
    let file: Value = serde_json::from_str(text).unwrap();
    file["cases"].as_array().unwrap().iter().filter_map(case).collect()
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
    let parameters = || layer.parameters().into_iter().map(|(name, _)| name).collect();
    let buffers = || layer.buffers().into_iter().map(|(name, ..)| name).collect();
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
