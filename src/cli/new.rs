//! `lockstep new`: a first experiment, with comments.

use super::print;
use crate::{
    error::{Error, Result},
    trace::{Partial, Sketch, Trace},
};
use clap::Args;
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// What it is called: mine makes mine.toml
    name: String,
    /// A trace (an .npz, or a recorder's folder), whose shapes it starts from, or a table (.csv, .tsv) to train on
    #[arg(long, value_name = "TRACE|CSV")]
    from: Option<PathBuf>,
}

/// What is known before anything is asked.
struct Guess {
    data: String,
    layers: Vec<String>,
    loss: &'static str,
    batch: &'static str,
    said: Vec<String>,
    next: String,
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let stem = options.name.strip_suffix(".toml").unwrap_or(&options.name);
    let path = PathBuf::from(format!("{stem}.toml"));
    let first = match options.from.as_deref() {
        None => from_nothing(&path).first(stem),
        Some(from) if matches!(from.extension().and_then(|name| name.to_str()), Some("csv" | "tsv")) => {
            from_table(from, &path)?.first(stem)
        }
        Some(from) => {
            let trace = Trace::open(from)?;
            match (trace.definition(), trace.partial()) {
                (Some(definition), _) => told(&definition, from, &path),
                (None, Some(partial)) => told_in_part(partial, from, &path)?,
                (None, None) => from_trace(&trace, &path)?.first(stem),
            }
        }
    };
    let unwritten = |error| Error::io(&path, "cannot write the experiment", error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
        let there = error.kind() == ErrorKind::AlreadyExists;
        let words = || Error::Usage(format!("{} is there already; give another name", path.display()));
        if there { words() } else { unwritten(error) }
    })?;
    file.write_all(first.text.as_bytes()).map_err(unwritten)?;
    let said: String = first.said.iter().map(|said| format!("  {said}\n")).collect();
    print(&format!("{} is written. Read it, then run:\n\n    {}\n\n{said}", path.display(), first.next))?;
    Ok(0)
}

/// A first experiment: its file, what is to be said of it, and the command that comes next.
struct First {
    text: String,
    said: Vec<String>,
    next: String,
}

/// What a trace says of itself.
fn told(definition: &str, from: &Path, path: &Path) -> First {
    First {
        text: format!(
            "# What {} was meant to be, as its recorder saw it. Every key is in experiments/README.md of lockstep.\n{definition}",
            from.display()
        ),
        said: vec!["network and training are those that the trace tells".to_owned()],
        next: format!("lockstep run {} --candidate {}", path.display(), from.display()),
    }
}

/// What a recorder saw of a training, with a mark where something is to be filled in: no run takes it as it is.
fn told_in_part(partial: &Partial, from: &Path, path: &Path) -> Result<First> {
    let written = |value: &serde_json::Value| -> Result<String> {
        let read = toml::Value::try_from(value);
        read.map(|value| value.to_string()).map_err(|error| Error::data(from.display().to_string(), error.to_string()))
    };
    let mut said = Vec::new();
    let mut mark = |what: &str, why: &str| {
        said.push(format!("to be filled in: {what}, as {why}"));
        format!("# {why}")
    };
    let mut text = format!(
        "# What {} was meant to be, as far as its recorder saw it: write what is missing in the place of each ??.\n\
         # Every key is in experiments/README.md of lockstep.\n",
        from.display()
    );
    if let Some(dtype) = &partial.dtype {
        text += &format!("dtype = \"{dtype}\"\n");
    }
    for why in &partial.missing {
        text += &format!("{}\n", mark("what this file does not say", why));
    }
    text += "\n[model]\nlayers = [\n";
    for layer in &partial.model.layers {
        text += &match layer["missing"].as_str() {
            Some(why) => format!("  {}\n  \"??\",\n", mark("one layer, or several", why)),
            None => format!("  {},\n", written(layer)?),
        };
    }
    text += "]\n\n[training]\n";
    for (key, value) in &partial.training {
        text += &match value["missing"].as_str() {
            Some(why) => format!("{}\n{key} = \"??\"\n", mark(key, why)),
            None => format!("{key} = {}\n", written(value)?),
        };
    }
    let next = format!("lockstep run {} --candidate {}", path.display(), from.display());
    Ok(First { text, said, next })
}

impl Guess {
    fn first(self, title: &str) -> First {
        let text = self.text(title);
        First { text, said: self.said.iter().map(|said| format!("guessed: {said}")).collect(), next: self.next }
    }

