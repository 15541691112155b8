//! `CONSENT`: who agreed to which use of their data, and since when.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{Expr, SetExpr, Statement as SqlStatement, TableFactor};

use super::reading::Condition;
use super::rule::{declared, names, with_declared};
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{SqlState, coded, invalid};
use crate::objects::definition::Definition;
use crate::objects::kind::{Kind, Uses, Values};
use crate::objects::profile;
use crate::objects::uses::ProfileUse;
use crate::objects::values::{given, text};
use crate::refresh::published::KEY;
use crate::settings::PortraitSettings;
use crate::sql::command::{Grammar, normal};
use crate::sql::parser::parse_expression;
use crate::sql::planning::plan;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;
use crate::text::{identifier, literal, timestamp};

static DOC: Doc = Doc {
    name: "CREATE CONSENT",
    summary: "Defines which customers of a profile agreed to a purpose; only they are visible to reads for that purpose.",
    syntax: "CREATE [OR REPLACE] CONSENT [IF NOT EXISTS] purpose ON profile [WITH ([comment = '…'], [owner = '…'])]
AS query
SET portrait.purpose = 'purpose'",
    description: "\
The query returns one row per customer and agreement: the key and, if you have them, the times when the customer agreed and withdrew (NULL while the agreement is valid), as dates or timestamps.

After `SET portrait.purpose = 'marketing'`, reads of the profile in this session return only customers who agreed to `marketing`. This applies to `profile.<name>`, its tags and history, its segments, reports, cards and exports, for every role.
As of an earlier time (`FOR SYSTEM_TIME AS OF`), these are the customers who had agreed by then and had not withdrawn; if there are no times, the agreements of today are used. The query runs at each read, so a customer who withdraws disappears
at once. It reads with the rights of its owner, and what its owner sees. Make the query cheap, such as a table with one row per customer.

A profile with consents can be read for the purposes that they name, or without a purpose; any other purpose is an error. REFRESH computes for all customers, and so do queries on the source tables. So give a role that exports for a
purpose rights on the profile, not on its sources.

Only the owner of the profile can create a consent.

**Cost.** The query runs at each read for a purpose, and is joined with the profile.

**Elsewhere.** Consent tools such as OneTrust keep the agreements, and each export has to join them itself.",
    arguments: &[
        Argument::optional("comment", Takes::Text, "", "what is agreed to"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, city FROM sample_customers(rows => 200);
CREATE CONSENT marketing ON member AS SELECT customer_id FROM sample_customers(rows => 200) WHERE age > 30;
SHOW CONSENTS;"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct Consent;

impl Grammar for Consent {
    fn word(&self) -> &'static str {
        "consent"
    }

    fn is_on_table(&self) -> bool {
        true
    }
}

const COLUMNS: [Column; 8] = with_declared([
    Column { name: "profile", data_type: "VARCHAR", text: "the profile it belongs to" },
    Column { name: "purpose", data_type: "VARCHAR", text: "what is agreed to" },
    Column { name: "query", data_type: "VARCHAR", text: "who agreed" },
]);

fn profile_of(definition: &Definition) -> String {
    definition.table.as_ref().and_then(|name| name.0.last()?.as_ident().map(normal)).unwrap_or_default()
}

/// The plan of the query of a consent: the key, and at most two times.
async fn planned(definition: &Definition, context: &StatementContext) -> Result<LogicalPlan> {
    let query = SqlParsed::Statement(Box::new(SqlStatement::Query(Box::new(definition.query()?.clone()))));
    let planned = plan(&query, context).await?;
    let label = definition.object.label();
    let fields = planned.schema().fields();
    if fields.len() > 3 {
        let problem =
            format!("its query gives the key, and at most the times of agreement and withdrawal, got {} columns", fields.len());
        return Err(invalid(&label, problem));
    }
    for field in fields.iter().skip(1) {
        if !matches!(field.data_type(), DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)) {
            let problem = format!("{} is {}; after the key come times: cast it to TIMESTAMP", field.name(), field.data_type());
            return Err(invalid(&label, problem));
        }
    }
    Ok(planned)
}

/// The condition that a customer agreed to what the session reads for, over the key; nothing when it has no purpose, or the profile no
/// consents.
///
/// # Errors
/// The profile has consents, and none for this purpose.
pub fn condition<'a>(object: &'a Object, when: When, context: &'a StatementContext) -> BoxFuture<'a, Result<Option<Condition>>> {
    Box::pin(async move {
        let purpose = PortraitSettings::of(context.session().config_options()).purpose;
        if purpose.is_empty() || context.is_read_for_others() {
            return Ok(None);
        }
        let objects = context.all_objects()?;
        let mut of_profile = vec![];
        for consent in objects.iter().filter(|object| object.kind == "consent") {
            let definition = Definition::read(consent.clone(), context.session())?;
            if profile_of(&definition) == object.name {
                of_profile.push(definition);
            }
        }
        if of_profile.is_empty() {
            return Ok(None);
        }
        let Some(consent) = of_profile.iter().find(|definition| definition.object.name == purpose) else {
            let known: Vec<&str> = of_profile.iter().map(|definition| definition.object.name.as_str()).collect();
            let problem = format!(
                "no customer was asked for consent to the purpose {purpose} set in portrait.purpose; there is {}; RESET portrait.purpose, or CREATE CONSENT",
                known.join(", ")
            );
            return Err(coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, &object.label(), problem));
        };
        let owner = consent.object.owner.clone();
        let inside = context.entering(&consent.object.label(), &owner)?.reading_as(&owner);
        let columns = planned(consent, &inside).await?.schema().fields().len();
        let at = match when {
            When::At(time) => time,
            _ => context.now(),
        };
        let at = format!("CAST({} AS TIMESTAMP)", literal(&timestamp(at)));
        let (names, held) = match columns {
            1 => ("customer", String::new()),
            2 => ("customer, agreed_at", format!(" WHERE agreed_at <= {at}")),
            _ => (
                "customer, agreed_at, withdrawn_at",
                format!(" WHERE agreed_at <= {at} AND (withdrawn_at IS NULL OR withdrawn_at > {at})"),
            ),
        };
        let mut condition =
            parse_expression(&format!("{} IN (SELECT customer FROM (SELECT 1) AS consent({names}){held})", identifier(KEY)))?;
        if let Expr::InSubquery { subquery, .. } = &mut condition
            && let SetExpr::Select(select) = subquery.body.as_mut()
            && let Some(from) = select.from.first_mut()
            && let TableFactor::Derived { subquery, .. } = &mut from.relation
        {
            **subquery = consent.query()?.clone();
        }
        Ok(Some(Condition { expr: condition, owner }))
    })
}

