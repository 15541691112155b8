//! Converts rows to records, pairs and a model.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{filter_record_batch, is_not_null};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::physical_plan::metrics::Count;

use super::spec::{Options, Spec};
use crate::error::invalid;
use crate::functions::identity::records::{Keys, Texts, column};
use crate::kernels::control::{Control, Stop};
use crate::kernels::linkage::comparison::{Compared, Comparer, Values};
use crate::kernels::linkage::dictionary::{Dictionary, NONE};
use crate::kernels::linkage::fellegi_sunter::{Counts, Level, Model, Patterns, Training, train};
use crate::kernels::linkage::pairs::{LeftOut, Pair, Rule, Wanted, leave_out_large, random_pairs};

/// The records of a call.
pub struct Records {
    pub keys: Keys,
    /// One for each comparison.
    pub compared: Vec<Compared>,
    pub rules: Vec<Rule>,
    pub sources: Option<Vec<u32>>,
    /// Which records are new, when only pairs with a new record are asked for.
    pub new: Option<Vec<bool>>,
    pub left_out: LeftOut,
}

impl Records {
    /// Reads the rows: key, a column for each comparison, the columns of the rules, the source.
    pub fn of(input: &[RecordBatch], spec: &Spec, options: &Options, without_key: &Count) -> Result<Self> {
        let function = options.gives.function();
        let mut batches = vec![];
        for batch in input {
            let known = is_not_null(batch.column(0))?;
            without_key.add(known.len() - known.true_count());
            batches.push(filter_record_batch(batch, &known)?);
        }
        let keys = column(&batches, 0);
        let key_type = keys.first().map_or(DataType::Int64, |keys| keys.data_type().clone());
        let keys = Keys::of(&key_type, &keys)?;
        if keys.rows.len() > keys.len() {
            let more = keys.rows.len() - keys.len();
            let problem = format!("key: {more} rows have a key that another row has; give one row for each record");
            return Err(invalid(function, problem));
        }
        let by_record = |of_rows: &[u32]| {
            let mut of_records = vec![NONE; keys.len()];
            for (record, number) in keys.rows.iter().zip(of_rows) {
                of_records[*record as usize] = *number;
            }
            of_records
        };
        let mut compared = vec![];
        for (place, named) in spec.comparisons.iter().enumerate() {
            let columns = column(&batches, 1 + place);
            if named.comparison.measure.is_of_numbers() {
                let mut numbers = vec![f64::NAN; keys.len()];
                for (record, number) in keys.rows.iter().zip(columns.iter().flat_map(numbers_of)) {
                    numbers[*record as usize] = number;
                }
                compared.push(Compared::new(&named.comparison, Values::Numbers(numbers)));
                continue;
            }
            let mut texts = Texts::default();
            let numbers = by_record(&texts.numbers(&columns)?);
            let texts: Vec<String> = (0..texts.dictionary.len() as u32).map(|number| texts.text(number)).collect();
            compared.push(Compared::new(&named.comparison, Values::Texts { numbers, texts }));
        }
        // One dictionary for all columns, so that their values can be compared with one another.
        let first = 1 + spec.comparisons.len();
        let blocks = spec.rules.iter().flat_map(|rule| rule.left.iter().chain(&rule.right)).max().map_or(0, |last| last + 1);
        let mut texts = Texts::default();
        let columns = (0..blocks).map(|block| Ok(by_record(&texts.numbers(&column(&batches, first + block))?)));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let mut rules: Vec<Rule> = spec
            .rules
            .iter()
            .map(|rule| {
                let mut together = Dictionary::default();
                let mut side = |places: &[usize]| combined(&columns, places, keys.len(), &mut together);
                let left = side(&rule.left);
                Rule { left, right: (rule.left != rule.right).then(|| side(&rule.right)) }
            })
            .collect();
        let sources = match options.has_sources {
            true => Some(by_record(&Texts::default().numbers(&column(&batches, first + blocks))?)),
            false => None,
        };
        let new = match options.has_new {
            true => {
                let place = first + blocks + usize::from(options.has_sources);
                let mut new = vec![false; keys.len()];
                let rows = column(&batches, place);
                let rows = rows.iter().flat_map(|column| column.as_boolean().iter());
                for (record, is_new) in keys.rows.iter().zip(rows) {
                    new[*record as usize] = is_new.unwrap_or(false);
                }
                Some(new)
            }
            false => None,
        };
        let left_out = leave_out_large(&mut rules, options.max_block_size);
        Ok(Self { keys, compared, rules, sources, new, left_out })
    }

    /// Which pairs are asked for.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted { sources: self.sources.as_deref(), new: self.new.as_deref() }
    }

    /// The number of possible pairs.
    fn all_pairs(&self) -> f64 {
        let pairs = |records: f64| records * (records - 1.0) / 2.0;
        let all = pairs(self.keys.len() as f64);
        match &self.sources {
            None => all,
            Some(sources) => {
                let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
                for source in sources {
                    *counts.entry(*source).or_default() += 1.0;
                }
                all - counts.into_values().map(pairs).sum::<f64>()
            }
        }
    }

    /// What each thread needs for comparing.
    pub fn comparers<'a>(&'a self, spec: &'a Spec) -> Vec<Comparer<'a>> {
        let comparers = spec.comparisons.iter().zip(&self.compared);
        comparers.map(|(named, compared)| Comparer::new(&named.comparison, compared)).collect()
    }
}

fn numbers_of(column: &ArrayRef) -> Vec<f64> {
    let numbers = column.as_primitive::<Float64Type>();
    numbers.iter().map(|number| number.filter(|number| number.is_finite()).unwrap_or(f64::NAN)).collect()
}

