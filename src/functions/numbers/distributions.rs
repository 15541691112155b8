//! Distributions.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 8] = [
    ExpressionMacro::scalar("erf", "numbers", "Returns the error function.", Meaning::Itself)
        .page(&[Argument::required("x", Takes::Value("number"), "where the function is computed")], &["SELECT round(erf(1.0), 12) AS value;"])
        .says("Accurate to about 13 digits."),
    ExpressionMacro::scalar(
        "erfc",
        "numbers",
        "Returns 1 minus the error function, accurate where that is tiny.",
        Meaning::Itself,
    )
    .page(&[Argument::required("x", Takes::Value("number"), "where the function is computed")], &["SELECT erfc(5.0) AS value;"])
    .says("Accurate to about 13 digits."),
    ExpressionMacro::scalar("normal_cdf", "numbers", "Returns the cumulative normal distribution at x.", Meaning::Itself)
        .page(
            &[
                Argument::required("x", Takes::Value("number"), "where the function is computed"),
                Argument::optional("mean", Takes::Value("number"), "", "mean of the distribution; without it 0"),
                Argument::optional("sd", Takes::Value("number"), "", "standard deviation; without it 1"),
            ],
            &["SELECT round(normal_cdf(1.96, 0, 1), 12) AS value;"],
        )
        .says("Accurate to about 13 digits."),
    ExpressionMacro::scalar("normal_quantile", "numbers", "Returns the quantile p of a normal distribution.", Meaning::Itself)
        .page(
            &[
                Argument::required("p", Takes::Value("number"), "probability, from 0 to 1"),
                Argument::optional("mean", Takes::Value("number"), "", "mean of the distribution; without it 0"),
                Argument::optional("sd", Takes::Value("number"), "", "standard deviation; without it 1"),
            ],
            &["SELECT round(normal_quantile(0.975, 0, 1), 12) AS value;"],
        )
        .says("Accurate to about 13 digits."),
    ExpressionMacro::scalar("t_cdf", "numbers", "Returns the cumulative Student's t distribution at x.", Meaning::Itself)
        .page(
            &[
                Argument::required("x", Takes::Value("number"), "where the function is computed"),
                Argument::required("df", Takes::Value("number"), "degrees of freedom"),
            ],
            &["SELECT round(t_cdf(2.0, 10), 12) AS value;"],
        )
        .says("Accurate to about 13 digits."),
    ExpressionMacro::scalar("chi2_cdf", "numbers", "Returns the cumulative χ² distribution at x.", Meaning::Itself)
        .page(
            &[
                Argument::required("x", Takes::Value("number"), "where the function is computed"),
                Argument::required("df", Takes::Value("number"), "degrees of freedom"),
            ],
            &["SELECT round(chi2_cdf(3.84, 1), 12) AS value;"],
        )
        .says("Accurate to about 13 digits."),
    ExpressionMacro::scalar("f_cdf", "numbers", "Returns the cumulative F distribution at x.", Meaning::Itself)
        .page(
            &[
                Argument::required("x", Takes::Value("number"), "where the function is computed"),
                Argument::required("df1", Takes::Value("number"), "degrees of freedom of the numerator"),
                Argument::required("df2", Takes::Value("number"), "degrees of freedom of the denominator"),
            ],
            &["SELECT round(f_cdf(3.0, 2, 10), 12) AS value;"],
        )
        .says("Accurate to about 13 digits."),
    ExpressionMacro::scalar("lgamma", "numbers", "Returns the logarithm of the gamma function.", Meaning::Itself)
        .page(&[Argument::required("x", Takes::Value("number"), "where the function is computed")], &["SELECT round(lgamma(5), 12) AS value;"])
        .says("Accurate to about 13 digits."),
];
