//! `TAG`: one label per member of a profile.

use datafusion::common::Result;
use futures::future::BoxFuture;

use super::definition::Definition;
use super::drift;
use super::kind::{Kind, Uses, Values};
use super::lifecycle::models_applied;
use super::measured::{COMMON, Measured, common, with_common};
use super::profile::check_part;
use super::protection;
use super::validation::{VALIDATED_AT, VALIDATED_BY, VERDICT, standing, verdict};
use super::values::{given, number, share, text};
use crate::catalog::models::StoredModel;
use crate::catalog::objects::Object;
use crate::catalog::snapshots::ColumnRole;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::invalid;
use crate::learning::model::Trained;
use crate::refresh::definition::TagBody;
use crate::sql::command::Grammar;
use crate::sql::references::value_is_case;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;

/// The types of tags, in the terms of customer tagging.
const TAG_TYPES: [&str; 11] =
    ["rule", "statistical", "first_last", "preference", "ranking", "derived", "lifecycle", "rfm", "sql", "import", "predictive"];

static DOC: Doc = Doc {
    name: "CREATE TAG",
    summary: "Defines one label for each customer of a profile: a query that returns key and value.",
    syntax: "CREATE [OR REPLACE] TAG [IF NOT EXISTS] name ON profile
[WITH ([path = 'level one/level two'], [type = '…'], [multiple = true], [comment = '…'], [owner = '…'], [constant = value, …])]
AS query
ALTER TAG name ON profile VALIDATE WITH experiment | RESET VALIDATION",
    description: "\
The first column is the key, the second the value: a string, a number, a boolean, a date or a timestamp. Keys that are not in the profile are
ignored. NULL means no value. A customer with two different values is an error that names the customer, unless the tag is created WITH
(multiple = true): then the values become a list.

Rules are a plain `CASE WHEN … THEN 'value' … END` over the columns of a row or the aggregates of a customer; `explain_tag` and `mece_check` read
this CASE. A tag over `profile.<name>` is derived: it sees the attributes and the other tags of the same refresh, in whatever order they were created. Tags
that depend on themselves are refused.

`path` gives levels one and two of the taxonomy; the tag is the third. `type` is one of `rule`, `statistical`, `first_last`,
`preference`, `ranking`, `derived`, `lifecycle`, `rfm`, `sql`, `import`, `predictive`; default `rule` when the value is a CASE, else `sql`.

`ALTER TAG … VALIDATE WITH` an experiment on the same profile tests whether the tag pays: `tag_uplift` compares the effect of the experiment between the
values that the tag had when it began, over all metrics and groups. The verdict, the experiment and the time become options of the tag, in a new
version of it; a tag that is defined again has to be validated again. `system.tags` shows the result as `validation`, next to `used_by`, the number of
objects that read the tag. The share of tags in use, `avg(CAST(used_by > 0 AS INT))`, shows how much of a library is used: 60 % is a good aim.

**Cost.** Creating plans the query. At a refresh, tags over the same source share one scan and one aggregation, so one more tag over a
source that is already read costs little.

**Elsewhere.** A column of a dbt model or a computed trait of a customer data platform; neither keeps the period of each value, nor the rule
that gave it.",
    examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
CREATE TAG spending ON member WITH (path = 'value/spending', high = 500, middle = 200, comment = '消费水平') AS
SELECT customer_id, CASE WHEN avg(amount) >= $high THEN 'high' WHEN avg(amount) >= $middle THEN 'middle' ELSE 'low' END
FROM sample_orders(rows => 1000) WHERE status = 'paid' GROUP BY customer_id;
CREATE TAG target ON member AS SELECT customer_id, age < 30 AND spending = 'high' FROM profile.member;
REFRESH PROFILE member;
SELECT spending, target, count(*) AS customers FROM profile.member GROUP BY spending, target ORDER BY customers DESC;"],
    arguments: &[
        Argument::optional("path", Takes::Text, "", "'level one/level two' of the taxonomy; the tag is the third"),
        Argument::optional(
            "type",
            Takes::Choice(&TAG_TYPES),
            "",
            "the type of the tag; default `rule` when the value is a CASE, else `sql`",
        ),
        Argument::optional("multiple", Takes::Flag, "false", "whether a customer may have several values"),
        Argument::optional(VERDICT, Takes::Choice(&VERDICTS), "", "whether the tag pays, as ALTER TAG writes it"),
        Argument::optional(VALIDATED_BY, Takes::Text, "", "the experiment that said so, as ALTER TAG writes it"),
        Argument::optional(VALIDATED_AT, Takes::Text, "", "when, in UTC, as ALTER TAG writes it"),
        Argument::optional("comment", Takes::Text, "", "a description, shown with the published tables"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    ..STATEMENT
};

/// The verdicts of `tag_uplift`.
const VERDICTS: [&str; 3] = ["pays", "does_not_pay", "cannot_tell"];

/// The kind.
#[derive(Debug)]
pub struct Tag;

impl Grammar for Tag {
    fn word(&self) -> &'static str {
        "tag"
    }

    fn is_of_profile(&self) -> bool {
        true
    }
}

const COLUMNS: [Column; 19 + COMMON.len()] = with_common([
    Column { name: "profile", data_type: "VARCHAR", text: "the profile it belongs to" },
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "path", data_type: "VARCHAR", text: "levels one and two of the taxonomy" },
    Column { name: "level1", data_type: "VARCHAR", text: "level one" },
    Column { name: "level2", data_type: "VARCHAR", text: "level two" },
    Column { name: "type", data_type: "VARCHAR", text: "the type: `rule`, `preference` …" },
    Column { name: "filled", data_type: "BIGINT", text: "number of members with a value" },
    Column { name: "coverage", data_type: "DOUBLE", text: "their share of the members" },
    Column { name: "model", data_type: "VARCHAR", text: "the model that it applies" },
    Column { name: "model_version", data_type: "BIGINT", text: "its newest version" },
    Column { name: "model_trained_at", data_type: "VARCHAR", text: "when that was trained, in UTC" },
    Column {
        name: "auc",
        data_type: "DOUBLE",
        text: "for a classification model: the area under the ROC curve on the rows held out",
    },
    Column {
        name: "grade",
        data_type: "VARCHAR",
        text: "grade of `auc`: `poor` below 0.65, `fair` below 0.75, `good` below 0.85, else `excellent`",
    },
    Column {
        name: "drift",
        data_type: "DOUBLE",
        text: "for a tag that applies a model: how far its values have moved since `drift_since`, as population stability index; up to 0.1 stable, from 0.25 on drifted",
    },
    Column {
        name: "drift_since",
        data_type: "TIMESTAMP",
        text: "`as_of` of the first refresh with these versions of the tag and its model",
    },
    Column {
        name: "used_by",
        data_type: "BIGINT",
        text: "number of objects that read it by name: segments, other tags, views, models …",
    },
    Column {
        name: "validation",
        data_type: "VARCHAR",
        text: "`validated`: an experiment showed that the tag pays; `does_not_pay`; `cannot_tell`; `stale`: validated more than 180 days ago, or not computed by the last refresh; NULL: never validated",
    },
    Column { name: "validated_by", data_type: "VARCHAR", text: "the experiment with which it was validated" },
    Column { name: "validated_at", data_type: "VARCHAR", text: "when it was validated, in UTC" },
]);

