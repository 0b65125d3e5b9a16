//! Whether an engine is what the trait says, before anybody asks whether it computes what the reference does.

use super::{Engine, Saved};
use crate::{
    data::Batch,
    error::{Error, Result},
    model::Model,
    tensor::{DType, Owned, Shape, View},
};

/// Checks an engine of your own against the contract of [`Engine`], on one batch that it can train on: that it holds the
/// tensors of its model, keeps what is loaded and refuses what does not fit, lends results of the right shapes and type,
/// changes its weights in `update` alone, and gives the same numbers for the same batch. Whether these are the right numbers
/// [`compare`](crate::compare) says.
///
/// # Errors
/// [`Error::Engine`] with everything that was found, one line each.
pub fn check(engine: &mut dyn Engine, model: &Model, batch: &Batch<'_>) -> Result<()> {
    let found = faults(engine, model, batch)?;
    if found.is_empty() {
        return Ok(());
    }
    let message = found.join("\n  ");
    Err(Error::Engine { engine: engine.describe().name, operation: "check".to_owned(), message })
}

fn faults(engine: &mut dyn Engine, model: &Model, batch: &Batch<'_>) -> Result<Vec<String>> {
    let (held, wanted) = (engine.tensors().to_vec(), model.tensors());
    if held != wanted {
        return Ok(vec![format!(
            "`tensors` must be those of the model, the trained ones first: {wanted:?}, not {held:?}"
        )]);
    }
    let dtype = engine.describe().dtype;
    let mut found = Vec::new();
    for (index, tensor) in held.iter().enumerate() {
        let elements = tensor.shape.elements();
        // Small, all different, above 0 as a variance must be.
        let values: Vec<f64> =
            (0..elements).map(|place| 0.25 + 0.5 * (place + index) as f64 / (elements + 8) as f64).collect();
        let mut own = Owned::new(dtype);
        own.assign(values.as_slice().into());
        engine.load(index, own.view(tensor.shape))?;
        if engine.tensor(index) != own.view(tensor.shape) {
            found.push(format!("`tensor` must lend what was loaded, to the bit: {} does not", tensor.name));
        }
        let other = Shape::new(&[elements + 1]);
        own.assign(vec![0.0; elements + 1].as_slice().into());
        if engine.load(index, own.view(other)).is_ok() {
            found.push(format!("`load` must refuse what has another shape: {} took {other}", tensor.name));
        }
    }
    let before = Saved::of(engine);
    let first = pass(engine, model, batch, dtype, &mut found)?;
    let trained = engine.parameters().len();
    if Saved::of(engine).0[..trained] != before.0[..trained] {
        found.push(
            "`forward`, `loss` and `backward` must leave the weights as they are: `update` changes them".to_owned(),
        );
    }
    before.give(engine)?;
    // By their bits: NaN is the same as itself here.
    if pass(engine, model, batch, dtype, &mut Vec::new())? != first {
        found.push("the same weights and batch must give the same numbers, to the bit".to_owned());
    }
    before.give(engine)?;
    engine.forward(&Batch { training: false, masks: &[], ..*batch })?;
    if Saved::of(engine) != before {
        found.push("`forward` in evaluation mode must change nothing that the engine holds".to_owned());
    }
    Ok(found)
}

