//! Layers: libtorch's operations, autograd remembers what the way back needs.

use crate::model::{self, Axis, Bag, BatchNorm, Gelu, Place};
use tch::{Kind, TchError, Tensor};

/// What layers share while a batch passes; a layer's own are found by its [`Place`].
pub(super) struct Pass<'a> {
    /// Every parameter.
    pub(super) trained: &'a [Tensor],
    /// Every buffer.
    pub(super) buffers: &'a [Tensor],
    /// For each dropout layer what its input is multiplied by; none where dropout is off.
    pub(super) masks: &'a [Tensor],
    /// Whether this is training, not evaluation.
    pub(super) training: bool,
}

/// The output of the layer at a place, for `input`.
pub(super) fn forward(place: &Place, pass: &Pass<'_>, input: &Tensor) -> Result<Tensor, TchError> {
    let trained = &pass.trained[place.parameters.clone()];
    let buffers = &pass.buffers[place.buffers.clone()];
    match place.layer {
        model::Layer::Linear(_) => input.f_linear(&trained[0], trained.get(1)),
        model::Layer::Sigmoid => input.f_sigmoid(),
        model::Layer::Tanh => input.f_tanh(),
        model::Layer::Relu => input.f_relu(),
        // The same function: tch's leaky_relu takes no slope.
        model::Layer::LeakyRelu { slope } => {
            input.f_prelu(&Tensor::f_full([1], slope, (input.kind(), input.device()))?)
        }
        model::Layer::Gelu(Gelu::Erf) => input.f_gelu("none"),
        model::Layer::Gelu(Gelu::Tanh) => input.f_gelu("tanh"),
        model::Layer::Silu => input.f_silu(),
        model::Layer::Softplus { beta, threshold } => softplus(input, beta, threshold),
        model::Layer::Softmax(axis) => input.f_softmax(dimension(axis), None::<Kind>),
        model::Layer::LogSoftmax(axis) => input.f_log_softmax(dimension(axis), None::<Kind>),
        model::Layer::Dropout(_) => match place.mask.and_then(|mask| pass.masks.get(mask)) {
            Some(mask) => input.f_mul(&mask.f_view_as(input)?),
            None => input.f_view_as(input),
        },
        model::Layer::BatchNorm(BatchNorm { norm, momentum }) => input.f_batch_norm(
            trained.first(),
            trained.get(1),
            buffers.first(),
            buffers.get(1),
            pass.training,
            momentum,
            norm.eps,
            false,
        ),
        model::Layer::LayerNorm(norm) => {
            input.f_layer_norm([norm.columns as i64], trained.first(), trained.get(1), norm.eps, false)
        }
        model::Layer::Embedding(_) => {
            Tensor::f_embedding(&trained[0], &input.f_to_kind(Kind::Int64)?, -1, false, false)
        }
        model::Layer::EmbeddingBag(_, bag) => {
            let words = input.f_to_kind(Kind::Int64)?;
            let length = place.input.elements();
            // As `nn.EmbeddingBag` makes them of a matrix: every row is a bag.
            let starts: Vec<i64> = (0..words.numel()).step_by(length).map(|start| start as i64).collect();
            let (words, starts) = (words.f_view([-1])?, Tensor::f_from_slice(&starts)?);
            let mode = i64::from(bag == Bag::Mean);
            Tensor::f_embedding_bag(&trained[0], &words, &starts, false, mode, false, None::<&Tensor>, false)
                .map(|(output, ..)| output)
        }
        model::Layer::Flatten => input.f_flatten(1, -1),
    }
}

/// PyTorch's `dim`.
fn dimension(axis: Axis) -> i64 {
    i64::from(axis == Axis::Columns)
}

/// tch's softplus takes no options. softplus(βx)/β is what libtorch computes for β, up to a threshold of its default;
/// above that, where it would pass βx on already, the rest is put together from its parts.
fn softplus(input: &Tensor, beta: f64, threshold: f64) -> Result<Tensor, TchError> {
    const DEFAULT: f64 = 20.0;
    if (beta, threshold) == (1.0, DEFAULT) {
        return input.f_softplus();
    }
    let scaled = input.f_mul_scalar(beta)?;
    let smooth =
        if threshold <= DEFAULT { scaled.f_softplus()? } else { scaled.f_clamp_max(threshold)?.f_exp()?.f_log1p()? };
    input.f_where_self(&scaled.f_gt(threshold)?, &smooth.f_div_scalar(beta)?)
}

