//! What a command prints: one JSON document, or text for people; errors and progress beside it on stderr.

use serde::Serialize;
use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};
use tandem_api::wire::ApiError;

/// How a command came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// All of it.
    All,
    /// Some of it; each failure was listed.
    Part,
    /// None of it; each failure was listed.
    Nothing,
}

impl Done {
    /// How many succeeded and failed, as a result.
    pub fn counted(succeeded: u32, failed: u32) -> Self {
        match (succeeded, failed) {
            (_, 0) => Self::All,
            (0, _) => Self::Nothing,
            _ => Self::Part,
        }
    }

    /// The contract's exit codes.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::All => ExitCode::SUCCESS,
            Self::Nothing => ExitCode::from(1),
            Self::Part => ExitCode::from(3),
        }
    }
}

/// Where a command prints to.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON, or text for people.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a command's result: the value as JSON, or what `text` makes of it.
    pub fn print<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) {
        if !self.json {
            return self.text(&text(value));
        }
        match serde_json::to_string_pretty(value) {
            Ok(document) => self.text(&document),
            Err(error) => eprintln!("tandem: the result cannot be written as JSON: {error}"),
        }
    }

    /// Prints text to stdout, with a line end. A reader that went away (`| head`) is no failure.
    pub fn text(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        let _ = write!(stdout, "{text}{end}");
        let _ = stdout.flush();
    }

    /// Prints bytes as they are.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(bytes);
        let _ = stdout.flush();
    }

    /// Whether the result is to be JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints why a command failed: to people on stderr, as the JSON document where one was asked for.
    pub fn error(&self, error: &ApiError) {
        if self.json {
            self.print(error, ToString::to_string);
        }
        eprintln!("{}", error_text(error, colour(&std::io::stderr())));
    }
}

/// Whether colours make sense there.
pub fn colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An error for people.
pub fn error_text(error: &ApiError, coloured: bool) -> String {
    let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
    let (on, off) = if coloured {
        (red.render().to_string(), red.render_reset().to_string())
    } else {
        Default::default()
    };
    let mut lines = vec![
        format!("{on}error{off} [{}] {}", error.code, error.object),
        format!("  {}", indented(&error.message)),
    ];
    if let Some(said) = &error.server_said {
        lines.push(format!("  In its own words: {}", indented(said)));
    }
    if let Some(certificate) = &error.certificate {
        lines.push(format!(
            "  The certificate is for {}, issued by {},",
            certificate.names.join(", "),
            certificate.issuer
        ));
        lines.push(format!("  valid from {} until {}.", certificate.not_before, certificate.not_after));
        lines.push(format!("  SHA-256 {}", certificate.sha256));
    }
    lines.push(format!("  Next: {}", indented(&error.remedy)));
    if error.retry_at.is_some() {
        lines.push(format!("  Tried again at {}.", crate::times::shown(error.retry_at)));
    }
    lines.join("\n")
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_is_neither_all_nor_nothing() {
        assert_eq!(Done::counted(2, 0), Done::All);
        assert_eq!(Done::counted(2, 1), Done::Part);
        assert_eq!(Done::counted(0, 1), Done::Nothing);
        assert_eq!(Done::counted(0, 0), Done::All);
    }
}
