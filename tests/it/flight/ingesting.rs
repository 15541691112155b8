//! Rows that a client sends into a table.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::sql::{CommandStatementIngest, TableDefinitionOptions, TableExistsOption, TableNotExistOption};
use datafusion::arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use futures::{StreamExt, stream};
use tonic::{Code, Status};

use super::{Client, block_on, codes, connect, database, one, rows, serve, status};

fn batches() -> Vec<RecordBatch> {
    let batch = |ids: Vec<i64>| {
        let names: ArrayRef = Arc::new(ids.iter().map(|id| Some(format!("名 {id}"))).collect::<StringArray>());
        let prices = Decimal128Array::from_iter_values(ids.iter().map(|id| i128::from(*id) * 101));
        let prices: ArrayRef = Arc::new(prices.with_precision_and_scale(12, 2).unwrap());
        RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(ids)) as ArrayRef), ("name", names), ("price", prices)])
            .unwrap()
    };
    vec![batch((1..=1000).collect()), batch((1001..=1500).collect())]
}

async fn ingest(
    client: &mut Client,
    table: &str,
    creates: bool,
    exists: TableExistsOption,
    temporary: bool,
) -> Result<i64, Status> {
    let creates = if creates { TableNotExistOption::Create } else { TableNotExistOption::Fail };
    let options = TableDefinitionOptions { if_not_exist: creates as i32, if_exists: exists as i32 };
    let command = CommandStatementIngest {
        table_definition_options: Some(options),
        table: table.into(),
        schema: None,
        catalog: None,
        temporary,
        transaction_id: None,
        options: HashMap::new(),
    };
    client.execute_ingest(command, stream::iter(batches().into_iter().map(Ok))).await.map_err(Status::from)
}

#[test]
fn rows_are_ingested_at_once_or_not_at_all() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let server = serve(directory.path(), &[]);
    block_on(async {
        use TableExistsOption::{Append, Fail, Replace};
        let mut client = connect(&server).await;
        assert_eq!(ingest(&mut client, "Loaded", true, Fail, false).await.unwrap(), 1500);
        let error = ingest(&mut client, "Loaded", true, Fail, false).await.unwrap_err();
        assert_eq!(codes(&error), (Code::AlreadyExists, "42P07".into()));
        assert_eq!(ingest(&mut client, "Loaded", false, Append, false).await.unwrap(), 1500);
        assert_eq!(
            rows(&mut client, "SELECT count(*) AS n, sum(price) AS p, max(name) AS m FROM \"Loaded\"").await,
            "3000|2274015.00|名 999"
        );
        assert_eq!(ingest(&mut client, "Loaded", true, Replace, false).await.unwrap(), 1500);
        assert_eq!(ingest(&mut client, "Loaded", true, Append, false).await.unwrap(), 1500);
        assert_eq!(ingest(&mut client, "new", true, Append, false).await.unwrap(), 1500);
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM new").await, 1500);
        assert_eq!(codes(&ingest(&mut client, "nowhere", false, Append, false).await.unwrap_err()).0, Code::NotFound);
        assert!(ingest(&mut client, "t", false, Append, false).await.is_err());
        assert_eq!(ingest(&mut client, "own", true, Fail, true).await.unwrap(), 1500);
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM own").await, 1500);
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM t").await, 1);

        // A client that disconnects in the middle has not sent everything.
        let command = CommandStatementIngest { table: "half".into(), ..CommandStatementIngest::default() };
        let options = TableDefinitionOptions { if_not_exist: 1, if_exists: 1 };
        let command = CommandStatementIngest { table_definition_options: Some(options), ..command };
        let endless = stream::iter(batches().into_iter().map(Ok)).chain(stream::pending());
        let mut leaving = connect(&server).await;
        let sent = leaving.execute_ingest(command, endless);
        assert!(tokio::time::timeout(Duration::from_secs(2), sent).await.is_err());
        drop(leaving);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(codes(&status(client.execute("SELECT * FROM half".into(), None).await.unwrap_err())).1, "42P01");
    });
}
