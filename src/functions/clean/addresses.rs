//! Chinese addresses.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc};
use crate::kernels::chinese::addresses::{Address, parse};
use crate::kernels::cleaning::texts::Cleaning;

const ADDRESS: Argument = text("address", "Chinese address as typed, largest division first; NULL gives NULL");

pub static ALL: [TextFunction; 2] = [
    TextFunction::new(
        Doc {
            name: "clean_address_cn",
            domain: "clean",
            summary: "Splits a Chinese address into parts: STRUCT(province, city, district, rest).",
            description: "\
Names of divisions are read from the beginning, each one below the one before it, in full or short form (`广东深圳南山区`, `内蒙古呼和浩特`, `延边州`).
Separators, a postcode, `中国`, `收货地址：` or `市辖区` can stand between them, and characters can be simplified or traditional. Text before the full
name of a province or city (a name, a number) goes to `rest`. All results are full present names, by the divisions of 2026.

| field | meaning |
|---|---|
| `province` | province, autonomous region, municipality or special region |
| `city` | prefecture-level city, prefecture or league; for a municipality, the municipality again; NULL where the province governs the district directly (仙桃市, 澄迈县), and in Hong Kong and Macau |
| `district` | district, county or county-level city |
| `rest` | what follows: town, street, house |

**Missing levels** are filled in where they are certain: 昆山市 is in Suzhou, Jiangsu. If several places have the same name, the fields in
which they differ are NULL: 鼓楼区 alone has neither province nor city. **Former names** give the present ones (襄樊市 is 襄阳市, 宣武区 is part of 西城区,
巢湖市庐江县 is in Hefei), by the changes since 1980; a district that was divided gives its largest part, or only its city.

A short name counts only if it is not part of another name: 南京 does not count in 南京路 and 南京东路, and short names of districts count only after
their city or province. Taiwan is read down to its districts, towns and townships, Hong Kong and Macau down to their districts, which count
only after their city, 香港 or 澳门. Other towns and streets are not checked. A text without a division gives NULL for all three levels and the text itself as
`rest`. `address_problem` says what is wrong.

**Cost.** About 9 seconds of CPU per million addresses. Keep the result in a table, or name it once in a subquery, if you need several
of its fields: each call reads the address again.

**Elsewhere.** Python: `cpca.transform`, whose divisions are those of one year; elsewhere an address service of a map, per call.",
            arguments: &[ADDRESS],
            examples: &[
                "SELECT clean_address_cn('广东深圳南山区科技园路1号') AS parts;",
                "SELECT address, clean_address_cn(address)['city'] AS city, clean_address_cn(address)['district'] AS district
FROM (VALUES ('昆山市人民路1号'), ('湖北省襄樊市襄城区'), ('鼓楼区中山路1号')) AS given(address);",
            ],
            source: "GB/T 2260 and the national database of place names (2026); changes since 1980 from the data set real-china-division",
            ..Doc::EMPTY
        },
        Gives::Array(|_| Ok(DataType::Struct(fields())), |addresses, _| parts(addresses)),
    ),
    TextFunction::new(
        Doc {
            name: "address_problem",
            domain: "clean",
            summary: "Returns what is wrong with an address, as `clean_address_cn` reads it; NULL if nothing is wrong.",
            description: "\
The first that holds:

| problem | meaning |
|---|---|
| `blank` | only spaces |
| `no division` | no province, city or district is named |
| `ambiguous division` | several places have this name |
| `district not in city` | the district that follows is in another city or province |
| `no district` | the address stops at the province or city, although it has districts |
| `former division` | a name that is no longer used; `clean_address_cn` gives the present one |
| `no detail` | nothing follows the district |

**Cost.** As `clean_address_cn`: each call reads the text again.

**Elsewhere.** Services of maps, such as the geocoding of AMap, return the level down to which they found an address, and none of the
other problems.",
            arguments: &[ADDRESS],
            examples: &["SELECT address, address_problem(address) AS problem
FROM (VALUES ('北京市朝阳区建国路88号'), ('北京市西湖区文三路'), ('鼓楼区中山路1号'), ('北京市宣武区广安门')) AS given(address);"],
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|address, problem| match read(address).problem {
                Some(found) => {
                    problem.push_str(found.word());
                    true
                }
                None => false,
            }))
        }),
    ),
];

fn read(address: &str) -> Address {
    parse(&Cleaning::default().clean(address))
}

fn fields() -> Fields {
    ["province", "city", "district", "rest"].iter().map(|name| Field::new(*name, DataType::Utf8View, true)).collect()
}

fn parts(addresses: &StringViewArray) -> Result<ArrayRef> {
    let mut columns: [StringViewBuilder; 4] = std::array::from_fn(|_| StringViewBuilder::with_capacity(addresses.len()));
    for address in addresses {
        let [province, city, district, rest] = &mut columns;
        let Some(address) = address else {
            columns.iter_mut().for_each(StringViewBuilder::append_null);
            continue;
        };
        let parts = read(address);
        province.append_option(parts.province);
        city.append_option(parts.city);
        district.append_option(parts.district);
        rest.append_option(Some(parts.rest.as_str()).filter(|rest| !rest.is_empty()));
    }
    let columns = columns.map(|mut column| Arc::new(column.finish()) as ArrayRef);
    let nulls = addresses.nulls().cloned();
    Ok(Arc::new(StructArray::try_new(fields(), columns.into(), nulls)?))
}