    fn text(&self, title: &str) -> String {
        let layers: String = self.layers.iter().map(|layer| format!("  {layer}\n")).collect();
        let Self { data, loss, batch, .. } = self;
        format!(
            "# What both sides do. Every key is in experiments/README.md of lockstep.\n\
             title = {}\n\
             # dtype = \"f64\"            # \"f32\" is the default; in f64 smaller mistakes show\n\
             {data}\n\
             [model]\n\
             layers = [\n{layers}]\n\n\
             [training]\n\
             loss      = \"{loss}\"\n\
             optimizer = {{ sgd = {{ lr = 0.1 }} }}    # or momentum = 0.9, weight_decay = 0.01; or adam = {{ lr = 0.001 }}\n\
             {batch}\n\
             # What the candidate does otherwise; without it the two are at parity.\n\
             # [candidate]\n\
             # training.optimizer.sgd.momentum = 0.9\n",
            toml::Value::String(title.to_owned())
        )
    }
}

fn linear(outputs: usize) -> String {
    format!("{{ linear = {{ outputs = {outputs} }} }},")
}

fn from_nothing(path: &Path) -> Guess {
    Guess {
        data: "\n[data]\nkind = \"circle\"             # drawn; or \"csv\", \"npz\", \"idx\", \"text\": see `kind` there\nrows = 200\n"
            .to_owned(),
        layers: vec![linear(8), "\"tanh\",".to_owned(), linear(2)],
        loss: "cross-entropy",
        batch: "batch_size = 20            # \"full\" is the default\nepochs    = 10\n",
        said: Vec::new(),
        next: format!("lockstep run {}", path.display()),
    }
}

fn from_table(from: &Path, path: &Path) -> Result<Guess> {
    let bytes = crate::file::content(from, "cannot read the table")?;
    let tabbed = bytes.split(|byte| *byte == b'\n').next().is_some_and(|head| head.contains(&b'\t'));
    let mut table = csv::ReaderBuilder::new()
        .delimiter(if tabbed { b'\t' } else { b',' })
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(bytes.as_slice());
    let cell = |row: &csv::ByteRecord| String::from_utf8_lossy(row.iter().next_back().unwrap_or_default()).into_owned();
    let unread = |error: csv::Error| Error::data(from.display().to_string(), format!("cannot be read: {error}"));
    let last = cell(table.byte_headers().map_err(unread)?);
    let mut targets = table.byte_records().map(|row| Ok(cell(&row.map_err(unread)?))).collect::<Result<Vec<_>>>()?;
    if targets.is_empty() {
        return Err(Error::data(
            from.display().to_string(),
            "has no rows below its first line, which names the columns",
        ));
    }
    let whole = targets.iter().all(|target| target.parse::<f64>().is_ok_and(|number| number.fract() == 0.0));
    let numbers = targets.iter().all(|target| target.parse::<f64>().is_ok());
    targets.sort();
    targets.dedup();
    let classes = targets.len();
    let of_classes = (!numbers || whole) && (2..=100).contains(&classes);
    let kind = if tabbed { "tsv" } else { "csv" };
    let table = std::path::absolute(from).unwrap_or_else(|_| from.to_owned());
    let quoted = |text: String| toml::Value::String(text).to_string();
    let (key, said) = match of_classes {
        true => ("label", format!("the column {last} has the classes, {classes} of them")),
        false => ("targets", format!("the column {last} has the targets, numbers")),
    };
    let column = if of_classes { quoted(last) } else { format!("[{}]", quoted(last)) };
    Ok(Guess {
        data: format!(
            "\n[data]\nkind   = \"{kind}\"\npath   = {}\n{key} = {column}\n",
            quoted(table.display().to_string())
        ),
        layers: vec![linear(8), "\"tanh\",".to_owned(), linear(if of_classes { classes } else { 1 })],
        loss: if of_classes { "cross-entropy" } else { "mse" },
        batch: "batch_size = 20            # \"full\" is the default\nepochs    = 10\n",
        said: vec![said, "one hidden layer of 8 units, tanh".to_owned()],
        next: format!("lockstep run {}", path.display()),
    })
}

fn from_trace(trace: &Trace, path: &Path) -> Result<Guess> {
    let Sketch { outputs, targets, batches } = trace.sketch()?;
    let mut said = vec!["tanh between the layers: write what your network has".to_owned()];
    let mut layers = Vec::new();
    for (number, units) in outputs.iter().enumerate() {
        layers.push(linear(*units));
        if number + 1 < outputs.len() {
            layers.push("\"tanh\",                   # guessed; \"sigmoid\", \"relu\", …".to_owned());
        }
    }
    let last = outputs.last().copied().unwrap_or(1);
    let loss = match targets {
        Some(1) if last > 1 => "cross-entropy",
        _ => "mse",
    };
    said.push(format!("{loss} as the loss, a rate of 0.1"));
    let data = if batches {
        "# The data are the batches that the trace has.\n".to_owned()
    } else {
        "\n[data]                       # what it was trained on, in its order\nkind = \"npz\"\npath = \"data.npz\"           # with arrays inputs and targets\n"
            .to_owned()
    };
    let batch = if batches { "" } else { "# batch_size = 20          # \"full\" is the default\n" };
    Ok(Guess {
        data,
        layers,
        loss,
        batch,
        said,
        next: format!("lockstep run {} --candidate {}", path.display(), trace.path().display()),
    })
}
