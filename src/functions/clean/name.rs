//! Names of persons and companies.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::Doc;
use crate::kernels::cleaning::company::Company;
use crate::kernels::cleaning::name::clean;

const NAME: crate::docs::Argument = text("name", "the name as it was typed");

pub static ALL: [TextFunction; 5] = [
    TextFunction::new(
        Doc {
            name: "clean_name",
            domain: "clean",
            summary: "A person's name in one spelling, without titles.",
            description: "\
- Titles go: 先生, 女士, 老师 and the like after a Chinese name, Mr, Dr, Frau before and PhD after one in Latin letters.
- Blanks between Chinese characters go, others become single. The dot between the parts of a foreign name is `·`.
- A name all in capitals, or all in small letters, gets capitals where names have them (`JEAN-LUC`, `o'brien`, `ludwig van beethoven`); any other stays as it is.
- `Smith, John` becomes `John Smith`.
- `*` stays: it stands for letters that are hidden.

NULL for what is no name: digits, signs alone, and words that stand for a missing name (`无`, `测试`, `test`, `unknown`); `name_problem` says why. Which part is
the family name is not told, and characters are not changed from traditional to simplified (see `to_simplified`).",
            arguments: &[NAME],
            examples: &["SELECT clean_name('张 三 先生') AS chinese, clean_name('MR. JOHN SMITH') AS english;"],
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|name, given| match clean(name) {
                Ok(name) => {
                    given.push_str(&name);
                    true
                }
                Err(_) => false,
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "name_problem",
            domain: "clean",
            summary: "Why `clean_name` gives NULL; NULL where it gives a name.",
            description: "One of `empty`, `only a title`, `stands for a missing name`, `digits in the name`, `not a name`.",
            arguments: &[NAME],
            examples: &["SELECT name_problem('测试') AS one, name_problem('张三1') AS two, name_problem('张三') AS good;"],
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|name, problem| match clean(name) {
                Ok(_) => false,
                Err(wrong) => {
                    problem.push_str(wrong.as_str());
                    true
                }
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "clean_company",
            domain: "clean",
            summary: "A company's name in one spelling: brackets, blanks, places and legal form.",
            description: "\
The legal form is brought to one spelling: `有限责任公司` to `有限公司`, `Incorporated` to `Inc`, `Co., Ltd.` to `Co Ltd`, `S.A.` to `SA`, `㈱` to `株式会社`. In Chinese names blanks go,
brackets are `（）`, and a province or large city loses its `市` or `省` in front and in brackets. Letters stay as large as they are.

The result is a name to show. To find one company under two spellings use `company_key`. NULL for what is no name; `company_problem` says why.",
            arguments: &[text("company", "the name as it was typed")],
            examples: &["SELECT clean_company('北京市朝阳百货有限责任公司') AS chinese, clean_company('Apple, Incorporated') AS english;"],
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|company, given| match Company::read(company) {
                Ok(company) => {
                    given.push_str(&company.text());
                    true
                }
                Err(_) => false,
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "company_key",
            domain: "clean",
            summary: "What two spellings of one company's name share.",
            description: "\
The name of `clean_company` without legal form, blanks and signs, in small letters, a place in brackets moved to the front: `字节跳动科技（北京）有限公司` and
`北京字节跳动科技有限责任公司` have one key. Two companies may share a key, as a holding and its daughter do that differ in legal form alone.",
            arguments: &[text("company", "the name as it was typed")],
            examples: &["SELECT company_key('字节跳动科技（北京）有限公司') AS one, company_key('北京市字节跳动科技有限责任公司') AS two;"],
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|company, given| match Company::read(company) {
                Ok(company) => {
                    given.push_str(&company.key());
                    true
                }
                Err(_) => false,
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "company_problem",
            domain: "clean",
            summary: "Why `clean_company` gives NULL; NULL where it gives a name.",
            description: "One of `empty`, `stands for a missing name`, `only a legal form`, `no letters`.",
            arguments: &[text("company", "the name as it was typed")],
            examples: &["SELECT company_problem('有限公司') AS one, company_problem('个人') AS two;"],
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|company, problem| match Company::read(company) {
                Ok(_) => false,
                Err(wrong) => {
                    problem.push_str(wrong.as_str());
                    true
                }
            }))
        }),
    ),
];
