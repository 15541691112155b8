//! Numbers that carry their derivatives, so that a likelihood that is written once yields its value, gradient and Hessian.
//!
//! [`Dual`] holds the first and second derivatives with respect to N parameters (forward-mode automatic differentiation). They are
//! as exact as the value; they are not finite differences.

use std::ops::{Add, Mul, Neg, Sub};

use super::gamma::{digamma, ln_gamma, trigamma};

/// A number in which likelihoods are written: a plain number, or one with derivatives.
pub trait Number: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self> {
    /// A constant.
    fn of(value: f64) -> Self;
    /// The value without the derivatives.
    fn value(self) -> f64;
    /// Applies a function, which returns its value and its first two derivatives at the given value.
    fn through(self, function: impl FnOnce(f64) -> [f64; 3]) -> Self;
    /// Multiplies by a constant.
    fn times(self, factor: f64) -> Self;
    /// Adds a constant.
    fn plus(self, value: f64) -> Self;

    /// The natural logarithm.
    fn ln(self) -> Self {
        self.through(|x| [libm::log(x), 1.0 / x, -1.0 / (x * x)])
    }

    /// The exponential function.
    fn exp(self) -> Self {
        self.through(|x| {
            let value = libm::exp(x);
            [value; 3]
        })
    }

    /// ln Γ.
    fn ln_gamma(self) -> Self {
        self.through(|x| [ln_gamma(x), digamma(x), trigamma(x)])
    }

    /// ln(1 + eˣ), without overflow.
    fn soft_plus(self) -> Self {
        self.through(|x| {
            let small = libm::exp(-x.abs());
            let share = if x > 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
            [x.max(0.0) + libm::log1p(small), share, share * (1.0 - share)]
        })
    }

    /// ln(eˣ + eʸ), without overflow.
    fn ln_add(self, other: Self) -> Self {
        if self.value() == f64::NEG_INFINITY {
            return other;
        }
        self + (other - self).soft_plus()
    }
}

impl Number for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn value(self) -> f64 {
        self
    }

    fn through(self, function: impl FnOnce(Self) -> [Self; 3]) -> Self {
        function(self)[0]
    }

    fn times(self, factor: f64) -> Self {
        self * factor
    }

    fn plus(self, value: f64) -> Self {
        self + value
    }

    fn ln_gamma(self) -> Self {
        ln_gamma(self)
    }
}

/// A number with its first and second derivatives with respect to N parameters.
#[derive(Debug, Clone, Copy)]
pub struct Dual<const N: usize> {
    pub value: f64,
    pub gradient: [f64; N],
    pub hessian: [[f64; N]; N],
}

impl<const N: usize> Dual<N> {
    /// The parameter at a place, given by its logarithm. Derivatives are with respect to the logarithm.
    pub fn parameter(place: usize, log: f64) -> Self {
        let value = libm::exp(log);
        let mut dual = Self::of(value);
        dual.gradient[place] = value;
        dual.hessian[place][place] = value;
        dual
    }
}

impl<const N: usize> Add for Dual<N> {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.value += other.value;
        for i in 0..N {
            self.gradient[i] += other.gradient[i];
            for j in 0..N {
                self.hessian[i][j] += other.hessian[i][j];
            }
        }
        self
    }
}

impl<const N: usize> Sub for Dual<N> {
    type Output = Self;

    fn sub(mut self, other: Self) -> Self {
        self.value -= other.value;
        for i in 0..N {
            self.gradient[i] -= other.gradient[i];
            for j in 0..N {
                self.hessian[i][j] -= other.hessian[i][j];
            }
        }
        self
    }
}

impl<const N: usize> Neg for Dual<N> {
    type Output = Self;

    fn neg(self) -> Self {
        self.times(-1.0)
    }
}

impl<const N: usize> Mul for Dual<N> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let mut product = Self::of(self.value * other.value);
        for i in 0..N {
            product.gradient[i] = self.value * other.gradient[i] + self.gradient[i] * other.value;
            for j in 0..N {
                product.hessian[i][j] = self.value * other.hessian[i][j]
                    + self.hessian[i][j] * other.value
                    + self.gradient[i] * other.gradient[j]
                    + other.gradient[i] * self.gradient[j];
            }
        }
        product
    }
}

impl<const N: usize> Number for Dual<N> {
    fn of(value: f64) -> Self {
        Self { value, gradient: [0.0; N], hessian: [[0.0; N]; N] }
    }

    fn value(self) -> f64 {
        self.value
    }

    fn through(self, function: impl FnOnce(f64) -> [f64; 3]) -> Self {
        let [value, first, second] = function(self.value);
        let mut result = Self::of(value);
        for i in 0..N {
            result.gradient[i] = first * self.gradient[i];
            for j in 0..N {
                result.hessian[i][j] = first * self.hessian[i][j] + second * (self.gradient[i] * self.gradient[j]);
            }
        }
        result
    }

    fn times(mut self, factor: f64) -> Self {
        self.value *= factor;
        for i in 0..N {
            self.gradient[i] *= factor;
            for j in 0..N {
                self.hessian[i][j] *= factor;
            }
        }
        self
    }

    fn plus(mut self, value: f64) -> Self {
        self.value += value;
        self
    }
}
