//! Addresses of e-mail.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::cleaning::email::Email;

pub static ALL: [TextFunction; 2] = [
    TextFunction::new(
        Doc {
            name: "clean_email",
            domain: "clean",
            summary: "An e-mail address in one form: small letters, no blanks, the domain in ASCII.",
            description: "\
Full-width characters become plain ones, `Name <a@b.com>` and `mailto:` give the address within, and a comma or semicolon at the end is dropped. Domains in
other scripts are written as mail servers know them (`xn--…`). Letters before the `@` are made small too: no provider of note tells
them apart.

With `provider_rules`, an address is what its provider reads: Gmail ignores dots and what follows `+`, Outlook, iCloud and others what follows `+`, Yahoo
what follows `-`; `googlemail.com` is `gmail.com`. So one mailbox has one key, though mail should be sent to the address as it was given.

NULL for what is no address; `email_problem` says why, and also warns of addresses that are well formed: of domains that give addresses for minutes, and
of those that look like a slip of the finger.",
            arguments: &[
                text("email", "the address as it was typed"),
                Argument::optional("provider_rules", Takes::Flag, "false", "leave out what the provider ignores"),
            ],
            examples: &["SELECT clean_email(' Li.Na@GMAIL.com ') AS plain, clean_email('Li.Na+shop@gmail.com', provider_rules => true) AS mailbox;"],
            source: "RFC 5321, RFC 5322, UTS 46",
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let by_provider = options.flag("provider_rules")?;
            Ok(Box::new(move |email, clean| match Email::read(email) {
                Ok(email) => {
                    let email = if by_provider { email.by_provider() } else { email };
                    clean.push_str(&email.name);
                    clean.push('@');
                    clean.push_str(&email.domain);
                    true
                }
                Err(_) => false,
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "email_problem",
            domain: "clean",
            summary: "Why `clean_email` gives NULL, or what looks wrong with an address that it gives.",
            description: "\
For what is no address: `empty`, `masked`, `no @`, `several addresses`, `nothing before the @`, `nothing after the @`, `domain has no dot`, `a character that is not allowed`,
`a dot at an end or two in a row`, `too long`, `not a domain name`. For addresses that are well formed: `disposable domain`, and `perhaps gmail.com` for a domain
one letter away from one that many have. NULL for all others. Both lists are short and shipped with the program; whether a mailbox exists is not known.",
            arguments: &[text("email", "the address as it was typed")],
            examples: &["SELECT email_problem('li.na') AS one, email_problem('li@gmial.com') AS two, email_problem('li@mailinator.com') AS three;"],
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|email, problem| match Email::read(email) {
                Ok(email) if email.is_disposable() => {
                    problem.push_str("disposable domain");
                    true
                }
                Ok(email) => match email.meant() {
                    Some(meant) => {
                        problem.push_str("perhaps ");
                        problem.push_str(&meant);
                        true
                    }
                    None => false,
                },
                Err(wrong) => {
                    problem.push_str(wrong.as_str());
                    true
                }
            }))
        }),
    ),
];
