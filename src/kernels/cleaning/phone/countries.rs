//! Numbering plans of the countries where most customers live, and the calling codes of all others.
//!
//! A pattern consists of digits and classes of digits, such as `1[3-9]`. A number matches a rule if it begins with the pattern and has
//! the right number of digits; the first matching rule determines the kind. The plans follow those that regulators publish through ITU-T
//! E.164 and its national annexes.

/// The kind of a telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A mobile number.
    Mobile,
    /// A landline.
    Landline,
    /// The plan does not distinguish mobile numbers and landlines.
    MobileOrLandline,
    /// Free for the caller.
    TollFree,
    /// Caller and callee share the cost, as for 400 numbers in China.
    SharedCost,
    /// An internet telephone.
    Voip,
    /// The country's plan is not known here.
    Unknown,
}

impl Kind {
    /// The text in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Landline => "landline",
            Self::MobileOrLandline => "mobile or landline",
            Self::TollFree => "toll free",
            Self::SharedCost => "shared cost",
            Self::Voip => "voip",
            Self::Unknown => "unknown",
        }
    }
}

use Kind::{Landline, Mobile, MobileOrLandline, SharedCost, TollFree, Voip};

/// Numbers with these first digits and this length.
#[derive(Debug)]
pub struct Rule {
    /// The pattern of the first digits, see [`begins`].
    pub begins: &'static str,
    /// The minimum and maximum number of digits.
    pub digits: (usize, usize),
    /// The kind of these numbers.
    pub kind: Kind,
}

const fn rule(kind: Kind, begins: &'static str, least: usize, most: usize) -> Rule {
    Rule { begins, digits: (least, most), kind }
}

/// The numbering plan of a country.
#[derive(Debug)]
pub struct Country {
    /// Two letters of ISO 3166-1.
    pub iso: &'static str,
    /// The calling code.
    pub code: &'static str,
    /// Trunk prefixes: dialled before a number within the country, omitted from abroad. The longest is first.
    pub trunk: &'static [&'static str],
    /// Prefixes dialled before a calling code.
    pub abroad: &'static [&'static str],
    /// The rules for national numbers.
    pub rules: &'static [Rule],
}

const fn country(
    iso: &'static str,
    code: &'static str,
    trunk: &'static [&'static str],
    abroad: &'static [&'static str],
    rules: &'static [Rule],
) -> Country {
    Country { iso, code, trunk, abroad, rules }
}

const NORTH_AMERICA: &[Rule] = &[
    rule(TollFree, "800[2-9]", 10, 10),
    rule(TollFree, "833[2-9]", 10, 10),
    rule(TollFree, "844[2-9]", 10, 10),
    rule(TollFree, "855[2-9]", 10, 10),
    rule(TollFree, "866[2-9]", 10, 10),
    rule(TollFree, "877[2-9]", 10, 10),
    rule(TollFree, "888[2-9]", 10, 10),
    // The middle digit of an area code is never 9, and 211 to 911 are services.
    rule(MobileOrLandline, "[2-9][02-8][0-9][2-9]", 10, 10),
    rule(MobileOrLandline, "[2-9]1[02-9][2-9]", 10, 10),
];

