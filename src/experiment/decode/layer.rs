//! One layer of `[model] layers`: a name alone, or `{ name = { settings } }`, with PyTorch's defaults. What follows from
//! the layer before, its columns, is not written, but for a linear layer's inputs, which then have to fit.

use super::model::MOST_COLUMNS;
use crate::{
    error::Result,
    experiment::{
        reader::{Choice, Reader, finite},
        tree::Node,
    },
    model::{Axis, Bag, BatchNorm, Dropout, Embedding, Gelu, Layer, Linear, Norm},
};

/// The numbers of words reach an embedding in the type that is computed in, and f32 has no more whole numbers in a row.
const MOST_WORDS: usize = 1 << 24;

const LAYERS: [(&str, &str); 16] = [
    ("linear", "{ linear = { outputs = N } }"),
    ("sigmoid", "\"sigmoid\""),
    ("tanh", "\"tanh\""),
    ("relu", "\"relu\""),
    ("leaky-relu", "\"leaky-relu\" or { leaky-relu = { slope = 0.01 } }"),
    ("gelu", "\"gelu\" or { gelu = { approximate = \"tanh\" } }"),
    ("silu", "\"silu\""),
    ("softplus", "\"softplus\" or { softplus = { beta = 1, threshold = 20 } }"),
    ("softmax", "\"softmax\" or { softmax = { axis = 0 } }"),
    ("log-softmax", "\"log-softmax\" or { log-softmax = { axis = 0 } }"),
    ("dropout", "\"dropout\" or { dropout = { p = 0.5 } }"),
    ("layer-norm", "\"layer-norm\" or { layer-norm = { eps = 1e-5, affine = true } }"),
    ("batch-norm", "\"batch-norm\" or { batch-norm = { eps = 1e-5, momentum = 0.1, affine = true } }"),
    ("embedding", "{ embedding = { words = N, columns = N } }"),
    ("embedding-bag", "{ embedding-bag = { words = N, columns = N, mode = \"mean\" } }"),
    ("flatten", "\"flatten\""),
];

/// Layer `index`, which `width` columns reach; `bias` is what a linear layer has that does not say.
pub(super) fn decode(node: &Node, index: usize, width: usize, bias: bool) -> Result<Layer> {
    let choice = Choice::read(node, "layer", &LAYERS)?;
    let (name, settings) = choice.typed;
    let place = format!("layer {index} ({name})");
    // Settings that all have defaults need not be there.
    let table = |valid: &[&str]| settings.map(|settings| Reader::open(settings, &place, valid)).transpose();
    match (name, settings) {
        ("linear", Some(settings)) => linear(settings, &place, width, bias),
        ("sigmoid", None) => Ok(Layer::Sigmoid),
        ("tanh", None) => Ok(Layer::Tanh),
        ("relu", None) => Ok(Layer::Relu),
        ("leaky-relu", _) => leaky_relu(table(&["slope"])?),
        ("gelu", _) => gelu(table(&["approximate"])?),
        ("silu", None) => Ok(Layer::Silu),
        ("softplus", _) => softplus(table(&["beta", "threshold"])?),
        ("softmax", _) => axis(table(&["axis"])?).map(Layer::Softmax),
        ("log-softmax", _) => axis(table(&["axis"])?).map(Layer::LogSoftmax),
        ("dropout", _) => dropout(table(&["p", "scaled", "first_epoch_only"])?),
        ("layer-norm", _) => norm(table(&["eps", "affine"])?.as_ref(), width).map(Layer::LayerNorm),
        ("batch-norm", _) => batch_norm(table(&["eps", "momentum", "affine"])?, width),
        ("embedding", Some(settings)) => {
            first(node, index, &place)?;
            embedding(&Reader::open(settings, &place, &["words", "columns"])?).map(Layer::Embedding)
        }
        ("embedding-bag", Some(settings)) => {
            first(node, index, &place)?;
            let table = Reader::open(settings, &place, &["words", "columns", "mode"])?;
            let mode = table.named("mode", "mode", &[("mean", Bag::Mean), ("sum", Bag::Sum)])?;
            Ok(Layer::EmbeddingBag(embedding(&table)?, mode.unwrap_or(Bag::Mean)))
        }
        ("flatten", None) => Ok(Layer::Flatten),
        _ => Err(choice.unknown()),
    }
}

fn linear(settings: &Node, place: &str, width: usize, bias: bool) -> Result<Layer> {
    let table = Reader::open(settings, place, &["inputs", "outputs", "bias"])?;
    let inputs = table.whole("inputs", 1..=MOST_COLUMNS)?.unwrap_or(width);
    if inputs != width {
        return Err(table.fault(
            "inputs",
            format!(
                "{place} takes {inputs} inputs, but {width} columns reach it; write inputs = {width} or leave it out"
            ),
        ));
    }
    let outputs = table.whole("outputs", 1..=MOST_COLUMNS)?;
    Ok(Layer::Linear(Linear {
        inputs,
        outputs: outputs.ok_or_else(|| table.missing("outputs", "outputs = N, its number of columns"))?,
        bias: table.boolean("bias")?.unwrap_or(bias),
    }))
}

