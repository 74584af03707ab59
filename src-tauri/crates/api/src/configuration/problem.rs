//! What is wrong in a configuration file: each problem with its line, its object, its cause and the next step.

use crate::wire::ApiError;
use std::ops::Range;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The object, such as `mailbox amy@contoso.test`.
    pub(crate) object: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

/// Collects problems while a file is read and checked.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    name: &'a str,
    line_starts: Vec<usize>,
    all: Vec<Problem>,
}

impl<'a> Problems<'a> {
    /// None yet, in the file of this name.
    pub(crate) fn new(name: &'a str, text: &str) -> Self {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        Self { name, line_starts, all: Vec::new() }
    }

    /// Adds one that stands at these bytes.
    pub(crate) fn add(
        &mut self,
        span: Range<usize>,
        object: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let line = self.line_starts.partition_point(|start| *start <= span.start).max(1);
        let (message, remedy) = (message.into(), remedy.into());
        self.all.push(Problem { line, object: object.to_owned(), message, remedy });
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// All of them as one error; `Ok` when there are none.
    pub(crate) fn into_result(mut self) -> Result<(), ApiError> {
        self.all.sort_by_key(|problem| problem.line);
        self.all.dedup();
        let Some(first) = self.all.first() else {
            return Ok(());
        };
        if self.all.len() == 1 {
            let object = format!("{}:{}", self.name, first.line);
            let message = format!("{}: {}", first.object, first.message);
            return Err(ApiError::plain("configuration_invalid", &object, &message, &first.remedy));
        }
        let lines: Vec<_> = self
            .all
            .iter()
            .map(|one| format!("{}:{}: {}: {} {}", self.name, one.line, one.object, one.message, one.remedy))
            .collect();
        let message = format!("It has {} problems:\n{}", self.all.len(), lines.join("\n"));
        let remedy = "Correct these lines, then apply the file again. Nothing was changed.";
        Err(ApiError::plain("configuration_invalid", self.name, &message, remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_problem_is_an_error_at_its_line_and_many_are_listed() {
        let text = "a\nbb\nccc\n";
        let mut problems = Problems::new("x.toml", text);
        problems.add(2..3, "mailbox m", "Wrong.", "Right it.");
        let error = problems.into_result().unwrap_err();
        assert_eq!((error.object.as_str(), error.remedy.as_str()), ("x.toml:2", "Right it."));

        let mut problems = Problems::new("x.toml", text);
        problems.add(5..6, "user u", "Late.", "Do.");
        problems.add(0..1, "user v", "Early.", "Do.");
        let error = problems.into_result().unwrap_err();
        assert!(error.message.find("x.toml:1").unwrap() < error.message.find("x.toml:3").unwrap());
    }
}
