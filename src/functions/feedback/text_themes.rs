//! The relation function `text_themes`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, ListBuilder, StringViewArray, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Column as ColumnName, Result};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::adapter::offload::{Worker, offload, side_by_side};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::{Reads, Step, StepContext, Streams};
use crate::adapter::usable_rows::usable_rows;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::chinese::sentiment::shipped;
use crate::kernels::control::Stop;
use crate::kernels::feedback::communities::Together;
use crate::kernels::feedback::found::GROUPED;
use crate::kernels::feedback::texts::{Texts, ThemeWords};
use crate::kernels::feedback::themes::{Asked, Row, themes};
use crate::text::megabytes;

const KEY: &str = "key";
const TEXT: &str = "text";
const PER: &str = "per";
const DICTIONARY: &str = "dictionary";
/// After this many texts, other tasks get a turn.
const AT_ONCE: usize = 256;

#[derive(Debug)]
pub struct TextThemes;

const DOC: Doc = Doc {
    name: "text_themes",
    kind: Kind::Relation,
    domain: "feedback",
    summary: "Finds what customers talk about and where it hurts: themes of reviews and service texts, with sentiment and masked examples.",
    description: "\
One row per period and theme, the highest `pain` first, and one row for the texts without a theme, where `theme` is NULL.

**Themes.** Themes from `dictionary` come first: a text has a theme if it contains one of the theme's words, in any case; a Latin word must
match as a whole. The remaining words are grouped by how often they occur in the same text: two words are linked if that is far more often
than by chance (likelihood ratio 15.13, one pair in 10,000), and groups are the communities of that network, as in VOSviewer. A group is
named by its three most frequent words. The words grouped are the 400 most frequent ones that occur in at least `min_texts` texts and at
most half of all texts, without numbers, one-letter words, words that occur in every text, and words of sentiment (known to `sentiment`).
English plurals count with their singular. A good way to work: look at the groups, and write those worth keeping into a dictionary.

**Sentiment.** Texts are read clause by clause: `the colour is lovely, but delivery was slow` is positive for the colour and negative for
the delivery. The sentiment of a text towards a theme is the mean of the clauses that mention it, or of the whole text if these are neutral;
`sentiment` is the mean over the texts, −1 to 1. A text is negative below −0.05. `pain` is the share of the period's customers who have a
negative text about the theme.

**Examples** are the texts with most words of the theme, then those with the strongest sentiment, then the shortest, up to 120 characters.
E-mail addresses, phones, identity numbers, bank cards, WeChat and QQ accounts, and numbers with eleven or more digits become `***`, in
Chinese and English texts. Names and addresses of people are not found: do not publish examples without reading them.

Chinese is split into words by jieba; write `to_simplified(text)` for traditional characters. The result does not depend on the order of
rows. Rows without a key, text or period are dropped and counted.

**Cost.** Texts and their words are kept in memory and count towards the memory limit. Each text is split and scored once.

**Elsewhere.** Topic models such as LDA (scikit-learn) or BERTopic give each text a mixture of topics and change with their random seed;
here a theme is a list of words that you can read and edit.",
    arguments: &[
        Argument::required("input", Takes::Relation, "texts, one row per text"),
        Argument::optional(DICTIONARY, Takes::Relation, "", "your own themes: a table with the columns `theme` and `word`"),
        Argument::required(KEY, Takes::Column, "customer key, of any type"),
        Argument::required(TEXT, Takes::Column, "text that the customer wrote"),
        Argument::optional(PER, Takes::Column, "", "periods or segments with their own rows, for example `date_trunc('month', written_at)`; themes are found over all texts"),
        Argument::optional("max_themes", Takes::Integer(0, 100), "10", "maximum number of word groups, largest first; 0: only the dictionary's themes"),
        Argument::optional("min_texts", Takes::Integer(1, i64::MAX), "5", "minimum number of texts in which a word must occur to be grouped"),
        Argument::optional("resolution", Takes::Float(0.0, 1000.0), "1", "higher values give smaller groups"),
        Argument::optional("examples", Takes::Integer(0, 20), "3", "number of example texts"),
    ],
    columns: &[
        Column { name: "(per)", data_type: "as the role", text: "the period or segment, under the column's own name; only with `per`" },
        Column { name: "theme", data_type: "VARCHAR", text: "the dictionary's theme, or the group's three most frequent words; NULL for texts without a theme" },
        Column { name: "source", data_type: "VARCHAR", text: "`dictionary` or `words`" },
        Column { name: "words", data_type: "VARCHAR[]", text: "the ten most frequent words of the theme, over all periods" },
        Column { name: "texts", data_type: "BIGINT", text: "number of texts with the theme" },
        Column { name: "customers", data_type: "BIGINT", text: "customers who wrote these texts" },
        Column { name: "share", data_type: "DOUBLE", text: "share of the period's customers" },
        Column { name: "sentiment", data_type: "DOUBLE", text: "mean sentiment of the texts towards the theme, −1 to 1" },
        Column { name: "negative_share", data_type: "DOUBLE", text: "share of the theme's texts that are negative about it" },
        Column { name: "pain", data_type: "DOUBLE", text: "share of the period's customers with a negative text about it" },
        Column { name: "examples", data_type: "VARCHAR[]", text: "example texts, masked" },
    ],
    examples: &["WITH reviews AS (SELECT * FROM (VALUES (1, '快递太慢了，等了一周，电话13812345678也没人接'), (2, '口红颜色很好看，但是快递慢'), (3, '颜色显白，喜欢'),
    (4, 'Delivery was late and the driver was rude')) AS t(customer_id, review)),
  themes AS (SELECT * FROM (VALUES ('delivery', '快递'), ('delivery', 'delivery'), ('colour', '颜色')) AS t(theme, word))
