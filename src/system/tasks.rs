//! The index by task: what one wants to know or do, and the functions and statements for it.

use std::fmt::Write;

use crate::docs::{Doc, Kind};
use crate::language::Language;

/// Questions and tasks under one heading, each with the names of pages, the one to begin with first.
type Topic = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const TOPICS: &[Topic] = &[
    (
        "Bring data in, write data out",
        &[
            ("Read a CSV file, with its separators, decimal commas and encodings", &["read_csv", "csv_rejects"]),
            ("Read JSON, Excel or Parquet files", &["read_json", "read_excel", "read_parquet"]),
            ("See what is in a file before reading it", &["file_info", "file_columns"]),
            ("Read a table of PostgreSQL or SQLite", &["CREATE EXTERNAL TABLE"]),
            ("Keep data in the database", &["CREATE TABLE", "INSERT INTO", "UPDATE", "DELETE", "MERGE INTO"]),
            ("Write a result to a file", &["COPY"]),
            ("Save the whole database", &["BACKUP DATABASE"]),
            (
                "Try something without data of my own",
                &["sample_orders", "sample_customers", "sample_order_items", "sample_events"],
            ),
        ],
    ),
    (
        "Know the data, clean the data",
        &[
            ("Convert strings to numbers, days and other types", &["CAST, data types", "parse_number", "parse_date"]),
            ("What is in these columns?", &["data_profile", "summarize"]),
            ("Are there rows twice? Keep each once", &["data_profile", "SELECT", "CREATE CHECK"]),
            ("Where are gaps, and which customers are incomplete?", &["completeness", "impute"]),
            ("Which values are too large or too small to be true?", &["find_outliers", "outlier_bounds"]),
            ("Correct values by rules and keep a log of every change", &["clean", "clean_log"]),
            (
                "Bring phone numbers, e-mail addresses and names into one form",
                &["clean_phone", "clean_email", "clean_name", "clean_company"],
            ),
            ("Read dates and numbers as people write them", &["parse_date", "parse_number"]),
            ("Check Chinese identity card numbers", &["id_card_valid", "id_card_problem"]),
            ("Split Chinese addresses into province, city and district", &["clean_address_cn"]),
            ("Map industries and other words to a standard list", &["standard_industry", "standardize"]),
            ("Check a table every night, and stop a refresh when the check fails", &["CREATE CHECK", "CHECK TABLE"]),
        ],
    ),
    (
        "One customer, one record",
        &[
            ("Which records are the same person?", &["resolve_identities", "match_pairs", "CREATE IDENTITY"]),
            ("Why were two records matched?", &["explain_match", "match_parameters", "identity_links"]),
            ("Which matches look doubtful?", &["bridges", "identity_changes"]),
            ("Take the best value of each field", &["golden_records"]),
        ],
    ),
    (
        "Who are my customers?",
        &[
            ("Who are my best customers?", &["rfm", "rfm_segment", "rfm_bins"]),
            ("Keep one row per customer up to date", &["CREATE PROFILE", "REFRESH", "SHOW PROFILES, DESCRIBE PROFILE"]),
            ("Give customers tags by rules", &["CREATE TAG", "tag_coverage", "mece_check"]),
            ("Why does this customer have this tag?", &["explain_tag"]),
            ("Have the values of a tag drifted since its model was trained?", &["tag_drift"]),
            ("What does each customer prefer?", &["preference", "preference_share"]),
            ("How often does each customer buy, and is it more or less than before?", &["purchase_cycle", "trend"]),
            ("What did a customer buy first, and what last?", &["first_value_by", "last_value_by"]),
            ("Find groups that nobody has named yet", &["choose_clusters", "kmeans", "kprototypes", "cluster_profile"]),
            ("Are the groups any good, and what makes them different?", &["cluster_validity", "explain_segments"]),
            ("What did the profile look like last month?", &["FOR SYSTEM_TIME AS OF"]),
            ("Which value did a tag have before, and since when?", &["profile.NAME_history", "explain_tag"]),
        ],
    ),
    (
        "Select and compare audiences",
        &[
            ("Select the customers for a campaign", &["CREATE SEGMENT", "COPY"]),
            ("How do audiences overlap?", &["segment_overlap", "co_occurrence"]),
            ("Who came, who left since last month?", &["segment_diff"]),
        ],
    ),
    (
        "What is bought together?",
        &[
            ("Which products are bought together?", &["association_rules", "frequent_itemsets"]),
            ("What should I offer to whom?", &["recommend"]),
            ("Choose the smallest support", &["support_curve"]),
        ],
    ),
    (
        "What will customers do?",
        &[
            ("Who is going to leave, who is going to buy again?", &["training_set", "CREATE MODEL", "ml_predict"]),
            ("Is the model any good?", &["ml_evaluate", "ml_lift", "ml_calibration", "ml_roc_curve", "ml_confusion_matrix"]),
            ("Why does the model say so?", &["ml_explain", "ml_feature_importance", "ml_weights"]),
            ("What is a customer worth in the future?", &["clv_summary", "customer_lifetime_value", "clv_holdout"]),
            ("When is the next purchase due?", &["next_purchase"]),
            ("How long do customers stay?", &["survival_curve", "log_rank", "cox"]),
        ],
    ),
    (
        "What did customers do and say?",
        &[
            ("Where do customers leave the funnel?", &["window_funnel", "window_funnel_customers"]),
            ("Do customers come back?", &["retention"]),
            ("Which paths do customers take?", &["journey_paths", "journey_edges", "next_event", "path_difference"]),
            ("Which sequences of events are frequent?", &["frequent_sequences", "sequence_match"]),
            ("Divide events into sessions", &["sessionize"]),
            ("Which channels deserve the credit?", &["attribution", "touchpoints"]),
            ("How satisfied are customers?", &["nps_result", "csat_result", "ces_result", "survey_summary"]),
            ("What do customers write about?", &["text_themes", "sentiment", "keywords"]),
        ],
    ),
    (
        "Did it work?",
        &[
            ("How many customers does a test need?", &["sample_size", "minimum_detectable_effect", "experiment_power"]),
            ("Divide customers into test and control groups", &["CREATE EXPERIMENT", "assign"]),
            ("Did the offer change anything?", &["experiment_result", "tag_uplift", "difference_in_differences"]),
            ("Whom should the offer go to?", &["uplift_curve"]),
        ],
    ),
    (
        "Personal data",
        &[
            ("Where are personal data?", &["find_personal_data"]),
            ("Show parts of names, phone numbers and identity cards only", &["CREATE MASK", "mask_name", "mask_phone", "redact"]),
            ("Show a role its own rows only", &["CREATE ROW POLICY", "CREATE ROLE", "GRANT"]),
            ("Replace identifiers and still join by them", &["pseudonymize", "tokenize"]),
            ("Give data away without giving away persons", &["anonymize", "k_anonymity", "noisy_count", "noisy_sum"]),
            ("Erase a customer, or tell what is known", &["ERASE SUBJECT", "EXPORT SUBJECT", "RETAIN"]),
            ("Use data only for purposes that customers agreed to", &["CREATE CONSENT"]),
        ],
    ),
    (
        "Every day",
        &[
            ("Run a script every night", &["CREATE SCHEDULE"]),
            ("Write the monthly report, or the page of one customer", &["COPY REPORT", "COPY CARD"]),
            ("Draw a chart", &["COPY … (CHART …)"]),
            ("Give a colleague or a BI tool an account on the server", &["CREATE ROLE", "GRANT"]),
            ("Messages, help and reports in Chinese", &["SET"]),
        ],
    ),
];