const ROLES: &[ColumnRole] = &[ColumnRole::Tag, ColumnRole::Tags];

impl Kind for Tag {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        definition.query().map(Uses::of).unwrap_or_default().of_profile(&definition.object.profile)
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        uses.reads_tag(&object.profile, &object.name)
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(check_part(object, context))
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        let mut told = vec![
            ("profile".into(), definition.object.profile.clone()),
            ("path".into(), path(definition)?),
            ("type".into(), tag_type(definition)?),
            ("multiple".into(), body(definition)?.multiple.to_string()),
        ];
        told.extend(verdict(definition).map(|verdict| (VERDICT.to_string(), verdict.to_string())));
        for option in [VALIDATED_BY, VALIDATED_AT] {
            told.extend(given(definition.text(option)).map(|text| (option.to_string(), text)));
        }
        Ok(told)
    }

    fn describe_published(&self, definition: &Definition, context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(Measured::new(definition, ROLES, context)?.describe())
    }

    fn system_table(&self) -> &'static str {
        "tags"
    }

    fn listed(&self) -> &'static str {
        "The tags of all profiles, with the result of the last refresh."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values> {
        let measured = Measured::all(definitions, ROLES, context)?;
        let paths = definitions.iter().map(path).collect::<Result<Vec<_>>>()?;
        let types = definitions.iter().map(tag_type).collect::<Result<Vec<_>>>()?;
        let level = |level: usize| text(paths.iter().map(move |path| path.split('/').nth(level).and_then(given)));
        let mut values = vec![
            text(definitions.iter().map(|definition| Some(definition.object.profile.clone()))),
            text(definitions.iter().map(|definition| Some(definition.object.name.clone()))),
            text(paths.iter().map(|path| given(path))),
            level(0),
            level(1),
            text(types.into_iter().map(Some)),
            number(measured.iter().map(|measured| measured.filled())),
            share(measured.iter().map(Measured::coverage)),
        ];
        let models = models_applied(definitions, context)?;
        values.extend(applied(&models, context)?);
        values.extend(drift::columns(definitions, &models, &measured, context)?);
        let validation = |measured: &Measured<'_>| standing(measured.definition, measured.is_outdated(), context.now());
        let of = |option: &'static str| text(definitions.iter().map(move |definition| given(definition.text(option))));
        values.extend([
            number(used_by(definitions, context)?.into_iter().map(Some)),
            text(measured.iter().map(|measured| validation(measured).map(str::to_string))),
            of(VALIDATED_BY),
            of(VALIDATED_AT),
        ]);
        values.extend(common(&measured));
        Ok(values)
    }

    fn shown(&self) -> &'static str {
        "SELECT profile, name, path, type, version, coverage, last_refresh, comment FROM system.tags ORDER BY profile, path, name"
    }
}