SELECT theme, customers, round(sentiment, 2) AS sentiment, pain, examples
FROM text_themes(reviews, dictionary => themes, key => customer_id, text => review, examples => 1);"],
    source: "L. Waltman, N. J. van Eck, E. C. M. Noyons: A unified approach to mapping and clustering of bibliometric networks (2010); T. Dunning: Accurate Methods for the Statistics of Surprise and Coincidence (1993)",
    ..Doc::EMPTY
};

impl RelationFunction for TextThemes {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let text = roles.data_type(TEXT)?;
        let text = if let DataType::Dictionary(_, values) = text { values } else { text };
        if !text.is_string() && !text.is_null() {
            return Err(invalid(DOC.name, format!("text must be a string, got {text}; convert it with CAST(… AS VARCHAR)")));
        }
        let field =
            |name: &str, data_type: DataType, nullable: bool| -> FieldRef { Arc::new(Field::new(name, data_type, nullable)) };
        let mut columns = vec![];
        if let Some(per) = roles.get(PER) {
            columns.push(Arc::new(per.field.as_ref().clone().with_name(&per.column).with_nullable(false)));
        }
        columns.extend(["theme", "source"].map(|name| field(name, DataType::Utf8View, true)));
        columns.push(field("words", list(), false));
        columns.extend(["texts", "customers"].map(|name| field(name, DataType::Int64, false)));
        columns.extend(["share", "sentiment", "negative_share", "pain"].map(|name| field(name, DataType::Float64, false)));
        columns.push(field("examples", list(), false));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let has_per = call.roles.get(PER).is_some();
        let mut columns = vec![role(KEY), cast(role(TEXT), DataType::Utf8View).alias(TEXT)];
        columns.extend(has_per.then(|| role(PER)));
        let texts = usable_rows(LogicalPlanBuilder::from(call.input()?).project(columns)?.build()?)?;
        let mut inputs = vec![texts];
        if call.others.iter().any(|(name, _)| *name == DICTIONARY) {
            inputs.push(dictionary(&call)?);
        }
        let step = Themes {
            has_per,
            max_themes: call.options.integer("max_themes")? as usize,
            min_texts: call.options.integer("min_texts")? as u64,
            resolution: call.options.float("resolution")?,
            examples: call.options.integer("examples")? as usize,
        };
        step.over(inputs, call.schema)
    }
}

fn list() -> DataType {
    DataType::new_list(DataType::Utf8View, true)
}

/// Themes and words as texts.
fn dictionary(call: &Call) -> Result<LogicalPlan> {
    let given = call.other(DICTIONARY)?;
    let names: Vec<String> = given.schema().fields().iter().map(|field| field.name().clone()).collect();
    let column = |name: &str| {
        let found = given.schema().iter().find(|(_, field)| field.name() == name).ok_or_else(|| {
            invalid(DOC.name, format!("dictionary must have the columns theme and word; it has {}", names.join(", ")))
        })?;
        Ok(cast(datafusion::logical_expr::Expr::Column(ColumnName::from(found)), DataType::Utf8View).alias(name))
    };
    let columns: Vec<_> = ["theme", "word"].into_iter().map(column).collect::<Result<_>>()?;
    usable_rows(LogicalPlanBuilder::from(given).project(columns)?.build()?)
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Themes {
    has_per: bool,
    max_themes: usize,
    min_texts: u64,
    resolution: f64,
    examples: usize,
}

impl Plain for Themes {
    const NAME: &'static str = "TextThemes";
}

impl Step for Themes {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let step = self.clone();
        let has_per = self.has_per;
        let mut inputs = inputs.into_iter();
        let (texts, dictionary) = (inputs.next().unwrap_or_default(), inputs.next().unwrap_or_default());
        let per = has_per.then(|| context.schema.field(0).data_type().clone());
        let gather = move |_: Arc<StepContext>, memory: Arc<MemoryReservation>| async move {
            let own = Arc::new(read_dictionary(dictionary, &memory).await?);
            let parts = texts.into_iter().map(|stream| read(stream, has_per, Arc::clone(&own), memory.new_empty()));
            Ok((side_by_side(parts).await?, own))
        };
        offload(DOC.name, context, gather, move |(parts, own): (Vec<(Texts, MemoryReservation)>, Arc<ThemeWords>), worker| {
            let mut all = Texts::default();
            let mut taken = vec![];
            for (part, memory) in parts {
                // Twice, because merging them needs a second copy for a moment.
                let more = memory.new_empty();
                more.try_grow(memory.size()).map_err(|_| worker.fail(too_many(memory.size())))?;
                taken.extend([memory, more]);
                worker.control(1).check()?;
                all.merge(part);
            }
            let room = taken.first().map(MemoryReservation::new_empty);
            if let Some(room) = &room {
                room.try_grow(Together::bytes(GROUPED)).map_err(|_| worker.fail(too_many(Together::bytes(GROUPED))))?;
            }
            step.finish(&mut all, &own, per.as_ref(), worker)
        })
    }
}

