//! Takes the files of up to four routers: sizes before anything is read, then what each file is, then its content.

use crate::{
    agent,
    decode::decode,
    error::{Damage, Fault, FileError, FileKind},
    key,
    model::{MovedFile, Router, RouterData},
    names::Names,
    state,
    xml::{Budget, Element, Visitor, walk},
};
use std::{collections::HashSet, fmt, io::Read, ops::ControlFlow};
use zeroize::Zeroizing;

/// Routers at a time (C \[MIG16\]).
pub const MOST_ROUTERS: usize = 4;
/// All files of all routers together: 32 MB (C \[MIG16\]), which is 33,554,432 bytes (ours).
pub const MOST_BYTES: u64 = 33_554_432;
/// Providers over all routers; the largest installations that sources speak of have some thousands.
pub const MOST_PROVIDERS: usize = 100_000;
/// Different users and queues over all routers.
pub const MOST_OWNERS: usize = 100_000;
/// A key file is small; a file above this that is neither of the others is none of the three.
const LARGEST_KEY_FILE: usize = 64 * 1024;

/// A file that was chosen, before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenFile {
    /// The router's number, 1 to 4.
    pub router: u8,
    /// The slot that it was put into.
    pub slot: FileKind,
    /// Its name.
    pub name: String,
    /// Its size in bytes, as the file system says.
    pub bytes: u64,
}

/// Checks sizes before anything is read: no file is empty, and all together have at most [`MOST_BYTES`].
///
/// # Errors
/// One error per empty file; one for the largest file when all together are too large, or when there are too many routers.
pub fn check_sizes(files: &[ChosenFile]) -> Result<u64, Vec<FileError>> {
    let error = |file: &ChosenFile, damage| FileError {
        router: file.router,
        slot: file.slot,
        name: file.name.clone(),
        line: None,
        damage,
    };
    let mut errors: Vec<FileError> =
        files.iter().filter(|file| file.bytes == 0).map(|file| error(file, Damage::Empty)).collect();
    if let Some(file) = files.iter().find(|file| file.router == 0 || usize::from(file.router) > MOST_ROUTERS)
    {
        errors.push(error(file, Damage::TooLarge(format!("at most {MOST_ROUTERS} routers at a time"))));
    }
    let total = files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
    if total > MOST_BYTES
        && let Some(largest) = files.iter().max_by_key(|file| file.bytes)
    {
        let why = format!(
            "all files together have {total} bytes, and {MOST_BYTES} (32 MB) are allowed; this is the largest with {}",
            largest.bytes
        );
        errors.push(error(largest, Damage::TooLarge(why)));
    }
    if errors.is_empty() { Ok(total) } else { Err(errors) }
}

/// A file with its bytes. Wiped when dropped: it may hold a key.
pub struct GivenFile {
    slot: FileKind,
    name: String,
    bytes: Zeroizing<Vec<u8>>,
}

impl GivenFile {
    /// A file whose bytes are there already.
    #[must_use]
    pub fn new(slot: FileKind, name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { slot, name: name.into(), bytes: Zeroizing::new(bytes) }
    }

    /// Reads a file that [`check_sizes`] has let pass.
    ///
    /// # Errors
    /// [`Damage::Unreadable`], also when the file is longer now than it was when it was chosen.
    pub fn read(chosen: &ChosenFile, from: impl Read) -> Result<Self, FileError> {
        let error = |damage| FileError {
            router: chosen.router,
            slot: chosen.slot,
            name: chosen.name.clone(),
            line: None,
            damage,
        };
        let room = usize::try_from(chosen.bytes.min(MOST_BYTES)).unwrap_or(0).saturating_add(1);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        let limit = chosen.bytes.saturating_add(1);
        let read = from.take(limit).read_to_end(&mut bytes);
        read.map_err(|why| error(Damage::Unreadable(why.to_string())))?;
        if bytes.len() as u64 > chosen.bytes {
            return Err(error(Damage::Unreadable(
                "it has grown since it was chosen; choose it again".to_owned(),
            )));
        }
        Ok(Self { slot: chosen.slot, name: chosen.name.clone(), bytes })
    }
}

