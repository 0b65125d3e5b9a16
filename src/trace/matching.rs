//! Which recorded array is which parameter of the model: by name, behind a prefix, or by order and shape, a linear layer's
//! weight either as PyTorch keeps it, `[out, in]`, or as `x @ W` has it, `[in, out]`.

use crate::{
    file,
    model::{Drawing, Model, Parameter},
    tensor::Shape,
};
use std::collections::BTreeMap;

/// Which array a parameter is, as someone says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The recorded name.
    pub from: String,
    /// The model's.
    pub to: String,
    /// Whether it is recorded as `[in, out]`; nothing where its shape, or the other arrays', is to tell.
    pub transposed: Option<bool>,
}

/// Which recorded array a parameter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub from: String,
    pub transposed: bool,
}

/// What the values of an array tell of a square weight: whether it is recorded as `[in, out]`. By the parameter's number and
/// the array's name; nothing where they tell neither.
pub(super) type Told<'a> = &'a dyn Fn(usize, &str) -> Option<bool>;

/// What was matched, parameter by parameter, and how that is said.
pub(super) struct Matched {
    pub each: Vec<Match>,
    pub said: Option<String>,
}

/// A recorded array: its name and the shape of a step.
pub(super) type Recorded<'a> = (&'a str, &'a [usize]);

/// How a recorded shape is a parameter's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// As PyTorch keeps it.
    AsIs,
    /// The other way round.
    Transposed,
    /// Either way: it is square, or has one row or column.
    Either,
}

/// The parameters of a model, each with whether it may be recorded transposed.
struct Wanted {
    parameters: Vec<Parameter>,
    turns: Vec<bool>,
}

impl Wanted {
    fn of(model: &Model) -> Self {
        let turns = model.layers.iter().flat_map(|layer| {
            let facts = layer.facts();
            let linear = matches!(facts.drawing, Drawing::Linear(_));
            facts.parameters.into_iter().map(move |(_, shape)| linear && shape.len() == 2)
        });
        Self { turns: turns.collect(), parameters: model.parameters() }
    }

    /// Its parameters with their shapes.
    fn listed(&self) -> String {
        let each = self.parameters.iter().map(|parameter| format!("{} {}", parameter.name, parameter.shape));
        each.collect::<Vec<_>>().join(", ")
    }

    /// Two arrays of one layer that have the same shape, each with what it was taken for.
    fn alike<'a>(&'a self, each: &'a [Match], recorded: &[Recorded<'_>]) -> Option<[(&'a str, &'a str); 2]> {
        let shape = |number: usize| {
            let found = recorded.iter().find(|(name, _)| *name == each[number].from);
            found.map(|(_, shape)| *shape)
        };
        let layer = |number: usize| self.parameters[number].name.split('.').next();
        let pairs = (1..each.len()).map(|number| [number - 1, number]);
        let same = |[one, other]: &[usize; 2]| layer(*one) == layer(*other) && shape(*one) == shape(*other);
        let named = |number: usize| (each[number].from.as_str(), self.parameters[number].name.as_str());
        pairs.into_iter().find(same).map(|pair| pair.map(named))
    }

    fn fit(&self, number: usize, recorded: &[usize]) -> Option<Fit> {
        let shape: &[usize] = &self.parameters[number].shape;
        if !self.turns[number] {
            let same = recorded == shape || squeezed(recorded) == squeezed(shape) && shape.len() < 2;
            return same.then_some(Fit::AsIs);
        }
        let turned = [shape[1], shape[0]];
        match (recorded == shape, recorded == turned) {
            (true, true) => Some(Fit::Either),
            (true, false) => Some(Fit::AsIs),
            (false, true) => Some(Fit::Transposed),
            // A row or a column, as a vector.
            (false, false) => (shape.contains(&1) && recorded == [shape[0] * shape[1]]).then_some(Fit::Either),
        }
    }
}

/// The sizes that are not 1.
fn squeezed(shape: &[usize]) -> Vec<usize> {
    shape.iter().copied().filter(|size| *size != 1).collect()
}