/// The numbering plans.
pub static COUNTRIES: [Country; 55] = [
    country(
        "CN",
        "86",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "1[3-9]", 11, 11),
            rule(TollFree, "800", 10, 10),
            rule(SharedCost, "400", 10, 10),
            // Landlines are recognised by their area codes.
        ],
    ),
    country("US", "1", &["1"], &["011"], NORTH_AMERICA),
    country("CA", "1", &["1"], &["011"], NORTH_AMERICA),
    country(
        "IN",
        "91",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "1800", 8, 13),
            rule(SharedCost, "1860", 11, 11),
            rule(Landline, "79[2-6]", 10, 10),
            rule(Landline, "80[2-6]", 10, 10),
            rule(Mobile, "[6-9]", 10, 10),
            rule(Landline, "[1-5]", 10, 10),
        ],
    ),
    country(
        "JP",
        "81",
        &["0"],
        &["010"],
        &[
            rule(Mobile, "[6-9]0", 10, 10),
            rule(Voip, "50", 10, 10),
            rule(TollFree, "120", 9, 9),
            rule(TollFree, "800", 10, 10),
            rule(Landline, "[1-9][1-9]", 9, 9),
        ],
    ),
    country(
        "DE",
        "49",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "15", 11, 11),
            rule(Mobile, "1[67]", 10, 11),
            rule(TollFree, "800", 8, 13),
            rule(SharedCost, "180", 7, 11),
            rule(Voip, "32", 11, 11),
            rule(Landline, "[2-9]", 6, 11),
        ],
    ),
    country(
        "GB",
        "44",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "7[1-57-9]", 10, 10),
            rule(TollFree, "80[08]", 7, 10),
            rule(Voip, "56", 10, 10),
            rule(Landline, "[12]", 10, 10),
            rule(Landline, "1[2-9][02-9]", 9, 9),
            rule(Landline, "3", 10, 10),
            rule(SharedCost, "8[47]", 10, 10),
        ],
    ),
    country(
        "FR",
        "33",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "[67]", 9, 9),
            rule(TollFree, "80[0-5]", 9, 9),
            rule(SharedCost, "8", 9, 9),
            rule(Voip, "9", 9, 9),
            rule(Landline, "[1-5]", 9, 9),
        ],
    ),
    // In Italy, the leading 0 of a landline is part of the number.
    country(
        "IT",
        "39",
        &[],
        &["00"],
        &[
            rule(Mobile, "3", 9, 10),
            rule(TollFree, "80[03]", 6, 9),
            rule(SharedCost, "84[078]", 6, 9),
            rule(Voip, "55", 10, 10),
            rule(Landline, "0", 6, 11),
        ],
    ),
    country(
        "BR",
        "55",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "800", 9, 10),
            rule(SharedCost, "300", 10, 10),
            rule(SharedCost, "[34]00", 8, 8),
            rule(Mobile, "[1-9][1-9]9", 11, 11),
            rule(Landline, "[1-9][1-9][2-5]", 10, 10),
        ],
    ),
    country(
        "RU",
        "7",
        &["8"],
        &["810"],
        &[rule(Mobile, "9", 10, 10), rule(TollFree, "80[04]", 10, 10), rule(Landline, "[348]", 10, 10)],
    ),
    country(
        "KZ",
        "7",
        &["8"],
        &["810"],
        &[
            rule(Mobile, "7[0467]", 10, 10),
            rule(Mobile, "785", 10, 10),
            rule(Voip, "751", 10, 10),
            rule(TollFree, "800", 10, 10),
            rule(Landline, "7[12]", 10, 10),
        ],
    ),
    country(
        "KR",
        "82",
        &["0"],
        &["00700", "001", "002"],
        &[
            rule(Mobile, "10", 10, 10),
            rule(Mobile, "12[013-9]", 9, 10),
            rule(Mobile, "1[16789]", 9, 10),
            rule(Voip, "70", 10, 10),
            rule(TollFree, "80", 9, 10),
            rule(Landline, "2", 8, 9),
            rule(Landline, "[3-6][1-5]", 8, 10),
            // Numbers of companies: three or four digits after the area code, the first a 1.
            rule(Landline, "3[1-3]1", 5, 6),
            rule(Landline, "[46][1-4]1", 5, 6),
            rule(Landline, "5[1-5]1", 5, 6),
        ],
    ),
    country(
        "AU",
        "61",
        &["0"],
        &["0011"],
        &[
            rule(Mobile, "[45]", 9, 9),
            rule(TollFree, "1800", 10, 10),
            rule(SharedCost, "1300", 10, 12),
            rule(SharedCost, "13[1-9]", 6, 6),
            rule(Voip, "14[57]", 9, 9),
            rule(Landline, "[2378]", 9, 9),
        ],
    ),
    country(
        "ES",
        "34",
        &[],
        &["00"],
        &[
            rule(TollFree, "[89]00", 9, 9),
            rule(SharedCost, "90[12]", 9, 9),
            rule(Mobile, "6", 9, 9),
            rule(Mobile, "7[1-9]", 9, 9),
            rule(Landline, "[89]", 9, 9),
        ],
    ),
    country(
        "MX",
        "52",
        &["01", "044", "045", "1"],
        &["00"],
        &[rule(TollFree, "800", 10, 10), rule(SharedCost, "300", 10, 10), rule(MobileOrLandline, "[2-9]", 10, 10)],
    ),
    country(
        "ID",
        "62",
        &["0"],
        &["001", "007", "008"],
        &[
            rule(TollFree, "80[01]", 8, 11),
            rule(SharedCost, "804", 8, 11),
            rule(Mobile, "8[1-9]", 9, 12),
            rule(Landline, "[2-79]", 7, 11),
        ],
    ),
    country(
        "TR",
        "90",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "5", 10, 10),
            rule(TollFree, "800", 10, 13),
            rule(Voip, "850", 10, 10),
            rule(SharedCost, "950", 10, 10),
            rule(SharedCost, "444", 7, 7),
            rule(Landline, "[2-4]", 10, 10),
        ],
    ),
    country(
        "NL",
        "31",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "6[1-58]", 9, 9),
            rule(TollFree, "800", 7, 10),
            rule(Voip, "8[458]", 9, 9),
            rule(Landline, "[1-57]", 9, 9),
        ],
    ),
    country(
        "SA",
        "966",
        &["0"],
        &["00"],
        &[rule(Mobile, "5", 9, 9), rule(TollFree, "800", 10, 10), rule(SharedCost, "92", 9, 9), rule(Landline, "1[1-7]", 9, 9)],
    ),
    country(
        "CH",
        "41",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "7[2-9]", 9, 9),
            rule(Mobile, "6[89]", 9, 9),
            rule(TollFree, "800", 9, 9),
            rule(SharedCost, "84[0248]", 9, 9),
            rule(Landline, "[2-69]", 9, 9),
            rule(Landline, "[78]1", 9, 9),
        ],
    ),
    country(
        "PL",
        "48",
        &[],
        &["00"],
        &[
            rule(TollFree, "800", 9, 10),
            rule(SharedCost, "801", 9, 9),
            rule(Voip, "39", 9, 9),
            rule(Mobile, "45", 9, 9),
            rule(Mobile, "5[0137]", 9, 9),
            rule(Mobile, "6[069]", 9, 9),
            rule(Mobile, "7[2389]", 9, 9),
            rule(Mobile, "88", 9, 9),
            rule(Landline, "[1-9]", 9, 9),
        ],
    ),
    country(
        "SE",
        "46",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "7[023689]", 9, 9),
            rule(TollFree, "20", 6, 9),
            rule(SharedCost, "77", 6, 9),
            rule(Landline, "[1-689]", 7, 9),
        ],
    ),
    country(
        "BE",
        "32",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "4[5-9]", 9, 9),
            rule(TollFree, "800", 8, 8),
            rule(SharedCost, "78", 8, 8),
            rule(Landline, "[1-35-9]", 8, 8),
            rule(Landline, "4[0-4]", 8, 8),
        ],
    ),
    country(
        "TH",
        "66",
        &["0"],
        &["001"],
        &[
            rule(TollFree, "1800", 10, 10),
            rule(Voip, "6[08]", 9, 9),
            rule(Mobile, "14", 9, 9),
            rule(Mobile, "[689]", 9, 9),
            rule(Landline, "1[0689]", 8, 8),
            rule(Landline, "[2-57]", 8, 8),
        ],
    ),
    country(
        "AR",
        "54",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "9", 11, 11),
            rule(TollFree, "800", 10, 11),
            rule(MobileOrLandline, "11", 10, 10),
            rule(MobileOrLandline, "[23]", 10, 10),
        ],
    ),
    country(
        "AT",
        "43",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "800", 9, 13),
            rule(SharedCost, "8[12]0", 8, 13),
            rule(Voip, "7[28]0", 7, 13),
            // 65 and 64 are also the first digits of areas in Salzburg.
            rule(Mobile, "65[0-3579]", 10, 13),
            rule(Mobile, "644", 10, 13),
            rule(Mobile, "6[6-9]", 7, 13),
            rule(Landline, "[1-57]", 4, 13),
            rule(Landline, "6[1-5]", 4, 13),
        ],
    ),
    country(
        "NO",
        "47",
        &[],
        &["00"],
        &[
            rule(Mobile, "[49]", 8, 8),
            rule(TollFree, "80[01]", 8, 8),
            rule(SharedCost, "81", 8, 8),
            rule(Voip, "85", 8, 8),
            rule(Landline, "[23567]", 8, 8),
        ],
    ),
    country(
        "AE",
        "971",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "5[02-68]", 9, 9),
            rule(SharedCost, "[67]00", 9, 9),
            rule(TollFree, "800", 5, 12),
            rule(Landline, "[2-4679]", 8, 8),
        ],
    ),
    country(
        "IL",
        "972",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "180[019]", 10, 10),
            rule(SharedCost, "1700", 10, 10),
            rule(Mobile, "5", 9, 9),
            rule(Voip, "7", 9, 9),
            rule(Landline, "[2-489]", 8, 8),
        ],
    ),
    country(
        "IE",
        "353",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "1800", 10, 10),
            rule(Mobile, "8[3-9]", 9, 9),
            rule(SharedCost, "18[59]0", 10, 10),
            rule(Voip, "76", 9, 9),
            rule(Landline, "1", 8, 9),
            rule(Landline, "[24-79]", 7, 9),
        ],
    ),
    country(
        "SG",
        "65",
        &[],
        &["000", "001", "002", "008", "018", "019"],
        &[rule(TollFree, "1?800", 10, 11), rule(Mobile, "[89]", 8, 8), rule(Voip, "3", 8, 8), rule(Landline, "6", 8, 8)],
    ),
    country(
        "HK",
        "852",
        &[],
        &["001", "0080", "009"],
        &[rule(TollFree, "800", 9, 9), rule(Landline, "[23]", 8, 8), rule(Mobile, "[4-79]", 8, 8), rule(Mobile, "8[4-9]", 8, 8)],
    ),
    country("MO", "853", &[], &["00"], &[rule(TollFree, "0800", 7, 7), rule(Mobile, "6", 8, 8), rule(Landline, "[28]", 8, 8)]),
    country(
        "TW",
        "886",
        &["0"],
        &["002", "00"],
        &[
            rule(Mobile, "9", 9, 9),
            rule(TollFree, "80[0-79]", 8, 9),
            rule(Voip, "70", 9, 10),
            rule(Landline, "2", 9, 9),
            rule(Landline, "[3-8]", 8, 9),
        ],
    ),
    country(
        "MY",
        "60",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "1800", 10, 10),
            rule(SharedCost, "1[37]00", 10, 10),
            rule(Voip, "154", 10, 10),
            rule(Mobile, "1[15]", 10, 10),
            rule(Mobile, "1", 9, 9),
            rule(Landline, "[3-9]", 8, 9),
        ],
    ),
    country(
        "PH",
        "63",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "1800", 11, 13),
            rule(Mobile, "9", 10, 10),
            rule(Landline, "2[2-9]", 9, 9),
            rule(Landline, "[3-8]", 9, 9),
        ],
    ),
    country(
        "VN",
        "84",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "1800", 8, 10),
            rule(SharedCost, "1900", 8, 10),
            rule(Voip, "67", 9, 9),
            rule(Mobile, "[35789]", 9, 9),
            rule(Landline, "2", 10, 10),
        ],
    ),
    country(
        "ZA",
        "27",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "80", 9, 9),
            rule(SharedCost, "86", 9, 9),
            rule(Voip, "87", 9, 9),
            rule(Mobile, "[67]", 9, 9),
            rule(Mobile, "8[1-5]", 9, 9),
            rule(Landline, "[1-5]", 9, 9),
        ],
    ),
    country(
        "EG",
        "20",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "1[0125]", 10, 10),
            rule(TollFree, "800", 10, 10),
            rule(Landline, "13[23]", 9, 9),
            rule(Landline, "15", 8, 9),
            rule(Landline, "[2-9]", 8, 9),
        ],
    ),
    country(
        "NG",
        "234",
        &["0"],
        &["009"],
        &[
            rule(TollFree, "800", 10, 14),
            rule(Mobile, "[789][01]", 10, 10),
            rule(Mobile, "72", 10, 10),
            rule(Landline, "[1-6]", 7, 8),
            rule(Landline, "[7-9][2-9]", 7, 8),
            rule(Landline, "20", 10, 10),
        ],
    ),
    country(
        "PK",
        "92",
        &["0"],
        &["00"],
        &[rule(Mobile, "3", 10, 10), rule(TollFree, "800", 8, 11), rule(Landline, "[24-9]", 9, 10)],
    ),
    country(
        "BD",
        "880",
        &["0"],
        &["00"],
        &[
            rule(Mobile, "1[13-9]", 10, 10),
            rule(TollFree, "800", 10, 10),
            rule(Voip, "96", 10, 10),
            rule(Landline, "[2-9]", 6, 10),
        ],
    ),
    country("DK", "45", &[], &["00"], &[rule(TollFree, "80", 8, 8), rule(MobileOrLandline, "[2-9]", 8, 8)]),
    country(
        "FI",
        "358",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "800", 7, 10),
            rule(Mobile, "4", 6, 10),
            rule(Mobile, "50", 6, 10),
            rule(Landline, "[1-36-9]", 5, 10),
            rule(Landline, "5[1-9]", 5, 10),
        ],
    ),
    country(
        "PT",
        "351",
        &[],
        &["00"],
        &[
            rule(TollFree, "80[02]", 9, 9),
            rule(Mobile, "9[1-36]", 9, 9),
            rule(Voip, "30", 9, 9),
            rule(Landline, "2", 9, 9),
            rule(SharedCost, "80[89]", 9, 9),
        ],
    ),
    country(
        "GR",
        "30",
        &[],
        &["00"],
        &[
            rule(TollFree, "800", 10, 13),
            rule(Mobile, "6[89]", 10, 10),
            rule(Mobile, "94", 10, 10),
            rule(Landline, "2", 10, 10),
            rule(SharedCost, "80[16]", 10, 10),
            rule(SharedCost, "8[1257][025]", 10, 10),
        ],
    ),
    country(
        "CZ",
        "420",
        &[],
        &["00"],
        &[
            rule(TollFree, "800", 9, 9),
            rule(Mobile, "6", 9, 9),
            rule(Mobile, "7[02379]", 9, 9),
            rule(SharedCost, "8[134]", 9, 9),
            rule(Landline, "[2-5]", 9, 9),
            rule(Voip, "9[17]0", 9, 9),
        ],
    ),
    country(
        "RO",
        "40",
        &["0"],
        &["00"],
        &[rule(TollFree, "800", 9, 9), rule(SharedCost, "801", 9, 9), rule(Mobile, "7", 9, 9), rule(Landline, "[23]", 9, 9)],
    ),
    country(
        "HU",
        "36",
        &["06"],
        &["00"],
        &[
            rule(Mobile, "[27]0", 9, 9),
            rule(Mobile, "3[01]", 9, 9),
            rule(Mobile, "50", 9, 9),
            rule(TollFree, "80", 8, 8),
            rule(SharedCost, "40", 8, 8),
            rule(Voip, "21", 9, 9),
            rule(Landline, "1", 8, 8),
            rule(Landline, "[2-9][2-9]", 8, 8),
        ],
    ),
    country(
        "NZ",
        "64",
        &["0"],
        &["00"],
        &[rule(Mobile, "2", 8, 10), rule(TollFree, "50?8", 8, 10), rule(TollFree, "80", 8, 10), rule(Landline, "[34679]", 8, 8)],
    ),
    country(
        "CL",
        "56",
        &["0"],
        &["00"],
        &[
            rule(TollFree, "800", 9, 9),
            rule(SharedCost, "600", 10, 11),
            rule(Voip, "44", 9, 9),
            rule(Mobile, "9", 9, 9),
            rule(Landline, "[2-7]", 9, 9),
        ],
    ),
    country(
        "CO",
        "57",
        &["0"],
        &["00"],
        &[rule(TollFree, "1800", 10, 11), rule(Mobile, "3", 10, 10), rule(Landline, "60[1-8]", 10, 10)],
    ),
    country(
        "PE",
        "51",
        &["0"],
        &["00"],
        &[rule(Mobile, "9", 9, 9), rule(TollFree, "800", 8, 8), rule(SharedCost, "801", 8, 8), rule(Landline, "[1-8]", 8, 8)],
    ),
    country(
        "UA",
        "380",
        &["0", "80"],
        &["00"],
        &[
            rule(TollFree, "800", 9, 10),
            rule(Voip, "89", 9, 9),
            rule(Mobile, "39", 9, 9),
            rule(Mobile, "50", 9, 9),
            rule(Mobile, "6[3678]", 9, 9),
            rule(Mobile, "7[1-357]", 9, 9),
            rule(Mobile, "9[1-9]", 9, 9),
            rule(Landline, "[3-6]", 9, 9),
        ],
    ),
];

