//! The reference: PyTorch's libtorch through `tch`, written as a PyTorch user would: libtorch's operations, its
//! autograd, its optimizer.
//!
//! Files are named as in `engine/scratch`, so that the two read side by side. The gradients are taken with
//! `torch.autograd.grad`, because that also returns the one in the outputs (tch has no `retain_grad`), and become the
//! parameters' `.grad`. libtorch's exceptions become errors; its memory is read in place (see [`memory`]).

mod layer;
mod loss;
mod memory;
mod optimizer;

use super::{Description, Engine, misfit, refuse_unanswered};
use crate::{
    data::Batch,
    error::{Error, Result},
    experiment::Side,
    model::{Model, Parameter, Place},
    tensor::{DType, Shape, View},
    training::Training,
};
use tch::{COptimizer, Device, Kind, TchError, Tensor};

/// The version of libtorch that this program was built with.
pub const VERSION: &str = env!("LOCKSTEP_LIBTORCH_VERSION");

/// The code that libtorch takes on this processor, as `AMD AVX512`. The same operation rounds otherwise on another one:
/// ATen chooses by the vector instructions that there are, or by the variable `ATEN_CPU_CAPABILITY`, and MKL by the maker,
/// too (<https://docs.pytorch.org/docs/2.13/notes/numerical_accuracy.html>).
pub fn code_path() -> String {
    let listed = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let vendor = listed.lines().find_map(|line| line.strip_prefix("vendor_id")?.split_once(':'));
    let maker = match vendor.map_or("unknown", |(_, vendor)| vendor.trim()) {
        "AuthenticAMD" => "AMD",
        "GenuineIntel" => "Intel",
        other => other,
    };
    let capability = match std::env::var("ATEN_CPU_CAPABILITY").as_deref() {
        Ok("default") => "DEFAULT",
        Ok("avx2") if has_avx2() => "AVX2",
        _ if has_avx512() => "AVX512",
        _ if has_avx2() => "AVX2",
        _ => "DEFAULT",
    };
    format!("{maker} {capability}")
}

/// What ATen asks of a processor for its AVX2 code.
fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The same for AVX-512.
fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// A model in training.
pub struct Torch {
    dtype: DType,
    tensors: Vec<Parameter>, // the trained ones first
    trained: Vec<Tensor>,
    kept: Vec<Tensor>, // per buffer
    places: Vec<Place>,
    inputs: usize,
    widths: Vec<usize>, // per layer
    training: Training,
    objective: loss::Objective,
    optimizer: COptimizer,
    gathered: Option<optimizer::Gathered>,
    rows: usize,                               // of the latest batch
    at: [usize; 2],                            // its step and epoch
    gradient_rows: usize,                      // of the latest output gradient
    activations: Vec<Tensor>,                  // per layer [batch, width]
    loss: Option<Tensor>,                      // []
    output_gradient: Tensor,                   // [batch, outputs]
    activation_gradients: Vec<Option<Tensor>>, // per layer but the last [batch, width]; none of what no weight reaches
    gradients: Vec<Tensor>,                    // per parameter, its shape
}

impl Torch {
    /// An engine with all parameters 0, on the CPU with one thread.
    ///
    /// # Errors
    /// If libtorch refuses.
    pub fn new(model: &Model, training: &Training, dtype: DType) -> Result<Self> {
        // `run` gives each side one thread: libgomp's second worker would slow the other side down.
        tch::set_num_threads(1);
        let options = (kind(dtype), Device::Cpu);
        let parameters = model.parameters();
        let mut trained = Vec::with_capacity(parameters.len());
        let mut optimizer = caught("build the optimizer", optimizer::build(&training.optimizer))?;
        for parameter in &parameters {
            let sizes: Vec<i64> = parameter.shape.iter().map(|&size| size as i64).collect();
            let mut make = || {
                let tensor = Tensor::f_zeros(&sizes[..], options)?.f_set_requires_grad(true)?;
                // Defines `.grad`, whose content every step replaces.
                tensor.f_sum(None)?.f_backward()?;
                optimizer.add_parameters(&tensor, 0)?;
                Ok(tensor)
            };
            trained.push(caught(&format!("make {}", parameter.name), make())?);
        }
        caught("set the learning rate", optimizer::set_rate(&mut optimizer, &training.optimizer))?;
        let gathered = training.accumulate.map(|accumulate| optimizer::Gathered::new(accumulate, &trained));
        let buffers = model.buffers();
        let sizes = |shape: Shape| shape.iter().map(|&size| size as i64).collect::<Vec<_>>();
        let kept = buffers.iter().map(|(buffer, start)| Tensor::f_full(sizes(buffer.shape), *start, options));
        let kept = kept.collect::<std::result::Result<Vec<_>, _>>();
        Ok(Self {
            dtype,
            kept: caught("make buffers", kept)?,
            places: model.places(),
            inputs: model.inputs,
            widths: model.widths(),
            rows: 0,
            at: [0; 2],
            gradient_rows: 0,
            training: training.clone(),
            objective: caught("make the loss", loss::Objective::new(training, &parameters, kind(dtype)))?,
            optimizer,
            gathered: caught("make room for gradients", gathered.transpose())?,
            activations: Vec::with_capacity(model.layers.len()),
            loss: None,
            activation_gradients: Vec::new(),
            output_gradient: caught("start", Tensor::f_zeros([0, model.outputs() as i64], options))?,
            gradients: trained.iter().map(Tensor::grad).collect(),
            trained,
            tensors: model.tensors(),
        })
    }

