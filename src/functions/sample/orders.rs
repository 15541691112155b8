//! `sample_orders`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::Result;

use super::shop::{self, Shop};
use super::table::{Rows, TOGETHER, arguments};
use crate::docs::{Argument, Column, Doc, Kind};

pub struct Orders;

const ARGUMENTS: [Argument; 2] = arguments("10000");

impl Rows for Orders {
    const IN_BLOCK: u64 = shop::ORDERS;
    const DOC: Doc = Doc {
        name: "sample_orders",
        kind: Kind::Relation,
        domain: "sample",
        summary: "Makes the orders of a sample shop.",
        description: TOGETHER,
        arguments: &ARGUMENTS,
        columns: &[
            Column { name: "order_id", data_type: "BIGINT", text: "from 1" },
            Column { name: "customer_id", data_type: "BIGINT", text: "key of the customer; NULL for a guest" },
            Column { name: "ordered_at", data_type: "TIMESTAMP", text: "time of the order, without a time zone" },
            Column { name: "status", data_type: "VARCHAR", text: "`paid`, `cancelled`, `refunded`" },
            Column { name: "channel", data_type: "VARCHAR", text: "`app`, `mini program`, `web`, `store`" },
            Column { name: "payment", data_type: "VARCHAR", text: "`alipay`, `wechat pay`, `card`, `cash`" },
            Column { name: "discount", data_type: "DECIMAL(12, 2)", text: "in yuan" },
            Column { name: "amount", data_type: "DECIMAL(12, 2)", text: "in yuan, after the discount" },
        ],
        examples: &[
            "SELECT channel, count(*) AS orders, sum(amount) AS revenue
FROM sample_orders(rows => 10000) WHERE status = 'paid' GROUP BY channel ORDER BY revenue DESC;",
            "SELECT o.customer_id, c.city, count(*) AS orders, sum(o.amount) AS revenue
FROM sample_orders(rows => 10000) AS o JOIN sample_customers(rows => 1000) AS c ON c.customer_id = o.customer_id
WHERE o.status = 'paid' GROUP BY o.customer_id, c.city ORDER BY revenue DESC LIMIT 3;",
        ],
        ..Doc::EMPTY
    };

    fn fields() -> Vec<FieldRef> {
        let field = |name: &str, data_type: DataType, nullable| Arc::new(Field::new(name, data_type, nullable));
        vec![
            field("order_id", DataType::Int64, false),
            field("customer_id", DataType::Int64, true),
            field("ordered_at", DataType::Timestamp(TimeUnit::Microsecond, None), false),
            field("status", DataType::Utf8, false),
            field("channel", DataType::Utf8, false),
            field("payment", DataType::Utf8, false),
            field("discount", DataType::Decimal128(12, 2), false),
            field("amount", DataType::Decimal128(12, 2), false),
        ]
    }

    fn columns(shop: Shop, block: u64) -> Result<Vec<ArrayRef>> {
        let rows = shop.orders(block);
        let rows = || rows.iter();
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row.id))),
            Arc::new(Int64Array::from_iter(rows().map(|row| row.customer))),
            Arc::new(TimestampMicrosecondArray::from_iter_values(rows().map(|row| row.time * 1_000_000))),
            Arc::new(StringArray::from_iter_values(rows().map(|row| row.status))),
            Arc::new(StringArray::from_iter_values(rows().map(|row| row.channel))),
            Arc::new(StringArray::from_iter_values(rows().map(|row| row.payment))),
            money(rows().map(|row| row.discount), 12)?,
            money(rows().map(|row| row.amount), 12)?,
        ])
    }
}

/// Cents as DECIMAL(precision, 2).
pub fn money(cents: impl Iterator<Item = i64>, precision: u8) -> Result<ArrayRef> {
    let values = Decimal128Array::from_iter_values(cents.map(i128::from));
    Ok(Arc::new(values.with_precision_and_scale(precision, 2)?))
}