/// One number for each combination of the columns' values; none where a value is missing.
fn combined(columns: &[Vec<u32>], places: &[usize], records: usize, together: &mut Dictionary) -> Vec<u32> {
    let mut bytes = vec![];
    (0..records)
        .map(|record| {
            bytes.clear();
            for place in places {
                let number = columns[*place][record];
                if number == NONE {
                    return NONE;
                }
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            together.number(&bytes)
        })
        .collect()
}

/// Learns the model from the pairs of the rules and from pairs drawn at random.
pub fn learn(
    records: &Records,
    spec: &Spec,
    options: &Options,
    patterns: &Patterns,
    pairs: &[Pair],
    control: Control<'_>,
) -> Result<Model, Stop> {
    const STRIDE: usize = 1 << 14;
    let levels: Vec<usize> = spec.comparisons.iter().map(|named| named.comparison.levels()).collect();
    let _memory = control.reserve(options.max_random_pairs.min(records.keys.len().saturating_pow(2) / 2) * 8)?;
    let drawn = random_pairs(records.keys.len(), options.max_random_pairs, options.random_state);
    let counted = control.share(
        drawn.len().div_ceil(STRIDE),
        || (records.comparers(spec), Counts::new()),
        |(comparers, counts), job| {
            for (left, right) in &drawn[job * STRIDE..((job + 1) * STRIDE).min(drawn.len())] {
                let is_same = |sources: &Vec<u32>| sources[*left as usize] == sources[*right as usize];
                if !records.sources.as_ref().is_some_and(is_same) {
                    let digits = comparers.iter_mut().map(|comparer| comparer.level(*left, *right));
                    *counts.entry(patterns.pack(digits)).or_default() += 1;
                }
            }
            Ok(())
        },
    )?;
    let random = merged(counted.into_iter().map(|(_, counts)| counts));
    let counted = control.share(
        pairs.len().div_ceil(STRIDE),
        || (Counts::new(), vec![Counts::new(); records.rules.len()]),
        |(all, rules), job| {
            for pair in &pairs[job * STRIDE..((job + 1) * STRIDE).min(pairs.len())] {
                *all.entry(pair.pattern).or_default() += 1;
                for (number, (rule, counts)) in records.rules.iter().zip(rules.iter_mut()).enumerate() {
                    let is_first = number == pair.rule as usize;
                    if is_first || number > pair.rule as usize && rule.matches(pair.left, pair.right) {
                        *counts.entry(pair.pattern).or_default() += 1;
                    }
                }
            }
            Ok(())
        },
    )?;
    let (all, by_rule): (Vec<Counts>, Vec<Vec<Counts>>) = counted.into_iter().unzip();
    let candidates = merged(all.into_iter());
    let rules: Vec<(Counts, Vec<bool>)> = spec
        .rules
        .iter()
        .enumerate()
        .map(|(number, rule)| (merged(by_rule.iter().map(|counts| counts[number].clone())), rule.decides.clone()))
        .collect();
    Ok(train(&Training {
        patterns,
        levels: &levels,
        random: &random,
        rules: &rules,
        candidates: &candidates,
        all_pairs: records.all_pairs(),
        prior: options.prior,
        max_iter: 200,
    }))
}

fn merged(parts: impl Iterator<Item = Counts>) -> Counts {
    let mut all = Counts::new();
    for (pattern, pairs) in parts.flatten() {
        *all.entry(pattern).or_default() += pairs;
    }
    all
}

/// Reads the model from a table of parameters.
pub fn given(batches: &[RecordBatch], spec: &Spec, options: &Options) -> Result<Model> {
    let function = options.gives.function();
    let mut model = Model {
        prior: options.prior.unwrap_or(f64::NAN),
        is_trained: vec![true; spec.comparisons.len()],
        comparisons: spec
            .comparisons
            .iter()
            .map(|named| vec![Level { m: f64::NAN, u: f64::NAN }; named.comparison.levels()])
            .collect(),
    };
    for batch in batches {
        let names = batch.column(0).as_string::<i32>();
        let levels = batch.column(1).as_primitive::<Int64Type>();
        let (m, u) = (batch.column(2).as_primitive::<Float64Type>(), batch.column(3).as_primitive::<Float64Type>());
        for row in (0..batch.num_rows()).filter(|row| names.is_valid(*row)) {
            let name = names.value(row);
            let (m, u) = (m.value(row), u.value(row));
            if !(m > 0.0 && m <= 1.0 && u > 0.0 && u <= 1.0) {
                return Err(invalid(
                    function,
                    format!("parameters: m and u are above 0 and at most 1; of {name} they are {m} and {u}"),
                ));
            }
            if name == "prior" {
                model.prior = options.prior.unwrap_or(m.min(1.0 - f64::EPSILON));
                continue;
            }
            let own = spec.comparisons.iter().position(|named| named.name == name);
            let level = own.and_then(|own| model.comparisons[own].get_mut(usize::try_from(levels.value(row)).ok()?));
            if let Some(level) = level {
                *level = Level { m, u };
            }
        }
    }
    if model.prior.is_nan() {
        return Err(invalid(function, "parameters: the row of the prior is missing; write for example prior => 0.001"));
    }
    for (named, levels) in spec.comparisons.iter().zip(&model.comparisons) {
        if let Some(level) = levels.iter().position(|level| level.m.is_nan()) {
            let problem = format!(
                "parameters: there is no row of {}, level {level}; make them with match_parameters of the same comparisons",
                named.name
            );
            return Err(invalid(function, problem));
        }
    }
    Ok(model)
}
