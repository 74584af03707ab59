//! `Microsoft.Crm.Tools.EmailAgent.SystemState.xml`: per mailbox the last processed date and the last error.
//!
//! C \[CRMINDIA, KB2491350\]: one element per mailbox with an opaque name, holding `EmailAddress`, `LastError`, `ThresholdDate`.
//! \[U\]: the root's name and any level between. So every element with an `EmailAddress` child is an entry, at any depth.

use crate::{
    error::Fault,
    leaf::Leaf,
    model::{Field, Reading, StateEntry, StateFile},
    names::{Name, Names},
    values::{Threshold, threshold},
    xml::{Budget, Element, Visitor, walk},
};
use std::ops::ControlFlow;

/// Errors are shown to people; more than this is cut.
const LONGEST_ERROR: usize = 500;

pub(crate) fn parse(text: &str, budget: &mut Budget, names: &mut Names) -> Result<StateFile, Fault> {
    let mut reading = StateReading { file: StateFile::default(), open: Vec::new(), names };
    walk(text, budget, &mut reading)?;
    Ok(reading.file)
}

struct StateReading<'a> {
    file: StateFile,
    /// What is known of each open element, in case it is an entry.
    open: Vec<Draft>,
    names: &'a mut Names,
}

struct Draft {
    /// How many fields there were before it.
    fields: usize,
    address: Option<Name>,
    threshold: Threshold,
    last_error: Option<Name>,
}

impl StateReading<'_> {
    fn field(&mut self, name: &str, value: Option<Name>, line: u32, leaf: Leaf, reading: Reading) {
        let name = self.names.add(name);
        self.file.fields.push(Field { line, name, value, leaf, reading });
    }

    /// A value of the element at `depth` (its child element or its attribute).
    fn value(&mut self, depth: usize, name: &str, text: &str, line: u32) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let Some(draft) = depth.checked_sub(1).and_then(|at| self.open.get_mut(at)) else {
            return self.field(name, None, line, Leaf::Unknown, Reading::Fine);
        };
        if is("EmailAddress") {
            let usable = !text.is_empty() && text.len() <= 320;
            let address = usable.then(|| self.names.add(&text.to_lowercase()));
            draft.address = address.or(draft.address);
            let reading = if usable { Reading::Fine } else { Reading::Unreadable };
            self.field(name, address, line, Leaf::StateAddress, reading);
        } else if is("ThresholdDate") || is("ThresholdDateTime") {
            draft.threshold = threshold(text);
            let unreadable = draft.threshold == Threshold::Unreadable;
            let reading = if unreadable { Reading::Unreadable } else { Reading::Fine };
            let shown = (text.len() <= 64).then(|| self.names.add(text));
            self.field(name, shown, line, Leaf::Threshold, reading);
        } else if is("LastError") {
            let end = text.char_indices().nth(LONGEST_ERROR).map_or(text.len(), |(at, _)| at);
            let shown = text.get(..end).filter(|text| !text.is_empty()).map(|text| self.names.add(text));
            draft.last_error = shown;
            self.field(name, shown, line, Leaf::LastError, Reading::Fine);
        } else {
            // Custom providers may keep anything here (C [CC905765]).
            self.field(name, None, line, Leaf::Unknown, Reading::Fine);
        }
    }
}

impl Visitor for StateReading<'_> {
    fn open(&mut self, element: Element<'_>) -> ControlFlow<()> {
        self.open.truncate(element.depth.saturating_sub(1));
        let fields = self.file.fields.len();
        self.open.push(Draft { fields, address: None, threshold: Threshold::Missing, last_error: None });
        ControlFlow::Continue(())
    }

    fn attribute(&mut self, element: Element<'_>, name: &str, value: &str, line: u32) {
        self.value(element.depth, name, value, line);
    }

    fn close(&mut self, element: Element<'_>, text: &str, leaf: bool) {
        let draft = self.open.pop();
        if let Some(draft) = draft.filter(|draft| draft.address.is_some()) {
            let Draft { fields, address, threshold, last_error } = draft;
            if !text.is_empty() {
                self.field(element.name, None, element.line, Leaf::Unknown, Reading::Fine);
            }
            let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let fields = index(fields)..index(self.file.fields.len());
            self.file.entries.push(StateEntry { address, threshold, last_error, fields });
        } else if leaf || !text.is_empty() {
            // An element in the root that has no children is an entry without content: accounted for as unknown.
            if element.depth > 1 || !text.is_empty() {
                self.value(element.depth - 1, element.name, text, element.line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (StateFile, Names) {
        let mut names = Names::default();
        (parse(text, &mut Budget::default(), &mut names).unwrap(), names)
    }

    #[test]
    fn entries_are_found_by_their_address_at_any_depth_whatever_they_are_called() {
        let (file, names) = read(
            "<R><W><Hx><EmailAddress>A@x.test</EmailAddress><LastError>no</LastError>\n\
             <ThresholdDate>2016-03-04T09:12:55Z</ThresholdDate><Extra><Deep/></Extra></Hx></W><Hy emailaddress='b@x.test'/></R>",
        );
        let found: Vec<_> = file
            .entries
            .iter()
            .map(|entry| (names.get(entry.address.unwrap()), matches!(entry.threshold, Threshold::At(_))))
            .collect();
        assert_eq!(found, [("a@x.test", true), ("b@x.test", false)]);
        assert_eq!(file.fields.len(), 5, "three leaves, Deep, and one attribute");
        assert_eq!(file.fields.iter().filter(|field| field.leaf == Leaf::Unknown).count(), 1);
    }

    #[test]
    fn a_state_without_entries_is_a_state() {
        assert!(read("<SystemState/>").0.entries.is_empty());
    }
}
