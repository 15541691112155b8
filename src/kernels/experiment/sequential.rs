//! Always-valid inference by the mixture sequential probability ratio test: valid at any time, for any number of looks.
//!
//! Without an effect, the likelihood ratio, mixed over normally distributed effects with mean 0, is a martingale that starts at 1. So the
//! probability that it ever exceeds 1/α is at most α.

/// The result of one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The always-valid p-value.
    pub p_value: f64,
    /// Half the width of the always-valid confidence interval.
    pub half_width: f64,
}

/// Evaluates a difference with its standard error; effects are mixed with standard deviation `tau`. `None` if the standard error or `tau`
/// is 0.
pub fn look(difference: f64, std_err: f64, tau: f64, confidence: f64) -> Option<Look> {
    let (variance, mixing) = (std_err * std_err, tau * tau);
    if variance <= 0.0 || mixing <= 0.0 || !variance.is_finite() {
        return None;
    }
    let together = variance + mixing;
    // The logarithm of the likelihood ratio.
    let ratio = 0.5 * (variance / together).ln() + mixing * difference * difference / (2.0 * variance * together);
    let half_width = (variance * together / mixing * (-2.0 * (1.0 - confidence).ln() + (together / variance).ln())).sqrt();
    Some(Look { p_value: (-ratio).exp().min(1.0), half_width })
}
