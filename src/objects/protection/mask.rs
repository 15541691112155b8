//! `MASK`: what a column shows instead of its values.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::class::{KNOWN, check_column, columns_of};
use super::masking::masked_type;
use super::reading::check_may_protect;
use super::rule::{Rule, check_roles, declared, names, object_named, roles_of, uses_of, with_declared};
use crate::catalog::objects::Object;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{SqlState, coded, did_you_mean, invalid, message};
use crate::objects::definition::Definition;
use crate::objects::kind::{Kind, Uses, Values};
use crate::objects::values::{given, text};
use crate::sql::command::Grammar;
use crate::sql::protection::Covers;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;

static DOC: Doc = Doc {
    name: "CREATE MASK",
    summary: "Defines what roles see instead of the values of a column, or of all columns of a class.",
    syntax: "CREATE [OR REPLACE] MASK [IF NOT EXISTS] name
ON CLASS class | ON table (column)
USING expression [FOR role, …] [WITH ([comment = '…'], [owner = '…'])]",
    description: "\
The expression is computed from `value`, the value of the column: `mask_phone(value)`, `left(value, 1) || '**'`, `NULL`. It cannot read tables or other columns. A mask without FOR is for every role; with FOR, for these
roles and their members, also after SET ROLE to a role that it is not for. Roles with SUPERUSER, and anyone who can open the folder of the database, see the real values.

A mask on a table and column has priority over masks on classes. If two masks apply to one column for one role, reading the column is an error; use FOR to separate them. A column gets a class by
`ALTER TABLE … ALTER COLUMN … SET CLASS`; columns of a profile, and of a table that a query makes, adds rows to or changes, also have the classes of the columns that their values come from. If a mask on a class does not accept the type of a column, it gets the value as a string. If that
is not possible either (a list), or if one column contains values of several masked classes, the column is NULL.

The role gets the masked value wherever it reads the column. This includes tables and external tables, views and functions of other roles, and `profile.<name>` with its tags, history and segments. It also includes earlier states
(`FOR SYSTEM_TIME AS OF`), exports and reports. Conditions, joins and groups compare the masked value. A role that was granted FILTER on the table can find rows by the real value (`WHERE phone = '13800138000'`), but still sees the masked one. The owner of the table cannot grant it while masks of others apply to the owner.
Stored rows keep the classes that they were stored with. So if a column is renamed, dropped, computed in another way or given another class, its values stay masked in earlier states of the table, in the history, and in a profile until the next REFRESH.
If a column was renamed or dropped before it had a class or a mask of its own, nobody knows what earlier states of it hold. A role with masks on classes or on columns of the table sees NULL there.

No part of a statement is evaluated on the real values, so no error, estimate or plan can reveal them. If the expression of the mask fails for a value, the role sees NULL. The role may add rows to the table; UPDATE, DELETE and MERGE are refused,
and so is CREATE OR REPLACE TABLE from rows of the table itself. Without FILTER it adds none under PRIMARY KEY or UNIQUE of a masked column, or of any column where row policies hide rows: an error for an existing value would reveal it.

- **Columns that reveal something about a value.** A column that is computed by comparing values of a class (`CASE WHEN phone LIKE '138%' THEN …`), or a tag whose query filters by them, does not contain the values, but many such columns would reveal them. It has
the class `from:phone`. Roles with a mask on the class `phone` see NULL there, except the owner of the table or profile and roles with FILTER on it. If all may see it: `ALTER PROFILE customer ALTER COLUMN carrier SET CLASS 'none'`. Counts, lengths, and whether there is a value, have no class. Who may read a segment sees who is in it, whatever its condition compares.
- **REFRESH** reads what the owner of the profile sees, even if another role runs it. If the profile has masks or row policies for that role, the notes of the refresh contain no numbers.
- **Segments.** A role cannot create a segment with a condition on a column that is masked for it. If the mask is newer than the segment, the segment has no members after the next REFRESH.
- **Files.** A file is not a table of the database. If a role may read files by name (READ ON FILES), it sees their real values.
- **Models** have learned values. If a role has masks, or if the database has row policies, `ml_weights`, `ml_centroids`, `ml_feature_importance` and `ml_feature_info` do not show these values for models of other roles, and `ml_training_info`, `system.models`, `system.tags` and DESCRIBE MODEL show no numbers of them. The predictions of a model, and what is measured of them, depend on all rows that it was trained on: only its owner and roles with USAGE on the model get them, and GRANT says so in a note.
- **Copies.** `CREATE TABLE … AS`, COPY and exports contain what their author sees. The columns of the new table keep their classes, and masks on classes still apply. Masks on the columns of the first table, and its row policies, do not; a note says so.

Only a role with SUPERUSER can create a mask on a class; the owner of a table can create a mask on the table.

**Cost.** The expression is computed for each value that a role with the mask reads. A condition on a masked column cannot use the
statistics of the file, so the whole column is read.

**Elsewhere.** `CREATE MASKING POLICY` in Snowflake, `MASKED WITH (FUNCTION = …)` in SQL Server, security labels of PostgreSQL Anonymizer.
In SQL Server conditions still compare real values, so that a role can find out by guessing; here they compare the masked ones.",
    arguments: &[
        Argument::optional("comment", Takes::Text, "", "what it is for"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    examples: &["CREATE VIEW shoppers AS SELECT customer_id, '138' || lpad(CAST(customer_id AS VARCHAR), 8, '0') AS phone FROM sample_customers(rows => 10);
CREATE MASK covered_phones ON shoppers (phone) USING mask_phone(value);
CREATE MASK no_emails ON CLASS email USING NULL;
SHOW MASKS;"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct Mask;

impl Grammar for Mask {
    fn word(&self) -> &'static str {
        "mask"
    }

    fn is_on_table(&self) -> bool {
        true
    }

    fn protects(&self) -> bool {
        true
    }
}

const COLUMNS: [Column; 11] = with_declared([
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "class", data_type: "VARCHAR", text: "the class that it masks" },
    Column { name: "table", data_type: "VARCHAR", text: "the table that it applies to" },
    Column { name: "column", data_type: "VARCHAR", text: "the column that it masks" },
    Column { name: "shows", data_type: "VARCHAR", text: "the expression shown instead of a value" },
    Column { name: "roles", data_type: "VARCHAR", text: "the roles that it applies to; NULL for all" },
]);

fn class(rule: &Rule) -> Option<String> {
    match &rule.covers {
        Covers::Class(class) => Some(class.clone()),
        _ => None,
    }
}

fn column(rule: &Rule) -> Option<String> {
    match &rule.covers {
        Covers::Column(column) => Some(column.clone()),
        _ => None,
    }
}

impl Kind for Mask {
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
            let data_type = match &rule.covers {
                Covers::Class(class) => {
                    if !context.rights()?.is_superuser() {
                        let problem = "a mask on a class covers tables of everybody; ask a role with SUPERUSER, or make a mask on your table";
                        return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem));
                    }
                    if !is_known(class, context)? {
                        let suggestion = did_you_mean(class, KNOWN.iter().copied());
                        return Ok(vec![format!("{}: no column is of class {class} yet{suggestion}", object.label())]);
                    }
                    DataType::Utf8View
                }
                _ => {
                    let Covers::Column(column) = &rule.covers else { return Err(invalid(&object.label(), "covers no column")) };
                    let table = object_named(&rule.table, context)?;
                    context.check_owns(&table)?;
                    check_may_protect(&table, context)?;
                    let schema = columns_of(&table, context).await?;
                    check_column(&table, column, &schema)?;
                    schema.field_with_name(column)?.data_type().clone()
                }
            };
            let checked = masked_type(&rule.using, &data_type, context).await;
            checked.map(|_| vec![]).map_err(|error| {
                let problem = format!("USING {} cannot be computed from a value: {}", rule.using, message(&error));
                invalid(&object.label(), problem)
            })
        })
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        let rule = Rule::of(definition)?;
        Ok(vec![
            ("class".into(), class(&rule).unwrap_or_default()),
            ("table".into(), rule.table.join(".")),
            ("column".into(), column(&rule).unwrap_or_default()),
            ("shows".into(), rule.using.to_string()),
            ("roles".into(), rule.roles.join(", ")),
        ])
    }

    fn system_table(&self) -> &'static str {
        "masks"
    }

    fn listed(&self) -> &'static str {
        "The masks: what roles see instead of values."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        let rules = definitions.iter().map(Rule::of).collect::<Result<Vec<_>>>()?;
        let mut values = vec![
            names(definitions),
            text(rules.iter().map(class)),
            text(rules.iter().map(|rule| given(&rule.table.join(".")))),
            text(rules.iter().map(column)),
            text(rules.iter().map(|rule| Some(rule.using.to_string()))),
            text(rules.iter().map(roles_of)),
        ];
        values.extend(declared(definitions));
        Ok(values)
    }

    fn shown(&self) -> &'static str {
        "SELECT name, class, \"table\", \"column\", shows, roles FROM system.masks ORDER BY name"
    }
}

/// True for a class that some column has, or that is suggested.
fn is_known(class: &String, context: &StatementContext) -> Result<bool> {
    let objects = context.all_objects()?;
    Ok(KNOWN.contains(&class.as_str()) || objects.iter().any(|object| object.classes.values().any(|own| own == class)))
}
