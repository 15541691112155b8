//! `sample_customers`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::Result;

use super::catalogue::CITIES;
use super::shop::{self, Shop};
use super::table::{Rows, TOGETHER, arguments};
use crate::docs::{Argument, Column, Doc, Kind};

pub struct Customers;

const ARGUMENTS: [Argument; 2] = arguments("1000");

impl Rows for Customers {
    const IN_BLOCK: u64 = shop::CUSTOMERS;
    const DOC: Doc = Doc {
        name: "sample_customers",
        kind: Kind::Relation,
        domain: "sample",
        summary: "Makes the customers of a sample shop.",
        description: TOGETHER,
        arguments: &ARGUMENTS,
        columns: &[
            Column { name: "customer_id", data_type: "BIGINT", text: "from 1" },
            Column { name: "name", data_type: "VARCHAR", text: "in Chinese or English" },
            Column { name: "gender", data_type: "VARCHAR", text: "`female`, `male` or missing" },
            Column { name: "age", data_type: "INT", text: "years; some missing, some 200 or −1" },
            Column { name: "phone", data_type: "VARCHAR", text: "in several spellings; one person in forty is registered twice" },
            Column { name: "email", data_type: "VARCHAR", text: "or missing" },
            Column { name: "city", data_type: "VARCHAR", text: "in China or abroad" },
            Column { name: "province", data_type: "VARCHAR", text: "province or region" },
            Column { name: "country", data_type: "VARCHAR", text: "country" },
            Column { name: "city_tier", data_type: "VARCHAR", text: "`tier 1`, `new tier 1`, `tier 2`, `tier 3`, `abroad`" },
            Column { name: "registered_at", data_type: "TIMESTAMP", text: "time of the registration, without a time zone" },
            Column { name: "channel", data_type: "VARCHAR", text: "where: `app`, `mini program`, `web`, `store`" },
            Column { name: "customer_type", data_type: "VARCHAR", text: "`personal` or `business`" },
            Column {
                name: "job_role",
                data_type: "VARCHAR",
                text: "for business customers: `buyer`, `user`, `finance`, `owner`",
            },
        ],
        examples: &[
            "SELECT city_tier, count(*) AS customers FROM sample_customers(rows => 1000) GROUP BY city_tier ORDER BY customers DESC;",
        ],
        ..Doc::EMPTY
    };

    fn fields() -> Vec<FieldRef> {
        let field = |name: &str, data_type: DataType, nullable| Arc::new(Field::new(name, data_type, nullable));
        vec![
            field("customer_id", DataType::Int64, false),
            field("name", DataType::Utf8, false),
            field("gender", DataType::Utf8, true),
            field("age", DataType::Int32, true),
            field("phone", DataType::Utf8, true),
            field("email", DataType::Utf8, true),
            field("city", DataType::Utf8, false),
            field("province", DataType::Utf8, false),
            field("country", DataType::Utf8, false),
            field("city_tier", DataType::Utf8, false),
            field("registered_at", DataType::Timestamp(TimeUnit::Microsecond, None), false),
            field("channel", DataType::Utf8, false),
            field("customer_type", DataType::Utf8, false),
            field("job_role", DataType::Utf8, true),
        ]
    }

    fn columns(shop: Shop, block: u64) -> Result<Vec<ArrayRef>> {
        let rows = shop.customers(block);
        let rows = || rows.iter();
        let text = |values: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row.id))),
            text(rows().map(|row| Some(row.name.as_str())).collect()),
            text(rows().map(|row| row.gender).collect()),
            Arc::new(Int32Array::from_iter(rows().map(|row| row.age))),
            text(rows().map(|row| row.phone.as_deref()).collect()),
            text(rows().map(|row| row.email.as_deref()).collect()),
            text(rows().map(|row| Some(CITIES[row.city].0)).collect()),
            text(rows().map(|row| Some(CITIES[row.city].1)).collect()),
            text(rows().map(|row| Some(CITIES[row.city].2)).collect()),
            text(rows().map(|row| Some(CITIES[row.city].3)).collect()),
            Arc::new(TimestampMicrosecondArray::from_iter_values(rows().map(|row| row.registered_at * 1_000_000))),
            text(rows().map(|row| Some(row.channel)).collect()),
            text(rows().map(|row| Some(row.customer_type)).collect()),
            text(rows().map(|row| row.job_role).collect()),
        ])
    }
}
