//! E-mail addresses.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::cleaning::email::Email;

pub static ALL: [TextFunction; 2] = [
    TextFunction::new(
        Doc {
            name: "clean_email",
            domain: "clean",
            summary: "Cleans an e-mail address: lower case, no spaces, the domain in ASCII.",
            description: "\
Full-width characters become ASCII, `Name <a@b.com>`, `mailto:`, `邮箱：` and `a@b.com (work)` give the address inside, and a trailing comma or semicolon is dropped.
Domains in other scripts are written in the form that mail servers use (`xn--…`). The part before the `@` is lower-cased too: no major
provider distinguishes case there.

With `provider_rules`, parts that the provider ignores are removed: dots and everything after `+` for Gmail, everything after `+` for
Outlook, iCloud and others, everything after `-` for Yahoo; `googlemail.com` becomes `gmail.com`. This gives one key per mailbox; to send
mail, use the original address.

The result is NULL for anything that is not an address. `email_problem` says why. It also warns about valid addresses with a disposable
domain, or with a domain that looks like a typing error.

**Cost.** About 1.5 seconds of CPU per million addresses. Values are handled one at a time, so memory does not grow with the rows. No
server is asked.

**Elsewhere.** Python: `email_validator.validate_email(…).normalized`, which rejects where this cleans; dbt and SQL: `lower(trim(email))`.",
            arguments: &[
                text("email", "e-mail address as typed, one in each text; NULL gives NULL"),
                Argument::optional("provider_rules", Takes::Flag, "false", "remove the parts that the provider ignores"),
            ],
            examples: &["SELECT clean_email(' Li.Na@GMAIL.com ') AS plain, clean_email('Li.Na+shop@gmail.com', provider_rules => true) AS mailbox;",
            "SELECT split_part(clean_email(email), '@', 2) AS domain, count(*) AS customers
FROM sample_customers(rows => 1000) GROUP BY domain ORDER BY customers DESC;"],
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
            summary: "Explains why `clean_email` gives NULL, or what looks wrong with an address that it accepts.",
            description: "\
If it is not an address: `empty`, `masked`, `no @`, `several addresses`, `nothing before the @`, `nothing after the @`, `domain has no dot`,
`a character that is not allowed`, `a dot at an end or two in a row`, `too long`, `not a domain name`. For a well-formed address:
`disposable domain`, or `perhaps gmail.com` for a domain one letter away from a common one. NULL for all others. Both lists are short and
part of the program; it does not check whether the mailbox exists.

**Cost.** As `clean_email`: each call reads the text again.

**Elsewhere.** Python: `email_validator` raises an error with the reason; JavaScript: `mailcheck` proposes the domain that was meant.
Lists of disposable domains are packages of their own there.",
            arguments: &[text("email", "e-mail address as typed, one in each text; NULL gives NULL")],
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
