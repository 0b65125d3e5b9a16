//! The process that has the engine: what `lockstep bench-worker` does.

use super::{
    super::{
        counted::{self, Counted, Given},
        workload,
    },
    protocol::{Answer, Loaded, Memory, Purpose, Request, Source, Work},
};
use crate::{
    data::{
        Batch, BatchSize, Inputs,
        columns::DTypes,
        loader::Loader,
        set::{DataSet, Encoding, Which},
    },
    engine::Engine,
    environment,
    error::{Error, Result},
    experiment::EngineKind,
    run::{self, Batches, RunSide, Start},
    tensor::DType,
};
use std::{
    fs,
    io::{self, BufRead, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// Rows of a batch in [`Work::Batches`].
const BATCH: usize = 64;

/// Different batches that inference goes through in turn: so many that no single row stays in a register, so few that
/// preparing them takes no time.
const BATCHES: usize = 64;

/// Answers requests until there are no more.
///
/// # Errors
/// If a request cannot be read or its answer not be written; whatever else fails is an answer.
pub fn serve() -> Result<()> {
    // The process that asks decides when to end: without it stdin ends, and so does this.
    let _ = ctrlc::set_handler(|| {});
    let failed = |action: &'static str| move |error| Error::io(Path::new("bench-worker"), action, error);
    let mut place = Place { ready: None, program: resident("VmRSS:"), clock_us: environment::timer_us() };
    for line in io::stdin().lock().lines() {
        let line = line.map_err(failed("cannot read a request"))?;
        let answer = match serde_json::from_str(&line) {
            Ok(request) => place.answer(request).unwrap_or_else(|error| Answer::Failed(error.to_string())),
            Err(error) => Answer::Failed(format!("`{line}` is no request: {error}")),
        };
        let mut text = serde_json::to_string(&answer).unwrap_or_default();
        text.push('\n');
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(failed("cannot answer"))?;
    }
    Ok(())
}

/// A worker's engine, and what was so before it had one.
struct Place {
    ready: Option<Ready>,
    program: Option<u64>,
    /// What a clock read costs, in microseconds.
    clock_us: f64,
}

/// An engine and what it is given.
struct Ready {
    engine: Box<dyn Engine>,
    dtype: DType,
    given: Batched,
}

enum Batched {
    Training(Box<Batches>),
    /// For each kind of work, loaders of a batch each.
    Inference(Vec<(Work, Vec<Loader>)>),
}

impl Place {
    fn answer(&mut self, request: Request) -> Result<Answer> {
        let ready = || Error::Usage("the worker was asked to work before it was given anything".to_owned());
        Ok(match request {
            Request::Load { source, reference, threads, purpose } => {
                self.ready = None;
                let which = if reference { RunSide::Reference } else { RunSide::Candidate };
                let (loaded, made) = load(&source, which, threads, purpose)?;
                self.ready = Some(made);
                forget_peak();
                Answer::Loaded(loaded)
            }
            Request::Warm { work, block_us } => {
                Answer::Repeats(self.ready.as_mut().ok_or_else(ready)?.warm(work, block_us)?)
            }
            Request::Block { work, repeats } => {
                Answer::Took(self.ready.as_mut().ok_or_else(ready)?.block(work, repeats)?)
            }
            Request::Phases { repeats } => {
                Answer::Phases(self.ready.as_mut().ok_or_else(ready)?.phases(repeats, self.clock_us)?)
            }
            Request::Memory => {
                let memory = self.program.zip(resident("VmHWM:"));
                Answer::Memory(memory.map(|(program, peak)| Memory { program, peak }))
            }
        })
    }
}

fn load(source: &Source, which: RunSide, threads: usize, purpose: Purpose) -> Result<(Loaded, Ready)> {
    let mut experiment = source.open()?;
    let side = match which {
        RunSide::Reference => &experiment.reference,
        RunSide::Candidate => &experiment.candidate,
    }
    .clone();
    if side.engine == EngineKind::Torch {
        // As one who has no sparse layer would; the words of an embedding stay.
        experiment.set = Arc::new(workload::dense(&experiment.set)?);
    }
    let dtype = side.dtype;
    let (given, capacity) = match purpose {
        Purpose::Training => {
            let batches = Batches::new(&experiment, which)?;
            let rows = batches.largest();
            (Batched::Training(Box::new(batches)), rows)
        }
        Purpose::Inference => inference(&experiment.set, side.encoding, dtype)?,
    };
    let mut engine = run::build(&side, capacity)?;
    let start = Start::draw(&experiment)?;
    let values = if which == RunSide::Reference { start.reference } else { start.candidate };
    for (index, initial) in values.parameters.iter().enumerate() {
        run::load(engine.as_mut(), index, initial.parameter.shape, &initial.values, dtype)?;
    }
    engine.set_threads(threads);
    let ready = Ready { engine, dtype, given };
    let works = ready.works();
    let loaded = Loaded {
        title: experiment.title.clone(),
        engine: ready.engine.describe().to_string(),
        model: side.model.to_string(),
        parameters: counted::parameters(&side.model) as usize,
        works: works.into_iter().map(|(work, given)| (work, given.rows, Counted::new(work, &side, given))).collect(),
    };
    Ok((loaded, ready))
}

/// The test rows, or the training rows where there are none, in batches of all, of 64 and of one; and the largest.
fn inference(set: &Arc<DataSet>, encoding: Encoding, dtype: DType) -> Result<(Batched, usize)> {
    let which = if set.test.is_some() { Which::Test } else { Which::Training };
    let rows = set.part(which).map_or(0, |part| part.rows());
    let wanted: DTypes = [dtype].into_iter().collect();
    let mut works = Vec::new();
    for (work, size) in [(Work::Whole, rows), (Work::Batches, BATCH), (Work::Rows, 1)] {
        // What would be the whole set again is left out; so is the last batch that is not full.
        if work != Work::Whole && size >= rows {
            continue;
        }
        let loaders = (0..(rows / size).min(BATCHES)).map(|step| {
            let mut loader = Loader::sequential(Arc::clone(set), which, BatchSize::Rows(size), encoding, wanted)?;
            loader.prepare(step);
            Ok(loader)
        });
        works.push((work, loaders.collect::<Result<Vec<_>>>()?));
    }
    Ok((Batched::Inference(works), rows))
}

impl Ready {
    /// Each kind of work and what it is given; inference by its first batch.
    fn works(&self) -> Vec<(Work, Given)> {
        let given = |batch: &Batch<'_>| Given {
            rows: batch.rows(),
            values: match &batch.inputs {
                Inputs::Dense(view) => view.len(),
                Inputs::Sparse(sparse) => sparse.values.len(),
            },
            sparse: matches!(batch.inputs, Inputs::Sparse(_)),
            targets: batch.targets.shape.last().copied().unwrap_or_default(),
        };
        match &self.given {
            Batched::Training(batches) => {
                let given = batches.lend(self.dtype, |batch, _| given(batch));
                Work::TRAINING.map(|work| (work, given)).to_vec()
            }
            Batched::Inference(works) => {
                let first =
                    |(work, loaders): &(Work, Vec<Loader>)| Some((*work, given(&loaders.first()?.batch(self.dtype))));
                works.iter().filter_map(first).collect()
            }
        }
    }

    /// How often work is repeated in a block, once the engine is warm: first calls take a thousand times as long.
    fn warm(&mut self, work: Work, block_us: f64) -> Result<u32> {
        self.block(work, 1)?;
        let mut repeats = 1;
        loop {
            let us = self.block(work, repeats)? * f64::from(repeats);
            if us >= block_us || repeats >= 1 << 24 {
                return Ok(repeats);
            }
            // A block that is far too short says little of how long a long one takes.
            let wanted = (f64::from(repeats) * block_us / us.max(1e-3)).ceil();
            repeats = (wanted as u32).clamp(repeats + 1, repeats.saturating_mul(4));
        }
    }

    /// Microseconds of one repetition.
    fn block(&mut self, work: Work, repeats: u32) -> Result<f64> {
        let Self { engine, dtype, given } = self;
        let engine = engine.as_mut();
        match given {
            Batched::Training(batches) => batches.lend(*dtype, |batch, _| match work {
                Work::Fused => timed(repeats, |_| engine.step(batch).map(drop)),
                Work::Step => timed(repeats, |_| observed(engine, batch, |_| ())),
                work @ (Work::Forward
                | Work::Loss
                | Work::Backward
                | Work::Update
                | Work::Whole
                | Work::Batches
                | Work::Rows) => {
                    Err(Error::Usage(format!("{} is no work of training that is timed alone", work.name())))
                }
            }),
            Batched::Inference(works) => {
                let loaders = works.iter().find(|(own, _)| *own == work).map_or(&[][..], |(_, loaders)| loaders);
                let batches: Vec<Batch<'_>> = loaders.iter().map(|loader| loader.batch(*dtype)).collect();
                if batches.is_empty() {
                    return Err(Error::Usage(format!("the worker has no batches for {}", work.name())));
                }
                without_gradients(|| timed(repeats, |turn| engine.forward(&batches[turn % batches.len()])))
            }
        }
    }
}

impl Ready {
    /// Microseconds of each phase of a step. A clock read ends each; what it costs is taken off.
    fn phases(&mut self, repeats: u32, clock_us: f64) -> Result<[f64; 4]> {
        let Self { engine, dtype, given: Batched::Training(batches) } = self else {
            return Err(Error::Usage("the worker was made ready for inference, which has no phases".to_owned()));
        };
        let mut spent = [Duration::ZERO; 4];
        batches.lend(*dtype, |batch, _| {
            let mut last = Instant::now();
            (0..repeats).try_for_each(|_| {
                observed(engine.as_mut(), batch, |phase| {
                    let now = Instant::now();
                    spent[phase] += now - last;
                    last = now;
                })
            })
        })?;
        Ok(spent.map(|spent| (spent.as_secs_f64() * 1e6 / f64::from(repeats) - clock_us).max(0.0)))
    }
}

/// An observed step; `after` is told of the end of each phase, by its number.
fn observed(engine: &mut dyn Engine, batch: &Batch<'_>, mut after: impl FnMut(usize)) -> Result<()> {
    engine.forward(batch)?;
    after(0);
    engine.loss(batch)?;
    after(1);
    engine.backward()?;
    after(2);
    engine.update()?;
    after(3);
    Ok(())
}

/// As PyTorch's users infer: libtorch notes nothing for gradients that nobody will ask for.
fn without_gradients<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(feature = "torch")]
    return tch::no_grad(work);
    #[cfg(not(feature = "torch"))]
    work()
}

