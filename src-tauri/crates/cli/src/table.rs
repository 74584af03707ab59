//! Aligned tables for people.

use unicode_width::UnicodeWidthStr;

/// Columns are cut above this width, so that one long subject does not spoil the rest.
const WIDEST: usize = 48;

/// A table with these headings.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| heading.to_uppercase()).collect()] }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(|cell| cut(&cell)).collect());
    }

    /// The table as text, or what to say when it has no rows.
    pub fn text(&self, empty: &str) -> String {
        if self.rows.len() < 2 {
            return empty.to_owned();
        }
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// One line of at most [`WIDEST`] columns; nothing that moves a terminal's cursor.
fn cut(cell: &str) -> String {
    let clean = clean(cell);
    if clean.width() <= WIDEST {
        return if clean.is_empty() { "-".to_owned() } else { clean };
    }
    let mut short = String::new();
    for c in clean.chars() {
        if short.width() >= WIDEST - 2 {
            break;
        }
        short.push(c);
    }
    format!("{}…", short.trim_end())
}

/// Text from outside as a terminal may show it: control characters become blanks.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_also_with_wide_letters() {
        let mut table = Table::new(["a", "b"]);
        table.row(["田中".into(), "x".into()]);
        table.row(["abcdef".into(), "y".into()]);
        assert_eq!(table.text(""), "A       B\n田中    x\nabcdef  y\n");
    }

    #[test]
    fn what_a_stranger_wrote_moves_no_cursor() {
        let mut table = Table::new(["subject"]);
        table.row(["\u{1b}[2Jgone\r\n".into()]);
        assert!(!table.text("").contains('\u{1b}'));
        assert_eq!(Table::new(["a"]).text("Nothing."), "Nothing.");
    }
}
