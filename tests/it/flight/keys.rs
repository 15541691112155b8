//! Keys as drivers ask for them: composite ones in order, foreign keys of one name in two tables, columns that number their rows.

use arrow_flight::sql::{CommandGetCrossReference, CommandGetExportedKeys, CommandGetImportedKeys};

use super::*;

const TABLES: &str = "CREATE TABLE c (id BIGINT PRIMARY KEY, code INT UNIQUE, number SERIAL);
    CREATE TABLE wide (a1 INT, a2 INT, a3 INT, a4 INT, a5 INT, a6 INT, a7 INT, a8 INT, a9 INT, a10 INT, a11 INT,
        PRIMARY KEY (a11, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10));
    CREATE TABLE q1 (a INT CONSTRAINT same REFERENCES c (code));
    CREATE TABLE q2 (b INT CONSTRAINT same REFERENCES c (code) ON UPDATE SET NULL, id BIGINT REFERENCES c ON DELETE CASCADE)";

/// The rows of a metadata command, which have the columns that were told.
async fn asked(client: &mut Client, command: impl ProstMessageExt) -> String {
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let info = client.inner_mut().get_flight_info(descriptor).await.unwrap().into_inner();
    shown(&read(client, info).await.unwrap())
}

#[test]
fn keys_are_those_of_their_tables() {
    let directory = database(TABLES);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut client = connect(&server).await;
        let wide = CommandGetPrimaryKeys { catalog: None, db_schema: None, table: "wide".into() };
        let found = asked(&mut client, wide).await;
        let columns: Vec<&str> = found.split(';').map(|row| row.split('|').nth(3).unwrap()).collect();
        assert_eq!(columns, ["a11", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10"]);

        let code = "portrait|public|c|code|portrait|public";
        let of_q1 = format!("{code}|q1|a|1|same|c_code_key|3|3");
        let of_q2 = format!("{code}|q2|b|1|same|c_code_key|2|3");
        let of_id = "portrait|public|c|id|portrait|public|q2|id|1|q2_id_fkey|c_pkey|3|0";
        let imported = |table: &str| CommandGetImportedKeys { catalog: None, db_schema: None, table: table.into() };
        assert_eq!(asked(&mut client, imported("q1")).await, of_q1);
        assert_eq!(asked(&mut client, imported("q2")).await, format!("{of_q2};{of_id}"));
        assert_eq!(asked(&mut client, imported("c")).await, "");
        let exported =
            CommandGetExportedKeys { catalog: Some("portrait".into()), db_schema: Some("public".into()), table: "c".into() };
        assert_eq!(asked(&mut client, exported.clone()).await, format!("{of_q1};{of_id};{of_q2}"));
        assert_eq!(asked(&mut client, CommandGetExportedKeys { db_schema: Some("system".into()), ..exported.clone() }).await, "");
        assert_eq!(asked(&mut client, CommandGetExportedKeys { catalog: Some("other".into()), ..exported }).await, "");
        let both =
            CommandGetCrossReference { pk_table: "c".into(), fk_table: "q1".into(), ..CommandGetCrossReference::default() };
        assert_eq!(asked(&mut client, both).await, of_q1);

        let tables =
            CommandGetTables { table_name_filter_pattern: Some("c".into()), include_schema: true, ..CommandGetTables::default() };
        let info = client.get_tables(tables).await.unwrap();
        let found = read(&mut client, info).await.unwrap();
        let bytes = found[0].column(4).as_binary::<i32>().value(0).to_vec();
        let schema = Schema::try_from(arrow_flight::IpcMessage(bytes.into())).unwrap();
        let numbered: Vec<&str> =
            schema.fields().iter().map(|field| field.metadata()["ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT"].as_str()).collect();
        assert_eq!(numbered, ["0", "0", "1"]);
    });
}
