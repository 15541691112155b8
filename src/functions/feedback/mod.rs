//! Customer feedback: survey scores, survey answers, and themes of texts.
//!
//! ```text
//! answers ─▶ counts per (segment, period, answer) ─▶ score, interval and tests   (nps_result, csat_result, ces_result)
//! columns ─▶ a row per (key, question)            ─▶ a row per question          (survey_answers, survey_summary)
//! texts   ─▶ words and feelings by clause         ─▶ themes per period           (text_themes)
//! ```

mod aggregates;
mod result_page;
mod score_result;
mod survey_answers;
mod survey_summary;
mod text_themes;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("feedback", "What customers say: NPS, surveys, themes of texts")
        .relation(score_result::ScoreResult(&result_page::NPS))
        .relation(score_result::ScoreResult(&result_page::CSAT))
        .relation(score_result::ScoreResult(&result_page::CES))
        .relation(survey_answers::SurveyAnswers)
        .relation(survey_summary::SurveySummary)
        .relation(text_themes::TextThemes)
        .aggregate(aggregates::Nps)
        .aggregate(aggregates::Csat)
        .step::<score_result::Scores>()
        .step::<survey_answers::Unpivot>()
        .step::<survey_summary::Summary>()
        .step::<text_themes::Themes>()
}
