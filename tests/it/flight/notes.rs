//! Notes of statements, taken by the action of our own.

use arrow_flight::Action;
use futures::TryStreamExt;
use prost::Message;

use super::{Client, block_on, connect, database, read, rows, serve, status};

/// The result of the action.
#[derive(Clone, PartialEq, Message)]
struct Taken {
    #[prost(string, repeated, tag = "1")]
    notes: Vec<String>,
    #[prost(string, tag = "2")]
    language: String,
}

async fn taken(client: &mut Client) -> (Vec<String>, String) {
    let answered = client.inner_mut().do_action(Action::new("TakeNotes", "")).await.unwrap().into_inner();
    let results: Vec<arrow_flight::Result> = answered.try_collect().await.unwrap();
    let Taken { notes, language } = Taken::decode(results[0].body.clone()).unwrap();
    (notes, language)
}

const ORDERS: &str = "CREATE TABLE levels (customer BIGINT);
    CREATE TABLE orders AS SELECT * FROM (VALUES (1, DATE '2024-01-01', 5.0), (NULL, DATE '2024-01-02', 6.0)) AS t(customer, day, amount)";
const LEVELS: &str = "SELECT customer FROM rfm(orders, customer => customer, order_time => day, amount => amount)";

#[test]
fn notes_are_kept_until_they_are_taken() {
    let directory = database(ORDERS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut client = connect(&server).await;
        let once = (vec!["1 row without customer was left out".to_string()], "en".to_string());
        let none = (vec![], "en".to_string());
        assert_eq!(taken(&mut client).await, none);
        // Rows that are read, a change sent as an update and as a query, and a statement that runs for each row of values.
        assert_eq!(rows(&mut client, LEVELS).await, "1");
        assert_eq!(taken(&mut client).await, once);
        assert_eq!(taken(&mut client).await, none);
        let insert = format!("INSERT INTO levels {LEVELS}");
        assert_eq!(client.execute_update(insert.clone(), None).await.unwrap(), 1);
        assert_eq!(taken(&mut client).await, once);
        client.execute(insert.clone(), None).await.unwrap();
        assert_eq!(taken(&mut client).await, once);
        let mut prepared = client.prepare(LEVELS.into(), None).await.unwrap();
        let info = prepared.execute().await.unwrap();
        read(&mut client, info).await.unwrap();
        assert_eq!(taken(&mut client).await, once);
        // Each session gets its own notes only, also those of statements before the one that failed.
        let mut other = connect(&server).await;
        status(client.execute_update(format!("{insert}; SELECT nope"), None).await.unwrap_err());
        assert_eq!(taken(&mut other).await, none);
        assert_eq!(taken(&mut client).await, once);
        client.execute_update("SET portrait.language = 'zh'; COMMIT".into(), None).await.unwrap();
        assert_eq!(taken(&mut client).await, (vec!["没有可提交的事务".to_string()], "zh".to_string()));
    });
}
