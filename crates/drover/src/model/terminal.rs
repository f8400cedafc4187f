//! What a terminal is told and a pipe is not: width and colours. And tables, which need both.

use std::borrow::Cow;
use std::env;
use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};

use crate::out::Failure;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const ADDED: Style = AnsiColor::Green.on_default();
pub(super) const REMOVED: Style = AnsiColor::Red.on_default();
pub(super) const CHANGED: Style = AnsiColor::Yellow.on_default();
pub(super) const FOUND: Style = AnsiColor::Yellow.on_default().bold();

/// Columns of a terminal that does not say how many it has.
const COLUMNS_DEFAULT: usize = 80;
/// Columns below which nothing is made narrower.
const COLUMNS_MIN: usize = 40;
/// Characters that a shortened cell keeps at least: those of `read-write`.
const CELL_CHARS_MIN: usize = 10;

/// How standard output is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terminal {
    /// Columns; `None` for a pipe or a file, whose lines may be of any length.
    width: Option<usize>,
    has_colours: bool,
}

impl Terminal {
    pub(super) fn of_stdout() -> Self {
        let variable = |name: &str| env::var_os(name).map(|it| it.to_string_lossy().into_owned());
        let size = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self::new(io::stdout().is_terminal(), size, variable)
    }

    fn new(
        is_terminal: bool,
        size: Option<usize>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        if !is_terminal {
            return Self { width: None, has_colours: false };
        }
        let columns = variable("COLUMNS").and_then(|text| text.trim().parse().ok());
        let width = columns.or(size).filter(|width| *width > 0).unwrap_or(COLUMNS_DEFAULT);
        let is_plain = variable("NO_COLOR").is_some_and(|it| !it.is_empty())
            || variable("TERM").is_some_and(|it| it == "dumb");
        Self { width: Some(width.max(COLUMNS_MIN)), has_colours: !is_plain }
    }

    /// No terminal at all.
    #[cfg(test)]
    pub(super) fn pipe() -> Self {
        Self { width: None, has_colours: false }
    }

    pub(super) fn is_pipe(self) -> bool {
        self.width.is_none()
    }

    /// Columns that are left to the right of an indentation; `None` for any number.
    pub(super) fn width_after(self, indent: usize) -> Option<usize> {
        self.width.map(|width| width.saturating_sub(indent).max(CELL_CHARS_MIN))
    }

    pub(super) fn paint(self, style: Style, text: &str) -> String {
        if self.has_colours && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// Writes to standard output. A reader that went away, such as `head`, is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// The text without what would steer a terminal: documents come from anywhere.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.replace(char::is_control, "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// Breaks a text at white space.
pub(super) fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut count = 0_usize;
    for word in text.split_whitespace() {
        let chars = word.chars().count();
        if count > 0 && width.is_some_and(|width| count + 1 + chars > width) {
            lines.push(String::new());
            count = 0;
        }
        let line = lines.last_mut().expect("there is always a last line");
        if count > 0 {
            line.push(' ');
            count += 1;
        }
        line.push_str(word);
        count += chars;
    }
    lines
}

/// The text, with a mark of what is missing when it is longer than that.
/// Nothing is shown of a text that has no room at all.
pub(super) fn cut(text: &str, chars_max: usize) -> Cow<'_, str> {
    if text.chars().count() <= chars_max {
        return text.into();
    }
    if chars_max == 0 {
        return "".into();
    }
    let mut short: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    (short + "…").into()
}

/// Rows with a heading.
#[derive(Debug)]
pub(super) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// The columns from this one to that are numbers.
    numbers: std::ops::Range<usize>,
}

