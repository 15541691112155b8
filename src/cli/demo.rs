//! `portrait demo`: the recipes of `sql/` on a sample shop.

use std::io::Write;

use super::console::{Console, Failure};
use super::script::Script;

const SHOP: (&str, &str) = ("sql/shop.sql", include_str!("../../sql/shop.sql"));

const RECIPES: [(&str, &str); 18] = [
    ("sql/rfm/segments.sql", include_str!("../../sql/rfm/segments.sql")),
    ("sql/rfm/levels.sql", include_str!("../../sql/rfm/levels.sql")),
    ("sql/rfm/pareto.sql", include_str!("../../sql/rfm/pareto.sql")),
    ("sql/rfm/migration.sql", include_str!("../../sql/rfm/migration.sql")),
    ("sql/rfm/repurchase.sql", include_str!("../../sql/rfm/repurchase.sql")),
    ("sql/basket/overview.sql", include_str!("../../sql/basket/overview.sql")),
    ("sql/basket/top_rules.sql", include_str!("../../sql/basket/top_rules.sql")),
    ("sql/basket/cross_sell.sql", include_str!("../../sql/basket/cross_sell.sql")),
    ("sql/basket/complementary_categories.sql", include_str!("../../sql/basket/complementary_categories.sql")),
    ("sql/basket/rules_per_segment.sql", include_str!("../../sql/basket/rules_per_segment.sql")),
    ("sql/basket/recommend.sql", include_str!("../../sql/basket/recommend.sql")),
    ("sql/tags/library.sql", include_str!("../../sql/tags/library.sql")),
    ("sql/tags/segments.sql", include_str!("../../sql/tags/segments.sql")),
    ("sql/tags/refresh.sql", include_str!("../../sql/tags/refresh.sql")),
    ("sql/tags/overview.sql", include_str!("../../sql/tags/overview.sql")),
    ("sql/cluster/clusters.sql", include_str!("../../sql/cluster/clusters.sql")),
    ("sql/cluster/behaviour.sql", include_str!("../../sql/cluster/behaviour.sql")),
    ("sql/cluster/model.sql", include_str!("../../sql/cluster/model.sql")),
];

/// Makes the shop, then runs each recipe under its title.
pub(super) fn run(console: &mut Console) -> Result<(), Failure> {
    console.run(&Script::named(SHOP.1, SHOP.0))?;
    for (file, sql) in RECIPES {
        let mut screen = std::io::stdout().lock();
        writeln!(screen, "\n── {file}")?;
        drop(screen);
        console.run_with(&Script::named(sql, file), |statement| {
            let mut screen = std::io::stdout().lock();
            if !statement.comment.is_empty() {
                writeln!(screen, "\n{}\n", statement.comment)?;
            }
            // A statement that creates something has no rows to show; its first line says what it creates.
            let first = statement.text.lines().next().unwrap_or_default();
            if first.starts_with("CREATE ") || first.starts_with("REFRESH ") {
                writeln!(screen, "{first}")?;
            }
            Ok(())
        })?;
    }
    writeln!(
        std::io::stdout(),
        "\nThe statements are in sql/; try them on your own orders: portrait -c \"SELECT * FROM rfm('orders.parquet', …)\""
    )?;
    Ok(())
}
