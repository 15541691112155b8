//! The rows of a logistic model: mean, curvature and deviance, computed for a block of rows at once.
//!
//! Only additions, multiplications, divisions and operations on bits are used, so that the compiler can compute several rows with one
//! instruction, and the results are the same on every machine.

/// `e` to the power of a number that is 0 or less, to the last digit but one. Below −708 it is that of −708, which is 3 × 10⁻³⁰⁸.
#[inline(always)]
fn exp(power: f64) -> f64 {
    /// 1.5 × 2⁵²: a number added to it is rounded to an integer, which is then in the lowest bits.
    const ROUNDING: f64 = 6_755_399_441_055_744.0;
    /// The natural logarithm of 2 in two parts: the first has few digits, so that its products with integers are exact.
    const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    /// Taylor's coefficients, 1 / 13! to 1 / 2!.
    const TAYLOR: [f64; 12] = [
        1.605_904_383_682_161_5e-10,
        2.087_675_698_786_81e-9,
        2.505_210_838_544_172e-8,
        2.755_731_922_398_589e-7,
        2.755_731_922_398_589_3e-6,
        2.480_158_730_158_73e-5,
        1.984_126_984_126_984e-4,
        1.388_888_888_888_889e-3,
        8.333_333_333_333_333e-3,
        4.166_666_666_666_666_4e-2,
        1.666_666_666_666_666_6e-1,
        0.5,
    ];
    let power = if power > -708.0 { power } else { -708.0 };
    let shifted = power * std::f64::consts::LOG2_E + ROUNDING;
    let whole = shifted - ROUNDING;
    let rest = power - whole * LN_2[0] - whole * LN_2[1];
    let series = TAYLOR.iter().fold(0.0, |sum, coefficient| sum * rest + coefficient);
    let two_to_whole = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    two_to_whole * (1.0 + (rest + rest * rest * series))
}

/// The rows of a block, all of the same number.
pub struct Block<'a> {
    pub scores: &'a [f64],
    /// 1 or 0.
    pub target: &'a [f64],
    pub weights: Option<&'a [f64]>,
    /// Filled with weight × variance.
    pub curvature: &'a mut [f64],
    /// Filled with weight × (target − mean).
    pub residual: &'a mut [f64],
    /// Filled with 1 + exp(−|score|).
    pub grown: &'a mut [f64],
}

/// The number of sums that are kept side by side, whatever the processor.
const LANES: usize = 8;

impl Block<'_> {
    /// Fills the block; returns the deviance of its rows.
    ///
    /// A row's part of the deviance is twice ln(1 + exp(−|score|)), and twice the score more if the mean is on the wrong side. Without
    /// weights, the sum of these logarithms is the logarithm of a product.
    #[inline(always)]
    pub fn fill(self) -> f64 {
        let Self { scores, target, weights, curvature, residual, grown } = self;
        let mut sides = [0.0; LANES];
        let filled = curvature.iter_mut().zip(residual.iter_mut()).zip(grown.iter_mut());
        for (((curvature, residual), grown), (score, target)) in filled.zip(scores.iter().zip(target)) {
            let small = exp(-score.abs());
            let more = 1.0 + small;
            let (high, low) = (1.0 / more, small / more);
            let mean = if *score >= 0.0 { high } else { low };
            *curvature = high * low;
            *residual = target - mean;
            *grown = more;
        }
        let wrong = |score: f64, target: f64| {
            let against = if target > 0.5 { -score } else { score };
            if against > 0.0 { against } else { 0.0 }
        };
        let Some(weights) = weights else {
            let mut products = [1.0; LANES];
            for ((grown, scores), target) in grown.chunks(LANES).zip(scores.chunks(LANES)).zip(target.chunks(LANES)) {
                for (lane, ((grown, score), target)) in grown.iter().zip(scores).zip(target).enumerate() {
                    products[lane] *= grown;
                    sides[lane] += wrong(*score, *target);
                }
            }
            return 2.0 * products.iter().map(|product| libm::log(*product)).chain(sides).sum::<f64>();
        };
        let mut deviance = 0.0;
        for (row, weight) in weights.iter().enumerate() {
            curvature[row] *= weight;
            residual[row] *= weight;
            deviance += weight * (libm::log(grown[row]) + wrong(scores[row], target[row]));
        }
        2.0 * deviance
    }
}