impl Kind for Consent {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        let mut uses = definition.query().map(Uses::of).unwrap_or_default();
        uses.profiles.push(ProfileUse { profile: profile_of(definition), columns: Some(std::collections::BTreeSet::new()) });
        uses
    }

    fn is_named_in(&self, _object: &Object, _uses: &Uses) -> bool {
        false
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let definition = Definition::read(object.clone(), context.session())?;
            definition.constants(None)?;
            let whole = profile::whole(&profile_of(&definition), context)?;
            context.check_owns(&whole.own.object)?;
            let inside = context.entering(&object.label(), &object.owner)?.reading_as(&object.owner);
            planned(&definition, &inside).await?;
            Ok(vec![])
        })
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(vec![("profile".into(), profile_of(definition)), ("purpose".into(), definition.object.name.clone())])
    }

    fn system_table(&self) -> &'static str {
        "consents"
    }

    fn listed(&self) -> &'static str {
        "The consents: who agreed to what their data is used for."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        let queries = definitions.iter().map(|definition| Ok(definition.query()?.to_string())).collect::<Result<Vec<_>>>()?;
        let mut values = vec![
            text(definitions.iter().map(|definition| given(&profile_of(definition)))),
            names(definitions),
            text(queries.into_iter().map(Some)),
        ];
        values.extend(declared(definitions));
        Ok(values)
    }

    fn shown(&self) -> &'static str {
        "SELECT profile, purpose, query FROM system.consents ORDER BY profile, purpose"
    }
}
