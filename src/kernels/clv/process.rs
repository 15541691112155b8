//! The likelihoods of the models, each written once for numbers with and without derivatives.

use super::number::{Dual, Number};
use super::rows::Row;

/// The log-likelihood of a model. It is split in two parts, so that the part that depends only on the frequency is computed once
/// for all rows with that frequency.
pub trait Likelihood<const N: usize>: Sync {
    /// The part that depends only on the frequency.
    fn of_frequency<T: Number>(parameters: &[T; N], frequency: f64) -> T;
    /// The part that depends on the rest of a row.
    fn of_row<T: Number>(parameters: &[T; N], row: &Row) -> T;

    /// The weighted sum of [`Self::of_row`] over rows with the same frequency.
    fn of_rows(parameters: &[Dual<N>; N], rows: &[Row]) -> Dual<N> {
        rows.iter().fold(Dual::of(0.0), |sum, row| sum + Self::of_row(parameters, row).times(row.weight))
    }
}

/// BG/NBD, with parameters r, α, a, b. Fader, Hardie, Lee: "Counting your customers" the easy way (2005).
pub struct BgNbd;

impl Likelihood<4> for BgNbd {
    fn of_frequency<T: Number>(&[r, alpha, a, b]: &[T; 4], x: f64) -> T {
        let start = r * alpha.ln();
        if x == 0.0 {
            return start;
        }
        let purchases = r.plus(x).ln_gamma() - r.ln_gamma();
        let stays = (a + b).ln_gamma() + b.plus(x).ln_gamma() - b.ln_gamma() - (a + b).plus(x).ln_gamma();
        start + purchases + stays
    }

    fn of_row<T: Number>(&[r, alpha, a, b]: &[T; 4], row: &Row) -> T {
        let to_end = alpha.plus(row.second).ln();
        let alive = -(r.plus(row.frequency) * to_end);
        if row.frequency == 0.0 {
            return alive;
        }
        let after_last = to_end - alpha.plus(row.first).ln();
        let gone = a.ln() - b.plus(row.frequency - 1.0).ln() + r.plus(row.frequency) * after_last;
        alive + gone.soft_plus()
    }

    fn of_rows(parameters: &[Dual<4>; 4], rows: &[Row]) -> Dual<4> {
        of_alike(parameters, rows, -1.0)
    }
}

/// MBG/NBD, with parameters r, α, a, b: customers may also leave right after the first purchase. Batislam, Denizel, Filiztekin
/// (2007).
pub struct MbgNbd;

impl Likelihood<4> for MbgNbd {
    fn of_frequency<T: Number>(&[r, alpha, a, b]: &[T; 4], x: f64) -> T {
        let purchases = r.plus(x).ln_gamma() - r.ln_gamma() + r * alpha.ln();
        let stays = (a + b).ln_gamma() + b.plus(x + 1.0).ln_gamma() - b.ln_gamma() - (a + b).plus(x + 1.0).ln_gamma();
        purchases + stays
    }

    fn of_row<T: Number>(&[r, alpha, a, b]: &[T; 4], row: &Row) -> T {
        let to_end = alpha.plus(row.second).ln();
        let after_last = to_end - alpha.plus(row.first).ln();
        let gone = a.ln() - b.plus(row.frequency).ln() + r.plus(row.frequency) * after_last;
        gone.soft_plus() - r.plus(row.frequency) * to_end
    }

    fn of_rows(parameters: &[Dual<4>; 4], rows: &[Row]) -> Dual<4> {
        of_alike(parameters, rows, 0.0)
    }
}