/// Which of the recorded arrays, in order, is which parameter; whether that is the order in which somebody gave them. `layout` says of arrays how they are recorded, `in,out` or `out,in`.
///
/// # Errors
/// If there is no way to match them, or more than one; says what there is.
pub(super) fn matched(
    (recorded, ordered): (&[Recorded<'_>], bool),
    model: &Model,
    layout: &BTreeMap<String, String>,
    (map, told): (&[Mapped], Told<'_>),
) -> Result<Matched, String> {
    let wanted = Wanted::of(model);
    if !map.is_empty() {
        return by_map(recorded, &wanted, layout, map);
    }
    let names: Vec<&str> = wanted.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    if recorded.iter().any(|(name, _)| names.contains(name)) {
        return by_name(recorded, &wanted, layout, "");
    }
    let prefix =
        recorded.iter().find_map(|(name, _)| name.strip_suffix(names.first()?).filter(|prefix| prefix.ends_with('.')));
    if let Some(prefix) = prefix
        && names.iter().all(|name| recorded.iter().any(|(found, _)| found.strip_prefix(prefix) == Some(name)))
    {
        return by_name(recorded, &wanted, layout, prefix);
    }
    let matched = in_order(recorded, &wanted, layout, told)?;
    if !ordered && let Some([one, other]) = wanted.alike(&matched.each, recorded) {
        return Err(format!(
            "its arrays {} and {} have the same shape, and nothing tells which is {} and which {}; say it: map = {{ \"{}\" = {{ to = \
             \"{}\" }} }} for every array, or \"order\" in manifest.json",
            one.0, other.0, one.1, other.1, one.0, one.1
        ));
    }
    Ok(matched)
}

fn by_name(
    recorded: &[Recorded<'_>],
    wanted: &Wanted,
    layout: &BTreeMap<String, String>,
    prefix: &str,
) -> Result<Matched, String> {
    let mut chosen = Vec::new();
    for (number, parameter) in wanted.parameters.iter().enumerate() {
        let name = format!("{prefix}{}", parameter.name);
        let Some((name, shape)) = recorded.iter().find(|(found, _)| *found == name) else {
            return Err(missing(parameter, recorded));
        };
        let Some(fit) = wanted.fit(number, shape) else { return Err(misfit(name, shape, parameter)) };
        chosen.push((*name, fit));
    }
    // Names of PyTorch's come with PyTorch's layout: a square weight that is not is a mistake to be found.
    let each = chosen.into_iter().map(|(name, fit)| oriented(name, fit, layout, Some(false)));
    let mut said: Vec<String> = Vec::new();
    said.extend((!prefix.is_empty()).then(|| format!("`{prefix}` before every recorded name is read past")));
    let known = |name: &str| {
        let own = name.strip_prefix(prefix).unwrap_or(name);
        wanted.parameters.iter().any(|parameter| parameter.name == own)
    };
    let left: Vec<&str> = recorded.iter().map(|(name, _)| *name).filter(|name| !known(name)).collect();
    said.extend((!left.is_empty()).then(|| {
        format!(
            "it has {} beside the model's parameters, which nothing is judged of; if the network has them, describe them in model.layers (a \
             linear layer's bias = true)",
            left.join(", ")
        )
    }));
    let said = (!said.is_empty()).then(|| said.join("; "));
    each.collect::<Result<_, _>>().map(|each| Matched { each, said })
}

fn by_map(
    recorded: &[Recorded<'_>],
    wanted: &Wanted,
    layout: &BTreeMap<String, String>,
    map: &[Mapped],
) -> Result<Matched, String> {
    for Mapped { from, to, .. } in map {
        if !recorded.iter().any(|(name, _)| name == from) {
            return Err(format!("has no array {from}, which `map` names; it has {}", listed(recorded)));
        }
        if !wanted.parameters.iter().any(|parameter| parameter.name == *to) {
            let names: Vec<&str> = wanted.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            return Err(format!(
                "`map` says {from} is {to}, which the model does not have; it has {}",
                names.join(", ")
            ));
        }
    }
    let mut each = Vec::new();
    for (number, parameter) in wanted.parameters.iter().enumerate() {
        let Some(mapped) = map.iter().find(|mapped| mapped.to == parameter.name) else {
            return Err(format!(
                "`map` does not say which array {} is; there are {}",
                parameter.name,
                listed(recorded)
            ));
        };
        let shape = recorded.iter().find(|(name, _)| *name == mapped.from).map_or(&[][..], |(_, shape)| shape);
        let Some(fit) = wanted.fit(number, shape) else { return Err(misfit(&mapped.from, shape, parameter)) };
        let one = oriented(&mapped.from, fit, layout, mapped.transposed.or(Some(false)))?;
        if mapped.transposed.is_some_and(|transposed| transposed != one.transposed) {
            return Err(format!(
                "`map` says {} is {}, whose shape {shape:?} is the other way round",
                mapped.from, mapped.to
            ));
        }
        each.push(one);
    }
    Ok(Matched { each, said: None })
}

/// Parameters in the model's order, or weights before biases, beside the arrays in theirs.
fn in_order(
    recorded: &[Recorded<'_>],
    wanted: &Wanted,
    layout: &BTreeMap<String, String>,
    by_values: Told<'_>,
) -> Result<Matched, String> {
    let count = wanted.parameters.len();
    let mut orders: Vec<Vec<usize>> = vec![(0..count).collect()];
    for biases_first in [false, true] {
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|&number| (wanted.parameters[number].shape.len() > 1) == biases_first);
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    let mut found: Vec<(usize, Result<Vec<Match>, String>)> = Vec::new();
    for order in orders.iter().filter(|_| recorded.len() == count) {
        let fits = order.iter().zip(recorded).map(|(&number, (_, shape))| wanted.fit(number, shape));
        let Some(fits) = fits.collect::<Option<Vec<Fit>>>() else { continue };
        // All weights are recorded alike: what one shape tells holds for the square ones.
        let turned: Vec<bool> = order.iter().map(|&number| wanted.turns[number]).collect();
        let told = |wanted: Fit| fits.iter().zip(&turned).any(|(fit, turns)| *turns && *fit == wanted);
        let usual = match (told(Fit::AsIs), told(Fit::Transposed)) {
            (true, true) => continue,
            (false, false) => None,
            (_, transposed) => Some(transposed),
        };
        let each = || -> Result<Vec<Match>, String> {
            let mut each = vec![Match { from: String::new(), transposed: false }; count];
            for ((&number, fit), (name, shape)) in order.iter().zip(&fits).zip(recorded) {
                let square = shape.len() == 2 && !shape.contains(&1);
                let usual = match wanted.turns[number] && square {
                    true => usual.or_else(|| by_values(number, name)),
                    false => Some(false),
                };
                each[number] = oriented(name, *fit, layout, usual)?;
            }
            Ok(each)
        };
        let each = each();
        // A matrix is a weight and a vector a bias, where nothing else is possible.
        let bent = order
            .iter()
            .zip(recorded)
            .filter(|(number, (_, shape))| wanted.parameters[**number].shape.len() != shape.len());
        let bent = bent.count();
        if !found.iter().any(|(_, known)| *known == each) {
            found.push((bent, each));
        }
    }
    let least = found.iter().map(|(bent, _)| *bent).min().unwrap_or_default();
    let found = found.into_iter().filter(|(bent, _)| *bent == least).map(|(_, each)| each);
    let found: Vec<Vec<Match>> = found.collect::<Result<_, _>>()?;
    let pairs = |each: &[Match]| {
        let pair = |(one, parameter): (&Match, &Parameter)| {
            format!("{} is {}{}", one.from, parameter.name, if one.transposed { " transposed" } else { "" })
        };
        each.iter().zip(&wanted.parameters).map(pair).collect::<Vec<_>>().join(", ")
    };
    // A width that is another one, before anything else is asked for.
    let fits_none = |(_, shape): &&Recorded<'_>| (0..count).all(|number| wanted.fit(number, shape).is_none());
    let odd = recorded.iter().find(fits_none);
    match found.as_slice() {
        [each] => Ok(Matched {
            each: each.clone(),
            said: Some(format!("recorded arrays are matched by order and shape: {}", pairs(each))),
        }),
        [] if recorded.len() != count => Err(format!(
            "has {} arrays, where the model has {count} parameters: it has {}, the model {}; describe the network as it is (a linear layer \
             without a bias is {{ linear = {{ outputs = …, bias = false }} }}), or record every parameter",
            recorded.len(),
            listed(recorded),
            wanted.listed(),
        )),
        [] if let Some((name, shape)) = odd => Err(format!(
            "its array {name} {} has the shape of none of the model's parameters: it has {}, the model {}; write model.layers as the \
             program has them, with the outputs of every layer",
            Shape::new(shape),
            listed(recorded),
            wanted.listed(),
        )),
        [] => Err(format!(
            "its arrays are not the model's parameters, by name or by order and shape: it has {}, the model {}; say which is which: \
             map = {{ \"W1\" = {{ to = \"{}\", transpose = true }} }}",
            listed(recorded),
            wanted.listed(),
            wanted.parameters.first().map_or("0.weight", |parameter| parameter.name.as_str())
        )),
        several => Err(format!(
            "its arrays can be the model's parameters in {} ways ({}); say which: map = {{ \"{}\" = {{ to = \"{}\" }} }}",
            several.len(),
            several.iter().map(|each| pairs(each)).collect::<Vec<_>>().join("; or "),
            several[0][0].from,
            wanted.parameters[0].name
        )),
    }
}

/// A match, as its shape tells, or what is said of the array, or as others are (`usual`).
fn oriented(name: &str, fit: Fit, layout: &BTreeMap<String, String>, usual: Option<bool>) -> Result<Match, String> {
    let said = match layout.get(name).map(|said| said.replace(' ', "")) {
        None => None,
        Some(said) => match said.as_str() {
            "in,out" => Some(true),
            "out,in" => Some(false),
            _ => {
                return Err(format!(
                    "manifest.json says of {name} that its layout is {}; write \"in,out\" or \"out,in\"",
                    file::shown(&said)
                ));
            }
        },
    };
    let transposed = match (fit, said) {
        (Fit::AsIs, Some(true)) | (Fit::Transposed, Some(false)) => {
            return Err(format!(
                "its manifest says that {name} is recorded as {}, but its shape is the other way round",
                layout[name]
            ));
        }
        (Fit::AsIs, _) => false,
        (Fit::Transposed, _) => true,
        (Fit::Either, Some(said)) => said,
        (Fit::Either, None) => match usual {
            Some(usual) => usual,
            None => {
                return Err(format!(
                    "its array {name} is square, and no other array tells whether weights are recorded as [in, out], as for x @ W, or as \
                     [out, in]; say so: Recorder(…, layout={{\"{name}\": \"in,out\"}}), which is \"layout\" in manifest.json, or map = {{ \
                     \"{name}\" = {{ to = \"…\", transpose = true }} }} for [in, out], for every array"
                ));
            }
        },
    };
    Ok(Match { from: name.to_owned(), transposed })
}

fn missing(parameter: &Parameter, recorded: &[Recorded<'_>]) -> String {
    format!("has no array {} of shape {}; it has {}", parameter.name, parameter.shape, listed(recorded))
}

fn misfit(name: &str, shape: &[usize], parameter: &Parameter) -> String {
    format!("array {name} has shape {shape:?} at every step, the model's {} has {}", parameter.name, parameter.shape)
}

fn listed(recorded: &[Recorded<'_>]) -> String {
    const LISTED: usize = 8;
    let mut text: Vec<String> =
        recorded.iter().take(LISTED).map(|(name, shape)| format!("{name} {}", Shape::new(shape))).collect();
    if recorded.len() > LISTED {
        text.push(format!("{} more", recorded.len() - LISTED));
    }
    if text.is_empty() { "no arrays of weights".to_owned() } else { text.join(", ") }
}
