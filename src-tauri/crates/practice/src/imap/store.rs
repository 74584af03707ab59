//! STORE: how flags change (RFC 3501 section 6.4.6, RFC 7162 section 3.1.3).

use super::syntax::Arg;

/// A change of flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlagChange {
    kind: Kind,
    flags: Vec<String>,
    pub(super) is_silent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Add,
    Remove,
    Replace,
}

impl FlagChange {
    /// Reads `+FLAGS.SILENT` and the flags that follow.
    pub(super) fn parse(name: &Arg, flags: &[Arg]) -> Option<Self> {
        let name = name.word()?;
        let (kind, rest) = match name.as_bytes().first()? {
            b'+' => (Kind::Add, name.get(1..)?),
            b'-' => (Kind::Remove, name.get(1..)?),
            _ => (Kind::Replace, name.as_str()),
        };
        let is_silent = match rest {
            "FLAGS" => false,
            "FLAGS.SILENT" => true,
            _ => return None,
        };
        Some(Self { kind, flags: read_flags(flags)?, is_silent })
    }

    /// What a message's flags become.
    pub(super) fn apply(&self, flags: &[String]) -> Vec<String> {
        let is_same = |one: &String, other: &String| one.eq_ignore_ascii_case(other);
        let mut changed = if self.kind == Kind::Replace { Vec::new() } else { flags.to_vec() };
        match self.kind {
            Kind::Remove => changed.retain(|flag| !self.flags.iter().any(|it| is_same(it, flag))),
            Kind::Add | Kind::Replace => {
                for flag in &self.flags {
                    if !changed.iter().any(|it| is_same(it, flag)) {
                        changed.push(flag.clone());
                    }
                }
            }
        }
        changed
    }
}

/// Flags as words, in a list or not.
pub(super) fn read_flags(args: &[Arg]) -> Option<Vec<String>> {
    let mut flags = Vec::new();
    for arg in args.iter().flat_map(Arg::items) {
        let Arg::Word(flag) = arg else { return None };
        flags.push(flag.clone());
    }
    Some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_added_removed_and_replaced_in_any_case() {
        let flags = ["\\Seen".to_owned()];
        let seen = Arg::Word("\\SEEN".into());
        let kept = Arg::List(vec![seen, Arg::Word("$Kept".into())]);
        let apply = |name: &str| {
            FlagChange::parse(&Arg::Word(name.into()), std::slice::from_ref(&kept))
                .expect("valid")
                .apply(&flags)
        };
        assert_eq!(apply("+FLAGS"), ["\\Seen", "$Kept"]);
        assert_eq!(apply("-flags.silent"), Vec::<String>::new());
        assert_eq!(apply("FLAGS"), ["\\SEEN", "$Kept"]);
        assert_eq!(FlagChange::parse(&Arg::Word("LABELS".into()), &[]), None);
    }
}
