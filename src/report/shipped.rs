//! The sections shipped with the program, in order; the user's own folder can replace them by name and add others.

macro_rules! scripts {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../sql/", $folder, "/", $name)))),*]
    };
}

/// The sections of a profile's report.
pub const REPORT: &[(&str, &str)] = scripts!("report":
    "010_members.sql",
    "015_purchases.sql",
    "016_currencies.sql",
    "017_left_out.sql",
    "020_region.sql",
    "021_age.sql",
    "022_gender.sql",
    "030_rfm.sql",
    "040_segments.sql",
    "041_segment_value.sql",
    "042_segment_radar.sql",
    "043_segment_overlap.sql",
    "044_segment_categories.sql",
    "050_cohorts.sql",
    "055_months.sql",
    "060_rules.sql",
    "070_clusters.sql",
    "080_predictions.sql",
    "090_tags.sql",
    "091_changes.sql",
    "100_checks.sql",
);

/// The sections of a customer's card.
pub const CARD: &[(&str, &str)] = scripts!("card":
    "010_attributes.sql",
    "015_purchases.sql",
    "020_tags.sql",
    "030_segments.sql",
    "031_timeline.sql",
    "035_contacts.sql",
    "036_interactions.sql",
    "037_answers.sql",
    "040_orders.sql",
    "045_channels.sql",
    "050_categories.sql",
    "060_offers.sql",
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::report::Section;

    #[test]
    fn every_script_of_the_folders_is_shipped_and_read() {
        for (folder, shipped) in [("report", REPORT), ("card", CARD)] {
            let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(folder);
            let files = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let files: BTreeSet<String> = files.filter(|name| name.ends_with(".sql")).collect();
            assert_eq!(files, shipped.iter().map(|(name, _)| (*name).to_string()).collect());
            for (name, script) in shipped {
                let section = Section::read(name, script).unwrap();
                assert!(section.title.of(super::super::Language::Zh) != section.title.of(super::super::Language::En), "{name}");
            }
        }
    }
}
