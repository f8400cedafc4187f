//! Separated values with quotes where needed (RFC 4180).

use std::borrow::Cow;

use super::{TreeError, TreeProblem};

/// One row of the file, which may span several lines.
pub(super) struct Record<'a> {
    /// The line on which it begins, counted from 1.
    pub(super) line: usize,
    /// At least one.
    pub(super) cells: Vec<Cow<'a, str>>,
}

/// The rows of a text, one after the other.
pub(super) struct Records<'a> {
    rest: &'a str,
    line: usize,
    separator: char,
    cells_max: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(text: &'a str, separator: char, cells_max: usize) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { rest, line: 1, separator, cells_max }
    }

    /// No later row may have more cells.
    pub(super) fn limit_cells(&mut self, cells_max: usize) {
        self.cells_max = cells_max;
    }

    /// The next row with something in it: spreadsheets write empty ones, too.
    pub(super) fn next_record(&mut self) -> Result<Option<Record<'a>>, TreeError> {
        loop {
            self.skip_line_breaks();
            if self.rest.is_empty() {
                return Ok(None);
            }
            let line = self.line;
            let cells = self.cells().map_err(|problem| TreeError { line, problem })?;
            if cells.iter().any(|cell| !cell.trim().is_empty()) {
                return Ok(Some(Record { line, cells }));
            }
        }
    }

    fn skip_line_breaks(&mut self) {
        let rest = self.rest.trim_start_matches(LINE_BREAK);
        let skipped = self.rest.len().saturating_sub(rest.len());
        self.count_lines(self.rest.get(..skipped).unwrap_or_default());
        self.rest = rest;
    }

    fn cells(&mut self) -> Result<Vec<Cow<'a, str>>, TreeProblem> {
        let mut cells = Vec::new();
        loop {
            if cells.len() >= self.cells_max {
                return Err(TreeProblem::TooManyColumns);
            }
            cells.push(self.cell()?);
            match self.rest.strip_prefix(self.separator) {
                Some(rest) => self.rest = rest,
                None => return Ok(cells),
            }
        }
    }

    fn cell(&mut self) -> Result<Cow<'a, str>, TreeProblem> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(|c| self.ends_cell(c)).unwrap_or(self.rest.len());
            let (cell, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Ok(Cow::Borrowed(cell));
        };
        let (cell, rest) = split_quoted(quoted).ok_or(TreeProblem::QuoteNotClosed)?;
        if rest.starts_with(|c| !self.ends_cell(c)) {
            return Err(TreeProblem::TextAfterQuote);
        }
        self.rest = rest;
        self.count_lines(&cell);
        Ok(cell)
    }

    fn ends_cell(&self, c: char) -> bool {
        c == self.separator || LINE_BREAK.contains(&c)
    }

    /// CR, LF and the two together end one line each.
    fn count_lines(&mut self, text: &str) {
        let breaks = text.matches(LINE_BREAK).count();
        let pairs = text.matches("\r\n").count();
        self.line = self.line.saturating_add(breaks.saturating_sub(pairs));
    }
}

const LINE_BREAK: [char; 2] = ['\n', '\r'];

/// What stands before the closing quote, and what follows it.
fn split_quoted(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let (mut cell, mut rest) = quoted.split_once('"').map(|(a, b)| (Cow::Borrowed(a), b))?;
    while let Some(more) = rest.strip_prefix('"') {
        let (part, after) = more.split_once('"')?;
        let cell = cell.to_mut();
        cell.push('"');
        cell.push_str(part);
        rest = after;
    }
    Some((cell, rest))
}
