//! Pseudonyms: their keys come from outside of SQL, and nothing shows them.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::{portrait, run};

const QUERY: &str = "SELECT pseudonymize('13800138000', purpose => 'analytics') AS token, pseudonymize('13800138000', purpose => 'marketing') AS other";

fn asked(key: &Path, sql: &str) -> (i32, String, String) {
    run(portrait().env("PORTRAIT_PSEUDONYM_KEY_FILE", key).args(["-f", "csv", "-c", sql]))
}

#[cfg(unix)]
fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn pseudonyms_are_equal_across_runs_and_differ_by_purpose_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("pseudonyms.key");
    let (one, two) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
    write(&key, &format!("v1:{one}\n"), 0o600);
    let (code, out, errors) = asked(&key, QUERY);
    assert_eq!((code, errors.as_str()), (0, ""));
    let tokens: Vec<&str> = out.lines().nth(1).unwrap().split(',').collect();
    assert!(tokens[0] != tokens[1] && tokens.iter().all(|token| token.starts_with("v1:") && token.len() == 25), "{out}");
    assert_eq!(asked(&key, QUERY).1, out);
    // A new version makes other tokens; the older one can still be used.
    write(&key, &format!("v1:{one}\nv2:{two}\n"), 0o600);
    let (_, newer, _) = asked(&key, QUERY);
    assert!(newer.lines().nth(1).unwrap().starts_with("v2:"), "{newer}");
    let older = "SELECT pseudonymize('13800138000', purpose => 'analytics', version => 'v1') AS token";
    assert_eq!(asked(&key, older).1.lines().nth(1).unwrap(), tokens[0]);
    // Plans and errors contain neither the key nor values of a table.
    let plan = asked(&key, "EXPLAIN SELECT pseudonymize(phone, purpose => 'analytics') FROM sample_customers(rows => 5)");
    let wrong = asked(&key, "SELECT pseudonymize('13800138000', purpose => 'analytics', version => 'v9')");
    assert_eq!((plan.0, wrong.0), (0, 1));
    assert!(wrong.2.contains("has no version 'v9'; it has v1, v2"), "{}", wrong.2);
    for text in [&plan.1, &plan.2, &wrong.1, &wrong.2] {
        assert!(!text.contains(&one) && !text.contains(&two));
    }
}

#[cfg(unix)]
#[test]
fn key_files_that_are_not_right_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("pseudonyms.key");
    let one = STANDARD.encode([1; 32]);
    let (code, _, errors) = asked(&key, QUERY);
    assert!(code == 1 && errors.contains("cannot be read"), "{errors}");
    for (text, mode, problem) in [
        (format!("v1:{one}"), 0o644, "can be read by others (mode 644); run chmod 600 on it"),
        (String::new(), 0o600, "it contains no key"),
        ("v1:c2hvcnQ=".into(), 0o600, "line 1: the key must have 32 bytes"),
        (format!("v1:{one}\nv1:{one}"), 0o600, "line 2: this version is given twice"),
    ] {
        write(&key, &text, mode);
        let (code, out, errors) = asked(&key, QUERY);
        assert!(code == 1 && errors.contains(problem), "{errors}");
        assert!(!out.contains("13800138000") && !errors.contains(&one) && !errors.contains("c2hvcnQ"), "{errors}");
    }
    // Without the variable there is no key.
    let (code, _, errors) = run(portrait().env_remove("PORTRAIT_PSEUDONYM_KEY_FILE").args(["-c", QUERY]));
    assert!(code == 1 && errors.contains("there is no key"), "{errors}");
}

#[cfg(unix)]
#[test]
fn tokens_lead_back() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("pseudonyms.key");
    let (one, two) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
    write(&key, &format!("v1:{one}\n"), 0o600);
    let value = |sql: &str| {
        let (code, out, errors) = asked(&key, sql);
        assert_eq!((code, errors.as_str()), (0, ""), "{sql}");
        out.lines().nth(1).unwrap().to_string()
    };
    let token = value("SELECT tokenize('13800138000', purpose => 'delivery') AS t");
    let digits = value("SELECT tokenize('+86 138-0013-8000', purpose => 'delivery', form => 'digits') AS t");
    assert!(token.starts_with("v1:") && digits.starts_with('+') && digits.len() == 17, "{token} {digits}");
    // With a newer key, older tokens can still be converted back.
    write(&key, &format!("v1:{one}\nv2:{two}\n"), 0o600);
    assert_eq!(value(&format!("SELECT detokenize('{token}', purpose => 'delivery') AS v")), "13800138000");
    assert_eq!(
        value(&format!("SELECT detokenize('{digits}', purpose => 'delivery', form => 'digits', version => 'v1') AS v")),
        "+86 138-0013-8000"
    );
    assert_eq!(value(&format!("SELECT coalesce(detokenize('{token}', purpose => 'other'), 'none') AS v")), "none");
    assert!(value("SELECT tokenize('13800138000', purpose => 'delivery') AS t").starts_with("v2:"));
    let (code, _, errors) = asked(&key, "SELECT detokenize('v9:abcd', purpose => 'delivery') AS v");
    assert!(code == 1 && errors.contains("has no version 'v9'; it has v1, v2"), "{errors}");
}
