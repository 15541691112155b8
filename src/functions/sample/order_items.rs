//! `sample_order_items`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;

use super::catalogue::{CATEGORIES, PRODUCTS};
use super::orders::money;
use super::shop::{self, Order, Shop};
use super::table::{Rows, TOGETHER, arguments};
use crate::docs::{Argument, Column, Doc, Kind};

pub struct OrderItems;

const ARGUMENTS: [Argument; 2] = arguments("25000");

impl Rows for OrderItems {
    const IN_BLOCK: u64 = shop::LINES;
    const DOC: Doc = Doc {
        name: "sample_order_items",
        kind: Kind::Relation,
        domain: "sample",
        summary: "Makes the order items of a sample shop: what was in each order.",
        description: TOGETHER,
        arguments: &ARGUMENTS,
        columns: &[
            Column { name: "order_id", data_type: "BIGINT", text: "order that the line belongs to, as in `sample_orders`" },
            Column { name: "line", data_type: "INT", text: "line of the order, from 1" },
            Column { name: "product_id", data_type: "BIGINT", text: "from 1" },
            Column { name: "product", data_type: "VARCHAR", text: "its name" },
            Column { name: "category", data_type: "VARCHAR", text: "`mother and baby`, `electronics`, …" },
            Column { name: "quantity", data_type: "INT", text: "number of pieces; a few are negative, as dirty data" },
            Column { name: "price", data_type: "DECIMAL(10, 2)", text: "price of one piece, in yuan" },
        ],
        examples: &[
            "SELECT category, count(*) AS lines FROM sample_order_items(rows => 25000) GROUP BY category ORDER BY lines DESC;",
        ],
        ..Doc::EMPTY
    };

    fn fields() -> Vec<FieldRef> {
        let field = |name: &str, data_type: DataType| Arc::new(Field::new(name, data_type, false));
        vec![
            field("order_id", DataType::Int64),
            field("line", DataType::Int32),
            field("product_id", DataType::Int64),
            field("product", DataType::Utf8),
            field("category", DataType::Utf8),
            field("quantity", DataType::Int32),
            field("price", DataType::Decimal128(10, 2)),
        ]
    }

    fn columns(shop: Shop, block: u64) -> Result<Vec<ArrayRef>> {
        let orders = shop.orders(block);
        let lines = |order: &'_ Order| -> Vec<(i64, i32, usize, i32, i64)> {
            let numbered = order.lines.iter().zip(1..);
            numbered.map(|(line, number)| (order.id, number, line.product, line.quantity, line.price)).collect()
        };
        let rows: Vec<_> = orders.iter().flat_map(lines).collect();
        let rows = || rows.iter();
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row.0))),
            Arc::new(Int32Array::from_iter_values(rows().map(|row| row.1))),
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row.2 as i64 + 1))),
            Arc::new(StringArray::from_iter_values(rows().map(|row| PRODUCTS[row.2].name))),
            Arc::new(StringArray::from_iter_values(rows().map(|row| CATEGORIES[PRODUCTS[row.2].category]))),
            Arc::new(Int32Array::from_iter_values(rows().map(|row| row.3))),
            money(rows().map(|row| row.4), 10)?,
        ])
    }
}
