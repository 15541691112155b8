//! Models of when customers buy and how long they stay active.

use serde::{Deserialize, Serialize};

use super::fit::{Estimate, FitOptions, Search, fit};
use super::gamma::{expectation, ln_beta, ln_gamma};
use super::process::{BgBb, BgNbd, MbgNbd, ParetoNbd, ln_integral};
use super::rows::{Compressed, WrongRow, check, check_discrete};
use crate::kernels::control::{Control, Stop};

/// The model of purchases and dropout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    BgNbd,
    MbgNbd,
    ParetoNbd,
    BgBb,
}

impl Process {
    /// The names of the model's parameters.
    pub fn parameters(self) -> [&'static str; 4] {
        match self {
            Self::BgNbd | Self::MbgNbd => ["r", "alpha", "a", "b"],
            Self::ParetoNbd => ["r", "alpha", "s", "beta"],
            Self::BgBb => ["alpha", "beta", "gamma", "delta"],
        }
    }

    /// The first row that the model cannot read, if any.
    pub fn check(self, frequency: &[f64], recency: &[f64], age: &[f64]) -> Option<WrongRow> {
        match self {
            Self::BgBb => check_discrete(frequency, recency, age),
            _ => check(frequency, recency, age),
        }
    }

    /// Fits the model to rows that passed [`Self::check`]; `None` if there are none.
    pub fn fit(
        self,
        control: &Control<'_>,
        frequency: &[f64],
        recency: &[f64],
        age: &[f64],
        weights: Option<&[f64]>,
        options: FitOptions,
    ) -> Result<Option<Transactions>, Stop> {
        let rows = Compressed::new(control, frequency, recency, age, weights)?;
        let mean = rows.rows.iter().map(|row| row.second * row.weight).sum::<f64>() / rows.weight;
        let mean = if mean > 0.0 { mean } else { 1.0 };
        let longest = age.iter().fold(0.0, |longest: f64, age| longest.max(*age));
        let longest = if longest > 0.0 { longest } else { 1.0 };
        let names = self.parameters();
        let estimate = match self {
            Self::BgNbd | Self::MbgNbd => {
                let starts = [
                    [0.5, mean / 2.0, 0.8, 2.5],
                    [1.0, mean, 1.0, 10.0],
                    [0.2, mean / 8.0, 0.2, 0.5],
                    [3.0, 3.0 * mean, 0.1, 5.0],
                ];
                let search = Search { names, starts: &starts, scales: [1.0, longest, 1.0, 1.0], options };
                match self {
                    Self::BgNbd => fit::<4, BgNbd>(control, &rows, &search)?,
                    _ => fit::<4, MbgNbd>(control, &rows, &search)?,
                }
            }
            Self::ParetoNbd => {
                let starts = [[0.5, mean / 2.0, 0.5, mean / 2.0], [1.0, mean, 1.0, 4.0 * mean], [2.0, mean, 0.3, mean / 10.0]];
                let search = Search { names, starts: &starts, scales: [1.0, longest, 1.0, longest], options };
                fit::<4, ParetoNbd>(control, &rows, &search)?
            }
            Self::BgBb => {
                let starts = [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 3.0], [0.3, 2.0, 1.0, 10.0]];
                let search = Search { names, starts: &starts, scales: [1.0; 4], options };
                fit::<4, BgBb>(control, &rows, &search)?
            }
        };
        Ok(estimate.map(|estimate| Transactions { process: self, estimate }))
    }
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transactions {
    pub process: Process,
    pub estimate: Estimate,
}

impl Transactions {
    /// The values of the four parameters; NaN for a missing one.
    fn values(&self) -> [f64; 4] {
        std::array::from_fn(|place| self.estimate.parameters.get(place).map_or(f64::NAN, |parameter| parameter.value))
    }

    /// True if time is measured in purchase opportunities.
    pub fn is_discrete(&self) -> bool {
        self.process == Process::BgBb
    }

