//! Routers' files: which file goes into which slot, how large they are, and what they turn out to be.

use super::count;
use crate::{
    Tandem,
    wire::{
        ApiError, RouterFileProblem, RouterFilesRequest, RouterFilesView, RouterPaths, RouterSlotView,
        RouterView,
    },
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tandem_router_migration::{
    RouterData,
    error::{Damage, FileError, FileKind},
    intake::{self, ChosenFile, GivenFile, GivenRouter, MOST_BYTES},
};

/// One chosen file.
struct Choice {
    chosen: ChosenFile,
    path: PathBuf,
}

/// The files of one router, and what fits no slot.
struct Router {
    number: u8,
    choices: Vec<Choice>,
    /// What was chosen for a slot and is no file that can be read; it stays there with its problem.
    refused: Vec<(FileKind, PathBuf)>,
    problems: Vec<RouterFileProblem>,
}

impl Tandem {
    /// What the files of up to four Email Routers are, each file in the slot where it belongs.
    ///
    /// # Errors
    /// None for what is wrong with the files: that is in the answer.
    pub async fn read_router_files(&self, request: RouterFilesRequest) -> Result<RouterFilesView, ApiError> {
        let read = tokio::task::spawn_blocking(move || view(&request.routers));
        read.await.map_err(|error| ApiError::internal("router files", &error))
    }
}

/// Reads all files for a plan.
pub(super) fn read(paths: &[RouterPaths]) -> Result<RouterData, ApiError> {
    let routers: Vec<Router> = paths.iter().map(assign).collect();
    let mut problems: Vec<RouterFileProblem> =
        routers.iter().flat_map(|router| router.problems.clone()).collect();
    let all: Vec<ChosenFile> =
        routers.iter().flat_map(|router| &router.choices).map(|one| one.chosen.clone()).collect();
    let given = match intake::check_sizes(&all) {
        Ok(_) if problems.is_empty() => give(&routers, &mut problems),
        Ok(_) => Vec::new(),
        Err(errors) => {
            problems.extend(errors.iter().map(problem));
            Vec::new()
        }
    };
    if problems.is_empty() {
        match intake::read(given) {
            Ok(data) => return Ok(data),
            Err(errors) => problems.extend(errors.iter().map(problem)),
        }
    }
    Err(refused(&problems))
}

/// What is wrong with the files, as one error.
fn refused(problems: &[RouterFileProblem]) -> ApiError {
    let first = problems.first();
    let object =
        first.map_or_else(|| "router files".to_owned(), |one| format!("router {}, {}", one.router, one.file));
    let lines: Vec<_> = problems.iter().map(|one| format!("{} ({})", one.message, one.code)).collect();
    let remedy = first.map_or("Choose the routers' files again.", |one| one.remedy.as_str());
    ApiError::plain("router_files_invalid", &object, &lines.join("\n"), remedy)
}

fn view(paths: &[RouterPaths]) -> RouterFilesView {
    let mut routers: Vec<Router> = paths.iter().map(assign).collect();
    routers.sort_by_key(|router| router.number);
    let all: Vec<ChosenFile> =
        routers.iter().flat_map(|router| &router.choices).map(|one| one.chosen.clone()).collect();
    let sizes = intake::check_sizes(&all).err().unwrap_or_default();
    let too_large = sizes.iter().any(|error| matches!(error.damage, Damage::TooLarge(_)));
    let views: Vec<RouterView> =
        routers.iter().map(|router| router_view(router, &sizes, too_large)).collect();
    let loose = routers.iter().flat_map(|router| &router.problems).filter(|one| one.slot.is_none()).cloned();
    let slots = views.iter().flat_map(|view| &view.slots).filter_map(|slot| slot.problem.clone());
    let problems: Vec<_> = slots.chain(loose).collect();
    let ready = !views.is_empty() && views.iter().all(|view| view.complete) && problems.is_empty();
    RouterFilesView {
        routers: views,
        problems,
        total_bytes: all.iter().map(|file| file.bytes).sum(),
        limit_bytes: MOST_BYTES,
        ready,
    }
}

fn router_view(router: &Router, sizes: &[FileError], too_large: bool) -> RouterView {
    let mut slots = FileKind::ALL.map(|kind| RouterSlotView {
        slot: super::word(&kind),
        file_name: kind.file_name().to_owned(),
        path: None,
        bytes: None,
        moved: None,
        problem: None,
    });
    let mut errors: Vec<FileError> =
        sizes.iter().filter(|error| error.router == router.number).cloned().collect();
    let mut moved = Vec::new();
    let (mut providers, mut state_entries) = (None, None);
    // Nothing is read while all together are too large, and an empty file is known to be empty.
    if !too_large && errors.is_empty() {
        let mut unread = Vec::new();
        let given = give(std::slice::from_ref(router), &mut unread);
        match if unread.is_empty() { intake::read(given) } else { Err(Vec::new()) } {
            Ok(data) => {
                providers = Some(count(data.providers()));
                state_entries = Some(count(data.state_entries()));
                moved = data.moved.iter().map(|one| (one.from, one.to, one.to_string())).collect();
            }
            Err(found) => {
                moved = misplaced(router, &found);
                errors = found;
            }
        }
        fill(&mut slots, router, &moved);
        for one in unread {
            put_problem(&mut slots, one);
        }
    } else {
        fill(&mut slots, router, &moved);
    }
    for (kind, path) in &router.refused {
        if let Some(slot) =
            slots.iter_mut().find(|slot| slot.slot == super::word(kind) && slot.path.is_none())
        {
            slot.path = Some(path.to_string_lossy().into_owned());
        }
    }
    for one in &router.problems {
        put_problem(&mut slots, one.clone());
    }
    let is_missing = |error: &FileError| matches!(error.damage, Damage::Missing);
    for error in errors.iter().filter(|error| !is_missing(error)) {
        put_problem(&mut slots, problem(error));
    }
    let complete = providers.is_some() && router.problems.is_empty();
    RouterView { number: router.number, slots: slots.into(), complete, providers, state_entries }
}

fn fill(slots: &mut [RouterSlotView; 3], router: &Router, moved: &[(FileKind, FileKind, String)]) {
    for choice in &router.choices {
        let put = moved.iter().find(|(from, ..)| *from == choice.chosen.slot);
        let kind = put.map_or(choice.chosen.slot, |(_, to, _)| *to);
        if let Some(slot) = slots.iter_mut().find(|slot| slot.slot == super::word(&kind)) {
            slot.path = Some(choice.path.to_string_lossy().into_owned());
            slot.bytes = Some(choice.chosen.bytes);
            slot.moved = put.map(|(.., text)| text.clone());
        }
    }
}

fn put_problem(slots: &mut [RouterSlotView; 3], problem: RouterFileProblem) {
    if let Some(slot) = slots.iter_mut().find(|slot| Some(&slot.slot) == problem.slot.as_ref()) {
        slot.problem.get_or_insert(problem);
    }
}

/// A router that is not complete yet says only which files are missing; where one file stands in a slot of a missing one,
/// it is the one that is there and has no file.
fn misplaced(router: &Router, errors: &[FileError]) -> Vec<(FileKind, FileKind, String)> {
    if errors.iter().any(|error| !matches!(error.damage, Damage::Missing)) {
        return Vec::new();
    }
    let is_missing = |kind: FileKind| errors.iter().any(|error| error.slot == kind);
    let taken = |kind: FileKind| router.choices.iter().any(|one| one.chosen.slot == kind);
    let wrong: Vec<&Choice> = router.choices.iter().filter(|one| is_missing(one.chosen.slot)).collect();
    let free: Vec<FileKind> =
        FileKind::ALL.into_iter().filter(|kind| !is_missing(*kind) && !taken(*kind)).collect();
    match (wrong.as_slice(), free.as_slice()) {
        ([one], [kind]) => {
            let text = format!(
                "Router {}: {} was chosen as {}; it is {kind} and was put there.",
                router.number, one.chosen.name, one.chosen.slot
            );
            vec![(one.chosen.slot, *kind, text)]
        }
        _ => Vec::new(),
    }
}

/// Opens and reads; what cannot be read is a problem.
fn give(routers: &[Router], problems: &mut Vec<RouterFileProblem>) -> Vec<GivenRouter> {
    let mut given = Vec::new();
    for router in routers {
        let mut files = Vec::new();
        for Choice { chosen, path } in &router.choices {
            let opened = fs::File::open(path).map_err(|error| FileError {
                router: chosen.router,
                slot: chosen.slot,
                name: chosen.name.clone(),
                line: None,
                damage: Damage::Unreadable(error.to_string()),
            });
            match opened.and_then(|file| GivenFile::read(chosen, file)) {
                Ok(file) => files.push(file),
                Err(error) => problems.push(problem(&error)),
            }
        }
        given.push(GivenRouter { number: router.number, files });
    }
    given
}

/// Puts what was chosen and dropped into slots: by choice, then by name, then wherever there is room.
fn assign(paths: &RouterPaths) -> Router {
    let mut router =
        Router { number: paths.number, choices: Vec::new(), refused: Vec::new(), problems: Vec::new() };
    let chosen =
        [(FileKind::Key, &paths.key), (FileKind::State, &paths.state), (FileKind::Agent, &paths.agent)];
    for (slot, path) in chosen {
        if let Some(path) = path.as_deref().filter(|path| !path.is_empty()) {
            router.put(slot, Path::new(path));
        }
    }
    let mut dropped = Vec::new();
    for path in paths.dropped.iter().map(Path::new) {
        match expand(path) {
            Ok(files) => dropped.extend(files),
            Err(why) => router.problems.push(not_there(router.number, path, &why)),
        }
    }
    let (named, other): (Vec<_>, Vec<_>) =
        dropped.into_iter().partition(|path| FileKind::of_name(&path.to_string_lossy()).is_some());
    for path in named.iter().chain(&other) {
        let wanted = FileKind::of_name(&path.to_string_lossy());
        let slot = wanted.into_iter().chain(FileKind::ALL).find(|kind| router.is_free(*kind));
        match slot {
            Some(slot) => router.put(slot, path),
            None => router.problems.push(loose(router.number, path)),
        }
    }
    router
}

impl Router {
    fn is_free(&self, slot: FileKind) -> bool {
        !self.choices.iter().any(|one| one.chosen.slot == slot)
    }

    fn put(&mut self, slot: FileKind, path: &Path) {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let error = match fs::metadata(path) {
            Ok(found) if found.is_file() => {
                let chosen = ChosenFile { router: self.number, slot, name, bytes: found.len() };
                self.choices.push(Choice { chosen, path: path.to_path_buf() });
                return;
            }
            Ok(_) => "it is no file".to_owned(),
            Err(error) => error.to_string(),
        };
        let damage = Damage::Unreadable(error);
        let error = FileError { router: self.number, slot, name, line: None, damage };
        self.problems.push(problem(&error));
        self.refused.push((slot, path.to_path_buf()));
    }
}

/// A folder is its files with the router's names, else its XML files.
fn expand(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !fs::metadata(path).map_err(|error| error.to_string())?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let read = fs::read_dir(path).map_err(|error| error.to_string())?;
    let mut files: Vec<PathBuf> = read.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    let named: Vec<PathBuf> =
        files.iter().filter(|file| FileKind::of_name(&file.to_string_lossy()).is_some()).cloned().collect();
    if !named.is_empty() {
        return Ok(named);
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml")));
    if files.is_empty() { Err("none of the router's files is in this folder".to_owned()) } else { Ok(files) }
}

/// A file or folder that was dropped or typed and gives nothing.
fn not_there(router: u8, path: &Path, why: &str) -> RouterFileProblem {
    let damage = Damage::Unreadable(why.to_owned());
    let file = path.display().to_string();
    RouterFileProblem {
        message: format!("Router {router}: {file} can't be used: {why}."),
        remedy: "Check the path, and that you may read what is there.".to_owned(),
        class: damage.class().to_owned(),
        code: format!("0x{:08X}", damage.code().1),
        router,
        slot: None,
        file,
        line: None,
    }
}

fn loose(router: u8, path: &Path) -> RouterFileProblem {
    let damage = Damage::WrongFile(None);
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    RouterFileProblem {
        router,
        slot: None,
        message: format!("Router {router}: {file} is left over; a router has three files."),
        file,
        line: None,
        class: damage.class().to_owned(),
        code: format!("0x{:08X}", damage.code().1),
        remedy: damage.remedy().to_owned(),
    }
}

fn problem(error: &FileError) -> RouterFileProblem {
    let text = error.to_string();
    let mut letters = text.chars();
    let capital = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    RouterFileProblem {
        router: error.router,
        slot: Some(super::word(&error.slot)),
        file: error.name.clone(),
        line: error.line,
        class: error.damage.class().to_owned(),
        code: error.code(),
        message: format!("{capital}{}.", letters.as_str()),
        remedy: error.damage.remedy().to_owned(),
    }
}