impl fmt::Debug for GivenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GivenFile({} as {}, {} bytes)", self.name, self.slot, self.bytes.len())
    }
}

/// The files of one router.
#[derive(Debug)]
pub struct GivenRouter {
    /// Its number, 1 to 4.
    pub number: u8,
    /// Its three files, in any order.
    pub files: Vec<GivenFile>,
}

/// Reads the files of all routers. The files are recognised by their content, so those in wrong slots are put right
/// ([`RouterData::moved`]).
///
/// # Errors
/// Everything that is wrong with any file, sorted by router and file; a router counts only with all its three files.
pub fn read(routers: Vec<GivenRouter>) -> Result<RouterData, Vec<FileError>> {
    let chosen: Vec<_> = routers.iter().flat_map(chosen_files).collect();
    check_sizes(&chosen)?;
    let mut data = RouterData { routers: Vec::new(), names: Names::default(), moved: Vec::new() };
    let (mut errors, mut budget) = (Vec::new(), Budget::default());
    for router in routers {
        match read_router(router, &mut data.names, &mut data.moved, &mut budget) {
            Ok(router) => data.routers.push(router),
            Err(found) => errors.extend(found),
        }
    }
    data.routers.sort_by_key(|router| router.number);
    if data.routers.is_empty() && errors.is_empty() {
        errors.extend(FileKind::ALL.map(|kind| missing(1, kind)));
    }
    if errors.is_empty() {
        errors.extend(too_many(&data));
    }
    errors.sort_by_key(|error| (error.router, error.slot));
    if errors.is_empty() { Ok(data) } else { Err(errors) }
}

/// A file within the limit of size can still name more than a plan should hold in memory.
fn too_many(data: &RouterData) -> Option<FileError> {
    let largest = data.routers.iter().max_by_key(|router| router.agent.fields.len())?;
    let owners: HashSet<_> = data.routers.iter().flat_map(|router| &router.agent.owners).collect();
    let why = if data.providers() > MOST_PROVIDERS {
        format!(
            "the files have {} providers, and {MOST_PROVIDERS} are allowed; this has the most",
            data.providers()
        )
    } else if owners.len() > MOST_OWNERS {
        format!(
            "the files name {} users and queues, and {MOST_OWNERS} are allowed; this has the most",
            owners.len()
        )
    } else {
        return None;
    };
    let name = FileKind::Agent.file_name().to_owned();
    let damage = Damage::TooLarge(why);
    Some(FileError { router: largest.number, slot: FileKind::Agent, name, line: None, damage })
}

fn chosen_files(router: &GivenRouter) -> impl Iterator<Item = ChosenFile> {
    router.files.iter().map(|file| ChosenFile {
        router: router.number,
        slot: file.slot,
        name: file.name.clone(),
        bytes: file.bytes.len() as u64,
    })
}

fn missing(router: u8, kind: FileKind) -> FileError {
    FileError { router, slot: kind, name: kind.file_name().to_owned(), line: None, damage: Damage::Missing }
}

