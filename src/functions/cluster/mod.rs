//! Clustering (聚类): finding groups of rows, choosing their number, measuring their quality, and describing how they differ.

mod choose_clusters;
mod cluster_profile;
mod cluster_validity;
mod explain_segments;
mod kmeans;
mod kprototypes;
mod thresholds;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{can_cast_types, cast};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::Result;

use crate::adapter::FunctionSet;
use crate::learning::clustering::validity::Validity;
use crate::learning::features::Gather;

pub fn functions() -> FunctionSet {
    FunctionSet::new("cluster", "Clustering: groups found, counted, measured and explained")
        .relation(kmeans::KMeans)
        .relation(kprototypes::KPrototypes)
        .relation(choose_clusters::ChooseClusters)
        .relation(cluster_validity::ClusterValidity)
        .relation(cluster_profile::ClusterProfile)
        .relation(explain_segments::ExplainSegments)
        .step::<Gather<kmeans::Label>>()
        .step::<Gather<kprototypes::Label>>()
        .step::<Gather<choose_clusters::Choose>>()
        .step::<Gather<Validity>>()
        .step::<Gather<cluster_profile::Describe>>()
        .step::<Gather<explain_segments::Explain>>()
}

/// Values as strings, for sentences and rules.
fn texts(values: &ArrayRef) -> Result<Vec<String>> {
    if !can_cast_types(values.data_type(), &DataType::Utf8) {
        // Structs and maps.
        return (0..values.len()).map(|row| Ok(array_value_to_string(values, row)?)).collect();
    }
    let texts = cast(values, &DataType::Utf8)?;
    Ok(texts.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::model::model_types;

    /// A model and the function that computes the same have the same arguments with the same descriptions, except that only the function
    /// takes relations.
    #[test]
    fn models_take_what_their_functions_take() {
        for model_type in model_types() {
            // Models with a target and lifetime models have pages of their own.
            let Some(function) = functions().docs().into_iter().find(|doc| doc.name == model_type.name()) else { continue };
            let relations: Vec<_> = function.relations().map(|relation| relation.name).collect();
            let arguments = function.arguments.iter().filter(|argument| !relations.contains(&argument.name));
            let takes = |argument: &crate::docs::Argument| format!("{argument:?}");
            let of_function: Vec<_> = arguments.map(takes).collect();
            let of_model: Vec<_> = model_type.doc().arguments.iter().map(takes).collect();
            assert_eq!(of_function, of_model, "{}", model_type.name());
        }
    }
}