/// The North American area codes that are Canadian.
pub const CANADA: &[&str] = &[
    "204", "226", "236", "249", "250", "257", "263", "289", "306", "343", "354", "365", "367", "368", "382", "403", "416", "418",
    "428", "431", "437", "438", "450", "468", "474", "506", "514", "519", "548", "579", "581", "584", "587", "604", "613", "639",
    "647", "672", "683", "705", "709", "742", "753", "778", "780", "782", "807", "819", "825", "867", "873", "879", "902", "905",
    "942",
];

/// The calling codes of countries without a plan here.
pub const OTHER_CODES: &[(&str, &str)] = &[
    ("211", "SS"),
    ("212", "MA"),
    ("213", "DZ"),
    ("216", "TN"),
    ("218", "LY"),
    ("220", "GM"),
    ("221", "SN"),
    ("222", "MR"),
    ("223", "ML"),
    ("224", "GN"),
    ("225", "CI"),
    ("226", "BF"),
    ("227", "NE"),
    ("228", "TG"),
    ("229", "BJ"),
    ("230", "MU"),
    ("231", "LR"),
    ("232", "SL"),
    ("233", "GH"),
    ("235", "TD"),
    ("236", "CF"),
    ("237", "CM"),
    ("238", "CV"),
    ("239", "ST"),
    ("240", "GQ"),
    ("241", "GA"),
    ("242", "CG"),
    ("243", "CD"),
    ("244", "AO"),
    ("245", "GW"),
    ("246", "IO"),
    ("247", "AC"),
    ("248", "SC"),
    ("249", "SD"),
    ("250", "RW"),
    ("251", "ET"),
    ("252", "SO"),
    ("253", "DJ"),
    ("254", "KE"),
    ("255", "TZ"),
    ("256", "UG"),
    ("257", "BI"),
    ("258", "MZ"),
    ("260", "ZM"),
    ("261", "MG"),
    ("262", "RE"),
    ("263", "ZW"),
    ("264", "NA"),
    ("265", "MW"),
    ("266", "LS"),
    ("267", "BW"),
    ("268", "SZ"),
    ("269", "KM"),
    ("290", "SH"),
    ("291", "ER"),
    ("297", "AW"),
    ("298", "FO"),
    ("299", "GL"),
    ("350", "GI"),
    ("352", "LU"),
    ("354", "IS"),
    ("355", "AL"),
    ("356", "MT"),
    ("357", "CY"),
    ("359", "BG"),
    ("370", "LT"),
    ("371", "LV"),
    ("372", "EE"),
    ("373", "MD"),
    ("374", "AM"),
    ("375", "BY"),
    ("376", "AD"),
    ("377", "MC"),
    ("378", "SM"),
    ("381", "RS"),
    ("382", "ME"),
    ("383", "XK"),
    ("385", "HR"),
    ("386", "SI"),
    ("387", "BA"),
    ("389", "MK"),
    ("421", "SK"),
    ("423", "LI"),
    ("500", "FK"),
    ("501", "BZ"),
    ("502", "GT"),
    ("503", "SV"),
    ("504", "HN"),
    ("505", "NI"),
    ("506", "CR"),
    ("507", "PA"),
    ("508", "PM"),
    ("509", "HT"),
    ("53", "CU"),
    ("58", "VE"),
    ("590", "GP"),
    ("591", "BO"),
    ("592", "GY"),
    ("593", "EC"),
    ("594", "GF"),
    ("595", "PY"),
    ("596", "MQ"),
    ("597", "SR"),
    ("598", "UY"),
    ("599", "CW"),
    ("670", "TL"),
    ("672", "NF"),
    ("673", "BN"),
    ("674", "NR"),
    ("675", "PG"),
    ("676", "TO"),
    ("677", "SB"),
    ("678", "VU"),
    ("679", "FJ"),
    ("680", "PW"),
    ("681", "WF"),
    ("682", "CK"),
    ("683", "NU"),
    ("685", "WS"),
    ("686", "KI"),
    ("687", "NC"),
    ("688", "TV"),
    ("689", "PF"),
    ("690", "TK"),
    ("691", "FM"),
    ("692", "MH"),
    ("850", "KP"),
    ("855", "KH"),
    ("856", "LA"),
    ("93", "AF"),
    ("94", "LK"),
    ("95", "MM"),
    ("960", "MV"),
    ("961", "LB"),
    ("962", "JO"),
    ("963", "SY"),
    ("964", "IQ"),
    ("965", "KW"),
    ("967", "YE"),
    ("968", "OM"),
    ("970", "PS"),
    ("973", "BH"),
    ("974", "QA"),
    ("975", "BT"),
    ("976", "MN"),
    ("977", "NP"),
    ("98", "IR"),
    ("992", "TJ"),
    ("993", "TM"),
    ("994", "AZ"),
    ("995", "GE"),
    ("996", "KG"),
    ("998", "UZ"),
];