    fn outputs(&self) -> usize {
        self.widths.last().copied().unwrap_or_default()
    }

    fn output(&self) -> Result<&Tensor> {
        self.activations.last().ok_or_else(|| error("loss", "called before forward".to_owned()))
    }

    /// A tensor of a batch: `[rows, width]`.
    fn view<'a>(&self, tensor: &'a Tensor, rows: usize, width: usize) -> View<'a> {
        let shape = Shape::new(&[rows, width]);
        View { shape, values: memory::values(tensor, shape.elements(), self.dtype) }
    }

    /// Refuses what is not `[rows, width]` in the engine's type: libtorch would broadcast some of it, and views count
    /// on the sizes.
    fn check(&self, operation: &str, given: (Shape, DType), rows: usize, width: usize) -> Result<()> {
        let shape = Shape::new(&[rows, width]);
        if given == (shape, self.dtype) {
            return Ok(());
        }
        let message = format!("takes {shape} {}, was given {} {}", self.dtype, given.0, given.1);
        Err(error(operation, message))
    }

    /// A tensor in the shape of a parameter.
    fn like<'a>(&self, parameter: usize, tensor: &'a Tensor) -> View<'a> {
        let shape = self.tensors[parameter].shape;
        View { shape, values: memory::values(tensor, shape.elements(), self.dtype) }
    }
}

/// PyTorch's name of a type.
fn kind(dtype: DType) -> Kind {
    match dtype {
        DType::F32 => Kind::Float,
        DType::F64 => Kind::Double,
    }
}

fn error(operation: &str, message: String) -> Error {
    Error::Engine { engine: "libtorch".to_owned(), operation: operation.to_owned(), message }
}

/// Turns libtorch's exception into an error; its first line says what happened, the rest is a C++ backtrace.
fn caught<T>(operation: &str, result: std::result::Result<T, TchError>) -> Result<T> {
    result.map_err(|exception| {
        let text = if let TchError::Torch(text) = exception { text } else { exception.to_string() };
        error(operation, text.lines().next().unwrap_or_default().to_owned())
    })
}

impl Engine for Torch {
    fn describe(&self) -> Description {
        Description {
            name: "libtorch".to_owned(),
            version: VERSION.to_owned(),
            dtype: self.dtype,
            device: "cpu".to_owned(),
            threads: usize::try_from(tch::get_num_threads()).unwrap_or(1),
        }
    }

    /// libtorch has one number for the whole process: that of the engine that set it last.
    fn set_threads(&mut self, threads: usize) {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    }

    fn supports(&self, _side: &Side) -> Result<()> {
        Ok(())
    }

    fn tensors(&self) -> &[Parameter] {
        &self.tensors
    }

    fn load(&mut self, tensor: usize, values: View<'_>) -> Result<()> {
        let described = &self.tensors[tensor];
        if values.shape != described.shape || values.len() != described.shape.elements() || values.dtype() != self.dtype
        {
            return Err(misfit("libtorch", described, self.dtype, &values));
        }
        let own = match tensor.checked_sub(self.trained.len()) {
            None => &mut self.trained[tensor],
            Some(buffer) => &mut self.kept[buffer],
        };
        memory::write(own, values);
        Ok(())
    }

