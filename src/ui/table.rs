//! Tables and quantities as people read them.

use comfy_table::{Table, presets};

use super::plain;

/// Columns under upper-case headings, as docker prints them. What a cell says may
/// be an image's word, which commands no terminal.
pub fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let rows = rows.into_iter().map(|row| row.iter().map(|cell| plain(cell)).collect());
    let rows: Vec<Vec<String>> = rows.collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings.to_vec()).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// `1.2 MB`: decimal units, as docker and disks count.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `5 minutes`: a span of seconds in the largest unit that fits twice, or once
/// for small ones.
pub fn age(seconds: u64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (365 * 86_400, "year"),
        (30 * 86_400, "month"),
        (7 * 86_400, "week"),
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
    ];
    let fits = |(unit, name): &(u64, &str)| {
        let least = if matches!(*name, "minute" | "hour") { 1 } else { 2 };
        seconds / unit >= least
    };
    let (unit, name) = UNITS.into_iter().find(fits).unwrap_or((1, "second"));
    let count = seconds / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_one_unit() {
        let cases = [
            (0, "0 seconds"),
            (1, "1 second"),
            (60, "1 minute"),
            (7199, "1 hour"),
            (172_799, "47 hours"),
            (13 * 86_400, "13 days"),
            (14 * 86_400, "2 weeks"),
            (59 * 86_400, "8 weeks"),
            (365 * 86_400, "12 months"),
            (730 * 86_400, "2 years"),
        ];
        for (seconds, text) in cases {
            assert_eq!(age(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn sizes_have_at_most_four_digits() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (7_340_032, "7.3 MB"),
            (5_000_000_000, "5.0 GB"),
        ];
        for (count, text) in cases {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn columns_line_up_and_lines_have_no_tail() {
        let rows = vec![vec!["a".into(), "long value".into()], vec!["bcd".into(), "x".into()]];
        assert_eq!(table(&["ONE", "TWO"], rows), "ONE   TWO\na     long value\nbcd   x\n");
    }

    #[test]
    fn a_cell_neither_commands_the_terminal_nor_adds_rows() {
        let rows = vec![vec!["a\u{1b}[2J\u{9b}m\nb".into()]];
        assert_eq!(table(&["ONE"], rows), "ONE\na\\u{1b}[2J\\u{9b}m\\nb\n");
    }
}
