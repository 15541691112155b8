//! `sample_events`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::Result;

use super::catalogue::{CATEGORIES, PRODUCTS};
use super::shop::{self, Shop};
use super::table::{Rows, TOGETHER, arguments};
use crate::docs::{Argument, Column, Doc, Kind};

pub struct Events;

const ARGUMENTS: [Argument; 2] = arguments("25000");

impl Rows for Events {
    const IN_BLOCK: u64 = shop::EVENTS;
    const DOC: Doc = Doc {
        name: "sample_events",
        kind: Kind::Relation,
        domain: "sample",
        summary: "Makes the events of a sample shop: visits, from search and view to payment.",
        description: TOGETHER,
        arguments: &ARGUMENTS,
        columns: &[
            Column { name: "event_id", data_type: "BIGINT", text: "from 1" },
            Column { name: "customer_id", data_type: "BIGINT", text: "customer of the visit, as in `sample_customers`" },
            Column { name: "session_id", data_type: "BIGINT", text: "number of the visit, the same for all its events" },
            Column { name: "event_time", data_type: "TIMESTAMP", text: "time of the event, without a time zone" },
            Column { name: "event", data_type: "VARCHAR", text: "`search`, `view`, `cart`, `checkout`, `pay`, `complaint`" },
            Column { name: "product_id", data_type: "BIGINT", text: "or missing" },
            Column { name: "category", data_type: "VARCHAR", text: "or missing" },
            Column { name: "channel", data_type: "VARCHAR", text: "`app`, `mini program`, `web`, `store`" },
            Column { name: "seconds", data_type: "INT", text: "how long a product was viewed" },
        ],
        examples: &[
            "SELECT event, count(*) AS events, count(DISTINCT customer_id) AS customers
FROM sample_events(rows => 25000) GROUP BY event ORDER BY events DESC;",
            "SELECT session_id, min(event_time) AS start, count(*) AS events, bool_or(event = 'pay') AS paid
FROM sample_events(rows => 25000) WHERE customer_id = 1 GROUP BY session_id ORDER BY start LIMIT 3;",
        ],
        ..Doc::EMPTY
    };

    fn fields() -> Vec<FieldRef> {
        let field = |name: &str, data_type: DataType, nullable| Arc::new(Field::new(name, data_type, nullable));
        vec![
            field("event_id", DataType::Int64, false),
            field("customer_id", DataType::Int64, false),
            field("session_id", DataType::Int64, false),
            field("event_time", DataType::Timestamp(TimeUnit::Microsecond, None), false),
            field("event", DataType::Utf8, false),
            field("product_id", DataType::Int64, true),
            field("category", DataType::Utf8, true),
            field("channel", DataType::Utf8, false),
            field("seconds", DataType::Int32, true),
        ]
    }

    fn columns(shop: Shop, block: u64) -> Result<Vec<ArrayRef>> {
        let rows = shop.events(block);
        let rows = || rows.iter();
        let category = |product: usize| CATEGORIES[PRODUCTS[product].category];
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row.id))),
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row.customer))),
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row.session))),
            Arc::new(TimestampMicrosecondArray::from_iter_values(rows().map(|row| row.time * 1_000_000))),
            Arc::new(StringArray::from_iter_values(rows().map(|row| row.event))),
            Arc::new(Int64Array::from_iter(rows().map(|row| row.product.map(|product| product as i64 + 1)))),
            Arc::new(StringArray::from_iter(rows().map(|row| row.product.map(category)))),
            Arc::new(StringArray::from_iter_values(rows().map(|row| row.channel))),
            Arc::new(Int32Array::from_iter(rows().map(|row| row.seconds))),
        ])
    }
}