/// The rows' part of BG/NBD (`first` = −1) and MBG/NBD (`first` = 0), with the derivatives written out, which takes a third of the
/// time:
///
/// f = −n·u + ln(1 + e^g), g = c + n·(u − v), where n = r + x, u = ln(α + T), v = ln(α + t), c = ln a − ln(b + x + first).
fn of_alike(parameters: &[Dual<4>; 4], rows: &[Row], first: f64) -> Dual<4> {
    let [r, alpha, a, b] = parameters.map(|parameter| parameter.value);
    let x = rows.first().map_or(0.0, |row| row.frequency);
    let n = r + x;
    let last = b + x + first;
    // In BG/NBD a customer without a repeat purchase cannot have left.
    let stays = first < 0.0 && x == 0.0;
    let odds = if stays { f64::NEG_INFINITY } else { libm::log(a) - libm::log(last) };
    let (mut value, mut by_r, mut by_alpha, mut by_odds) = (0.0, 0.0, 0.0, 0.0);
    let (mut r_r, mut r_alpha, mut r_odds, mut alpha_alpha, mut alpha_odds, mut odds_odds) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for row in rows {
        let weight = row.weight;
        let (end, start) = (alpha + row.second, alpha + row.first);
        let (u, end_slope, start_slope) = (libm::log(end), 1.0 / end, 1.0 / start);
        value -= weight * n * u;
        by_r -= weight * u;
        by_alpha -= weight * n * end_slope;
        r_alpha -= weight * end_slope;
        alpha_alpha += weight * n * end_slope * end_slope;
        if stays {
            continue;
        }
        let silent = libm::log(end * start_slope);
        let slope = end_slope - start_slope;
        let gone = odds + n * silent;
        let small = libm::exp(-gone.abs());
        let share = if gone > 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
        let (one, two) = (weight * share, weight * share * (1.0 - share));
        value += weight * (gone.max(0.0) + libm::log1p(small));
        by_r += one * silent;
        by_alpha += one * n * slope;
        by_odds += one;
        r_r += two * silent * silent;
        r_alpha += one * slope + two * silent * n * slope;
        r_odds += two * silent;
        alpha_alpha += one * n * (start_slope * start_slope - end_slope * end_slope) + two * n * n * slope * slope;
        alpha_odds += two * n * slope;
        odds_odds += two;
    }
    let (of_a, of_b) = (1.0 / a, if stays { 0.0 } else { -1.0 / last });
    let slopes = [by_r, by_alpha, by_odds * of_a, by_odds * of_b];
    let a_b = odds_odds * of_a * of_b;
    let bends = [
        [r_r, r_alpha, r_odds * of_a, r_odds * of_b],
        [r_alpha, alpha_alpha, alpha_odds * of_a, alpha_odds * of_b],
        [r_odds * of_a, alpha_odds * of_a, odds_odds * of_a * of_a - by_odds * of_a * of_a, a_b],
        [r_odds * of_b, alpha_odds * of_b, a_b, odds_odds * of_b * of_b + by_odds * of_b * of_b],
    ];
    // Convert to derivatives with respect to the logarithms of the parameters.
    let values = [r, alpha, a, b];
    let mut sum = Dual::of(value);
    for i in 0..4 {
        sum.gradient[i] = values[i] * slopes[i];
        for j in 0..4 {
            sum.hessian[i][j] = values[i] * values[j] * bends[i][j];
        }
        sum.hessian[i][i] += sum.gradient[i];
    }
    sum
}

/// Pareto/NBD, with parameters r, α, s, β. Schmittlein, Morrison, Colombo: Counting your customers (1987).
pub struct ParetoNbd;

impl Likelihood<4> for ParetoNbd {
    fn of_frequency<T: Number>(&[r, alpha, s, beta]: &[T; 4], x: f64) -> T {
        r.plus(x).ln_gamma() - r.ln_gamma() + r * alpha.ln() + s * beta.ln()
    }

    fn of_row<T: Number>(&[r, alpha, s, beta]: &[T; 4], row: &Row) -> T {
        let alive = -(r.plus(row.frequency) * alpha.plus(row.second).ln()) - s * beta.plus(row.second).ln();
        let gone = ln_integral(r.plus(row.frequency), alpha, s.plus(1.0), beta, row.first, row.second);
        alive.ln_add(s.ln() + gone)
    }
}

/// The positive nodes of 16-point Gauss–Legendre quadrature, with their weights.
pub const GAUSS: [(f64, f64); 8] = [
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
    (0.458_016_777_657_227_4, 0.169_156_519_395_002_54),
    (0.617_876_244_402_643_7, 0.149_595_988_816_576_73),
    (0.755_404_408_355_003, 0.124_628_971_255_533_87),
    (0.865_631_202_387_831_7, 0.095_158_511_682_492_78),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_89),
    (0.989_400_934_991_649_9, 0.027_152_459_411_754_095),
];

/// Maximum number of panels: more than are needed for times from a thousandth of α to thousands of times α.
const MOST_PANELS: u32 = 1_000;

