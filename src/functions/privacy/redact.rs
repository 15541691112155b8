//! The function `redact`.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::privacy::redact::{Class, redact};

pub static ALL: [TextFunction; 1] = [TextFunction::new(
    Doc {
        name: "redact",
        domain: "privacy",
        summary: "Replaces the personal data in free text: `请联系[phone]`.",
        description: "\
| class | what is found | English mark | Chinese mark |
|---|---|---|---|
| `phone` | Chinese mobile numbers and landlines with area code, with or without `+86`; numbers with `+` and a calling code; North American numbers in groups | `[phone]` | `【手机】` |
| `email` | e-mail addresses, also as `zhang (at) qq [dot] com` or `zhang AT qq DOT com` | `[email]` | `【邮箱】` |
| `id_card` | Chinese identity card numbers: 18 characters by their check digit, 15 by province and birth date; US social security numbers (`123-45-6789`); numbers of passports and travel permits after `护照`, `通行证` or `passport` | `[id card]` | `【身份证】` |
| `bank_card` | bank card numbers, by prefix, length and Luhn check digit | `[bank card]` | `【银行卡】` |
| `iban` | international bank account numbers (IBAN), by the length of their country and their check digits | `[iban]` | `【银行账号】` |
| `plate` | Chinese number plates | `[plate]` | `【车牌】` |
| `ip` | IPv4 addresses | `[ip]` | `【IP】` |
| `account` | what follows `微信`, `QQ` and similar words | `[account]` | `【账号】` |

Full-width digits, Chinese numerals (`一三八…`, `138零零…`), spaces and dashes inside numbers, and invisible characters do not hide a number. The rest of
the text stays as typed. Company hotlines (400 and 800) stay. Digits of an order number stay if they match none of these; one in ten numbers
with the right prefix and length passes the Luhn check by chance, and is replaced. Words count as the signs of an e-mail address only where
capitals among small letters or the name before them show it: `meet at noon` stays.

Names and addresses in free text are not found, nor numbers spelt out in English: a text without marks can still identify a person. Part of
one match is never used for another: the digits of `13812345678@163.com` are not a telephone number, even if `classes` leaves `email` out.
NULL gives NULL.

**Cost.** One scan of each text; time grows with its length.

**Elsewhere.** Presidio's `anonymizer` also finds names and places by language models, and makes their mistakes; in other databases one
chains `regexp_replace`. Both miss Chinese numerals and hidden characters unless you add them.",
        arguments: &[
            text("text", "text in which personal data is replaced, of any length; NULL gives NULL"),
            Argument::optional("classes", Takes::Choices(&Class::WORDS), "", "which classes to replace; default: all"),
            Argument::optional("with", Takes::Text, "", "replacement text; default: a mark that names the class"),
            Argument::optional("language", Takes::Choice(&["en", "zh"]), "'en'", "language of the marks"),
        ],
        examples: &[
            "SELECT redact('张三，电话１３８-1234-5678，邮箱 zhang@example.com', language => 'zh') AS text;",
            "SELECT redact('call +1 415 555 2671 or pay 4111 1111 1111 1111', classes => ['bank_card'], with => '***') AS text;",
            "SELECT customer_id, redact('please call ' || phone || ' or write to ' || coalesce(email, 'nobody')) AS note
FROM sample_customers(rows => 4) ORDER BY customer_id;",
        ],
        source: "the forms are those of `clean_phone`, `id_card_valid`, ISO/IEC 7812 (Luhn) and ISO 13616 (IBAN).",
        ..Doc::EMPTY
    },
    Gives::Text(|options| {
        let classes: Vec<Class> = match options.names("classes") {
            Some(names) => names.iter().filter_map(|name| Class::of(name)).collect(),
            None => Class::ALL.iter().map(|(class, ..)| *class).collect(),
        };
        let with = options.text("with").map(str::to_string);
        let in_chinese = options.word("language")? == "zh";
        Ok(Box::new(move |text, to| {
            redact(text, &classes, |class| with.clone().unwrap_or_else(|| class.mark(in_chinese).to_string()), to);
            true
        }))
    }),
)];
