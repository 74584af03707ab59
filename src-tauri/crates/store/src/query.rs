//! The conditions of a filtered list, put together from those that are asked for.

use rusqlite::types::Value;

/// Conditions joined by AND, with their values in order.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition with one value, which stands as `?` in it, as often as needed.
    pub(crate) fn add(&mut self, sql: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.sql.push(sql.replace('?', &format!("?{}", self.values.len())));
    }

    /// Adds a condition without a value.
    pub(crate) fn literal(&mut self, sql: &str) {
        self.sql.push(sql.to_owned());
    }

    /// Adds a condition that compares two columns with two values, which stand as `?a` and `?b` in it.
    pub(crate) fn add_two(&mut self, sql: &str, a: impl Into<Value>, b: impl Into<Value>) {
        self.values.push(a.into());
        let sql = sql.replace("?a", &format!("?{}", self.values.len()));
        self.values.push(b.into());
        self.sql.push(sql.replace("?b", &format!("?{}", self.values.len())));
    }

    /// The WHERE clause, or nothing.
    pub(crate) fn where_clause(&self) -> String {
        if self.sql.is_empty() { String::new() } else { format!("WHERE {}", self.sql.join(" AND ")) }
    }

    /// The values for the statement.
    pub(crate) fn values(self) -> impl Iterator<Item = Value> {
        self.values.into_iter()
    }
}