/// True if digits begin with a pattern: digits, classes such as `[2-9]`, and `?` after an optional part.
pub fn begins(digits: &str, pattern: &str) -> bool {
    let (digits, pattern) = (digits.as_bytes(), pattern.as_bytes());
    matches(digits, pattern)
}

fn matches(digits: &[u8], pattern: &[u8]) -> bool {
    let (is_fit, rest): (fn(&[u8], u8) -> bool, _) = match pattern {
        [] => return true,
        [b'[', ..] => match pattern.iter().position(|letter| *letter == b']') {
            Some(end) => (is_in, end + 1),
            None => return false,
        },
        _ => (|pattern, digit| pattern.first() == Some(&digit), 1),
    };
    let (part, mut rest) = pattern.split_at(rest);
    if let [b'?', after @ ..] = rest {
        if matches(digits, after) {
            return true;
        }
        rest = after;
    }
    match digits {
        [digit, others @ ..] => is_fit(part, *digit) && matches(others, rest),
        [] => false,
    }
}

/// True if a digit is in a class such as `[1-35]`.
fn is_in(class: &[u8], digit: u8) -> bool {
    let mut inner = class.strip_prefix(b"[").and_then(|class| class.strip_suffix(b"]")).unwrap_or_default();
    loop {
        inner = match inner {
            [first, b'-', last, rest @ ..] => {
                if (*first..=*last).contains(&digit) {
                    return true;
                }
                rest
            }
            [one, rest @ ..] => {
                if *one == digit {
                    return true;
                }
                rest
            }
            [] => return false,
        };
    }
}