fn too_many(bytes: usize) -> DataFusionError {
    let needed = megabytes(bytes);
    let problem =
        format!("{}: texts need {needed}, more than the memory limit; raise --memory-limit, or read fewer texts", DOC.name);
    DataFusionError::ResourcesExhausted(problem)
}

async fn read_dictionary(streams: Streams, memory: &MemoryReservation) -> Result<ThemeWords> {
    let mut batches = vec![];
    for mut stream in streams {
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            memory.try_grow(4 * batch.get_array_memory_size())?;
            batches.push(batch);
        }
    }
    let rows = batches.iter().flat_map(|batch| {
        let (themes, words) = (batch.column(0).as_string_view(), batch.column(1).as_string_view());
        themes.iter().zip(words).filter_map(|(theme, word)| theme.zip(word))
    });
    Ok(ThemeWords::of(rows))
}

async fn read(
    mut stream: SendableRecordBatchStream,
    has_per: bool,
    own: Arc<ThemeWords>,
    memory: MemoryReservation,
) -> Result<(Texts, MemoryReservation)> {
    let lexicon = shipped();
    let schema = stream.schema();
    let converter = |column: usize| RowConverter::new(vec![SortField::new(schema.field(column).data_type().clone())]);
    let (keys, periods) = (converter(0)?, has_per.then(|| converter(2)).transpose()?);
    let mut texts = Texts::default();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let keys = keys.convert_columns(&batch.columns()[..1])?;
        let periods = periods.as_ref().map(|periods| periods.convert_columns(&batch.columns()[2..3])).transpose()?;
        let written = batch.column(1).as_string_view();
        for row in 0..batch.num_rows() {
            let period = periods.as_ref().map(|periods| periods.row(row));
            texts.add(keys.row(row).as_ref(), period.as_ref().map_or(&[], AsRef::as_ref), written.value(row), &own, lexicon);
            if row % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
        let size = texts.size();
        if size > memory.size() {
            memory.try_resize(size).map_err(|_| too_many(size))?;
        }
    }
    Ok((texts, memory))
}

impl Themes {
    fn finish(&self, texts: &mut Texts, own: &ThemeWords, per: Option<&DataType>, worker: &Worker) -> Result<(), Stop> {
        let asked =
            Asked { most: self.max_themes, min_texts: self.min_texts, resolution: self.resolution, examples: self.examples };
        let rows = themes(texts, own, asked, &|| worker.control(1).check())?;
        for part in rows.chunks(worker.batch_size.max(1)) {
            worker.send(columns(part, per))?;
        }
        Ok(())
    }
}

fn columns(rows: &[Row], per: Option<&DataType>) -> Result<Vec<ArrayRef>> {
    let mut columns = vec![];
    if let Some(per) = per {
        let converter = RowConverter::new(vec![SortField::new(per.clone())])?;
        let parser = converter.parser();
        columns.extend(converter.convert_rows(rows.iter().map(|row| parser.parse(&row.period)))?);
    }
    let source = |row: &Row| row.theme.as_ref().map(|_| if row.from_dictionary { "dictionary" } else { "words" });
    columns.push(Arc::new(rows.iter().map(|row| row.theme.as_deref()).collect::<StringViewArray>()));
    columns.push(Arc::new(rows.iter().map(source).collect::<StringViewArray>()));
    columns.push(lists(rows, |row| &row.words));
    for number in [|row: &Row| row.texts, |row: &Row| row.customers] {
        columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(number))));
    }
    for number in [|row: &Row| row.share, |row: &Row| row.sentiment, |row: &Row| row.negative_share, |row: &Row| row.pain] {
        columns.push(Arc::new(Float64Array::from_iter_values(rows.iter().map(number))));
    }
    columns.push(lists(rows, |row| &row.examples));
    Ok(columns)
}

fn lists(rows: &[Row], texts: fn(&Row) -> &[String]) -> ArrayRef {
    let mut lists = ListBuilder::new(StringViewBuilder::new());
    for row in rows {
        texts(row).iter().for_each(|text| lists.values().append_value(text));
        lists.append(true);
    }
    Arc::new(lists.finish())
}