    /// The probability that a customer with this history is still active at the end of observation.
    pub fn probability_alive(&self, frequency: f64, recency: f64, age: f64) -> f64 {
        let [one, two, three, four] = self.values();
        match self.process {
            Process::BgNbd | Process::MbgNbd => {
                let (r, alpha, a) = (one, two, three);
                let b = if self.process == Process::BgNbd { four - 1.0 } else { four };
                if self.process == Process::BgNbd && frequency == 0.0 {
                    return 1.0;
                }
                let silent = (r + frequency) * libm::log((alpha + age) / (alpha + recency));
                share(libm::log(a) - libm::log(b + frequency) + silent)
            }
            Process::ParetoNbd => {
                let (r, alpha, s, beta) = (one, two, three, four);
                let gone = ln_integral(r + frequency, alpha, s + 1.0, beta, recency, age);
                let alive = -(r + frequency) * libm::log(alpha + age) - s * libm::log(beta + age);
                share(libm::log(s) + gone - alive)
            }
            Process::BgBb => {
                let history = self.discrete(frequency, recency, age);
                libm::exp(history.alive - history.all)
            }
        }
    }

    /// The expected number of purchases in the time `horizon` after the end of observation.
    pub fn expected_purchases(&self, horizon: f64, frequency: f64, recency: f64, age: f64) -> f64 {
        if horizon <= 0.0 {
            return 0.0;
        }
        let [one, two, three, four] = self.values();
        match self.process {
            Process::BgNbd | Process::MbgNbd => {
                let (r, alpha, a) = (one, two, three);
                let b = if self.process == Process::BgNbd { four - 1.0 } else { four };
                let z = horizon / (alpha + age + horizon);
                let alive = self.probability_alive(frequency, recency, age);
                expectation(r + frequency, a, a + b + frequency, z) * alive
            }
            Process::ParetoNbd => {
                let (r, alpha, s, beta) = (one, two, three, four);
                let alive = self.probability_alive(frequency, recency, age);
                (r + frequency) / (alpha + age) * time_alive(s, beta + age, horizon) * alive
            }
            Process::BgBb => {
                let (alpha, beta) = (one, two);
                let history = self.discrete(frequency, recency, age);
                let buys =
                    ln_beta(alpha + frequency + 1.0, beta + age - frequency) - ln_beta(alpha + frequency, beta + age - frequency);
                libm::exp(history.alive - history.all + buys) * opportunities(three, four + age, horizon)
            }
        }
    }

    /// The expected number of repeat purchases of a new customer in the time `horizon` after the first purchase.
    pub fn expected_purchases_of_new(&self, horizon: f64) -> f64 {
        if horizon <= 0.0 {
            return 0.0;
        }
        let [one, two, three, four] = self.values();
        match self.process {
            Process::BgNbd => expectation(one, three, three + four - 1.0, horizon / (two + horizon)),
            Process::MbgNbd => {
                let (a, b) = (three, four);
                expectation(one, a, a + b, horizon / (two + horizon)) * b / (a + b)
            }
            Process::ParetoNbd => one / two * time_alive(three, four, horizon),
            Process::BgBb => one / (one + two) * opportunities(three, four, horizon),
        }
    }

    /// The probability that a new customer makes this many repeat purchases in the time `horizon` after the first purchase.
    pub fn probability_of_n(&self, purchases: u32, horizon: f64) -> f64 {
        let [one, two, three, four] = self.values();
        let n = f64::from(purchases);
        match self.process {
            Process::BgNbd | Process::MbgNbd => {
                let (r, alpha, a, b) = (one, two, three, four);
                let first = if self.process == Process::BgNbd { 0.0 } else { 1.0 };
                let stays = libm::exp(ln_beta(a, b + n + first) - ln_beta(a, b)) * counted(r, alpha, n, horizon);
                if self.process == Process::BgNbd && purchases == 0 {
                    return stays;
                }
                let below: f64 = (0..purchases).map(|count| counted(r, alpha, f64::from(count), horizon)).sum();
                let leaves = libm::exp(ln_beta(a + 1.0, b + n - 1.0 + first) - ln_beta(a, b));
                stays + leaves * (1.0 - below).max(0.0)
            }
            Process::ParetoNbd => {
                let (r, alpha, s, beta) = (one, two, three, four);
                let stays = counted(r, alpha, n, horizon) * libm::exp(s * libm::log(beta / (beta + horizon)));
                let logs = |time: f64| {
                    ln_counted(r, alpha, n, time) + libm::log(s / (beta + time)) + s * libm::log(beta / (beta + time))
                };
                stays + quadrature(horizon, &|time| if time > 0.0 { libm::exp(logs(time)) } else { 0.0 })
            }
            Process::BgBb => {
                let (alpha, beta, gamma, delta) = (one, two, three, four);
                let ways = |count: f64| ln_gamma(count + 1.0) - ln_gamma(n + 1.0) - ln_gamma(count - n + 1.0);
                if n > horizon {
                    return 0.0;
                }
                let chance = |count: f64| ways(count) + ln_beta(alpha + n, beta + count - n) - ln_beta(alpha, beta);
                let mut sum = libm::exp(chance(horizon) + ln_beta(gamma, delta + horizon) - ln_beta(gamma, delta));
                let mut count = n;
                while count < horizon {
                    sum += libm::exp(chance(count) + ln_beta(gamma + 1.0, delta + count) - ln_beta(gamma, delta));
                    count += 1.0;
                }
                sum
            }
        }
    }

