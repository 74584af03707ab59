//! Names of new profiles (the reference's section 6.4; \[U\] in the original, so ours).

use super::{Side, kinds::host};
use std::collections::{HashMap, HashSet};

const LONGEST: usize = 100;

/// Names that are taken, without case; and the number that comes next for a name that was wanted before.
pub(super) struct TakenNames {
    taken: HashSet<String>,
    next: HashMap<String, u32>,
}

impl TakenNames {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self { taken: names.map(|name| name.trim().to_lowercase()).collect(), next: HashMap::new() }
    }

    /// The name, or with ` (2)`, ` (3)` behind it when it is taken; at most 100 characters.
    pub(super) fn unique(&mut self, wanted: &str) -> String {
        let mut name: String = wanted.chars().take(LONGEST).collect();
        let next = self.next.entry(name.to_lowercase());
        let number = next.or_insert(2);
        while !self.taken.insert(name.to_lowercase()) {
            let suffix = format!(" ({number})");
            let room = LONGEST.saturating_sub(suffix.chars().count());
            name = wanted.chars().take(room).collect::<String>().trim_end().to_owned() + &suffix;
            *number += 1;
        }
        name
    }
}

/// `<incoming host> - <outgoing host>`, or one of them when they are equal or the other is missing.
pub(super) fn proposal(incoming: Option<&Side>, outgoing: Option<&Side>) -> String {
    let name = |side: &Side| {
        let host = host(&side.location);
        let host: String = host.chars().filter(|c| !c.is_control()).collect();
        if host.is_empty() { format!("{} (Autodiscover)", side.kind) } else { host }
    };
    match (incoming.map(name), outgoing.map(name)) {
        (Some(incoming), Some(outgoing)) if incoming != outgoing => format!("{incoming} - {outgoing}"),
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => "Email Router".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::TakenNames;

    #[test]
    fn a_taken_name_gets_a_number_and_stays_within_its_length() {
        let mut taken = TakenNames::new(["Pop"].into_iter());
        assert_eq!(
            [taken.unique("pop"), taken.unique("pop"), taken.unique("other")],
            ["pop (2)", "pop (3)", "other"]
        );
        let long = "x".repeat(150);
        assert_eq!(taken.unique(&long).len(), 100);
        assert_eq!(taken.unique(&long).len(), 100);
        assert!(taken.unique(&long).ends_with(" (3)"));
    }
}
