//! `Microsoft.Crm.Tools.EmailAgent.xml`: the providers, with every field of the file accounted for.
//!
//! C \[TRACE, BLOG08\]: root `Configuration`, one `SystemConfiguration`, many `ProviderConfiguration` (their nesting is inferred, so
//! they are found at any depth). Names are matched without case; an attribute counts as a leaf (ours).

use crate::{
    error::{Damage, Fault},
    leaf::{KEPT, Leaf, of_provider, of_service},
    model::{AgentFile, Field, OwnerId, Provider, Reading},
    names::Names,
    values::{boolean, guid, port},
    xml::{Budget, Element, Visitor, walk},
};
use std::ops::ControlFlow;
use zeroize::Zeroizing;

/// No setting is longer; a password's text neither.
const LONGEST_VALUE: usize = 4_096;

pub(crate) fn parse(text: &str, budget: &mut Budget, names: &mut Names) -> Result<AgentFile, Fault> {
    let file = AgentFile::default();
    let mut reading = AgentReading {
        file,
        inside: Vec::new(),
        provider: None,
        last: [None; KEPT],
        wrong_root: None,
        names,
    };
    walk(text, budget, &mut reading)?;
    match reading.wrong_root {
        Some(line) => Err(Fault::at(line, Damage::WrongFile(None))),
        None => {
            apply_overrides(&mut reading.file);
            Ok(reading.file)
        }
    }
}

/// Settings that count for every provider without a value of its own. Addresses, accounts and passwords are not among them.
pub(crate) const OVERRIDABLE: [Leaf; 6] =
    [Leaf::Server, Leaf::Port, Leaf::UseSsl, Leaf::AuthMode, Leaf::DeleteEmails, Leaf::AutoDiscover];

