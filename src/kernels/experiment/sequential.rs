//! Always-valid inference: the mixture sequential probability ratio test, which is valid at any time and for any number of looks.
//!
//! Under no effect the ratio of likelihoods, mixed over effects from a normal distribution around 0, is a martingale that starts at 1; so it
//! exceeds 1/α at any time with a probability of at most α.

/// The result at one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The p-value, valid at any time.
    pub p_value: f64,
    /// Half the width of the interval, valid at any time.
    pub half_width: f64,
}

/// A difference with its standard error, mixed over effects of standard deviation `tau`. None when the error or tau is 0.
pub fn look(difference: f64, std_err: f64, tau: f64, confidence: f64) -> Option<Look> {
    let (variance, mixing) = (std_err * std_err, tau * tau);
    if variance <= 0.0 || mixing <= 0.0 || !variance.is_finite() {
        return None;
    }
    let together = variance + mixing;
    // The logarithm of the ratio of likelihoods.
    let ratio = 0.5 * (variance / together).ln() + mixing * difference * difference / (2.0 * variance * together);
    let half_width = (variance * together / mixing * (-2.0 * (1.0 - confidence).ln() + (together / variance).ln())).sqrt();
    Some(Look { p_value: (-ratio).exp().min(1.0), half_width })
}