/// What pages are for: each task with its names.
pub fn tasks() -> impl Iterator<Item = &'static (&'static str, &'static [&'static str])> {
    TOPICS.iter().flat_map(|(_, tasks)| *tasks)
}

/// The page of the tasks; `shown` is how a name is written.
pub fn by_task(language: Language, shown: impl Fn(&str) -> String) -> String {
    let mut page = format!("# {}\n", language.text("What do you want to do?"));
    for (topic, tasks) in TOPICS {
        let _ = write!(page, "\n## {}\n\n{}\n|---|---|\n", language.text(topic), language.text("| task | see |"));
        for (task, names) in *tasks {
            let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
            let _ = writeln!(page, "| {} | {} |", language.text(task), names.join(", "));
        }
    }
    page
}

/// The page of all names in alphabetical order.
pub fn by_name(language: Language, docs: &[(&'static Doc, &str)]) -> String {
    let mut docs = docs.to_vec();
    docs.sort_by_key(|(doc, _)| doc.name.to_lowercase());
    let headings = language.text("| name | kind | what it does |");
    let mut page = format!("# {}\n\n{headings}\n|---|---|---|\n", language.text("Index by name"));
    for (doc, file) in docs {
        let (kind, summary) = (kind(language, doc.kind), language.text(doc.summary));
        let _ = writeln!(page, "| {} | {kind} | {} |", link(doc.name, file), summary.replace('|', "\\|"));
    }
    page
}

/// The word for what a page describes.
fn kind(language: Language, kind: Kind) -> &'static str {
    match (language, kind) {
        (Language::En, kind) => kind.as_str(),
        (Language::Zh, Kind::Scalar) => "标量函数",
        (Language::Zh, Kind::Aggregate) => "聚合函数",
        (Language::Zh, Kind::Relation) => "关系函数",
        (Language::Zh, Kind::Statement) => "语句",
        (Language::Zh, Kind::Setting) => "设置",
        (Language::Zh, Kind::Model) => "模型",
        (Language::Zh, Kind::Table) => "表",
    }
}

/// A link to the heading of a page, as GitHub names headings.
pub fn link(name: &str, file: &str) -> String {
    let anchor: String = name
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || matches!(letter, '_' | '-') => Some(letter),
            _ => None,
        })
        .collect();
    format!("[`{name}`]({file}.md#{anchor})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::pages;

    #[test]
    fn every_name_of_a_task_has_a_page() {
        let names: Vec<&str> = pages().iter().map(|doc| doc.name).collect();
        let asked = tasks().flat_map(|(_, names)| *names);
        let missing: Vec<&&str> = asked.filter(|name| !names.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// A relation function is made for a task: one can find it by that.
    #[test]
    fn every_relation_function_has_a_task() {
        const PARTS_OF_OTHERS: [&str; 14] = [
            "connected_components",
            "rfm_scheme",
            "ml_training_info",
            "ml_centroids",
            "ml_feature_info",
            "experiment_assignments",
            "experiment_outcomes",
            "new_customer_purchases",
            "sample_truth",
            "survey_answers",
            "sequence_count",
            "anonymization_loss",
            "l_diversity",
            "t_closeness",
        ];
        let asked: Vec<&str> = tasks().flat_map(|(_, names)| *names).copied().collect();
        let relations = pages().into_iter().filter(|doc| doc.kind == Kind::Relation).map(|doc| doc.name);
        let missing: Vec<&str> = relations.filter(|name| !asked.contains(name) && !PARTS_OF_OTHERS.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
