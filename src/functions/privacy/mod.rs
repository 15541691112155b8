//! Personal data: masking, detection, pseudonyms and anonymisation.

mod anonymize;
mod classes;
mod find_personal_data;
mod generalize;
mod generalized;
mod k_anonymity;
mod l_diversity;
mod masks;
mod noisy;
mod pseudonymize;
mod redact;
mod suppress;
mod t_closeness;
mod tokenize;

use crate::adapter::FunctionSet;

pub use suppress::suppress_below;
pub use tokenize::DETOKENIZE;

pub fn functions() -> FunctionSet {
    FunctionSet::new("privacy", "Personal data: masks, pseudonyms and anonymity")
        .texts(&masks::ALL)
        .texts(&redact::ALL)
        .texts(&pseudonymize::ALL)
        .texts(&tokenize::ALL)
        .scalar(generalize::Generalize)
        .table_macro(anonymize::Anonymize)
        .relation(generalized::AnonymizationLoss)
        .internal_relation(generalized::GeneralizedValues)
        .relation(find_personal_data::FindPersonalData)
        .relation(k_anonymity::KAnonymity)
        .relation(l_diversity::LDiversity)
        .relation(t_closeness::TCloseness)
        .relation(noisy::NoisyCount)
        .relation(noisy::NoisySum)
        .step::<generalized::Generalize>()
        .step::<find_personal_data::FindColumns>()
        .step::<k_anonymity::ClassSizes>()
        .step::<l_diversity::ClassDiversity>()
        .step::<t_closeness::ClassDistances>()
        .step::<noisy::AddNoise>()
        .step::<suppress::SuppressSmallGroups>()
}
