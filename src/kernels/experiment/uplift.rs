//! Uplift by ranges of a score, and the Qini curve.

/// The rows with one score: the number of treated and control rows, and the sums of their outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scored {
    pub score: f64,
    /// The number of treated rows.
    pub treated: f64,
    /// The sum of their outcomes.
    pub treated_sum: f64,
    /// The number of control rows.
    pub control: f64,
    /// The sum of their outcomes.
    pub control_sum: f64,
}

impl Scored {
    /// The number of all rows.
    pub fn rows(&self) -> f64 {
        self.treated + self.control
    }

    fn add(&mut self, other: &Self, share: f64) {
        self.treated += share * other.treated;
        self.treated_sum += share * other.treated_sum;
        self.control += share * other.control;
        self.control_sum += share * other.control_sum;
    }

    /// The mean outcome of the treated minus that of the control; `None` if either has no rows.
    pub fn uplift(&self) -> Option<f64> {
        (self.treated > 0.0 && self.control > 0.0).then(|| self.treated_sum / self.treated - self.control_sum / self.control)
    }

    /// How much larger the treated rows' sum is than it would be with the control's mean outcome.
    pub fn incremental(&self) -> f64 {
        let expected = if self.control > 0.0 { self.control_sum * self.treated / self.control } else { 0.0 };
        self.treated_sum - expected
    }
}

/// One part of the rows, when they are ordered by descending score and divided into parts of equal size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// The smallest score.
    pub low: f64,
    /// The largest score.
    pub high: f64,
    /// The rows of this part and their sums. Rows with a score that spans several parts are divided in proportion.
    pub own: Scored,
    /// The same for this part and all before it.
    pub so_far: Scored,
}

/// The Qini curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The parts, from the highest scores.
    pub parts: Vec<Part>,
    /// The area between the Qini curve and the straight line to its end, over the share of rows, per treated row.
    pub qini: Option<f64>,
    /// This area relative to the area under the line; 0 for a score without information.
    pub relative: Option<f64>,
}

/// Computes the curve. `scores` holds each score once, in descending order.
pub fn curve(scores: &[Scored], parts: usize) -> Curve {
    let all: f64 = scores.iter().map(Scored::rows).sum();
    let mut made: Vec<Part> = vec![];
    let mut so_far = Scored::default();
    let mut passed = 0.0;
    let end = |number: usize| (all * number as f64 / parts as f64).round();
    let (mut own, mut high, mut number) = (Scored::default(), None, 1);
    let mut area = 0.0;
    for scored in scores {
        let before = so_far.incremental();
        let mut left = scored.rows();
        while left > 0.0 {
            // Skips parts that would contain no rows.
            while number < parts && end(number) <= passed {
                number += 1;
            }
            let room = if number >= parts { left } else { (end(number) - passed).min(left) };
            let share = room / scored.rows();
            own.add(scored, share);
            high.get_or_insert(scored.score);
            (passed, left) = (passed + room, left - room);
            if passed >= end(number) || passed >= all {
                let mut up_to = made.last().map_or_else(Scored::default, |part| part.so_far);
                up_to.add(&own, 1.0);
                made.push(Part { low: scored.score, high: high.unwrap_or(scored.score), own, so_far: up_to });
                (own, high) = (Scored::default(), None);
            }
        }
        so_far.add(scored, 1.0);
        area += scored.rows() / all * (before + so_far.incremental()) / 2.0;
    }
    let known = so_far.treated > 0.0 && so_far.control > 0.0;
    let line = so_far.incremental() / 2.0;
    Curve {
        parts: made,
        qini: known.then(|| (area - line) / so_far.treated),
        relative: Some((area - line) / line).filter(|relative| known && relative.is_finite()),
    }
}