#[cfg(test)]
mod tests {
    use super::{super::kind, *};
    use crate::{
        fixtures::{self, Found},
        tensor::DType,
    };
    use std::io::Write;

    fn tensor(values: &[f64], sizes: &[usize], dtype: DType) -> Tensor {
        let sizes: Vec<i64> = sizes.iter().map(|&size| size as i64).collect();
        Tensor::from_slice(values).to_kind(kind(dtype)).reshape(&sizes)
    }

    fn wide(tensor: &Tensor) -> Vec<f64> {
        Vec::<f64>::try_from(tensor.flatten(0, -1).to_kind(Kind::Double)).unwrap()
    }

    /// Bits, but for the sign of 0 and with all that is no number alike.
    fn same(found: &[f64], expected: &[f64]) -> bool {
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| a == b || a.is_nan() && b.is_nan())
    }

    /// Where libtorch takes other code than where the cases were recorded, its last digits are others.
    #[test]
    fn every_layer_is_pythons_bit_for_bit_on_its_code_path_and_within_the_bounds_on_any() {
        let (recorded, here) = (fixtures::code_path(), super::super::code_path());
        if recorded != here {
            let said = format!("\nskipped: the bits of layers.json were recorded on {recorded}, this is {here}\n");
            let _ = std::io::stderr().write_all(said.as_bytes());
        }
        tch::set_num_threads(1);
        let cases = fixtures::layers();
        assert!(cases.len() > 90, "{} cases", cases.len());
        for case in cases {
            let place = &case.model.places()[0];
            let parameters = case.model.parameters();
            let trained: Vec<Tensor> = (parameters.iter().zip(&case.parameters))
                .map(|(parameter, values)| tensor(values, &parameter.shape, case.dtype).set_requires_grad(true))
                .collect();
            let buffers: Vec<Tensor> =
                case.buffers.iter().map(|values| tensor(values, &[values.len()], case.dtype)).collect();
            let width = case.model.inputs;
            let masks: Vec<Tensor> =
                case.mask.iter().map(|mask| tensor(mask, &[case.rows, width], case.dtype)).collect();
            let input = tensor(&case.input, &[case.rows, width], case.dtype).set_requires_grad(true);
            let pass = Pass { trained: &trained, buffers: &buffers, masks: &masks, training: case.training };
            let output = forward(place, &pass, &input).unwrap();
            let gradient = Tensor::from_slice(&case.output_gradient).to_kind(kind(case.dtype)).reshape(output.size());
            let sources: Vec<&Tensor> = case.input_gradient.iter().map(|_| &input).chain(&trained).collect();
            let gradients = Tensor::run_backward(&[(&output * gradient).sum(kind(case.dtype))], &sources, false, false);
            let (of_input, of_parameters) = gradients.split_at(usize::from(case.input_gradient.is_some()));
            let found = Found {
                output: wide(&output),
                input_gradient: of_input.first().map(wide).unwrap_or_default(),
                gradients: of_parameters.iter().map(wide).collect(),
                buffers: buffers.iter().map(wide).collect(),
            };
            for (tensor, budget) in found.budgets(&case) {
                assert!(budget <= 1.0, "{}: {tensor} uses {budget} of its bound", case.name);
            }
            if recorded == here {
                let expected = [&case.output].into_iter().chain(&case.input_gradient);
                let expected = expected.chain(&case.gradients).chain(&case.buffers_after);
                let of_input = case.input_gradient.iter().map(|_| &found.input_gradient);
                let found = [&found.output].into_iter().chain(of_input).chain(&found.gradients).chain(&found.buffers);
                for (number, (found, expected)) in found.zip(expected).enumerate() {
                    assert!(same(found, expected), "{}: tensor {number}", case.name);
                }
            }
        }
    }
}