fn read_router(
    router: GivenRouter,
    names: &mut Names,
    moved: &mut Vec<MovedFile>,
    budget: &mut Budget,
) -> Result<Router, Vec<FileError>> {
    let number = router.number;
    let mut errors: Vec<FileError> = Vec::new();
    // What came already, from which slot and under which name.
    let mut seen: Vec<(FileKind, FileKind, String)> = Vec::new();
    let (mut key, mut state, mut agent) = (None, None, None);
    for file in router.files {
        let mut twin = None;
        let mut take = |kind: FileKind, text: &str| -> Result<(), Fault> {
            if let Some((_, slot, name)) = seen.iter().find(|(known, ..)| *known == kind) {
                if file.slot != kind {
                    return Err(Fault::whole(Damage::WrongFile(Some(kind))));
                }
                // This one is where it belongs, so the earlier one is the wrong file.
                twin = Some((*slot, name.clone(), kind));
                return Ok(());
            }
            seen.push((kind, file.slot, file.name.clone()));
            if kind != file.slot {
                moved.push(MovedFile { router: number, name: file.name.clone(), from: file.slot, to: kind });
            }
            match kind {
                FileKind::Key => key = Some(key::parse(text, budget, names)?),
                FileKind::State => state = Some(state::parse(text, budget, names)?),
                FileKind::Agent => agent = Some(agent::parse(text, budget, names)?),
            }
            Ok(())
        };
        let taken = decode(&file.bytes).and_then(|decoded| {
            let text = decoded.text();
            recognise(text, &file).and_then(|kind| take(kind, text))
        });
        if let Some((slot, name, kind)) = twin {
            let damage = Damage::WrongFile(Some(kind));
            errors.push(FileError { router: number, slot, name, line: None, damage });
        }
        if let Err(fault) = taken {
            let Fault { line, damage } = fault;
            errors.push(FileError { router: number, slot: file.slot, name: file.name.clone(), line, damage });
        }
    }
    for kind in FileKind::ALL {
        if !seen.iter().any(|(known, ..)| *known == kind) && !errors.iter().any(|error| error.slot == kind) {
            errors.push(missing(number, kind));
        }
    }
    match (key, state, agent) {
        (Some((key, key_fields)), Some(state), Some(agent)) if errors.is_empty() => {
            Ok(Router { number, agent, state, key, key_fields })
        }
        _ => Err(errors),
    }
}

/// What a file is: by what only one of the three has, else by its name, else by its slot when it can be that.
fn recognise(text: &str, file: &GivenFile) -> Result<FileKind, Fault> {
    let mut marks = Marks::default();
    // A file that is damaged before anything is recognised is judged, with its line, as what its name or slot says.
    let walked = walk(text, &mut Budget::default(), &mut marks);
    if let Some(kind) = marks.kind {
        return Ok(kind);
    }
    let named = FileKind::of_name(&file.name).unwrap_or(file.slot);
    if walked.is_err() {
        return Ok(named);
    }
    let small = text.len() <= LARGEST_KEY_FILE;
    match named {
        FileKind::Agent if marks.root_is_configuration => Ok(FileKind::Agent),
        FileKind::State if !marks.root_is_configuration && !marks.has_text => Ok(FileKind::State),
        FileKind::Key if small && (marks.has_text || marks.root_names_key) => Ok(FileKind::Key),
        _ if marks.root_is_configuration => Ok(FileKind::Agent),
        _ if marks.root_names_key && small && marks.has_text => Ok(FileKind::Key),
        _ => Err(Fault::at(1, Damage::WrongFile(None))),
    }
}

#[derive(Default)]
struct Marks {
    kind: Option<FileKind>,
    root_is_configuration: bool,
    root_names_key: bool,
    has_text: bool,
}

impl Visitor for Marks {
    fn open(&mut self, element: Element<'_>) -> ControlFlow<()> {
        let is = |known: &str| element.name.eq_ignore_ascii_case(known);
        if element.depth == 1 {
            self.root_is_configuration = is("Configuration");
            self.root_names_key = element.name.to_ascii_lowercase().contains("key");
        }
        if is("ProviderConfiguration") || is("SystemConfiguration") {
            self.kind = Some(FileKind::Agent);
        } else if is("ThresholdDate") || is("ThresholdDateTime") || (is("EmailAddress") && element.depth > 1)
        {
            // Providers stand inside ProviderConfiguration, which ends the walk before their EmailAddress.
            self.kind = Some(FileKind::State);
        }
        if self.kind.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn attribute(&mut self, _: Element<'_>, name: &str, value: &str, _: u32) {
        self.has_text |= !value.is_empty();
        if ["EmailAddress", "ThresholdDate", "ThresholdDateTime"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
        {
            self.kind.get_or_insert(FileKind::State);
        }
    }

    fn close(&mut self, _: Element<'_>, text: &str, _: bool) {
        self.has_text |= !text.is_empty();
    }
}