    fn tensor(&self, tensor: usize) -> View<'_> {
        let own = match tensor.checked_sub(self.trained.len()) {
            None => &self.trained[tensor],
            Some(buffer) => &self.kept[buffer],
        };
        self.like(tensor, own)
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        self.activations.clear();
        self.rows = batch.rows();
        self.at = [batch.step, batch.epoch];
        self.check("forward", (batch.inputs.shape(), batch.inputs.dtype()), self.rows, self.inputs)?;
        refuse_unanswered("libtorch", &self.places, batch)?;
        let mut forward = || {
            let inputs = memory::inputs(&batch.inputs)?;
            let masks =
                batch.masks.iter().map(|&mask| memory::tensor(mask)).collect::<std::result::Result<Vec<_>, _>>()?;
            let (trained, buffers, training) = (&self.trained[..], &self.kept[..], batch.training);
            let pass = layer::Pass { trained, buffers, masks: &masks, training };
            for place in &self.places {
                let output = layer::forward(place, &pass, self.activations.last().unwrap_or(&inputs))?;
                self.activations.push(output);
            }
            Ok(())
        };
        let result = forward();
        caught(&format!("forward of inputs {}", batch.inputs.shape()), result)
    }

    fn loss(&mut self, batch: &Batch<'_>) -> Result<f64> {
        let outputs = self.output()?;
        let columns = self.training.loss.target_columns(self.outputs());
        self.check("loss", (batch.targets.shape, batch.targets.dtype()), self.rows, columns)?;
        let operation = || format!("loss of targets {}", batch.targets.shape);
        let taken = self.training.takes(self.rows, self.outputs(), batch.targets.values);
        taken.map_err(|message| error(&operation(), message))?;
        let losses = || self.objective.losses(outputs, &memory::tensor(batch.targets)?, &self.trained);
        let (optimized, reported) = caught(&operation(), losses())?;
        self.loss = Some(optimized);
        Ok(reported)
    }

    fn backward(&mut self) -> Result<()> {
        let (Some(loss), Some((output, hidden))) = (self.loss.take(), self.activations.split_last()) else {
            return Err(error("backward", "called before loss".to_owned()));
        };
        let lent: Vec<bool> = hidden.iter().map(Tensor::requires_grad).collect();
        let reached = hidden.iter().zip(&lent).filter_map(|(hidden, lent)| lent.then_some(hidden));
        let inputs: Vec<&Tensor> = std::iter::once(output).chain(reached).chain(&self.trained).collect();
        let backward = || {
            let mut gradients = Tensor::f_run_backward(&[loss], &inputs, false, false)?.into_iter();
            if let Some(gradient) = gradients.next() {
                self.output_gradient = gradient.f_contiguous()?;
                self.gradient_rows = self.rows;
            }
            self.activation_gradients.clear();
            for lent in lent {
                let gradient = if lent { gradients.next() } else { None };
                self.activation_gradients.push(gradient.map(|gradient| gradient.f_contiguous()).transpose()?);
            }
            for ((kept, parameter), gradient) in self.gradients.iter_mut().zip(&self.trained).zip(gradients) {
                *kept = gradient.f_contiguous()?;
                parameter.f_grad()?.f_set_data(kept)?;
            }
            Ok(())
        };
        caught("backward", backward())
    }

    fn update(&mut self) -> Result<()> {
        let mut update = || {
            if let Some(gathered) = &mut self.gathered
                && !gathered.take_in(&self.gradients)?
            {
                return Ok(());
            }
            let gathered = self.gathered.as_ref().map(|gathered| &gathered.sums);
            if self.training.schedule.is_some() {
                let [step, epoch] = self.at;
                self.optimizer.set_learning_rate(self.training.lr(step, epoch))?;
            }
            let clip = self.training.clip;
            let clipped = clip.map(|clip| optimizer::clipped(clip, gathered.unwrap_or(&self.gradients))).transpose()?;
            // Another tensor becomes `.grad`: the gradient that is lent stays whole.
            for (parameter, other) in self.trained.iter().zip(clipped.as_ref().or(gathered).into_iter().flatten()) {
                parameter.f_grad()?.f_set_data(other)?;
            }
            self.optimizer.step()
        };
        caught("optimizer step", update())
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        self.like(parameter, &self.gradients[parameter])
    }

    fn activation(&self, layer: usize) -> View<'_> {
        match self.activations.get(layer) {
            Some(activation) => self.view(activation, self.rows, self.widths[layer]),
            None => View { shape: Shape::new(&[0, self.widths[layer]]), values: memory::none(self.dtype) },
        }
    }

    fn activation_gradient(&self, layer: usize) -> Option<View<'_>> {
        if layer + 1 == self.widths.len() {
            return Some(self.output_gradient());
        }
        let gradient = self.activation_gradients.get(layer)?.as_ref()?;
        Some(self.view(gradient, self.gradient_rows, self.widths[layer]))
    }

    fn output_gradient(&self) -> View<'_> {
        self.view(&self.output_gradient, self.gradient_rows, self.outputs())
    }
}