/// What is set, if anything is.
type Settings<'a> = Option<Reader<'a>>;

fn leaky_relu(settings: Settings<'_>) -> Result<Layer> {
    let slope = settings.map(|table| table.number("slope")).transpose()?.flatten();
    Ok(Layer::LeakyRelu { slope: slope.unwrap_or(0.01) })
}

fn gelu(settings: Settings<'_>) -> Result<Layer> {
    let names = [("none", Gelu::Erf), ("tanh", Gelu::Tanh)];
    let how = settings.map(|table| table.named("approximate", "approximate", &names)).transpose()?.flatten();
    Ok(Layer::Gelu(how.unwrap_or(Gelu::Erf)))
}

fn softplus(settings: Settings<'_>) -> Result<Layer> {
    let (mut beta, mut threshold) = (1.0, 20.0);
    if let Some(table) = settings {
        let positive = |value: &_| finite(value).filter(|value| *value > 0.0);
        beta = table.typed("beta", "a finite number above 0", positive)?.unwrap_or(beta);
        threshold = table.number("threshold")?.unwrap_or(threshold);
    }
    Ok(Layer::Softplus { beta, threshold })
}

fn axis(settings: Settings<'_>) -> Result<Axis> {
    let axis = settings.map(|table| table.whole("axis", 0..=1)).transpose()?.flatten();
    Ok(if axis == Some(0) { Axis::Rows } else { Axis::Columns })
}

fn dropout(settings: Settings<'_>) -> Result<Layer> {
    let mut dropout = Dropout { p: 0.5, scaled: true, first_epoch_only: false };
    if let Some(table) = settings {
        let probability = |value: &_| finite(value).filter(|p| (0.0..1.0).contains(p));
        dropout.p = table.typed("p", "a number from 0 to below 1", probability)?.unwrap_or(dropout.p);
        dropout.scaled = table.boolean("scaled")?.unwrap_or(dropout.scaled);
        dropout.first_epoch_only = table.boolean("first_epoch_only")?.unwrap_or(dropout.first_epoch_only);
    }
    Ok(Layer::Dropout(dropout))
}

fn norm(settings: Option<&Reader<'_>>, columns: usize) -> Result<Norm> {
    let mut norm = Norm { columns, eps: 1e-5, affine: true };
    if let Some(table) = settings {
        norm.eps = table.not_negative("eps")?.unwrap_or(norm.eps);
        norm.affine = table.boolean("affine")?.unwrap_or(norm.affine);
    }
    Ok(norm)
}

fn batch_norm(settings: Settings<'_>, columns: usize) -> Result<Layer> {
    let norm = norm(settings.as_ref(), columns)?;
    let momentum = settings.map(|table| table.number_in("momentum", 0.0..=1.0)).transpose()?.flatten();
    Ok(Layer::BatchNorm(BatchNorm { norm, momentum: momentum.unwrap_or(0.1) }))
}

fn embedding(table: &Reader<'_>) -> Result<Embedding> {
    let words = table.whole("words", 1..=MOST_WORDS)?;
    let columns = table.whole("columns", 1..=MOST_COLUMNS)?;
    Ok(Embedding {
        words: words.ok_or_else(|| table.missing("words", "words = N, the rows of its table"))?,
        columns: columns.ok_or_else(|| table.missing("columns", "columns = N, the columns of its table"))?,
    })
}

