//! Messages that no client should send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{Any, CommandStatementIngest, CommandStatementUpdate, ProstMessageExt, TableDefinitionOptions};
use arrow_flight::{Action, FlightData, FlightDescriptor, Ticket};
use futures::{TryStreamExt, stream};
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::{ROWS, block_on, channel, codes, connect, database, one, serve};
use crate::support::cases;

/// Whatever is sent gets an answer, and the server keeps running.
#[test]
fn garbage_is_refused() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &["--max-message", "1MB"]);
    block_on(async {
        let mut client = connect(&server).await;
        let mut plain = FlightServiceClient::new(channel(&server).await);
        let mut dice = crate::support::Dice(7);
        let mut bytes = |most: usize| (0..dice.below(most)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect::<Vec<u8>>();
        let kinds =
            ["CommandStatementQuery", "CommandPreparedStatementQuery", "CommandGetTables", "CommandGetSqlInfo", "Nothing", ""];
        for round in 0..usize::try_from(cases(40, 200)).unwrap() {
            let any = Any {
                type_url: format!("type.googleapis.com/arrow.flight.protocol.sql.{}", kinds[round % 6]),
                value: bytes(40).into(),
            };
            let message = if round % 3 == 0 { bytes(60) } else { any.encode_to_vec() };
            let _ = plain.get_flight_info(FlightDescriptor::new_cmd(message.clone())).await.map_err(|error| codes(&error));
            let _ = plain.get_schema(FlightDescriptor::new_cmd(message.clone())).await.map_err(|error| codes(&error));
            if let Ok(found) = plain.do_get(Ticket::new(message.clone())).await {
                let _ = found.into_inner().try_collect::<Vec<_>>().await;
            }
            for action in ["CreatePreparedStatement", "EndTransaction", "BeginSavepoint", "CancelFlightInfo", "SetSessionOptions"]
            {
                let _ = plain.do_action(Action::new(action, message.clone())).await.map_err(|error| codes(&error));
            }
        }
        // Rows that are not valid Arrow.
        for round in 0..100 {
            let update = CommandStatementIngest {
                table_definition_options: Some(TableDefinitionOptions { if_not_exist: 1, if_exists: 1 }),
                table: format!("g{round}"),
                ..CommandStatementIngest::default()
            };
            let first = FlightData {
                flight_descriptor: Some(FlightDescriptor::new_cmd(update.as_any().encode_to_vec())),
                ..FlightData::default()
            };
            let garbage = FlightData { data_header: bytes(200).into(), data_body: bytes(200).into(), ..FlightData::default() };
            assert!(put(&mut plain, vec![first, garbage]).await.is_err(), "{round}");
        }
        assert_eq!(codes(&put(&mut plain, vec![]).await.unwrap_err()).1, "08P01");
        assert_eq!(codes(&put(&mut plain, vec![FlightData::default()]).await.unwrap_err()).1, "08P01");
        // A message that is too large.
        let update = CommandStatementUpdate { query: format!("SELECT '{}'", "x".repeat(2 << 20)), transaction_id: None };
        let large = FlightDescriptor::new_cmd(update.as_any().encode_to_vec());
        assert_eq!(plain.get_flight_info(large).await.unwrap_err().code(), Code::OutOfRange);
        let wide = FlightData { data_body: vec![0; 2 << 20].into(), data_header: vec![1].into(), ..FlightData::default() };
        let error = put(&mut plain, vec![wide]).await.unwrap_err();
        assert!(matches!(error.code(), Code::OutOfRange | Code::ResourceExhausted), "{error}");
        // Bytes that are not even gRPC.
        for text in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x00\x05hello", b"\0\0\0\x08\x04\xd2\x16\x2f"] {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(text).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let _ = stream.read(&mut [0; 100]);
        }
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM t").await, 5000);
    });
}

async fn put(client: &mut FlightServiceClient<Channel>, messages: Vec<FlightData>) -> Result<(), Status> {
    client.do_put(stream::iter(messages)).await?.into_inner().try_collect::<Vec<_>>().await.map(drop)
}
