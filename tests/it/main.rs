//! The one integration binary.

#![expect(clippy::unwrap_used, reason = "a test stops at what is wrong")]

mod backup;
mod bounds;
mod changes;
mod clusters;
mod command_line;
mod csv;
mod database;
mod definitions;
mod documents;
mod dumps;
mod durability;
mod files;
mod flight;
mod health;
mod interrupts;
mod journeys;
mod layers;
mod library;
mod managed_tables;
mod messages;
mod mutants;
mod notes;
mod output;
mod postgres;
mod predictive;
mod privacy;
mod profiles;
mod python;
mod reference_data;
mod refresh_lives;
mod refresh_plans;
mod refresh_properties;
mod reports;
mod robustness;
mod schedules;
mod server;
mod shell;
mod sqlite;
mod statements;
mod storage;
mod stores;
mod support;
mod tag_library;
mod upgrades;