/// ln ∫ (α + y)^−p · (β + y)^−q dy from one time to another.
///
/// The published form is a difference of two hypergeometric functions, which suffers from cancellation and needs a special case at
/// α = β. The integral has neither problem. As a function of ln(min(α, β) + y), the integrand decays like an exponential. It is
/// integrated in panels that are narrow enough for little decay within each, and the tail below the last digit is dropped.
pub fn ln_integral<T: Number>(p: T, alpha: T, q: T, beta: T, from: f64, to: f64) -> T {
    if to <= from {
        return T::of(f64::NEG_INFINITY);
    }
    let lesser = if alpha.value() <= beta.value() { alpha } else { beta };
    let (start, end) = (lesser.plus(from).ln(), lesser.plus(to).ln());
    let span = end - start;
    let length = span.value();
    let top = -(p * alpha.plus(from).ln()) - q * beta.plus(from).ln() + start;
    let mut sum = T::of(0.0);
    let mut done = 0.0_f64;
    for _ in 0..MOST_PANELS {
        // The rate of decay at the start of the panel; within a panel of width 1 it grows at most by a factor of e.
        let reached = libm::exp(start.value() + length * done);
        let time = reached - lesser.value();
        let rate = p.value() * reached / (alpha.value() + time) + q.value() * reached / (beta.value() + time);
        let panel = (1.0_f64.min(3.0 / rate) / length).min(1.0 - done);
        let mut highest = 0.0_f64;
        for (node, weight) in GAUSS {
            for side in [-node, node] {
                let log = start + span.times(done + panel * (0.5 + 0.5 * side));
                let time = log.exp() - lesser;
                let value = (log - p * (alpha + time).ln() - q * (beta + time).ln() - top).exp();
                highest = highest.max(value.value());
                sum = sum + value.times(0.5 * panel * weight);
            }
        }
        done += panel;
        // The integrand keeps falling, so the rest is at most this, which is below the last digit.
        if 1.0 - done < 1e-12 || highest * (1.0 - done) <= 1e-18 * sum.value() {
            break;
        }
    }
    (sum * span).ln() + top
}

/// Gamma–Gamma, with parameters p, q, v. The first number of a row is the mean value of the purchases. Fader, Hardie, Lee: RFM and
/// CLV (2005), after Colombo and Jiang.
pub struct GammaGamma;

impl Likelihood<3> for GammaGamma {
    fn of_frequency<T: Number>(&[p, q, v]: &[T; 3], x: f64) -> T {
        let shape = p.times(x);
        (shape + q).ln_gamma() - shape.ln_gamma() - q.ln_gamma() + q * v.ln() + shape.times(libm::log(x))
    }

    fn of_row<T: Number>(&[p, q, v]: &[T; 3], row: &Row) -> T {
        let shape = p.times(row.frequency);
        shape.plus(-1.0).times(libm::log(row.first)) - (shape + q) * v.plus(row.frequency * row.first).ln()
    }
}

/// BG/BB, with parameters α, β, γ, δ. The first number of a row is the last opportunity taken, the second the number of
/// opportunities. Fader, Hardie, Shang: Customer-base analysis in a discrete-time noncontractual setting (2010).
pub struct BgBb;

fn ln_beta<T: Number>(a: T, b: T) -> T {
    a.ln_gamma() + b.ln_gamma() - (a + b).ln_gamma()
}

impl Likelihood<4> for BgBb {
    fn of_frequency<T: Number>(&[alpha, beta, gamma, delta]: &[T; 4], _: f64) -> T {
        -(ln_beta(alpha, beta) + ln_beta(gamma, delta))
    }

    fn of_row<T: Number>(&[alpha, beta, gamma, delta]: &[T; 4], row: &Row) -> T {
        let Row { frequency: x, first: last, second: count, .. } = *row;
        let mut sum = ln_beta(alpha.plus(x), beta.plus(count - x)) + ln_beta(gamma, delta.plus(count));
        let mut at = last;
        while at < count {
            let gone = ln_beta(alpha.plus(x), beta.plus(at - x)) + ln_beta(gamma.plus(1.0), delta.plus(at));
            sum = sum.ln_add(gone);
            at += 1.0;
        }
        sum
    }
}
