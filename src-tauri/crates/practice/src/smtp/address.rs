//! The arguments of MAIL and RCPT: a path in angle brackets, then parameters (RFC 5321 section 4.1.2).

/// A path with the parameters that follow it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) address: String,
    pub(super) parameters: Vec<String>,
}

impl Path {
    /// Reads what follows `MAIL ` or `RCPT `; `keyword` is `FROM:` or `TO:`.
    pub(super) fn parse(argument: &str, keyword: &str) -> Option<Self> {
        let start = argument.get(..keyword.len())?;
        if !start.eq_ignore_ascii_case(keyword) {
            return None;
        }
        let rest = argument.get(keyword.len()..)?.trim_start().strip_prefix('<')?;
        let end = end_of_path(rest)?;
        let path = rest.get(..end)?;
        // A source route is ignored (RFC 5321 appendix C).
        let path = if path.starts_with('@') { path.split_once(':')?.1 } else { path };
        if path.chars().any(|c| c.is_control() || c == ' ' && !path.starts_with('"')) {
            return None;
        }
        let parameters = rest.get(end + 1..)?.split_ascii_whitespace().map(str::to_owned).collect();
        Some(Self { address: path.to_owned(), parameters })
    }

    /// The value of a parameter, or an empty text if it has none.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find_map(|parameter| {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The first parameter that is not among these names.
    pub(super) fn unknown_parameter(&self, known: &[&str]) -> Option<&str> {
        let key = |parameter: &str| parameter.split('=').next().unwrap_or_default().to_ascii_uppercase();
        self.parameters.iter().map(String::as_str).find(|parameter| !known.contains(&key(parameter).as_str()))
    }
}

/// Where the closing bracket is; one inside a quoted local part does not count.
fn end_of_path(rest: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in rest.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '>' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_with_its_parameters() {
        let path = Path::parse("from:<amy@contoso.practice> SIZE=12 BODY=8BITMIME", "FROM:").expect("valid");
        assert_eq!(path.address, "amy@contoso.practice");
        assert_eq!(path.parameter("size"), Some("12"));
        assert_eq!(path.unknown_parameter(&["SIZE"]), Some("BODY=8BITMIME"));
        assert_eq!(Path::parse("FROM:<>", "FROM:").map(|path| path.address), Some(String::new()));
        assert_eq!(
            Path::parse("TO:<\"a>b\"@c.practice>", "TO:").map(|it| it.address),
            Some("\"a>b\"@c.practice".into())
        );
    }

    #[test]
    fn a_malformed_path_is_refused() {
        for argument in
            ["", "FROM:", "FROM:amy@contoso.practice", "FROM:<amy", "TO:<a@b>", "FROM:<a b@c>", "é"]
        {
            assert_eq!(Path::parse(argument, "FROM:"), None, "{argument}");
        }
    }
}
