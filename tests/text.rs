//! The published data sets of text, as far as they are in the folder that LOCKSTEP_DATA names. What is expected was
//! counted in Python 3.11, with NLTK 3.10.4 and scikit-learn 1.9.1, as the published recipes say.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may stop at the first thing that is not as it should be

use lockstep::{
    data::{
        columns::DTypes,
        set::{DataSet, Held, Part, Targets},
        text::{
            lines::Form,
            set::{Rows, Text, Validation},
            tokens::{Recipe, Tokenizer},
            vectors::Unknown,
        },
    },
    store,
};

const TABBED: Form = Form::Tabbed { header: false };

/// Opens a set; None, and a word about it, where its files are not there.
fn open(text: &Text) -> Option<DataSet> {
    let vectors = match &text.rows {
        Rows::Vectors { path, .. } => Some(path),
        Rows::Counts | Rows::Words { .. } => None,
    };
    let here = std::env::var_os(store::FOLDER).is_some();
    if !here
        || [Some(&text.training), text.test.as_ref(), vectors]
            .into_iter()
            .flatten()
            .any(|name| store::locate(name).is_err())
    {
        eprintln!("skipped: {} is not in the folder that {} names", text.training, store::FOLDER);
        return None;
    }
    Some(text.open(store::locate, DTypes::F32).unwrap())
}

fn text(training: &str, form: Form, rows: Rows) -> Text {
    Text {
        training: training.to_owned(),
        validation: None,
        test: None,
        form,
        classes: None,
        decipher: false,
        recipe: Recipe { stem: false, tokenizer: Tokenizer::Punctuation },
        rows,
    }
}

fn vectors(path: &str, first: usize) -> Rows {
    Rows::Vectors { path: path.to_owned(), first, unknown: Unknown::Mean }
}

/// How many rows each class has.
fn rows_of_classes(set: &DataSet, part: &Part) -> Vec<usize> {
    let Targets::Classes(labels) = &part.targets else { panic!("labels are classes") };
    let classes = set.classes.as_ref().unwrap().len() as u32;
    (0..classes).map(|class| labels.iter().filter(|&&label| label == class).count()).collect()
}

fn has(set: &DataSet, note: &str) -> bool {
    set.notes.iter().any(|own| own == note)
}

#[test]
fn sst2_has_the_counts_of_the_published_recipe() {
    let form = Form::Tabbed { header: true };
    let recipe = Recipe { stem: true, tokenizer: Tokenizer::Words };
    let test = Some("sst2/dev.tsv".to_owned());
    let Some(set) = open(&Text { test, recipe, ..text("sst2/train.tsv", form, Rows::Counts) }) else { return };
    let size = |part: &Part| {
        let Held::Sparse(csr) = &part.inputs else { panic!("counts are sparse") };
        (csr.rows(), csr.width, csr.columns.len(), csr.values.f32().unwrap().iter().sum::<f32>())
    };
    let test = set.test.as_ref().unwrap();
    assert_eq!(size(&set.training), (67_349, 10_106, 535_539, 561_206.0));
    assert_eq!(size(test), (872, 10_106, 12_939, 13_919.0));
    assert_eq!(rows_of_classes(&set, &set.training), [29_780, 37_569]);
    assert_eq!(rows_of_classes(&set, test), [428, 444]);
    assert!(has(&set, "12 training rows have no token of the vocabulary"), "{:?}", set.notes);
    assert!(has(&set, "526 tokens of the test rows are not in the vocabulary: left out"), "{:?}", set.notes);
}

#[test]
fn trec_has_six_classes_and_fifty_finer_ones() {
    for (fine, count) in [(false, 6), (true, 50)] {
        let form = Form::Question { fine };
        let test = Some("trec/TREC_10.label.txt".to_owned());
        let Some(set) = open(&Text { test, ..text("trec/train_5500.label.txt", form, Rows::Words { first: 20 }) })
        else {
            return;
        };
        assert_eq!((set.training.rows(), set.test.as_ref().unwrap().rows()), (5452, 500));
        assert_eq!(set.classes.as_ref().unwrap().len(), count);
        if !fine {
            assert_eq!(rows_of_classes(&set, &set.training), [86, 1162, 1250, 1223, 835, 896]);
        }
    }
}

#[test]
fn deciphered_questions_are_looked_up_in_glove() {
    let rows = vectors("glove/glove.6B.50d.subset.txt", 20);
    let test = Some("questions/questions.test.txt".to_owned());
    let text = Text { test, decipher: true, ..text("questions/questions.train.txt", TABBED, rows) };
    let Some(set) = open(&text) else { return };
    assert_eq!((set.training.rows(), set.test.as_ref().unwrap().rows(), set.columns), (4089, 1363, 1000));
    assert_eq!(rows_of_classes(&set, &set.training), [855, 929, 65, 926, 639, 675]);
    assert!(has(&set, "284 of the first tokens of the training rows are unknown words"), "{:?}", set.notes);
}

#[test]
fn hotel_reviews_and_odia_headlines_are_split_at_their_last_tab() {
    let reviews = text("4dim/4dim.train.txt", TABBED, vectors("glove/glove.6B.50d.subset.txt", 300));
    if let Some(set) = open(&reviews) {
        assert_eq!(rows_of_classes(&set, &set.training), [392, 391, 392, 385]);
        assert!(has(&set, "20393 of the first tokens of the training rows are unknown words"), "{:?}", set.notes);
    }
    let headlines = text("odiya/odiya.train.txt", TABBED, vectors("odiya/odiya.ppmi-svd.300d.vec.gz", 10));
    if let Some(set) = open(&headlines) {
        assert_eq!(rows_of_classes(&set, &set.training), [4613, 3666, 6921]);
        assert!(has(&set, "12748 of the first tokens of the training rows are unknown words"), "{:?}", set.notes);
    }
    if let Some(set) = open(&Text { validation: Some(Validation::Truncated(0.1)), ..headlines }) {
        assert_eq!((set.training.rows(), set.validation.unwrap().rows(), set.columns), (13_680, 1520, 3000));
    }
}