impl Table {
    pub(super) fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new(), numbers: 0..0 }
    }

    /// Says which columns stand to the right.
    pub(super) fn with_numbers(self, numbers: std::ops::Range<usize>) -> Self {
        Self { numbers, ..self }
    }

    pub(super) fn push(&mut self, row: Vec<String>) {
        let clean = |cell: String| printable(&cell).into_owned();
        self.rows.push(row.into_iter().map(clean).collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Cells with tabs between them and no heading: what other programs take apart.
    pub(super) fn separated(&self) -> String {
        self.rows.iter().map(|row| row.join("\t") + "\n").collect()
    }

    /// Whether nothing of it has to be shortened.
    pub(super) fn fits(&self, terminal: Terminal) -> bool {
        self.widths(terminal.width_after(0)) == self.widths(None)
    }

    /// Columns below their headings, shortened to the terminal's width.
    pub(super) fn aligned(&self, terminal: Terminal, indent: usize) -> String {
        let widths = self.widths(terminal.width_after(indent));
        let heads = self.heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>();
        let mut text = " ".repeat(indent);
        text += &terminal.paint(BOLD, &self.line(&heads, &widths));
        text.push('\n');
        for row in &self.rows {
            text += &" ".repeat(indent);
            text += &self.line(row, &widths);
            text.push('\n');
        }
        text
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate().filter(|it| *it.1.1 > 0) {
            if column > 0 {
                line += "  ";
            }
            let cell = cut(cell, *width);
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (before, after) = if self.numbers.contains(&column) {
                (padding.as_str(), "")
            } else {
                ("", padding.as_str())
            };
            line.extend([before, &cell, after]);
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// The widest column gives way until all fit, the first one last; one without a cell takes no
    /// room.
    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let natural = |(column, head): (usize, &&str)| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            if widest == 0 { 0 } else { widest.max(head.len()) }
        };
        let mut widths: Vec<usize> = self.heads.iter().enumerate().map(natural).collect();
        let used = widths.iter().filter(|width| **width > 0).count();
        let limit = limit.map(|limit| limit.saturating_sub(used.saturating_sub(1) * 2));
        while limit.is_some_and(|limit| widths.iter().sum::<usize>() > limit) {
            let can_give = |column: &usize| widths[*column] > CELL_CHARS_MIN;
            let widest = (1..widths.len()).filter(can_give).max_by_key(|column| widths[*column]);
            match widest.or_else(|| Some(0).filter(can_give)) {
                Some(column) => widths[column] -= 1,
                None => break,
            }
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(variables: &[(&str, &str)]) -> Terminal {
        let find = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        Terminal::new(true, Some(100), find)
    }

    #[test]
    fn columns_and_no_color_are_respected() {
        assert_eq!(terminal(&[]), Terminal { width: Some(100), has_colours: true });
        assert_eq!(terminal(&[("COLUMNS", "132")]).width, Some(132));
        assert_eq!(terminal(&[("COLUMNS", "1")]).width, Some(COLUMNS_MIN));
        assert_eq!(terminal(&[("COLUMNS", "many")]).width, Some(100));
        assert!(!terminal(&[("NO_COLOR", "1")]).has_colours);
        assert!(terminal(&[("NO_COLOR", "")]).has_colours);
        assert!(!terminal(&[("TERM", "dumb")]).has_colours);
    }

    #[test]
    fn a_pipe_gets_neither_width_nor_colours() {
        let pipe = Terminal::new(false, Some(80), |_| Some("100".to_owned()));
        assert_eq!(pipe, Terminal { width: None, has_colours: false });
        assert_eq!(pipe.paint(BOLD, "x"), "x");
        assert!(terminal(&[]).paint(BOLD, "x").starts_with('\u{1b}'));
    }

    #[test]
    fn text_is_broken_and_cut() {
        assert_eq!(wrap("one two  three\nfour", Some(9)), ["one two", "three", "four"]);
        assert_eq!(wrap("one two  three\nfour", None), ["one two three four"]);
        assert_eq!(wrap("longer-than-that x", Some(4)), ["longer-than-that", "x"]);
        assert_eq!(cut("shorter", 7), "shorter");
        assert_eq!(cut("much longer", 6), "much…");
        assert_eq!(cut("much longer", 0), "");
        assert_eq!(printable("a\u{1b}[31mb"), "a\u{fffd}[31mb");
    }

    #[test]
    fn a_table_fits_and_drops_empty_columns() {
        let mut table = Table::new(&["NAME", "NONE", "COUNT", "WHAT"]).with_numbers(2..3);
        for (name, count, what) in [("a", "7", "x".repeat(60)), ("long name", "12", "y".into())] {
            table.push(vec![name.into(), String::new(), count.into(), what]);
        }
        let narrow = Terminal { width: Some(40), has_colours: false };
        let expected = "NAME       COUNT  WHAT\n\
                        a              7  xxxxxxxxxxxxxxxxxxxxx…\n\
                        long name     12  y\n";
        assert_eq!(table.aligned(narrow, 0), expected);
        let first = table.separated().lines().next().map(str::len);
        assert_eq!(first, Some("a\t\t7\t".len() + 60));
    }
}
