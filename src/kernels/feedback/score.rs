//! Survey scores: NPS, CSAT and CES, with confidence intervals and tests.
//!
//! Every answer is converted to an integer: +1, 0 or −1 for NPS, 1 or 0 for CSAT, itself for CES. Counts and two sums of integers are
//! then sufficient, and do not depend on the order.
//!
//! Literature: F. F. Reichheld: The One Number You Need to Grow (2003); D. G. Bonett, R. M. Price: Adjusted Wald Confidence Interval for a
//! Difference of Binomial Proportions Based on Paired Data (2012); E. B. Wilson: Probable Inference (1927); B. L. Welch (1947).

use crate::kernels::special::{normal_cdf, normal_quantile, t_cdf, t_quantile};

/// The kind of survey question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Answers from 0 to 10: 9 and 10 are promoters, 7 and 8 passives, all others detractors.
    Nps,
    /// Answers from 1 to `scale`; those of at least `satisfied` are satisfied.
    Csat { satisfied: i64, scale: i64 },
    /// Answers from 1 to `scale`.
    Ces { scale: i64 },
}

impl Measure {
    /// The lowest and the highest answer.
    pub fn range(self) -> (i64, i64) {
        match self {
            Self::Nps => (0, 10),
            Self::Csat { scale, .. } | Self::Ces { scale } => (1, scale),
        }
    }

    /// The value of an answer; `None` if it is out of range.
    pub fn value(self, answer: i64) -> Option<i64> {
        let (least, most) = self.range();
        if !(least..=most).contains(&answer) {
            return None;
        }
        Some(match self {
            Self::Nps => i64::from(answer >= 9) - i64::from(answer <= 6),
            Self::Csat { satisfied, .. } => i64::from(answer >= satisfied),
            Self::Ces { .. } => answer,
        })
    }

    /// The score of a mean of 1.
    pub fn scale(self) -> f64 {
        if self == Self::Nps { 100.0 } else { 1.0 }
    }
}

/// Sums over answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    pub count: i64,
    pub sum: i128,
    pub squares: i128,
    /// The numbers of positive and negative values: promoters and detractors, or the satisfied.
    pub above: i64,
    pub below: i64,
}

impl Answers {
    /// Adds a value several times.
    pub fn add(&mut self, value: i64, times: i64) {
        let wide = i128::from(value);
        self.count += times;
        self.sum += wide * i128::from(times);
        self.squares += wide * wide * i128::from(times);
        self.above += if value > 0 { times } else { 0 };
        self.below += if value < 0 { times } else { 0 };
    }

    /// Adds other answers.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
        self.above += other.above;
        self.below += other.below;
    }

    /// The answers that are not in `part`, which must be a subset.
    pub fn without(&self, part: &Self) -> Self {
        Self {
            count: self.count - part.count,
            sum: self.sum - part.sum,
            squares: self.squares - part.squares,
            above: self.above - part.above,
            below: self.below - part.below,
        }
    }

    /// The mean; `None` if there are no answers.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The sample variance; `None` for fewer than two answers.
    fn variance(&self) -> Option<f64> {
        let count = i128::from(self.count);
        // Integers up to the division, so that equal answers have a variance of exactly 0.
        (count > 1).then(|| (count * self.squares - self.sum * self.sum) as f64 / (count as f64 * (count - 1) as f64))
    }

    /// The standard error of the mean.
    pub fn std_err(&self) -> Option<f64> {
        self.variance().map(|variance| (variance / self.count as f64).sqrt())
    }

    /// The confidence interval of the mean.
    ///
    /// NPS: the adjusted Wald interval of Bonett and Price for the difference of two proportions of one sample, which keeps its
    /// confidence for small samples too. CSAT: Wilson's interval. CES: Student's.
    pub fn interval(&self, measure: Measure, confidence: f64) -> Option<(f64, f64)> {
        let mean = self.mean()?;
        let upper = f64::midpoint(1.0, confidence);
        let count = self.count as f64;
        match measure {
            Measure::Nps => {
                let z = normal_quantile(upper);
                let (above, below) = ((self.above as f64 + 1.0) / (count + 2.0), (self.below as f64 + 1.0) / (count + 2.0));
                let middle = above - below;
                let half = z * ((above + below - middle * middle) / (count + 2.0)).sqrt();
                Some(((middle - half).max(-1.0), (middle + half).min(1.0)))
            }
            Measure::Csat { .. } => {
                let z = normal_quantile(upper);
                let middle = (mean + z * z / (2.0 * count)) / (1.0 + z * z / count);
                let half = z / (1.0 + z * z / count) * (mean * (1.0 - mean) / count + z * z / (4.0 * count * count)).sqrt();
                // If no answer or every answer is positive, the interval ends at 0 or 1 exactly; rounding might miss it.
                let least = if self.above == 0 { 0.0 } else { middle - half };
                let most = if self.above == self.count { 1.0 } else { middle + half };
                Some((least.max(0.0), most.min(1.0)))
            }
            Measure::Ces { .. } => {
                let half = t_quantile(upper, count - 1.0) * self.std_err()?;
                Some((mean - half, mean + half))
            }
        }
    }
}