fn apply_overrides(file: &mut AgentFile) {
    let Some(overrides) = file.overrides.take() else { return };
    for provider in &mut file.providers {
        for leaf in OVERRIDABLE {
            if let (None, Some(value)) = (provider.value(leaf), overrides.value(leaf)) {
                provider.set(leaf, value);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Root,
    Service,
    Overrides,
    /// The provider itself.
    Provider,
    /// Something in a provider.
    Nested,
    Elsewhere,
}

struct AgentReading<'a> {
    file: AgentFile,
    inside: Vec<Inside>,
    provider: Option<Provider>,
    /// Where each setting of the open provider stood last, in [`AgentFile::fields`].
    last: [Option<u32>; KEPT],
    wrong_root: Option<u32>,
    names: &'a mut Names,
}

fn is(name: &str, known: &str) -> bool {
    name.eq_ignore_ascii_case(known)
}

fn count(length: usize) -> u32 {
    // Bounded by the number of elements that a walk allows.
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl AgentReading<'_> {
    fn place(&self, depth: usize) -> Inside {
        depth.checked_sub(1).and_then(|at| self.inside.get(at)).copied().unwrap_or(Inside::Elsewhere)
    }

    /// A value that stands in an element of this kind.
    fn value(&mut self, place: Inside, name: &str, text: &str, line: u32) {
        match place {
            Inside::Provider => self.provider_value(name, text, line),
            Inside::Overrides => {
                let leaf = of_provider(name);
                self.note(name, text, line, leaf);
                if OVERRIDABLE.contains(&leaf) && !text.is_empty() && text.len() <= LONGEST_VALUE {
                    let value = self.names.add(text);
                    self.file.overrides.get_or_insert_with(|| Provider::new(line, 0, 0)).set(leaf, value);
                }
            }
            Inside::Service => self.note(name, text, line, of_service(name)),
            Inside::Root | Inside::Nested | Inside::Elsewhere => self.note(name, text, line, Leaf::Unknown),
        }
    }

    /// Accounts for a field; its value is kept only when it is known and no secret.
    fn note(&mut self, name: &str, text: &str, line: u32, leaf: Leaf) {
        let shown = leaf != Leaf::Unknown && !leaf.is_secret() && text.len() <= LONGEST_VALUE;
        let value = shown.then(|| self.names.add(text));
        let name = self.names.add(name);
        self.push(Field { line, name, value, leaf, reading: Reading::Fine });
    }

    fn push(&mut self, field: Field) {
        self.file.fields.push(field);
    }

    fn provider_value(&mut self, name: &str, text: &str, line: u32) {
        let leaf = of_provider(name);
        let readable = text.len() <= LONGEST_VALUE
            && match leaf {
                Leaf::Port => text.is_empty() || port(text).is_some(),
                Leaf::UseSsl | Leaf::DeleteEmails | Leaf::ForwardMailbox | Leaf::AutoDiscover => {
                    text.is_empty() || boolean(text).is_some()
                }
                Leaf::UserId | Leaf::QueueId => guid(text).is_some(),
                _ => true,
            };
        if readable && !text.is_empty() {
            // The last one counts.
            let here = count(self.file.fields.len());
            if let Some(last) = self.last.get_mut(leaf as usize)
                && let Some(earlier) = last.replace(here)
                && let Some(field) = self.file.fields.get_mut(earlier as usize)
            {
                field.reading = Reading::Repeated;
            }
        }
        let reading = if readable { Reading::Fine } else { Reading::Unreadable };
        let shown = readable && leaf != Leaf::Unknown && !leaf.is_secret();
        let value = shown.then(|| match leaf {
            // Addresses are compared without case.
            Leaf::Address => self.names.add(&text.to_lowercase()),
            _ => self.names.add(text),
        });
        let name = self.names.add(name);
        self.push(Field { line, name, value, leaf, reading });
        let Some(provider) = self.provider.as_mut().filter(|_| readable && !text.is_empty()) else { return };
        match leaf {
            Leaf::UserId | Leaf::QueueId => {
                if let Some(id) = guid(text) {
                    self.file.owners.push(OwnerId { queue: leaf == Leaf::QueueId, id });
                }
            }
            Leaf::Password => {
                self.file.secrets.push(Zeroizing::new(text.to_owned()));
                provider.password = Some(count(self.file.secrets.len() - 1));
            }
            _ => {
                if let Some(value) = value {
                    provider.set(leaf, value);
                }
            }
        }
    }
}

impl Visitor for AgentReading<'_> {
    fn open(&mut self, element: Element<'_>) -> ControlFlow<()> {
        let parent = self.place(element.depth - 1);
        let name = element.name;
        let place = if element.depth == 1 {
            if !is(name, "Configuration") {
                self.wrong_root = Some(element.line);
                return ControlFlow::Break(());
            }
            Inside::Root
        } else if matches!(parent, Inside::Provider | Inside::Nested) {
            Inside::Nested
        } else if is(name, "ProviderConfiguration") {
            let (owners, fields) = (count(self.file.owners.len()), count(self.file.fields.len()));
            self.provider = Some(Provider::new(element.line, owners, fields));
            self.last = [None; KEPT];
            Inside::Provider
        } else if is(name, "SystemConfiguration") {
            Inside::Service
        } else if is(name, "ProviderOverrides") && parent == Inside::Service {
            Inside::Overrides
        } else {
            Inside::Elsewhere
        };
        self.inside.truncate(element.depth - 1);
        self.inside.push(place);
        ControlFlow::Continue(())
    }

    fn attribute(&mut self, element: Element<'_>, name: &str, value: &str, line: u32) {
        match self.place(element.depth) {
            Inside::Provider => self.provider_value(name, value, line),
            _ => self.note(&format!("{}/@{name}", element.name), value, line, Leaf::Unknown),
        }
    }

    fn close(&mut self, element: Element<'_>, text: &str, leaf: bool) {
        let own = self.place(element.depth);
        self.inside.truncate(element.depth - 1);
        match own {
            Inside::Provider => {
                if !text.is_empty() {
                    self.note(element.name, text, element.line, Leaf::Unknown);
                }
                let (owners, fields) = (count(self.file.owners.len()), count(self.file.fields.len()));
                if let Some(mut provider) = self.provider.take() {
                    provider.owners.end = owners;
                    provider.fields.end = fields;
                    self.file.providers.push(provider);
                }
            }
            Inside::Root | Inside::Service | Inside::Overrides => {
                if !text.is_empty() {
                    self.note(element.name, text, element.line, Leaf::Unknown);
                }
            }
            Inside::Nested | Inside::Elsewhere => {
                if leaf || !text.is_empty() {
                    self.value(self.place(element.depth - 1), element.name, text, element.line);
                }
            }
        }
    }
}
