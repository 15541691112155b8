//! Random charts, the same ones each time: every accepted chart is drawn completely, and nothing panics.

use super::*;

/// A small generator of numbers (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn number(&mut self) -> f64 {
        let size = f64::from(u32::try_from(self.roll(1_000_000)).unwrap());
        match self.roll(12) {
            0 => 0.0,
            1 => -size,
            2 => size * 1e290,
            3 => size * 1e-310,
            4 => size / 1e6,
            5 => -1e300,
            6 => 1e15 + size / 1e6,
            _ => size,
        }
    }

    fn value(&mut self) -> Option<f64> {
        (self.roll(6) > 0).then(|| self.number())
    }

    fn word(&mut self) -> String {
        let length = [0, 1, 3, 8, 40][usize::try_from(self.roll(5)).unwrap()];
        (0..length)
            .map(|_| {
                ['a', 'W', ' ', '客', '户', '<', '&', '"', '\u{0}', '❤', '\u{fe0f}', '\u{301}', '👩', '\u{200d}']
                    [usize::try_from(self.roll(14)).unwrap()]
            })
            .collect()
    }

    fn chart(&mut self, kind: Kind) -> Chart {
        let places = [0, 1, 2, 3, 7, 12, 13, 40][usize::try_from(self.roll(8)).unwrap()];
        let rows = if kind.one_series() { 1 } else { self.roll(9) };
        let numbers = self.roll(2) == 0;
        let named = !numbers || self.roll(2) == 0;
        let edges = places + usize::from(kind == Kind::Histogram);
        let dates = self.roll(2) == 0;
        let mut x: Vec<f64> = (0..edges).map(|_| if dates { self.number() % 1e6 } else { self.number() }).collect();
        if kind == Kind::Histogram {
            x.sort_by(f64::total_cmp);
        }
        let mut series: Vec<Series> = (0..rows)
            .map(|_| Series {
                name: self.word(),
                values: (0..places).map(|_| self.value()).collect(),
                passed: (0..places).map(|place| place % 2 == 0).collect(),
                band: None,
            })
            .collect();
        if let Some(first) = series.first_mut().filter(|_| dates) {
            first.band = Some((first.values.clone(), (0..places).map(|_| self.value()).collect()));
        }
        let links = (0..places).map(|place| (self.word(), format!("{place}{}", self.word()), self.number())).collect();
        let categories = if named { (0..places).map(|_| self.word()).collect() } else { Vec::new() };
        let language = if self.roll(2) == 0 { Language::Zh } else { Language::En };
        Chart {
            kind,
            title: self.word(),
            x_name: self.word(),
            y_name: self.word(),
            categories,
            x_numbers: numbers.then_some(x),
            x_is_date: dates,
            series,
            links,
            language,
        }
    }
}

#[test]
fn whatever_is_accepted_is_drawn_whole() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for kind in Kind::ALL {
        let mut drawn = 0;
        for _ in 0..400 {
            let mut chart = dice.chart(kind);
            if matches!(kind, Kind::Pie | Kind::Funnel | Kind::Treemap | Kind::Sankey) {
                let values = chart.series.iter_mut().flat_map(|series| series.values.iter_mut().flatten());
                values.chain(chart.links.iter_mut().map(|link| &mut link.2)).for_each(|value| *value = value.abs());
            }
            let width = [0, 240, 360, 960, 9_999][usize::try_from(dice.roll(5)).unwrap()];
            let Ok(picture) = svg(&chart, width) else { continue };
            drawn += 1;
            assert_eq!(count(&picture), chart.marks(), "{chart:?}");
            assert_eq!(xml::check(&picture), Ok(()), "{chart:?}");
            assert!(!picture.contains("\"NaN") && !picture.contains(" NaN") && !picture.contains("inf "), "{chart:?}");
            for attribute in ["width=\"-", "height=\"-", " r=\"-"] {
                assert!(!picture.contains(attribute), "{attribute} in {chart:?}");
            }
            let columns = usize::try_from(20 + dice.roll(100)).unwrap();
            let Ok(text) = terminal(&chart, columns, false) else { continue };
            assert!(text.lines().all(|line| text::columns(line) <= columns), "{columns}: {text}\n{chart:?}");
        }
        assert!(drawn > 100, "{kind}: {drawn}");
    }
}
