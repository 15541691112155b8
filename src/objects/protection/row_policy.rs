//! `ROW POLICY`: which rows of a table a role sees.

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{SetExpr, Statement as SqlStatement};

use super::reading::check_may_protect;
use super::rule::{Rule, check_roles, declared, names, object_named, roles_of, uses_of, with_declared};
use crate::catalog::objects::Object;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{invalid, message};
use crate::objects::definition::Definition;
use crate::objects::kind::{Kind, Uses, Values};
use crate::objects::values::{given, text};
use crate::sql::command::Grammar;
use crate::sql::parser::parse_query;
use crate::sql::planning::plan;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;
use crate::text::identifier;

static DOC: Doc = Doc {
    name: "CREATE ROW POLICY",
    summary: "Defines which rows of a table roles can see.",
    syntax: "CREATE [OR REPLACE] ROW POLICY [IF NOT EXISTS] name ON table
USING (condition) [FOR role, …] [WITH ([comment = '…'], [owner = '…'])]",
    description: "\
A role sees a row if the condition of at least one policy for that role is true. If a table has row policies but none for the role, the role sees no rows. A policy without FOR applies to every role. Roles
with SUPERUSER, and anyone who can open the folder of the database, see all rows.

The condition can use the columns of the row, `current_role`, and tables that define who may see what: `region IN (SELECT region FROM who_sees_what WHERE role = current_role)`. It is evaluated with the rights of its
owner, and reads those tables as its owner sees them: for a role with SUPERUSER, without their own masks and policies. `current_role` is the role that runs the query, also inside views and functions of others.

A policy on `profile.<name>` also applies to the tags, the history and the segments of the profile: if a customer is hidden now, earlier values are hidden too. The current policy also applies to earlier states of the table
(`FOR SYSTEM_TIME AS OF`). If it names a column that was renamed or dropped since, it shows no rows of them, because a column of that name may have been a different one then. Hidden rows appear in no count, no error message and no plan. The role may add rows to the table; UPDATE, DELETE, MERGE, TRUNCATE and
CREATE OR REPLACE TABLE are refused, also to the owner of the table.

If the condition fails for a row (a division by zero, for example), the row is hidden. No error shows that such a row exists.

Only the owner of the table can create a row policy. Drop the policy before the table.

**Cost.** The condition is added to each read of the table; keep tables that it looks into small.

**Elsewhere.** `CREATE POLICY … USING (…)` in PostgreSQL, which must be switched on by `ENABLE ROW LEVEL SECURITY`;
`CREATE ROW ACCESS POLICY` in Snowflake and BigQuery.",
    arguments: &[
        Argument::optional("comment", Takes::Text, "", "what it is for"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    examples: &["CREATE VIEW shoppers AS SELECT * FROM sample_customers(rows => 100);
CREATE ROW POLICY adults ON shoppers USING (age >= 18);
SHOW ROW POLICIES;"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct RowPolicy;

impl Grammar for RowPolicy {
    fn word(&self) -> &'static str {
        "row policy"
    }

    fn plural(&self) -> String {
        "row policies".into()
    }

    fn is_on_table(&self) -> bool {
        true
    }

    fn protects(&self) -> bool {
        true
    }
}

const COLUMNS: [Column; 9] = with_declared([
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "table", data_type: "VARCHAR", text: "the table that it applies to" },
    Column { name: "condition", data_type: "VARCHAR", text: "the condition for visible rows" },
    Column { name: "roles", data_type: "VARCHAR", text: "the roles that it applies to; NULL for all" },
]);

impl Kind for RowPolicy {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        uses_of(definition)
    }

    fn is_named_in(&self, _object: &Object, _uses: &Uses) -> bool {
        false
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let definition = Definition::read(object.clone(), context.session())?;
            definition.constants(None)?;
            let rule = Rule::of(&definition)?;
            check_roles(object, &rule.roles, context)?;
            let table = object_named(&rule.table, context)?;
            context.check_owns(&table)?;
            check_may_protect(&table, context)?;
            // With the rights of its owner, who has to be allowed to read what it reads, and as its owner sees it.
            let inside = context.entering(&object.label(), &object.owner)?.reading_as(&object.owner);
            let name = rule.table.iter().map(|part| identifier(part)).collect::<Vec<_>>().join(".");
            let mut query = parse_query(&format!("SELECT 1 FROM {name}"))?;
            if let SetExpr::Select(select) = query.body.as_mut() {
                select.selection = Some(rule.using.clone());
            }
            let parsed = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
            let wrong = |problem: String| {
                invalid(&object.label(), format!("USING ({}) cannot be a condition over a row of {name}: {problem}", rule.using))
            };
            let planned = plan(&parsed, &inside).await.map_err(|error| wrong(message(&error)))?;
            match context.state().optimize(&planned) {
                Ok(_) => Ok(vec![]),
                Err(error) => Err(wrong(message(&error))),
            }
        })
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        let rule = Rule::of(definition)?;
        Ok(vec![
            ("table".into(), rule.table.join(".")),
            ("condition".into(), rule.using.to_string()),
            ("roles".into(), rule.roles.join(", ")),
        ])
    }

    fn system_table(&self) -> &'static str {
        "row_policies"
    }

    fn listed(&self) -> &'static str {
        "The row policies: which rows roles see."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        let rules = definitions.iter().map(Rule::of).collect::<Result<Vec<_>>>()?;
        let mut values = vec![
            names(definitions),
            text(rules.iter().map(|rule| given(&rule.table.join(".")))),
            text(rules.iter().map(|rule| Some(rule.using.to_string()))),
            text(rules.iter().map(roles_of)),
        ];
        values.extend(declared(definitions));
        Ok(values)
    }

    fn shown(&self) -> &'static str {
        "SELECT name, \"table\", condition, roles FROM system.row_policies ORDER BY \"table\", name"
    }
}
