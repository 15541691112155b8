//! Statements, and the definitions of columns.

use datafusion::sql::parser::{CopyToSource, CopyToStatement, CreateExternalTable, ExplainStatement, Statement as SqlParsed};
use sqlparser::ast::{
    ColumnDef, ColumnOption, ColumnOptionDef, ConflictTarget, CreateTable, CreateTableOptions, CreateView, DescribeAlias,
    HiveDistributionStyle, HiveFormat, Insert, ObjectType, OnConflict, OnInsert, SchemaName, Set, ShowCreateObject, Spanned,
    SqliteOnConflict, Statement, TableConstraint, TableObject, TransactionIsolationLevel, TransactionMode, ViewColumnDef,
};
use sqlparser::tokenizer::Span;

use super::super::{identities, numbered};
use super::changes::GIVES_BACK;
use super::{Checked, Walk, absent, none, refuse, refuse_at, without};

const COMMENT: &str = "write COMMENT ON TABLE name IS '…' after it, or ON VIEW";
const LEAVE_OUT: &str = "leave it out";
const NOT_OF_FILES: &str = "others write the files, so nothing holds for their rows; leave it out, and CREATE CHECK to test them";

impl Walk<'_> {
    pub(super) fn parsed(&self, parsed: &SqlParsed) -> Checked {
        match parsed {
            SqlParsed::Statement(statement) => self.statement(statement),
            SqlParsed::CopyTo(CopyToStatement { source, target: _, partitioned_by: _, stored_as: _, options: _ }) => match source
            {
                CopyToSource::Query(query) => self.query(query),
                CopyToSource::Relation(name) => self.name(name),
            },
            SqlParsed::Explain(ExplainStatement { options: _, statement }) => self.parsed(statement),
            SqlParsed::CreateExternalTable(table) => self.external_table(table),
            SqlParsed::Reset(_) => Ok(()),
        }
    }

    pub(super) fn statement(&self, statement: &Statement) -> Checked {
        match statement {
            Statement::Query(query) => self.change_of(query).unwrap_or_else(|| self.query(query)),
            Statement::Insert(insert) => self.insert(insert),
            Statement::CreateTable(table) => self.create_table(table),
            Statement::CreateView(view) => self.create_view(view),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Update(update) => self.update(update),
            Statement::Merge(merge) => self.merge(merge),
            Statement::Truncate(truncate) => self.truncate(truncate),
            Statement::Set(set) => self.set(set),
            Statement::Explain {
                describe_alias: _,
                analyze: _,
                verbose: _,
                query_plan,
                estimate,
                statement,
                format: _,
                options,
            } => {
                without(*query_plan, "QUERY PLAN", "write only EXPLAIN")?;
                without(*estimate, "ESTIMATE", "write EXPLAIN ANALYZE, which runs the query and counts")?;
                absent(options, "EXPLAIN (…)", "write EXPLAIN, EXPLAIN VERBOSE or EXPLAIN ANALYZE")?;
                self.statement(statement)
            }
            Statement::ExplainTable { describe_alias, hive_format, has_table_keyword: _, table_name } => {
                if let Some(format) = hive_format {
                    return refuse(&format.to_string(), "write DESCRIBE table");
                }
                if *describe_alias == DescribeAlias::Explain {
                    return refuse_at(table_name.span(), "EXPLAIN of a table", format!("write DESCRIBE {table_name}"));
                }
                self.name(table_name)
            }
            Statement::Drop { object_type, if_exists: _, names, cascade, restrict: _, purge, temporary, table } => {
                match object_type {
                    // There is nothing to do, as for CREATE INDEX.
                    ObjectType::Role | ObjectType::Index => return Ok(()),
                    ObjectType::Table | ObjectType::View | ObjectType::Schema => {}
                    other => return refuse(&format!("DROP {other}"), "there are no such objects to drop"),
                }
                names.iter().try_for_each(|name| self.name(name))?;
                // The foreign keys that need a table go with it; what else uses it is named by the error.
                let is_refused = *cascade && *object_type != ObjectType::Table;
                without(is_refused, "CASCADE", "DROP what uses it first; the error of DROP without CASCADE names it")?;
                without(*purge, "PURGE", LEAVE_OUT)?;
                without(*temporary, "TEMPORARY", "a temporary table is found before all others; leave the word out")?;
                absent(table, "ON", LEAVE_OUT)
            }
            Statement::Prepare { name: _, data_types: _, statement } => self.statement(statement),
            // The planner checks these itself, and names what it does not support.
            Statement::Execute { .. }
            | Statement::Deallocate { .. }
            | Statement::ShowVariable { .. }
            | Statement::ShowTables { .. }
            | Statement::ShowColumns { .. }
            | Statement::ShowFunctions { .. }
            | Statement::ShowCreate { obj_type: ShowCreateObject::Table | ShowCreateObject::View, .. }
            | Statement::Reset(_) => Ok(()),
            Statement::ShowCreate { .. } => refuse("SHOW CREATE", "definitions are in system tables, such as system.functions"),
            Statement::StartTransaction {
                modes,
                begin: _,
                transaction: _,
                modifier,
                statements,
                exception,
                has_end_keyword: _,
            } => {
                modes.iter().try_for_each(check_mode)?;
                absent(modifier, "BEGIN with a modifier", "write BEGIN")?;
                absent(exception, "EXCEPTION", LEAVE_OUT)?;
                none(statements, "BEGIN … END", "write the statements one after another, between BEGIN and COMMIT")
            }
            Statement::Commit { chain: _, end: _, modifier } => absent(modifier, "COMMIT with a modifier", "write COMMIT"),
            Statement::Rollback { .. } | Statement::Savepoint { .. } | Statement::ReleaseSavepoint { .. } => Ok(()),
            // It changes no answer, and tools make indexes of the tables that they make. A unique one becomes a constraint.
            Statement::CreateIndex(index) if index.unique => {
                let is_of_columns =
                    index.columns.iter().all(|column| matches!(column.column.expr, sqlparser::ast::Expr::Identifier(_)));
                if !is_of_columns || index.predicate.is_some() {
                    let instead = "a key is of columns, and of all rows; CREATE CHECK … AS unique(column) finds values that are there twice";
                    return refuse("CREATE UNIQUE INDEX with a condition or an expression", instead);
                }
                self.name(&index.table_name)
            }
            Statement::CreateIndex(index) => self.name(&index.table_name),
            Statement::CreateSchema { schema_name, if_not_exists: _, with, options, default_collate_spec, clone } => {
                absent(with, "WITH", LEAVE_OUT)?;
                absent(options, "OPTIONS", LEAVE_OUT)?;
                absent(default_collate_spec, "DEFAULT COLLATE", LEAVE_OUT)?;
                absent(clone, "CLONE", "make its tables with CREATE TABLE … AS SELECT")?;
                match schema_name {
                    SchemaName::Simple(name) => self.name(name),
                    other => refuse(&other.to_string(), "write CREATE SCHEMA name"),
                }
            }
            Statement::CreateDatabase { .. } => {
                refuse("CREATE DATABASE", "a database is a folder; write portrait -d folder, which makes it when it is not there")
            }
            Statement::CreateRole(_) | Statement::AlterRole { .. } => Ok(()),
            Statement::AlterTable(alter) => self.alter(alter),
            Statement::AlterView { .. } => refuse("ALTER VIEW", "write CREATE OR REPLACE VIEW name AS SELECT …"),
            Statement::RenameTable(_) => refuse("RENAME TABLE", "write ALTER TABLE old RENAME TO new"),
            Statement::Grant(_) | Statement::Revoke(_) | Statement::Deny(_) | Statement::CreateUser(_) => refuse(
                first_words(statement, 1).as_str(),
                "write GRANT privilege ON object TO role, CREATE ROLE name, or REVOKE; \\h GRANT shows how",
            ),
            Statement::Copy { .. } => refuse(
                "COPY",
                "write COPY (SELECT …) TO 'file.csv', and CREATE TABLE name AS SELECT * FROM 'file.csv' to read one",
            ),
            // Supported objects were parsed by our own grammar before this.
            Statement::Comment { object_type, .. } => refuse(
                &format!("COMMENT ON {object_type}"),
                "write COMMENT ON TABLE, VIEW, COLUMN, SCHEMA, PROFILE, TAG, SEGMENT, MODEL or FUNCTION",
            ),
            Statement::Lock(_) | Statement::LockTables { .. } => {
                refuse("LOCK TABLE", "a transaction reads one state of the database without locks; leave it out")
            }
            Statement::CreateMacro { .. } => refuse("CREATE MACRO", "write CREATE FUNCTION name(…) AS SELECT …"),
            other => refuse(first_words(other, 2).as_str(), "there is no such statement; \\h lists those there are"),
        }
    }

    fn insert(&self, insert: &Insert) -> Checked {
        let Insert {
            insert_token: _,
            optimizer_hints,
            or,
            ignore,
            into: _,
            table,
            table_alias,
            columns,
            // Tables of the database report it themselves; for other tables the planner does.
            overwrite: _,
            source,
            assignments,
            partitioned,
            after_columns,
            has_table_keyword: _,
            on,
            returning,
            output,
            replace_into,
            priority,
            insert_alias,
            settings,
            format_clause,
            multi_table_insert_type,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause,
        } = insert;
        let replaced =
            "write INSERT … ON CONFLICT (id) DO UPDATE SET column = excluded.column, …, with the columns that identify a row";
        none(optimizer_hints, "/*+ … */", "hints are not read; leave it out")?;
        match or {
            None => {}
            Some(SqliteOnConflict::Replace) => return refuse("OR REPLACE", replaced),
            Some(other) => return refuse(&other.to_string(), replaced),
        }
        without(*replace_into, "REPLACE", replaced)?;
        without(*ignore, "IGNORE", replaced)?;
        match table {
            TableObject::TableName(name) => self.name(name)?,
            TableObject::TableFunction(_) => return refuse("INSERT INTO FUNCTION", "write the name of a table"),
            TableObject::TableQuery(query) => {
                return refuse_at(query.span(), "INSERT INTO (SELECT …)", "write the name of a table");
            }
        }
        if let Some(alias) = table_alias {
            return refuse_at(alias.alias.span, "an alias of the table", LEAVE_OUT);
        }
        columns.iter().try_for_each(|name| self.name(name))?;
        if let Some(assignment) = assignments.first() {
            return refuse_at(assignment.span(), "INSERT … SET", "write INSERT INTO name (a, b) VALUES (…)");
        }
        if identities::overriding(insert).is_none() {
            absent(partitioned, "PARTITION", "select the partition's column as the others")?;
        }
        none(after_columns, "columns after PARTITION", "write them after the name of the table")?;
        match on {
            None => {}
            // One whose columns are not named; see `conflicts`.
            Some(OnInsert::OnConflict(OnConflict { conflict_target, action: _ })) => match conflict_target {
                None | Some(ConflictTarget::Columns(_)) => {}
                Some(ConflictTarget::OnConstraint(name)) => self.name(name)?,
            },
            Some(_) => return refuse("ON CONFLICT", replaced),
        }
        returning.iter().flatten().try_for_each(|item| self.select_item(item))?;
        absent(output, "OUTPUT", GIVES_BACK)?;
        absent(priority, "a priority", LEAVE_OUT)?;
        absent(insert_alias, "AS", LEAVE_OUT)?;
        absent(settings, "SETTINGS", "write SET name = value before it")?;
        absent(format_clause, "FORMAT", "write INSERT INTO name SELECT * FROM 'file.csv'")?;
        let one = "write one INSERT for each table";
        absent(multi_table_insert_type, "INSERT ALL", one)?;
        none(multi_table_into_clauses, "INTO", one)?;
        none(multi_table_when_clauses, "WHEN", one)?;
        absent(multi_table_else_clause, "ELSE", one)?;
        // DEFAULT VALUES has no source.
        source.as_ref().map_or(Ok(()), |query| self.query(query))
    }

    fn create_table(&self, table: &CreateTable) -> Checked {
        let CreateTable {
            or_replace: _,
            temporary,
            external,
            dynamic,
            global,
            if_not_exists: _,
            transient,
            volatile,
            iceberg,
            snapshot,
            name,
            columns,
            constraints,
            hive_distribution,
            hive_formats,
            table_options,
            file_format,
            location,
            query,
            without_rowid,
            like,
            clone,
            version,
            comment,
            on_commit,
            on_cluster,
            primary_key,
            order_by,
            partition_by,
            cluster_by,
            clustered_by,
            inherits,
            partition_of,
            for_values,
            strict,
            copy_grants,
            enable_schema_evolution,
            change_tracking,
            data_retention_time_in_days,
            max_data_extension_time_in_days,
            default_ddl_collation,
            with_aggregation_policy,
            with_row_access_policy,
            with_storage_lifecycle_policy,
            with_tags,
            external_volume,
            base_location,
            catalog,
            catalog_sync,
            storage_serialization_policy,
            target_lag,
            warehouse,
            refresh_mode,
            initialize,
            require_user,
            diststyle,
            distkey,
            sortkey,
            backup,
        } = table;
        self.name(name)?;
        self.columns(columns, constraints)?;
        for (word, clause) in [
            (external, "EXTERNAL"),
            (dynamic, "DYNAMIC"),
            (transient, "TRANSIENT"),
            (volatile, "VOLATILE"),
            (iceberg, "ICEBERG"),
            (snapshot, "SNAPSHOT"),
            (without_rowid, "WITHOUT ROWID"),
            (strict, "STRICT"),
            (copy_grants, "COPY GRANTS"),
            (require_user, "REQUIRE USER"),
        ] {
            without(*word, clause, LEAVE_OUT)?;
        }
        absent(global, if *global == Some(true) { "GLOBAL" } else { "LOCAL" }, "write CREATE TEMPORARY TABLE")?;
        if *hive_distribution != HiveDistributionStyle::NONE {
            return refuse("PARTITIONED BY", "leave it out; COPY … PARTITIONED BY writes folders");
        }
        if let Some(HiveFormat { row_format, serde_properties, storage, location }) = hive_formats {
            let files = "write CREATE EXTERNAL TABLE name STORED AS CSV LOCATION '…'";
            absent(row_format, "ROW FORMAT", files)?;
            absent(serde_properties, "SERDEPROPERTIES", files)?;
            absent(storage, "STORED AS", files)?;
            absent(location, "LOCATION", files)?;
        }
        match table_options {
            CreateTableOptions::None => {}
            CreateTableOptions::With(_) => return refuse("WITH (…)", "a table has no options; leave it out"),
            CreateTableOptions::Options(_) => return refuse("OPTIONS", "a table has no options; leave it out"),
            CreateTableOptions::TableProperties(_) => return refuse("TBLPROPERTIES", "a table has no options; leave it out"),
            CreateTableOptions::Plain(options) => {
                let option = options.first().map(ToString::to_string).unwrap_or_default();
                return refuse(option.split(' ').next().unwrap_or_default(), "a table has no options; leave it out");
            }
        }
        absent(file_format, "STORED AS", "write CREATE EXTERNAL TABLE name STORED AS CSV LOCATION '…'")?;
        absent(location, "LOCATION", "write CREATE EXTERNAL TABLE name STORED AS CSV LOCATION '…'")?;
        absent(like, "LIKE", "write CREATE TABLE name AS SELECT * FROM other WHERE false")?;
        absent(clone, "CLONE", "write CREATE TABLE name AS SELECT * FROM other")?;
        absent(version, "AS OF", "write CREATE TABLE name AS SELECT * FROM other FOR SYSTEM_TIME AS OF TIMESTAMP '…'")?;
        absent(comment, "COMMENT", COMMENT)?;
        let on_commit = on_commit.filter(|_| !*temporary);
        absent(&on_commit, "ON COMMIT", "only a temporary table ends with a transaction; write CREATE TEMPORARY TABLE")?;
        absent(primary_key, "PRIMARY KEY after the columns", "write it among the columns: (id BIGINT, PRIMARY KEY (id))")?;
        absent(order_by, "ORDER BY", "sort the query: AS SELECT … ORDER BY …")?;
        absent(partition_by, "PARTITION BY", "leave it out; COPY … PARTITIONED BY writes folders")?;
        absent(cluster_by, "CLUSTER BY", "sort the query: AS SELECT … ORDER BY …")?;
        absent(clustered_by, "CLUSTERED BY", "sort the query: AS SELECT … ORDER BY …")?;
        absent(inherits, "INHERITS", "write the columns")?;
        absent(partition_of, "PARTITION OF", "write the columns")?;
        absent(for_values, "FOR VALUES", LEAVE_OUT)?;
        for (given, clause) in [
            (on_cluster.is_some(), "ON CLUSTER"),
            (enable_schema_evolution.is_some(), "ENABLE_SCHEMA_EVOLUTION"),
            (change_tracking.is_some(), "CHANGE_TRACKING"),
            (data_retention_time_in_days.is_some(), "DATA_RETENTION_TIME_IN_DAYS"),
            (max_data_extension_time_in_days.is_some(), "MAX_DATA_EXTENSION_TIME_IN_DAYS"),
            (default_ddl_collation.is_some(), "DEFAULT_DDL_COLLATION"),
            (with_aggregation_policy.is_some(), "AGGREGATION POLICY"),
            (with_row_access_policy.is_some(), "ROW ACCESS POLICY"),
            (with_storage_lifecycle_policy.is_some(), "STORAGE LIFECYCLE POLICY"),
            (with_tags.is_some(), "TAG"),
            (external_volume.is_some(), "EXTERNAL_VOLUME"),
            (base_location.is_some(), "BASE_LOCATION"),
            (catalog.is_some(), "CATALOG"),
            (catalog_sync.is_some(), "CATALOG_SYNC"),
            (storage_serialization_policy.is_some(), "STORAGE_SERIALIZATION_POLICY"),
            (target_lag.is_some(), "TARGET_LAG"),
            (warehouse.is_some(), "WAREHOUSE"),
            (refresh_mode.is_some(), "REFRESH_MODE"),
            (initialize.is_some(), "INITIALIZE"),
            (diststyle.is_some(), "DISTSTYLE"),
            (distkey.is_some(), "DISTKEY"),
            (sortkey.is_some(), "SORTKEY"),
            (backup.is_some(), "BACKUP"),
        ] {
            without(given, clause, LEAVE_OUT)?;
        }
        query.as_ref().map_or(Ok(()), |query| self.query(query))
    }

    fn external_table(&self, table: &CreateExternalTable) -> Checked {
        let CreateExternalTable {
            name,
            columns,
            file_type: _,
            locations: _,
            table_partition_cols: _,
            order_exprs,
            if_not_exists: _,
            or_replace: _,
            temporary: _,
            unbounded,
            options: _,
            constraints,
        } = table;
        self.name(name)?;
        if let Some(constraint) = constraints.first() {
            return refuse_at(constraint.span(), "a constraint of an external table", NOT_OF_FILES);
        }
        self.columns(columns, &[])?;
        order_exprs.iter().try_for_each(|order| self.sort_expressions(order))?;
        without(*unbounded, "UNBOUNDED", "files are read to their end; leave it out")
    }

    pub(super) fn columns(&self, columns: &[ColumnDef], constraints: &[TableConstraint]) -> Checked {
        for ColumnDef { name, data_type, options } in columns {
            super::expression::check_type(data_type, name.span)?;
            for ColumnOptionDef { name: _, option } in options {
                self.column_option(option, name.span)?;
            }
        }
        constraints.iter().try_for_each(|constraint| self.table_constraint(constraint))
    }

    fn column_option(&self, option: &ColumnOption, column: Span) -> Checked {
        let filled = "write GENERATED BY DEFAULT AS IDENTITY";
        let clause = option.to_string();
        match option {
            ColumnOption::Null | ColumnOption::NotNull => Ok(()),
            ColumnOption::Default(value) => self.expression(value),
            // Those of tables were written after the columns.
            ColumnOption::PrimaryKey(_) => refuse_at(column, "PRIMARY KEY", NOT_OF_FILES),
            ColumnOption::Unique(_) => refuse_at(column, "UNIQUE", NOT_OF_FILES),
            ColumnOption::ForeignKey(_) => refuse_at(column, "REFERENCES", NOT_OF_FILES),
            ColumnOption::Check(_) => refuse_at(column, "CHECK", NOT_OF_FILES),
            identity if numbered::is_identity(identity) => Ok(()),
            ColumnOption::Generated { .. } => {
                refuse_at(column, &clause, "compute it in a view: CREATE VIEW … AS SELECT *, … AS column FROM table")
            }
            ColumnOption::Identity(_) | ColumnOption::DialectSpecific(_) => refuse_at(column, &clause, filled),
            ColumnOption::Materialized(_) | ColumnOption::Ephemeral(_) | ColumnOption::Alias(_) | ColumnOption::OnUpdate(_) => {
                refuse_at(column, &clause, "compute it in a view: CREATE VIEW … AS SELECT *, … AS column FROM table")
            }
            ColumnOption::Collation(_) | ColumnOption::CharacterSet(_) => {
                refuse_at(column, &clause, "strings are UTF-8, and compared character by character; leave it out")
            }
            ColumnOption::Comment(_) => refuse_at(column, "COMMENT", "write COMMENT ON COLUMN table.column IS '…' after it"),
            ColumnOption::Options(_)
            | ColumnOption::OnConflict(_)
            | ColumnOption::Policy(_)
            | ColumnOption::Tags(_)
            | ColumnOption::Srid(_)
            | ColumnOption::Invisible => refuse_at(column, &clause, LEAVE_OUT),
        }
    }

    fn create_view(&self, view: &CreateView) -> Checked {
        let CreateView {
            or_alter,
            or_replace: _,
            materialized,
            secure,
            name,
            name_before_not_exists: _,
            columns,
            query,
            options,
            cluster_by,
            comment,
            with_no_schema_binding,
            if_not_exists: _,
            temporary: _,
            copy_grants,
            to,
            params,
        } = view;
        self.name(name)?;
        without(*or_alter, "OR ALTER", "write CREATE OR REPLACE VIEW")?;
        without(*materialized, "MATERIALIZED", "write CREATE TABLE name AS SELECT …, which keeps the rows")?;
        without(*secure, "SECURE", LEAVE_OUT)?;
        for ViewColumnDef { name, data_type, options } in columns {
            if let Some(data_type) = data_type {
                let instead = format!("a view's column has the type of its query; write CAST({name} AS {data_type}) there");
                return refuse_at(name.span, &format!("{name} {data_type}"), instead);
            }
            if options.is_some() {
                return refuse_at(name.span, "an option of a view's column", LEAVE_OUT);
            }
        }
        match options {
            CreateTableOptions::None => {}
            CreateTableOptions::With(_) => return refuse("WITH (…)", "a view has no options; leave it out"),
            CreateTableOptions::Options(_) | CreateTableOptions::Plain(_) => {
                return refuse("OPTIONS", "a view has no options; leave it out");
            }
            CreateTableOptions::TableProperties(_) => return refuse("TBLPROPERTIES", "a view has no options; leave it out"),
        }
        none(cluster_by, "CLUSTER BY", "sort the query: AS SELECT … ORDER BY …")?;
        absent(comment, "COMMENT", COMMENT)?;
        without(*with_no_schema_binding, "WITH NO SCHEMA BINDING", LEAVE_OUT)?;
        without(*copy_grants, "COPY GRANTS", LEAVE_OUT)?;
        absent(to, "TO", LEAVE_OUT)?;
        if let Some(params) = params {
            let clause = params.to_string();
            return refuse(clause.split(['=', ' ']).next().unwrap_or_default(), LEAVE_OUT);
        }
        self.query(query)
    }

    fn set(&self, set: &Set) -> Checked {
        match set {
            Set::SingleAssignment { scope, hivevar, variable, values } => {
                if let Some(scope) = scope {
                    return refuse(scope.to_string().trim(), "a setting holds for the session; leave the word out");
                }
                without(*hivevar, "HIVEVAR", "write SET name = value")?;
                self.name(variable)?;
                match values.as_slice() {
                    [_] => Ok(()),
                    _ => refuse_at(variable.span(), "SET of several values", format!("write SET {variable} = 'a, b'")),
                }
            }
            Set::SetTimeZone { local: _, value } => {
                let instead = format!("write SET datafusion.execution.time_zone = {value}");
                refuse_at(value.span(), "SET TIME ZONE", instead)
            }
            Set::ParenthesizedAssignments { .. } | Set::MultipleAssignments { .. } => {
                refuse("SET", "write one SET name = value for each setting")
            }
            Set::SetNames { .. } | Set::SetNamesDefault {} => refuse("SET NAMES", "strings are UTF-8; leave it out"),
            Set::SetTransaction { modes, snapshot, session: _ } => {
                absent(snapshot, "SNAPSHOT", LEAVE_OUT)?;
                modes.iter().try_for_each(check_mode)
            }
            Set::SetRole { .. } | Set::SetSessionAuthorization(_) => {
                refuse("SET", "the role is given when the session begins; leave it out")
            }
            Set::SetSessionParam(_) => refuse("SET", "write SET name = value"),
        }
    }
}

/// A transaction reads one snapshot, which is stronger than READ COMMITTED.
fn check_mode(mode: &TransactionMode) -> Checked {
    match mode {
        TransactionMode::IsolationLevel(TransactionIsolationLevel::Serializable) => {
            refuse("SERIALIZABLE", "a transaction reads one state of the database; write ISOLATION LEVEL REPEATABLE READ")
        }
        TransactionMode::IsolationLevel(_) | TransactionMode::AccessMode(_) => Ok(()),
    }
}

/// The first words of a statement, such as ALTER TABLE or CREATE SEQUENCE.
fn first_words(statement: &Statement, count: usize) -> String {
    let text = statement.to_string();
    text.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}