/// The number of objects that read each tag by its name, as far as the role sees them.
fn used_by(definitions: &[Definition], context: &StatementContext) -> Result<Vec<i64>> {
    let mut read: Vec<(Object, Uses)> = vec![];
    for object in context.objects()?.iter() {
        // A definition that cannot be read has no known references.
        let Ok(definition) = Definition::read(object.clone(), context.session()) else { continue };
        let uses = definition.kind.uses(&definition).by_name();
        read.push((definition.object, uses));
    }
    let users = |tag: &Object| read.iter().filter(|(user, uses)| !user.is_same(tag) && Tag.is_named_in(tag, uses)).count();
    Ok(definitions.iter().map(|definition| i64::try_from(users(&definition.object)).unwrap_or(i64::MAX)).collect())
}

/// The model that each tag applies, if any: name, version, training time, quality.
fn applied(applied: &[Vec<String>], context: &StatementContext) -> Result<Values> {
    let stored = context.catalog().models()?;
    // A model that the role does not see is not named, and one that may have learned from hidden rows has no numbers.
    let objects = context.objects()?;
    let object = |model: &StoredModel| objects.iter().find(|object| object.kind == "model" && object.name == model.name);
    let model_of =
        |names: &Vec<String>| stored.iter().find(|model| names.contains(&model.name)).filter(|model| object(model).is_some());
    let models: Vec<Option<&StoredModel>> = applied.iter().map(model_of).collect();
    let trained_at = |model: &StoredModel| object(model).map(|object| object.created_at.clone());
    let auc = |model: &StoredModel| {
        let hides = object(model).map_or(Ok(true), |object| protection::hides_values(object, context))?;
        let trained = Trained::read(&model.name, &model.trained)?;
        Ok(trained.metrics.get("auc").filter(|_| !hides).map(|auc| auc.0))
    };
    let aucs = models.iter().map(|model| model.map_or(Ok(None), auc)).collect::<Result<Vec<_>>>()?;
    Ok(vec![
        text(models.iter().map(|model| model.map(|model| model.name.clone()))),
        number(models.iter().map(|model| model.map(|model| model.version))),
        text(models.iter().map(|model| model.and_then(trained_at))),
        share(aucs.iter().copied()),
        text(aucs.iter().map(|auc| auc.map(|auc| grade(auc).to_string()))),
    ])
}

/// The grade of an area under the ROC curve.
fn grade(auc: f64) -> &'static str {
    match auc {
        auc if auc >= 0.85 => "excellent",
        auc if auc >= 0.75 => "good",
        auc if auc >= 0.65 => "fair",
        _ => "poor",
    }
}

/// The body of a tag's definition.
pub fn body(definition: &Definition) -> Result<TagBody> {
    path(definition)?;
    Ok(TagBody { multiple: definition.options.flag("multiple")?, query: Box::new(definition.query()?.clone()) })
}

/// The first two levels of the taxonomy.
fn path(definition: &Definition) -> Result<String> {
    let path = definition.text("path");
    let levels: Vec<&str> = path.split('/').map(str::trim).collect();
    if !path.is_empty() && (levels.len() > 2 || levels.iter().any(|level| level.is_empty())) {
        let problem = format!("path must be 'level one/level two', the tag is the third, got '{path}'");
        return Err(invalid(&definition.object.label(), problem));
    }
    Ok(levels.join("/"))
}

fn tag_type(definition: &Definition) -> Result<String> {
    if definition.options.is_given("type") {
        return definition.options.word("type").map(str::to_string);
    }
    Ok(if value_is_case(definition.query()?) { "rule" } else { "sql" }.to_string())
}