fn timed(repeats: u32, mut work: impl FnMut(usize) -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    for turn in 0..repeats as usize {
        work(turn)?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(repeats))
}

/// A line of this process's status, in bytes.
fn resident(key: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(1024 * line.split_whitespace().next()?.parse::<u64>().ok()?)
}

/// Lets the peak start anew (Linux, proc(5): 5 written to `clear_refs` resets `VmHWM`), so that what drawing data took
/// is not in it; elsewhere it stays in.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine from scratch in this very process: what is asked is a line, and what is answered is one.
    fn place(purpose: Purpose, words: Option<usize>) -> (Place, Loaded) {
        let text = "title = 'protocol'\n\
                    data = { kind = 'blobs', rows = 8, test_rows = 70, columns = 50, centers = 2 }\n\
                    model.layers = [{ linear = { outputs = 1 } }, 'sigmoid']\n\
                    training = { loss = 'bce', optimizer = 'adam', steps = 1 }\n";
        let source = Source::Text { name: "protocol".to_owned(), text: text.to_owned(), sets: Vec::new(), words };
        let mut place = Place { ready: None, program: None, clock_us: 0.02 };
        let request = Request::Load { source, reference: false, threads: 2, purpose };
        let line = serde_json::to_string(&request).unwrap();
        let Answer::Loaded(loaded) = place.answer(serde_json::from_str(&line).unwrap()).unwrap() else { panic!() };
        (place, loaded)
    }

    #[test]
    fn a_worker_trains_as_the_experiment_says_and_counts_what_it_takes() {
        let (mut place, loaded) = place(Purpose::Training, None);
        assert_eq!((loaded.title.as_str(), loaded.parameters), ("protocol", 51));
        assert_eq!(loaded.works.iter().map(|(work, ..)| *work).collect::<Vec<_>>(), Work::TRAINING);
        let step = loaded.works.iter().find(|(work, ..)| *work == Work::Step).unwrap();
        // Forward and the gradient in the weights; there is nothing before the first layer to send one to.
        assert_eq!((step.1, step.2.operations), (8, (2 * 2 * 8 * 50) as f64));
        let weights = |place: &Place| place.ready.as_ref().unwrap().engine.tensor(0).values.at(0);
        for work in [Work::Step, Work::Fused] {
            let from = weights(&place);
            let Answer::Repeats(repeats) = place.answer(Request::Warm { work, block_us: 50.0 }).unwrap() else {
                panic!()
            };
            let Answer::Took(us) = place.answer(Request::Block { work, repeats }).unwrap() else { panic!() };
            assert!(us > 0.0 && repeats > 0);
            assert!(weights(&place) != from, "{work:?}");
            let Answer::Phases(us) = place.answer(Request::Phases { repeats: 100 }).unwrap() else { panic!() };
            assert!(us.iter().all(|us| *us >= 0.0) && us.iter().sum::<f64>() > 0.0, "{us:?}");
        }
        for work in [Work::Rows, Work::Backward] {
            assert!(place.answer(Request::Block { work, repeats: 1 }).is_err(), "{work:?} is not timed so");
        }
    }

    #[test]
    fn inference_takes_all_rows_batches_of_64_and_single_rows_in_turn() {
        let (mut place, loaded) = place(Purpose::Inference, Some(4));
        let rows: Vec<_> = loaded.works.iter().map(|(work, rows, _)| (*work, *rows)).collect();
        assert_eq!(rows, [(Work::Whole, 70), (Work::Batches, 64), (Work::Rows, 1)]);
        assert_eq!(loaded.works[2].2.operations, 8.0, "four words of a row, one output");
        for (work, rows, _) in loaded.works {
            assert!(matches!(place.answer(Request::Block { work, repeats: 2 }), Ok(Answer::Took(_))));
            let ready = place.ready.as_ref().unwrap();
            assert_eq!(ready.engine.activation(1).shape[0], rows);
        }
        assert!(place.answer(Request::Block { work: Work::Step, repeats: 1 }).is_err());
        assert!(place.answer(Request::Phases { repeats: 1 }).is_err());
        let nothing = Place { ready: None, program: None, clock_us: 0.02 }
            .answer(Request::Block { work: Work::Step, repeats: 1 });
        assert!(nothing.unwrap_err().to_string().contains("before"));
    }
}