/// An embedding can only be the first layer.
fn first(node: &Node, index: usize, place: &str) -> Result<()> {
    if index == 0 {
        return Ok(());
    }
    Err(node.fault(format!("{place} takes the numbers of words, so it has to be the first layer")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Experiment;
    use std::path::Path;

    /// The layers of a file whose second line they are.
    fn layers(layers: &str) -> Result<Vec<Layer>> {
        let text = format!(
            "data = {{ kind = 'regression', rows = 8, inputs = 4, outputs = 1 }}\nmodel.layers = [{layers}]\n\
             training = {{ loss = 'mse', optimizer.sgd.lr = 0.1, steps = 1 }}\n"
        );
        Ok(Experiment::parse(&text, "x.toml", Path::new(""), &[])?.reference.model.layers)
    }

    #[test]
    fn every_layer_has_its_name_and_pytorchs_defaults() {
        let norm = |affine| Norm { columns: 4, eps: 1e-5, affine };
        let table = Embedding { words: 9, columns: 3 };
        let cases = [
            ("'sigmoid'", Layer::Sigmoid),
            ("'tanh'", Layer::Tanh),
            ("'relu'", Layer::Relu),
            ("'leaky-relu'", Layer::LeakyRelu { slope: 0.01 }),
            ("{ leaky-relu = { slope = 0.2 } }", Layer::LeakyRelu { slope: 0.2 }),
            ("'gelu'", Layer::Gelu(Gelu::Erf)),
            ("{ gelu = { approximate = 'tanh' } }", Layer::Gelu(Gelu::Tanh)),
            ("'silu'", Layer::Silu),
            ("'softplus'", Layer::Softplus { beta: 1.0, threshold: 20.0 }),
            ("{ softplus = { beta = 2 } }", Layer::Softplus { beta: 2.0, threshold: 20.0 }),
            ("'softmax'", Layer::Softmax(Axis::Columns)),
            ("{ softmax = { axis = 0 } }", Layer::Softmax(Axis::Rows)),
            ("{ log-softmax = { axis = 1 } }", Layer::LogSoftmax(Axis::Columns)),
            ("'dropout'", Layer::Dropout(Dropout { p: 0.5, scaled: true, first_epoch_only: false })),
            (
                "{ dropout = { p = 0.2, scaled = false, first_epoch_only = true } }",
                Layer::Dropout(Dropout { p: 0.2, scaled: false, first_epoch_only: true }),
            ),
            ("'layer-norm'", Layer::LayerNorm(norm(true))),
            ("{ layer-norm = { affine = false } }", Layer::LayerNorm(norm(false))),
            ("'batch-norm'", Layer::BatchNorm(BatchNorm { norm: norm(true), momentum: 0.1 })),
            (
                "{ batch-norm = { momentum = 1, affine = false } }",
                Layer::BatchNorm(BatchNorm { norm: norm(false), momentum: 1.0 }),
            ),
            ("'flatten'", Layer::Flatten),
        ];
        for (typed, expected) in cases {
            let found = layers(&format!("{typed}, {{ linear = {{ outputs = 1 }} }}")).unwrap();
            assert_eq!(found[0], expected, "{typed}");
        }
        let bag = layers("{ embedding-bag = { words = 9, columns = 3 } }, { linear = { outputs = 1 } }").unwrap();
        assert_eq!(bag[0], Layer::EmbeddingBag(table, Bag::Mean));
        let sum = "{ embedding-bag = { words = 9, columns = 3, mode = 'sum' } }, { linear = { outputs = 1 } }";
        assert_eq!(layers(sum).unwrap()[0], Layer::EmbeddingBag(table, Bag::Sum));
        let flat =
            layers("{ embedding = { words = 9, columns = 3 } }, 'flatten', { linear = { outputs = 1 } }").unwrap();
        assert_eq!(flat[0], Layer::Embedding(table));
        assert_eq!(flat[2], Layer::Linear(Linear { inputs: 12, outputs: 1, bias: true }));
    }

    #[test]
    fn what_a_layer_cannot_be_is_an_error_with_its_line_and_what_it_may_be() {
        let cases = [
            ("'leaky-rel'", "did you mean `leaky-relu`?"),
            ("{ leaky-relu = { slop = 1 } }", "did you mean `slope`?"),
            ("'embedding'", "layer `embedding` is written { embedding = { words = N, columns = N } }"),
            ("{ relu = { slope = 1 } }", "layer `relu` is written \"relu\""),
            ("{ gelu = { approximate = 'erf' } }", "\"none\", \"tanh\""),
            ("{ softplus = { beta = 0 } }", "must be a finite number above 0; found the integer 0"),
            ("{ softmax = { axis = 2 } }", "must be a whole number from 0 to 1; found the integer 2"),
            ("{ dropout = { p = 1 } }", "must be a number from 0 to below 1; found the integer 1"),
            ("{ layer-norm = { eps = -1 } }", "must be a finite number, 0 or more"),
            ("{ batch-norm = { momentum = 1.5 } }", "must be a number from 0.0 to 1.0"),
            ("{ embedding = { columns = 3 } }", "`words` is missing in layer 0 (embedding)"),
            ("{ embedding = { words = 16777217, columns = 3 } }", "a whole number from 1 to 16777216"),
            ("'relu', { embedding = { words = 9, columns = 3 } }", "so it has to be the first layer"),
            ("{ embedding = { words = 9, columns = 3 } }, 'layer-norm'", "put \"flatten\" before it"),
        ];
        for (typed, expected) in cases {
            let error = layers(typed).unwrap_err().to_string();
            assert!(error.starts_with("x.toml:2: ") && error.contains(expected), "{typed}: {error}");
        }
        let table = Layer::Embedding(Embedding { words: 1, columns: 1 });
        let error = crate::model::Model::new(vec![table], 4).unwrap_err().to_string();
        assert!(error.contains("put \"flatten\" at its end"), "{error}");
    }
}
