//! The relation function `ml_weights`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, StringArray};
use datafusion::common::Result;

use super::listing::Listing;
use super::ml_predict::MODEL;
use super::{hides_values, model};
use crate::adapter::relation::{Binding, ObjectFunction, RelationFunction};
use crate::docs::{Column, Doc, Kind};
use crate::error::invalid;
use crate::learning::model::described::Weight;
use crate::learning::model::stored::Exact;

/// What a model has learned, number by number.
#[derive(Debug)]
pub struct MlWeights;

const DOC: Doc = Doc {
    name: "ml_weights",
    kind: Kind::Relation,
    domain: "model",
    summary: "Lists the coefficients or parameters of a model, with their standard errors.",
    description: "\
One row per coefficient, the intercept first. A number has a coefficient in its own unit; a category has one per value except the reference
value. Lifetime models list their parameters. Standard errors, tests and intervals are NULL where a penalty or perfect separation makes them
meaningless; the value is NULL for a column that is a combination of others. Trees have no weights; use `ml_feature_importance`.

z = value / std_err; the interval is value ± quantile · std_err; odds_ratio = exp(value); vif = 1 / (1 − R²) of the column predicted from the
others, above 10 a sign that features carry the same information.

Weights of rows count as repeated rows: a row with weight 2 has the errors of two equal rows, and a linear model divides its squares by
Σw − p, p coefficients with the intercept. For weights that say how far to trust a row the errors are not meant.

**Cost.** Reads the stored model, no rows.

**Elsewhere.** BigQuery ML: `ML.WEIGHTS` and `ML.ADVANCED_WEIGHTS`; MADlib: the output table of `logregr_train`; R: `summary(glm(…))`;
statsmodels: `summary()`; scikit-learn: `coef_`, without standard errors.",
    arguments: &[MODEL],
    columns: &[
        Column { name: "name", data_type: "VARCHAR", text: "`intercept`, `tenure`, `contract = One year`" },
        Column { name: "feature", data_type: "VARCHAR", text: "column that the coefficient belongs to" },
        Column { name: "category", data_type: "VARCHAR", text: "for a category: the value" },
        Column { name: "value", data_type: "DOUBLE", text: "coefficient or parameter" },
        Column { name: "std_err", data_type: "DOUBLE", text: "standard error" },
        Column { name: "z", data_type: "DOUBLE", text: "value / standard error; Student's t for a linear regression" },
        Column { name: "p_value", data_type: "DOUBLE", text: "two-sided p-value of the test that the value is 0" },
        Column { name: "ci_lower", data_type: "DOUBLE", text: "lower end of the confidence interval; 0.95 unless `confidence` is set" },
        Column { name: "ci_upper", data_type: "DOUBLE", text: "upper end of the interval" },
        Column { name: "odds_ratio", data_type: "DOUBLE", text: "exp(value): odds ratio for one unit more; rate ratio for Poisson regression, hazard ratio for Cox regression" },
        Column { name: "vif", data_type: "DOUBLE", text: "variance inflation factor: how much larger the squared standard error is than with uncorrelated features" },
    ],
    examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned') AS SELECT * FROM customers_at_risk;
SELECT name, round(value, 4) AS value, round(std_err, 4) AS std_err, round(p_value, 4) AS p_value FROM ml_weights(churn);"],
    source: "column names follow BigQuery ML's ML.WEIGHTS, MADlib's logregr_train and R's summary.glm",
    ..Doc::EMPTY
};

impl ObjectFunction for MlWeights {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let model = model(call)?;
        let mut weights = model.fitted().weights();
        if weights.is_empty() {
            let problem = format!(
                "is of type '{}', which has no weights; see ml_feature_importance or ml_centroids",
                model.trained.model_type
            );
            return Err(invalid(&model.label, problem));
        }
        let hidden = hides_values(call)?;
        if hidden {
            // How many values a category has is hidden as well.
            weights.dedup_by(|next, last| next.category.is_some() && last.category.is_some() && next.feature == last.feature);
        }
        let text = |of: fn(&Weight) -> Option<&str>| -> ArrayRef { Arc::new(weights.iter().map(of).collect::<StringArray>()) };
        let number = |of: fn(&Weight) -> Option<Exact>| -> ArrayRef {
            Arc::new(weights.iter().map(|weight| of(weight).map(|value| value.0).filter(|_| !hidden)).collect::<Float64Array>())
        };
        let name = weights.iter().map(|weight| match &weight.feature {
            Some(feature) if hidden && weight.category.is_some() => Some(feature.as_str()),
            _ => Some(weight.name.as_str()),
        });
        let names = name.collect::<StringArray>();
        let categories = weights.iter().map(|weight| weight.category.as_deref().filter(|_| !hidden)).collect::<StringArray>();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(names),
            text(|weight| weight.feature.as_deref()),
            Arc::new(categories),
            number(|weight| weight.value),
            number(|weight| weight.std_err),
            number(|weight| weight.z),
            number(|weight| weight.p_value),
            number(|weight| weight.ci_lower),
            number(|weight| weight.ci_upper),
            number(|weight| weight.ratio),
            number(|weight| weight.vif),
        ];
        Ok(Arc::new(Listing::new(&DOC, columns)?))
    }
}
