//! The function `redact`.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::privacy::redact::{Class, redact};

pub static ALL: [TextFunction; 1] = [TextFunction::new(
    Doc {
        name: "redact",
        domain: "privacy",
        summary: "A free text with the personal data in it replaced: `请联系[phone]`.",
        description: "\
| class | what is found | mark in English | in Chinese |
|---|---|---|---|
| `phone` | mobile numbers and landlines with area code of China, with or without `+86`; numbers with `+` and a calling code; North American ones in groups | `[phone]` | `【手机】` |
| `email` | addresses of e-mail | `[email]` | `【邮箱】` |
| `id_card` | numbers of Chinese identity cards, of 18 characters by their check digit, of 15 by province and birth | `[id card]` | `【身份证】` |
| `bank_card` | numbers of bank cards, by prefix, length and Luhn's check digit | `[bank card]` | `【银行卡】` |
| `plate` | number plates of China | `[plate]` | `【车牌】` |
| `ip` | addresses of IPv4 | `[ip]` | `【IP】` |
| `account` | what follows `微信`, `QQ` and the like | `[account]` | `【账号】` |

Digits of full width, Chinese numerals (`一三八…`), blanks and dashes within numbers and letters that cannot be seen do not hide one. The rest of the text stays as it was typed. The hotlines 400 and 800
of companies stay. The digits of an order number that look like none of these stay as well; one in ten numbers of the right prefix and length passes Luhn's check by chance, and is replaced.

Names and addresses in free text are not found, nor numbers spelt in English: a text without marks may still tell who somebody is. Within one text, what is part of one thing is
not looked at as another: the digits of `13812345678@163.com` are no telephone number, also when `classes` leaves `email` out. NULL gives NULL.",
        arguments: &[
            text("text", "the text"),
            Argument::optional("classes", Takes::Choices(&Class::WORDS), "", "what is replaced; all by default"),
            Argument::optional("with", Takes::Text, "", "what stands in the place of each; by default a mark that tells the class"),
            Argument::optional("language", Takes::Choice(&["en", "zh"]), "'en'", "language of the marks"),
        ],
        examples: &[
            "SELECT redact('张三，电话１３８-1234-5678，邮箱 zhang@example.com', language => 'zh') AS text;",
            "SELECT redact('call +1 415 555 2671 or pay 4111 1111 1111 1111', classes => ['bank_card'], with => '***') AS text;",
        ],
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
