//! Names of persons and companies.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::Doc;
use crate::kernels::cleaning::company::Company;
use crate::kernels::cleaning::name::clean;

const NAME: crate::docs::Argument = text("name", "person's name as typed, Chinese or Latin; NULL gives NULL");

pub static ALL: [TextFunction; 5] = [
    TextFunction::new(
        Doc {
            name: "clean_name",
            domain: "clean",
            summary: "Cleans a person's name: one spelling, without titles.",
            description: "\
- Titles are removed: 先生, 女士, 老师 and similar after a Chinese name; Mr, Dr, Frau before and PhD after a Latin one.
- Spaces between Chinese characters are removed, others become single. The dot between the parts of a foreign name becomes `·`.
- A name in all upper or all lower case gets capitals where names have them (`JEAN-LUC`, `o'brien`, `ludwig van beethoven`); other names
  stay as they are.
- `Smith, John` becomes `John Smith`.
- `*` stays: it stands for hidden letters.

The result is NULL for anything that is not a name: digits, punctuation only, and words that stand for a missing name (`无`, `测试`, `test`,
`unknown`); `name_problem` says why. The family name is not identified, and traditional characters are not converted (see
`to_simplified`).

**Cost.** About 3 seconds of CPU per million names. Values are handled one at a time, so memory does not grow with the rows.

**Elsewhere.** Python: `nameparser` for Latin names, which also splits them; SQL: `trim` and `regexp_replace`.",
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
            summary: "Explains why `clean_name` gives NULL; NULL if it gives a name.",
            description: "\
One of `empty`, `only a title`, `stands for a missing name`, `digits in the name`, `not a name`.

**Cost.** As `clean_name`: each call reads the text again.

**Elsewhere.** Nothing like it: Python's `nameparser` takes any text for a name.",
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
            summary: "Cleans a company name: one spelling for brackets, spaces, places and legal form.",
            description: "\
The legal form gets one spelling: `有限责任公司` becomes `有限公司`, `Incorporated` `Inc`, `Co., Ltd.` `Co Ltd`, `S.A.` `SA`, `㈱` `株式会社`. In Chinese
names, spaces are removed, brackets become `（）`, and a province or large city at the start or in brackets loses its `市` or `省`. Upper and
lower case stay as they are.

The result is a name to display. To find one company under two spellings, use `company_key`. NULL for anything that is not a name;
`company_problem` says why.

**Cost.** About 2.5 seconds of CPU per million names. Values are handled one at a time, so memory does not grow with the rows.

**Elsewhere.** Python: `cleanco.basename`, for Latin legal forms only.",
            arguments: &[text("company", "company name as typed, with or without its legal form; NULL gives NULL")],
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
            summary: "Returns a key that is the same for different spellings of one company's name.",
            description: "\
The result of `clean_company` without legal form, spaces and punctuation, in lower case, with a place in brackets moved to the front:
`字节跳动科技（北京）有限公司` and `北京字节跳动科技有限责任公司` have the same key. Two companies can share a key, for example a holding and a subsidiary whose names
differ only in legal form.

**Cost.** About 3 seconds of CPU per million names. Compute the key once, in a table or view, and join by it: comparing each name with
each other name would cost far more.

**Elsewhere.** OpenRefine: the clustering method `fingerprint`, which knows no legal forms; Python: `cleanco.basename`, in lower case.",
            arguments: &[text("company", "company name as typed, with or without its legal form; NULL gives NULL")],
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
            summary: "Explains why `clean_company` gives NULL; NULL if it gives a name.",
            description: "\
One of `empty`, `stands for a missing name`, `only a legal form`, `no letters`.

**Cost.** As `clean_company`: each call reads the text again.

**Elsewhere.** Nothing like it: Python's `cleanco` takes any text for a name.",
            arguments: &[text("company", "company name as typed, with or without its legal form; NULL gives NULL")],
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