    /// The log-likelihood of a history in discrete time, and the logarithm of the part in which the customer is still active.
    fn discrete(&self, frequency: f64, recency: f64, count: f64) -> Discrete {
        let [alpha, beta, gamma, delta] = self.values();
        let alive = ln_beta(alpha + frequency, beta + count - frequency) + ln_beta(gamma, delta + count);
        let mut all = alive;
        let mut at = recency;
        while at < count {
            let gone = ln_beta(alpha + frequency, beta + at - frequency) + ln_beta(gamma + 1.0, delta + at);
            let (more, less) = if all > gone { (all, gone) } else { (gone, all) };
            all = more + libm::log1p(libm::exp(less - more));
            at += 1.0;
        }
        Discrete { alive, all }
    }
}

struct Discrete {
    alive: f64,
    all: f64,
}

/// 1 / (1 + eˣ).
fn share(log_odds: f64) -> f64 {
    if log_odds > 0.0 {
        let small = libm::exp(-log_odds);
        small / (1.0 + small)
    } else {
        1.0 / (1.0 + libm::exp(log_odds))
    }
}

/// The expected time within `horizon` that a customer stays active, where the dropout rate is gamma distributed with parameters s
/// and β: ∫ (β / (β + u))ˢ du.
fn time_alive(s: f64, beta: f64, horizon: f64) -> f64 {
    let log = libm::log1p(horizon / beta);
    let power = (1.0 - s) * log;
    beta * if power.abs() < 1e-12 { log * (1.0 + power / 2.0) } else { libm::expm1(power) / (1.0 - s) }
}

/// The expected number of opportunities within `horizon` at which a customer is still active. A fractional horizon counts the last
/// opportunity in part.
fn opportunities(gamma: f64, delta: f64, horizon: f64) -> f64 {
    let mut stays = 1.0;
    let mut sum = 0.0;
    let mut number = 0.0;
    while number < horizon {
        stays *= (delta + number) / (gamma + delta + number);
        let share: f64 = horizon - number;
        sum += stays * share.min(1.0);
        number += 1.0;
    }
    sum
}

/// The negative binomial probability of n purchases in a time, given that the customer stays active.
fn counted(r: f64, alpha: f64, n: f64, time: f64) -> f64 {
    if time <= 0.0 {
        return if n == 0.0 { 1.0 } else { 0.0 };
    }
    libm::exp(ln_counted(r, alpha, n, time))
}

fn ln_counted(r: f64, alpha: f64, n: f64, time: f64) -> f64 {
    let ways =
        if n == 0.0 { 0.0 } else { ln_gamma(r + n) - ln_gamma(r) - ln_gamma(n + 1.0) + n * libm::log(time / (alpha + time)) };
    ways - r * libm::log1p(time / alpha)
}

/// Integrates a function from 0 to `end` by Gauss–Legendre quadrature, on panels that halve in width towards 0.
fn quadrature(end: f64, function: &dyn Fn(f64) -> f64) -> f64 {
    const PANELS: u32 = 40;
    let mut sum = 0.0;
    let mut to = end;
    for panel in 0..PANELS {
        let from = if panel + 1 == PANELS { 0.0 } else { to / 2.0 };
        let (middle, half) = ((from + to) / 2.0, (to - from) / 2.0);
        for (node, weight) in super::process::GAUSS {
            sum += half * weight * (function(middle - half * node) + function(middle + half * node));
        }
        to = from;
    }
    sum
}