/// One pass over a batch, its update left out: the bits of every number of it.
fn pass(
    engine: &mut dyn Engine,
    model: &Model,
    batch: &Batch<'_>,
    dtype: DType,
    found: &mut Vec<String>,
) -> Result<Vec<u64>> {
    let mut all = Vec::new();
    let mut take = |what: &str, view: View<'_>, shape: Shape| {
        if (view.shape, view.dtype(), view.len()) != (shape, dtype, shape.elements()) {
            found.push(format!("{what} must be {shape} {dtype}, not {} {}", view.shape, view.dtype()));
        }
        all.extend(view.values.iter());
    };
    let rows = batch.rows();
    engine.forward(batch)?;
    for (layer, width) in model.widths().into_iter().enumerate() {
        take(&format!("`activation` of layer {layer}"), engine.activation(layer), Shape::new(&[rows, width]));
    }
    let loss = engine.loss(batch)?;
    engine.backward()?;
    take("`output_gradient`", engine.output_gradient(), Shape::new(&[rows, model.outputs()]));
    for (index, parameter) in engine.parameters().iter().enumerate() {
        take(&format!("`gradient` of {}", parameter.name), engine.gradient(index), parameter.shape);
    }
    all.push(loss);
    if let Some(number) = all.iter().find(|number| !number.is_finite()) {
        found.push(format!("with small weights every number must be finite, not {number}"));
    }
    Ok(all.into_iter().map(f64::to_bits).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::scratch::Scratch,
        experiment::Experiment,
        run::{Batches, RunSide},
    };

    const TEXT: &str = "
        data = { kind = 'blobs', rows = 12, centers = 3, columns = 4 }
        model.layers = [{ linear = { outputs = 5 } }, 'batch-norm', 'relu', { linear = { outputs = 3 } }]
        training = { loss = 'cross-entropy', optimizer = 'adam', batch_size = 6, steps = 2 }
    ";

    /// The engine from scratch, with one promise broken.
    struct Broken(Scratch<f32>, &'static str, usize);

    impl Engine for Broken {
        fn describe(&self) -> crate::engine::Description {
            self.0.describe()
        }
        fn supports(&self, side: &crate::experiment::Side) -> Result<()> {
            self.0.supports(side)
        }
        fn tensors(&self) -> &[crate::model::Parameter] {
            if self.1 == "tensors" { &self.0.tensors()[1..] } else { self.0.tensors() }
        }
        fn load(&mut self, tensor: usize, values: View<'_>) -> Result<()> {
            if self.1 == "refuse" && self.0.load(tensor, values).is_err() {
                return Ok(());
            }
            self.0.load(tensor, values)
        }
        fn tensor(&self, tensor: usize) -> View<'_> {
            self.0.tensor(if self.1 == "to the bit: 1.bias" && tensor == 3 { 2 } else { tensor })
        }
        fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
            let training = batch.training || self.1 == "evaluation mode";
            self.0.forward(&Batch { training, ..*batch })
        }
        fn loss(&mut self, batch: &Batch<'_>) -> Result<f64> {
            self.2 += 1;
            let loss = self.0.loss(batch)?;
            Ok(match self.1 {
                "same numbers" => loss + self.2 as f64,
                "finite" => f64::NAN,
                _ => loss,
            })
        }
        fn backward(&mut self) -> Result<()> {
            self.0.backward()?;
            if self.1 == "leave the weights" { self.0.update() } else { Ok(()) }
        }
        fn update(&mut self) -> Result<()> {
            self.0.update()
        }
        fn gradient(&self, parameter: usize) -> View<'_> {
            self.0.gradient(if self.1 == "`gradient` of 0.bias" && parameter == 1 { 0 } else { parameter })
        }
        fn activation(&self, layer: usize) -> View<'_> {
            self.0.activation(layer)
        }
        fn output_gradient(&self) -> View<'_> {
            self.0.output_gradient()
        }
    }

    #[test]
    fn what_breaks_the_contract_is_told_and_what_keeps_it_is_not() {
        let experiment = Experiment::parse(TEXT, "check.toml", "".as_ref(), &[]).unwrap();
        let (side, batches) = (&experiment.candidate, Batches::new(&experiment, RunSide::Candidate).unwrap());
        let checked = |broken| {
            batches.lend(side.dtype, |batch, _| {
                let engine = Scratch::new(&side.model, &side.training, batch.rows());
                check(&mut Broken(engine, broken, 0), &side.model, batch)
            })
        };
        checked("nothing").unwrap();
        for broken in [
            "tensors",
            "to the bit: 1.bias",
            "refuse",
            "leave the weights",
            "same numbers",
            "finite",
            "evaluation mode",
            "`gradient` of 0.bias",
        ] {
            let error = checked(broken).unwrap_err().to_string();
            assert!(error.contains(broken), "{broken}: {error}");
            let expected = match broken {
                "refuse" => 8, // tensors
                // What is given back then is another tensor's.
                "to the bit: 1.bias" => 2,
                _ => 1,
            };
            assert_eq!(error.lines().count(), expected, "{error}");
        }
    }
}
