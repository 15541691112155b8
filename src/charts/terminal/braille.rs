//! A canvas of braille characters: two dots across and four down in every column of the terminal.

use super::Screen;

/// The bit of each dot, by row and column within a character, as Unicode numbers them.
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// The dots, and the series that was last drawn in each character.
pub(super) struct Canvas {
    wide: usize,
    cells: Vec<(u8, usize)>,
}

impl Canvas {
    /// An empty canvas of so many characters across and down.
    pub(super) fn new(wide: usize, high: usize) -> Self {
        Self { wide, cells: vec![(0, 0); wide * high] }
    }

    /// Sets one dot; dots outside are ignored.
    pub(super) fn dot(&mut self, x: usize, y: usize, series: usize) {
        if x / 2 >= self.wide {
            return;
        }
        if let Some(cell) = self.cells.get_mut(y / 4 * self.wide + x / 2) {
            *cell = (cell.0 | BITS[y % 4][x % 2], series);
        }
    }

    /// A straight line of dots between two, ends included (Bresenham).
    pub(super) fn line(&mut self, from: (usize, usize), to: (usize, usize), series: usize) {
        let (across, down) = (from.0.abs_diff(to.0), from.1.abs_diff(to.1));
        let steps = across.max(down).max(1);
        for step in 0..=steps {
            let between = |from: usize, to: usize| {
                let moved = (from.abs_diff(to) * step * 2 + steps) / (2 * steps);
                if to >= from { from + moved } else { from - moved }
            };
            self.dot(between(from.0, to.0), between(from.1, to.1), series);
        }
    }

    /// The lines of text, in colour if the screen has it.
    pub(super) fn lines(&self, screen: Screen) -> Vec<String> {
        let paint = |run: &[(u8, usize)]| {
            let text: String = run
                .iter()
                .map(|cell| if cell.0 == 0 { ' ' } else { char::from_u32(0x2800 + u32::from(cell.0)).unwrap_or(' ') })
                .collect();
            screen.paint(run[0].1, &text)
        };
        self.cells.chunks(self.wide.max(1)).map(|row| row.chunk_by(|a, b| a.1 == b.1).map(paint).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_become_the_right_characters() {
        let mut canvas = Canvas::new(2, 1);
        canvas.line((0, 3), (3, 0), 0);
        assert_eq!(canvas.lines(Screen { columns: 20, colour: false }), ["⡠⠊"]);
        canvas.dot(9, 9, 0);
        assert_eq!(canvas.lines(Screen { columns: 20, colour: true }), ["\u{1b}[38;5;32m⡠⠊\u{1b}[0m"]);
    }
}
