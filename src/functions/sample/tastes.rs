//! The groups of customers, and what each group likes.

use super::catalogue::CATEGORIES;

/// Natural groups of customers, each with its own tastes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    YoungMother,
    TechFan,
    PriceSensitive,
    QualityFirst,
    Casual,
    Business,
}

pub struct Taste {
    pub group: Group,
    pub weight: u32,
    /// Women per 100 customers.
    pub women: u64,
    pub ages: (i64, i64),
    /// How often they order, relative to other groups.
    pub activity: u64,
    /// Weights of the categories.
    pub categories: [u32; CATEGORIES.len()],
    /// Share of 1,000 orders bought at a discount.
    pub bargains: u64,
    /// How much they prefer expensive products: this many are drawn and the most expensive one is bought.
    pub draws: u32,
    pub channels: [u32; 4],
    /// The hour around which they are active.
    pub hour: i64,
}

pub const CHANNELS: [&str; 4] = ["app", "mini program", "web", "store"];
pub const PAYMENTS: [&str; 4] = ["alipay", "wechat pay", "card", "cash"];

pub const TASTES: [Taste; 6] = [
    Taste {
        group: Group::YoungMother,
        weight: 18,
        women: 94,
        ages: (24, 36),
        activity: 14,
        categories: [60, 2, 14, 10, 8, 6, 1, 5, 0],
        bargains: 300,
        draws: 1,
        channels: [50, 40, 5, 5],
        hour: 21,
    },
    Taste {
        group: Group::TechFan,
        weight: 14,
        women: 22,
        ages: (20, 40),
        activity: 8,
        categories: [0, 64, 1, 8, 6, 5, 10, 8, 2],
        bargains: 150,
        draws: 2,
        channels: [55, 5, 38, 2],
        hour: 23,
    },
    Taste {
        group: Group::PriceSensitive,
        weight: 26,
        women: 55,
        ages: (18, 60),
        activity: 11,
        categories: [6, 4, 12, 38, 16, 18, 4, 2, 0],
        bargains: 850,
        draws: 1,
        channels: [35, 50, 10, 5],
        hour: 20,
    },
    Taste {
        group: Group::QualityFirst,
        weight: 14,
        women: 60,
        ages: (30, 55),
        activity: 9,
        categories: [4, 12, 24, 10, 26, 18, 8, 4, 0],
        bargains: 80,
        draws: 3,
        channels: [45, 15, 25, 15],
        hour: 13,
    },
    Taste {
        group: Group::Casual,
        weight: 22,
        women: 50,
        ages: (18, 70),
        activity: 3,
        categories: [8, 10, 12, 22, 16, 16, 8, 8, 0],
        bargains: 350,
        draws: 1,
        channels: [30, 25, 20, 25],
        hour: 16,
    },
    Taste {
        group: Group::Business,
        weight: 6,
        women: 45,
        ages: (25, 58),
        activity: 12,
        categories: [0, 14, 0, 10, 4, 0, 0, 2, 70],
        bargains: 120,
        draws: 1,
        channels: [10, 5, 80, 5],
        hour: 10,
    },
];

pub const ROLES: [&str; 4] = ["buyer", "user", "finance", "owner"];