/// The two-sided p-value of a difference of two means: by Welch's test, or for CSAT by the pooled test of two proportions, whose squared
/// statistic is that of the χ² test. `None` if one side has too few answers or, in Welch's test, answers that are all equal.
pub fn p_value(measure: Measure, one: &Answers, other: &Answers) -> Option<f64> {
    let difference = one.mean()? - other.mean()?;
    if let Measure::Csat { .. } = measure {
        let (n1, n2) = (one.count as f64, other.count as f64);
        let pooled = (one.above + other.above) as f64 / (n1 + n2);
        let std_err = (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
        return (std_err > 0.0).then(|| 2.0 * normal_cdf(-(difference / std_err).abs()));
    }
    let squares = [one, other].map(|answers| answers.variance().map(|variance| variance / answers.count as f64));
    let [first, second] = [squares[0]?, squares[1]?];
    let both = first + second;
    let df = both * both / (first * first / (one.count - 1) as f64 + second * second / (other.count - 1) as f64);
    (first > 0.0 && second > 0.0).then(|| 2.0 * t_cdf(-(difference / both.sqrt()).abs(), df))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(measure: Measure, answers: &[(i64, i64)]) -> Answers {
        let mut of = Answers::default();
        for (answer, times) in answers {
            of.add(measure.value(*answer).unwrap(), *times);
        }
        of
    }

    fn near(one: f64, other: f64) {
        assert!((one - other).abs() <= 1e-12 * other.abs().max(1.0), "{one} {other}");
    }

    #[test]
    fn answers_count_as_they_should() {
        let values: Vec<Option<i64>> = (-1..=11).map(|answer| Measure::Nps.value(answer)).collect();
        let below = [Some(-1); 7];
        assert_eq!(values[1..8], below);
        assert_eq!((values[0], values[12]), (None, None));
        assert_eq!(values[8..12], [Some(0), Some(0), Some(1), Some(1)]);
        let csat = Measure::Csat { satisfied: 4, scale: 5 };
        assert_eq!([0, 1, 3, 4, 5, 6].map(|answer| csat.value(answer)), [None, Some(0), Some(0), Some(1), Some(1), None]);
        assert_eq!([0, 1, 7, 8].map(|answer| Measure::Ces { scale: 7 }.value(answer)), [None, Some(1), Some(7), None]);
    }

    #[test]
    fn intervals_and_tests() {
        let one = of(Measure::Nps, &[(10, 50), (8, 30), (3, 20)]);
        let other = of(Measure::Nps, &[(9, 25), (7, 35), (0, 30)]);
        near(one.mean().unwrap(), 0.3);
        // From scipy.stats.sem, ttest_ind(equal_var=False).
        near(one.std_err().unwrap(), 0.078_495_962_709_021_93);
        near(p_value(Measure::Nps, &one, &other).unwrap(), 0.002_102_050_923_253_945);
        let (lower, upper) = one.interval(Measure::Nps, 0.95).unwrap();
        near(
            lower,
            51.0 / 102.0 - 21.0 / 102.0 - 1.959_963_984_540_054 * ((72.0 / 102.0 - (30.0f64 / 102.0).powi(2)) / 102.0).sqrt(),
        );
        near(lower + upper, 2.0 * 30.0 / 102.0);
        let all = of(Measure::Nps, &[(10, 3)]);
        assert_eq!(all.interval(Measure::Nps, 0.95).unwrap().1, 1.0);
        assert_eq!((p_value(Measure::Nps, &all, &all), p_value(Measure::Nps, &one, &all)), (None, None));
        assert_eq!(Answers::default().mean(), None);
        assert_eq!(of(Measure::Nps, &[(1, 1)]).std_err(), None);
        let csat = Measure::Csat { satisfied: 4, scale: 5 };
        let (one, other) = (of(csat, &[(5, 40), (1, 10)]), of(csat, &[(4, 30), (2, 20)]));
        // From statsmodels: proportion_confint(method='wilson'), proportions_ztest.
        let (lower, upper) = one.interval(csat, 0.95).unwrap();
        near(lower, 0.669_628_940_677_745_8);
        near(upper, 0.887_562_499_842_238_9);
        near(p_value(csat, &one, &other).unwrap(), 0.029_096_331_741_252_188);
        assert_eq!(of(csat, &[(5, 3)]).interval(csat, 0.95).unwrap().1, 1.0);
    }
}
