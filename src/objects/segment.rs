//! `SEGMENT`: an audience, as a condition over the attributes and tags of a profile.

use datafusion::common::Result;
use futures::future::BoxFuture;
use sqlparser::ast::Expr;
use sqlparser::parser::{Parser, ParserError};

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::measured::{COMMON, Measured, common, with_common};
use super::profile::check_part;
use super::relation;
use super::values::{number, share, text};
use crate::catalog::objects::Object;
use crate::catalog::snapshots::ColumnRole;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{SqlState, coded, invalid};
use crate::sql::command::{Body, Grammar};
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;

static DOC: Doc = Doc {
    name: "CREATE SEGMENT",
    summary: "Defines an audience: a condition over the attributes and tags of a profile.",
    syntax: "CREATE [OR REPLACE] SEGMENT [IF NOT EXISTS] name ON profile [WITH ([comment = '…'], [owner = '…'], [constant = value, …])] AS condition",
    description: "\
After the next refresh, `segment.<name>` has the members and the time since when they belong to it. `REFRESH SEGMENT name` computes only the segments, from
the current tags. A segment that was replaced keeps its earlier members until then, and a note says so. The name may be Chinese: `segment.\"精致宝妈\"`. A condition can only use the customer's own row,
and no column that is masked for the role that writes it. If that role does not own the profile, a customer for whom the condition fails is not a member;
the condition of the owner stops the refresh, with an error that names it.

A condition that compares a column with a string is refused if the string cannot be converted to the column's type. A change of a tag or of its source that would
cause this is refused too. If a CASE over literals defines which values a column can have, a note lists them when the condition asks for another value. Otherwise,
when a segment has no members, REFRESH reports which value no customer has.

**Cost.** A condition per customer at a refresh, over columns that the profile has anyway.

**Elsewhere.** An audience of a customer data platform, a saved filter of a BI tool, a view `SELECT … WHERE` in other databases, which has
no members of last month.",
    examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, gender, age FROM sample_customers(rows => 200);
CREATE SEGMENT \"年轻女性\" ON member AS gender = 'female' AND age < 30;
REFRESH PROFILE member;
SELECT count(*) AS customers FROM segment.\"年轻女性\";"],
    arguments: &[
        Argument::optional("comment", Takes::Text, "", "a description, shown with the published table"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct Segment;

impl Grammar for Segment {
    fn word(&self) -> &'static str {
        "segment"
    }

    fn is_of_profile(&self) -> bool {
        true
    }

    fn is_refreshed(&self) -> bool {
        true
    }

    fn body(&self, parser: &mut Parser<'_>) -> Result<Body, ParserError> {
        parser.parse_expr().map(|condition| Body::Condition(Box::new(condition)))
    }
}

const COLUMNS: [Column; 5 + COMMON.len()] = with_common([
    Column { name: "profile", data_type: "VARCHAR", text: "the profile it belongs to" },
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "condition", data_type: "VARCHAR", text: "the condition that its members meet" },
    Column { name: "customers", data_type: "BIGINT", text: "its members as of the last refresh" },
    Column { name: "coverage", data_type: "DOUBLE", text: "their share of the profile's members" },
]);

const ROLES: &[ColumnRole] = &[ColumnRole::Segment];

impl Kind for Segment {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        let profile = &definition.object.profile;
        condition(definition)
            .map_or_else(|_| Uses::default().of_profile(profile), |condition| Uses::of_condition(&condition, profile))
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        uses.reads_segment(&object.profile, &object.name)
    }

    fn check_name(&self, new: &Object, context: &StatementContext) -> Result<()> {
        relation::check_name(new)?;
        let objects = context.all_objects()?;
        let is_other = |object: &&Object| object.kind == "segment" && object.name == new.name && object.profile != new.profile;
        match objects.iter().find(is_other) {
            Some(other) => {
                let problem =
                    format!("the name is taken: profile {} has a segment {}; choose another", other.profile, other.name);
                Err(coded(SqlState::DUPLICATE_OBJECT, &new.label(), problem))
            }
            None => Ok(()),
        }
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(check_part(object, context))
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(vec![("profile".into(), definition.object.profile.clone()), ("condition".into(), condition(definition)?.to_string())])
    }

    fn describe_published(&self, definition: &Definition, context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(Measured::new(definition, ROLES, context)?.describe())
    }

    fn system_table(&self) -> &'static str {
        "segments"
    }

    fn listed(&self) -> &'static str {
        "The segments of all profiles, with the result of the last refresh."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values> {
        let measured = Measured::all(definitions, ROLES, context)?;
        let conditions = definitions.iter().map(condition).collect::<Result<Vec<_>>>()?;
        let mut values = vec![
            text(definitions.iter().map(|definition| Some(definition.object.profile.clone()))),
            text(definitions.iter().map(|definition| Some(definition.object.name.clone()))),
            text(conditions.iter().map(|condition| Some(condition.to_string()))),
            number(measured.iter().map(|measured| measured.filled())),
            share(measured.iter().map(Measured::coverage)),
        ];
        values.extend(common(&measured));
        Ok(values)
    }

    fn shown(&self) -> &'static str {
        "SELECT profile, name, condition, version, customers, last_refresh, comment FROM system.segments ORDER BY profile, name"
    }
}

/// The condition of a segment.
pub fn condition(definition: &Definition) -> Result<Expr> {
    match &definition.body {
        Body::Condition(condition) => Ok(condition.as_ref().clone()),
        _ => Err(invalid(&definition.object.label(), "a segment is a condition")),
    }
}
