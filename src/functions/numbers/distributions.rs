//! Distributions.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 8] = [
    ExpressionMacro::scalar("erf", "numbers", "Returns the error function.", Meaning::Itself)
        .page(
            &[Argument::required("x", Takes::Value("number"), "point at which the function is computed; NULL gives NULL")],
            &["SELECT round(erf(1.0), 12) AS value;"],
        )
        .says(
            "\
Accurate to about 13 digits. erf(x) = 2/√π · ∫₀ˣ exp(−t²) dt, from -1 to 1. `normal_cdf(x)` is (1 + erf(x/√2)) / 2.

**Elsewhere.** PostgreSQL 16 and later: `erf`; scipy: `special.erf`.",
        ),
    ExpressionMacro::scalar(
        "erfc",
        "numbers",
        "Returns 1 minus the error function, accurate where that is tiny.",
        Meaning::Itself,
    )
    .page(
        &[Argument::required("x", Takes::Value("number"), "point at which the function is computed; NULL gives NULL")],
        &["SELECT erfc(5.0) AS value;"],
    )
    .says(
        "\
Accurate to about 13 digits. erfc(x) = 1 − erf(x), from 2 down to 0. For large x, `1 - erf(x)` would give 0.

**Elsewhere.** PostgreSQL 16 and later: `erfc`; scipy: `special.erfc`.",
    ),
    ExpressionMacro::scalar("normal_cdf", "numbers", "Returns the cumulative normal distribution at x.", Meaning::Itself)
        .page(
            &[
                Argument::required(
                    "x",
                    Takes::Value("number"),
                    "value; the result is the share of the distribution at most as large, NULL gives NULL",
                ),
                Argument::optional("mean", Takes::Value("number"), "", "mean of the distribution, default 0"),
                Argument::optional("sd", Takes::Value("number"), "", "standard deviation, above 0, default 1"),
            ],
            &["SELECT round(normal_cdf(1.96, 0, 1), 12) AS value;"],
        )
        .says(
            "\
Accurate to about 13 digits. Φ((x − mean) / sd), from 0 to 1. The p-value of a z statistic on both sides is `2 * (1 -
normal_cdf(abs(z)))`.

**Elsewhere.** scipy: `stats.norm.cdf`; R: `pnorm`; Excel: `NORM.DIST(x, mean, sd, TRUE)`.",
        ),
    ExpressionMacro::scalar("normal_quantile", "numbers", "Returns the quantile p of a normal distribution.", Meaning::Itself)
        .page(
            &[
                Argument::required(
                    "p",
                    Takes::Value("number"),
                    "share, 0 to 1; 0 gives -infinity and 1 infinity, outside is an error, NULL gives NULL",
                ),
                Argument::optional("mean", Takes::Value("number"), "", "mean of the distribution, default 0"),
                Argument::optional("sd", Takes::Value("number"), "", "standard deviation, above 0, default 1"),
            ],
            &[
                "SELECT round(normal_quantile(0.975, 0, 1), 12) AS value;",
                "SELECT channel, round(avg(amount), 2) AS mean,
  round(normal_quantile(0.975) * stddev(amount) / sqrt(count(*)), 2) AS margin
FROM sample_orders(rows => 10000) GROUP BY channel ORDER BY channel;",
            ],
        )
        .says(
            "\
Accurate to about 13 digits. The value below which the share p of the distribution lies: the inverse of `normal_cdf`.
1.96 for p = 0.975 is the z of a 95% interval.

**Elsewhere.** scipy: `stats.norm.ppf`; R: `qnorm`; Excel: `NORM.INV`.",
        ),
    ExpressionMacro::scalar("t_cdf", "numbers", "Returns the cumulative Student's t distribution at x.", Meaning::Itself)
        .page(
            &[
                Argument::required("x", Takes::Value("number"), "value of the t statistic; NULL gives NULL"),
                Argument::required("df", Takes::Value("number"), "degrees of freedom, above 0; need not be an integer"),
            ],
            &["SELECT round(t_cdf(2.0, 10), 12) AS value;"],
        )
        .says(
            "\
Accurate to about 13 digits. From 0 to 1. The p-value on both sides is `2 * (1 - t_cdf(abs(t), df))`. With many
degrees of freedom it becomes `normal_cdf`.

**Elsewhere.** scipy: `stats.t.cdf`; R: `pt`; Excel: `T.DIST(x, df, TRUE)`.",
        ),
    ExpressionMacro::scalar("chi2_cdf", "numbers", "Returns the cumulative χ² distribution at x.", Meaning::Itself)
        .page(
            &[
                Argument::required("x", Takes::Value("number"), "value of the χ² statistic; below 0 gives 0, NULL gives NULL"),
                Argument::required("df", Takes::Value("number"), "degrees of freedom, above 0; need not be an integer"),
            ],
            &["SELECT round(chi2_cdf(3.84, 1), 12) AS value;"],
        )
        .says(
            "\
Accurate to about 13 digits. From 0 to 1. The p-value of a χ² test is `1 - chi2_cdf(statistic, df)`.

**Elsewhere.** scipy: `stats.chi2.cdf`; R: `pchisq`; Excel: `CHISQ.DIST(x, df, TRUE)`.",
        ),
    ExpressionMacro::scalar("f_cdf", "numbers", "Returns the cumulative F distribution at x.", Meaning::Itself)
        .page(
            &[
                Argument::required("x", Takes::Value("number"), "value of the F statistic; below 0 gives 0, NULL gives NULL"),
                Argument::required("df1", Takes::Value("number"), "degrees of freedom of the numerator, above 0"),
                Argument::required("df2", Takes::Value("number"), "degrees of freedom of the denominator, above 0"),
            ],
            &["SELECT round(f_cdf(3.0, 2, 10), 12) AS value;"],
        )
        .says(
            "\
Accurate to about 13 digits. From 0 to 1. The p-value of an F test is `1 - f_cdf(statistic, df1, df2)`.

**Elsewhere.** scipy: `stats.f.cdf`; R: `pf`; Excel: `F.DIST(x, df1, df2, TRUE)`.",
        ),
    ExpressionMacro::scalar("lgamma", "numbers", "Returns the logarithm of the gamma function.", Meaning::Itself)
        .page(
            &[Argument::required("x", Takes::Value("number"), "point at which the function is computed; NULL gives NULL")],
            &["SELECT round(lgamma(5), 12) AS value;"],
        )
        .says(
            "\
Accurate to about 13 digits. `lgamma(n + 1)` is the logarithm of n!, where n! itself would be too large. At 0 and at
negative integers the result is infinite.

**Elsewhere.** DuckDB and PostgreSQL 18: `lgamma`; scipy: `special.gammaln`; R: `lgamma`.",
        ),
];
