//! Checks the house rules that the compiler cannot: who may know whom, who reads the clock, how files and types are named.
//!
//! Each rule is a function from text to what is wrong in it, so that each can be shown to fail on a bad sample.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test that asked"
)]
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Package -> our packages that it may depend on (docs/architecture.md). A new edge is an ADR and a line here.
const EDGES: &[(&str, &[&str])] = &[
    ("tandem-domain", &[]),
    ("tandem-engine", &["tandem-domain"]),
    ("tandem-store", &["tandem-domain", "tandem-engine"]),
    ("tandem-mail", &["tandem-domain", "tandem-engine"]),
    ("tandem-crm", &["tandem-domain", "tandem-engine"]),
    ("tandem-router-migration", &["tandem-domain"]),
    ("tandem-secrets", &["tandem-domain"]),
    ("tandem-practice", &["tandem-domain"]),
    (
        "tandem-api",
        &[
            "tandem-domain",
            "tandem-engine",
            "tandem-store",
            "tandem-mail",
            "tandem-crm",
            "tandem-router-migration",
            "tandem-secrets",
            "tandem-practice",
        ],
    ),
    ("tandem-cli", &["tandem-api"]),
    ("tandem-desktop", &["tandem-api"]),
    // The servers that Debian has no package for, and a line with a delay for the benchmarks.
    ("tandem-tests", &["tandem-practice"]),
];

/// More edges that only a crate's own tests may have: an adapter is tried against the practice servers.
const TEST_EDGES: &[(&str, &str)] =
    &[("tandem-mail", "tandem-practice"), ("tandem-mail", "tandem-tests"), ("tandem-crm", "tandem-practice")];

/// Library (or a family, with `*`) -> the packages where it is at home. Nobody else may depend on it.
const HOMES: &[(&str, &[&str])] = &[
    ("tauri*", &["tandem-desktop"]),
    ("rusqlite*", &["tandem-store"]),
    ("keyring*", &["tandem-secrets"]),
    // In tandem-practice only its tests use them: a client and a parser of somebody else's judge its servers.
    ("async-imap", &["tandem-practice"]),
    ("mail-*", &["tandem-mail", "tandem-practice"]),
    ("lettre", &["tandem-mail"]),
    ("reqwest", &["tandem-mail", "tandem-crm"]),
    ("clap", &["tandem-cli"]),
    ("interprocess", &["tandem-api"]),
    ("windows-service", &["tandem-cli"]),
    ("sd-notify", &["tandem-cli"]),
    ("quick-xml", &["tandem-router-migration", "tandem-mail"]),
];

/// The domain is pure: words and rules need dates, ids and errors, nothing that reads, waits or speaks.
const DOMAIN_LIBRARIES: &[&str] = &["chrono", "uuid", "thiserror"];

/// Where `now` is an argument.
const CLOCKLESS: &[&str] = &[
    "src-tauri/crates/domain/src",
    "src-tauri/crates/engine/src",
    "src-tauri/crates/router_migration/src",
    "src-tauri/crates/store/src",
];

/// Module -> why it may read the clock.
const CLOCK_ALLOWED: &[(&str, &str)] = &[
    (
        "src-tauri/crates/engine/src/clock",
        "the system's clock behind the port; the runner hands `now` down from here",
    ),
    (
        "src-tauri/crates/store/src/writer",
        "measures how long a group of writes has been open; nothing of it is recorded",
    ),
];

/// The last is SQL's way of reading the clock.
const CLOCKS: &[&str] =
    &["Utc::now", "Local::now", "SystemTime::now", "Instant::now", "CURRENT_TIMESTAMP", "'now'"];

const LONGEST_FILE: usize = 600;

/// Path -> why it may be longer.
const LONG_FILES: &[(&str, &str)] = &[];

const VAGUE_SUFFIXES: &[&str] = &["Manager", "Service", "Helper", "Util", "Utils", "Processor"];

// --- The rules, over the repository ---

#[test]
fn crates_know_only_whom_the_plan_allows() {
    let wrong = manifests().iter().flat_map(|(path, text)| forbidden_edges(path, text)).collect();
    report(wrong, "a boundary exists because it forbids something; a new edge is an ADR and a line in EDGES");
}

#[test]
fn libraries_stay_in_their_homes() {
    let wrong = manifests().iter().flat_map(|(path, text)| strayed_libraries(path, text)).collect();
    report(
        wrong,
        "SQL, protocols, the keychain and Tauri each have one home, so that the engine runs without them",
    );
}

#[test]
fn the_domain_is_pure() {
    let wrong = manifests().iter().flat_map(|(path, text)| impure_domain(path, text)).collect();
    report(wrong, "the domain is words and rules; whatever does IO belongs elsewhere");
}

#[test]
fn only_the_shell_names_tauri() {
    let inside = files("src-tauri/crates", &["rs"]);
    let wrong = inside
        .iter()
        .flat_map(|(path, text)| lines_with(path, &code_of(text), &["tauri::", "tauri_"]))
        .collect();
    report(
        wrong,
        "a shell without logic can be tested without a window: Tauri is src-tauri/src and nothing else",
    );
}

#[test]
fn only_the_lib_folder_of_the_ui_speaks_to_tauri() {
    let wrong = ui_files().iter().flat_map(|(path, text)| tauri_imports(path, text)).collect();
    report(wrong, "ui/src/lib is the one door to the backend; everything else is tested without it");
}

#[test]
fn features_of_the_ui_do_not_import_each_other() {
    let wrong = ui_files().iter().flat_map(|(path, text)| imports_between_features(path, text)).collect();
    report(wrong, "what two features share moves to ui/src/components or ui/src/lib");
}

#[test]
fn nobody_below_the_runner_reads_the_clock() {
    let below = CLOCKLESS.iter().flat_map(|folder| files(folder, &["rs", "sql"]));
    let wrong = below.flat_map(|(path, text)| clock_reads(&path, &text)).collect();
    report(
        wrong,
        "`now` is an argument, so that a schedule is tested by hand and a jumping clock is one event",
    );
}

#[test]
fn every_module_says_what_it_is_for() {
    let wrong = rust_files().iter().filter_map(|(path, text)| missing_purpose(path, text)).collect();
    report(wrong, "the first line of a module is `//!` and says what it is for");
}

#[test]
fn no_file_is_too_long_to_read() {
    let all = rust_files().into_iter().chain(ui_files());
    let wrong = all.filter_map(|(path, text)| too_long(&path, &text)).collect();
    report(wrong, "one file per concern; a file that must be longer is listed in LONG_FILES with its reason");
}

#[test]
fn nothing_is_left_to_be_written() {
    let marks = [concat!("to", "do!("), concat!("unimple", "mented!(")];
    let wrong =
        rust_files().iter().flat_map(|(path, text)| lines_with(path, &code_of(text), &marks)).collect();
    report(wrong, "what is not built has no door; a panic on purpose is not a plan");
}

#[test]
fn migrations_are_numbered_without_a_gap() {
    let names =
        files("src-tauri/crates/store", &["sql"]).into_iter().filter_map(|(path, _)| migration_name(&path));
    report(
        numbering_faults(names.collect()),
        "a migration that was released is never changed, renamed or removed: append one",
    );
}

#[test]
fn no_type_has_a_vague_name() {
    let all = rust_files().into_iter().chain(ui_files());
    let wrong = all.flat_map(|(path, text)| vague_types(&path, &text)).collect();
    report(wrong, "a name that fits everything says nothing: name what it does with the field's words");
}

#[test]
fn the_rules_look_at_real_files() {
    assert!(manifests().len() >= 9, "the Cargo.toml files are not where the rules look");
    assert!(
        CLOCKLESS.iter().all(|folder| !files(folder, &["rs"]).is_empty()),
        "CLOCKLESS names a folder without Rust"
    );
    if root().join("ui/package.json").exists() {
        assert!(!ui_files().is_empty(), "the UI's sources are not where the rules look");
    }
    for (path, _) in LONG_FILES {
        assert!(root().join(path).exists(), "LONG_FILES names {path}, which is gone");
    }
}

// --- Each rule can fail ---

#[test]
fn a_forbidden_edge_is_found_under_any_table_and_name() {
    for table in ["dependencies", "build-dependencies", "dev-dependencies", "target.'cfg(unix)'.dependencies"]
    {
        let text = format!(
            "[package]\nname = \"tandem-engine\"\n[{table}]\nours = {{ package = \"tandem-store\", path = \"x\" }}"
        );
        assert_eq!(forbidden_edges("Cargo.toml", &text).len(), 1, "{table}");
    }
    let unknown = "[package]\nname = \"tandem-new\"";
    assert_eq!(forbidden_edges("Cargo.toml", unknown).len(), 1, "a crate that the plan does not know");
    let shown =
        "[package]\nname = \"tandem-mail\"\n[dev-dependencies]\ntandem-practice = { workspace = true }";
    assert!(forbidden_edges("Cargo.toml", shown).is_empty());
    let used = shown.replace("dev-", "");
    assert_eq!(forbidden_edges("Cargo.toml", &used).len(), 1, "a test's edge is not the program's");
}

#[test]
fn a_strayed_library_is_found() {
    let text = "[package]\nname = \"tandem-engine\"\n[dependencies]\nrusqlite_migration = \"2\"\ntauri = \"2\"\nmail-parser = \"0\"\nchrono = \"0\"";
    assert_eq!(strayed_libraries("Cargo.toml", text).len(), 3);
    assert!(
        strayed_libraries(
            "Cargo.toml",
            "[package]\nname = \"tandem-store\"\n[dependencies]\nrusqlite = \"0\""
        )
        .is_empty()
    );
    let domain = "[package]\nname = \"tandem-domain\"\n[dependencies]\nchrono = \"0\"\nserde = \"1\"";
    assert_eq!(impure_domain("Cargo.toml", domain).len(), 1);
}

#[test]
fn a_second_door_to_tauri_is_found() {
    let text = "import { invoke } from \"@tauri-apps/api/core\";";
    assert_eq!(tauri_imports("ui/src/features/home/api.ts", text).len(), 1);
    assert_eq!(
        tauri_imports("ui/src/library.ts", "const x = await import('@tauri-apps/api/event')").len(),
        1
    );
    assert!(tauri_imports("ui/src/lib/rpc.ts", text).is_empty());
    assert!(tauri_imports("ui/src/bindings/index.ts", text).is_empty());
    assert_eq!(lines_with("a.rs", &code_of("use tauri::Builder;\n// tauri::Builder"), &["tauri::"]).len(), 1);
}

#[test]
fn an_import_between_features_is_found_in_each_spelling() {
    for spelling in ["../../mailboxes/api", "@/features/mailboxes", "../../../features/mailboxes/api"] {
        let text = format!("import {{ x }} from \"{spelling}\";");
        assert_eq!(
            imports_between_features("ui/src/features/home/components/Now.tsx", &text).len(),
            1,
            "{spelling}"
        );
    }
    let own = "import { x } from \"../api\";\nimport { y } from \"../../../lib/rpc\";\nimport { z } from '@/features/home/api';";
    assert!(imports_between_features("ui/src/features/home/components/Now.tsx", own).is_empty());
    assert!(
        imports_between_features("ui/src/app/routes.tsx", "import { Home } from \"../features/home/Home\";")
            .is_empty()
    );
}

#[test]
fn a_look_at_the_clock_is_found_outside_tests() {
    let path = "src-tauri/crates/store/src/ledger.rs";
    assert_eq!(clock_reads(path, "fn f() { let now = Utc::now(); }").len(), 1);
    assert_eq!(clock_reads(path, "sql(\"select datetime('now')\")").len(), 1);
    assert!(
        clock_reads(path, "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn now() { Utc::now(); }\n}").is_empty()
    );
    let after = "#[cfg(test)]\nmod tests {\n    fn now() { Utc::now(); }\n}\nfn late() { Utc::now(); }";
    assert_eq!(clock_reads(path, after).len(), 1, "what follows the tests is not a test");
    assert_eq!(clock_reads(path, "#[cfg(test)]\nmod tests;\nfn f() { Instant::now(); }").len(), 1);
    assert!(clock_reads("src-tauri/crates/engine/src/clock.rs", "Utc::now()").is_empty());
    assert_eq!(clock_reads("src-tauri/crates/engine/src/clockwork.rs", "Utc::now()").len(), 1);
    assert!(clock_reads(path, "// not Utc::now()").is_empty());
}

#[test]
fn a_silent_a_long_and_an_unfinished_file_are_found() {
    assert!(missing_purpose("a.rs", "use x;\n//! late").is_some());
    assert!(missing_purpose("a.rs", "//! For the test.").is_none());
    assert!(too_long("a.rs", &"\n".repeat(601)).is_some());
    assert!(too_long("a.rs", &"\n".repeat(600)).is_none());
    let unfinished = format!("fn f() {{ {}) }}", concat!("to", "do!("));
    assert_eq!(lines_with("a.rs", &code_of(&unfinished), &[concat!("to", "do!(")]).len(), 1);
}

#[test]
fn a_gap_and_a_twin_among_migrations_are_found() {
    let named = |names: &[&str]| numbering_faults(names.iter().map(|name| (*name).to_owned()).collect());
    assert!(named(&["0001_first.sql", "0002_second.sql"]).is_empty());
    assert_eq!(named(&["0001_first.sql", "0003_third.sql"]).len(), 1);
    assert_eq!(named(&["0001_first.sql", "0001_twin.sql"]).len(), 1);
    assert_eq!(named(&["first.sql"]).len(), 1);
    assert!(migration_name("src-tauri/crates/store/src/schema/0001_first.sql").is_some());
    assert!(migration_name("src-tauri/crates/store/src/query.sql").is_none());
}

#[test]
fn a_vague_type_is_found_in_both_languages() {
    // Assembled, so that this file obeys its own rule.
    for start in ["pub struct Mail", "    pub(crate) enum Sync", "trait Alert", "pub type Row"] {
        for suffix in VAGUE_SUFFIXES {
            assert_eq!(vague_types("a.rs", &format!("{start}{suffix}<T> = ();")).len(), 1, "{start}{suffix}");
        }
    }
    assert_eq!(vague_types("a.ts", "export class RowProcessor<T> {}").len(), 1);
    assert_eq!(vague_types("a.ts", "export default interface FormUtils {}").len(), 1);
    assert!(vague_types("a.rs", "struct Managers;\nlet struct_name = Helper;").is_empty());
}

// --- The rules, over text ---

fn forbidden_edges(path: &str, text: &str) -> Vec<String> {
    let (name, dependencies) = package(text);
    let Some((_, allowed)) = EDGES.iter().find(|(package, _)| *package == name) else {
        return vec![format!("{path}: {name} is not in EDGES: a new crate is an ADR")];
    };
    let ours = dependencies.iter().filter(|dependency| dependency.name.starts_with("tandem-"));
    let wrong = ours.filter(|dependency| {
        let for_tests =
            dependency.only_tests && TEST_EDGES.contains(&(name.as_str(), dependency.name.as_str()));
        !for_tests && !allowed.contains(&dependency.name.as_str())
    });
    wrong.map(|dependency| format!("{path}: {name} may not depend on {}", dependency.name)).collect()
}

fn strayed_libraries(path: &str, text: &str) -> Vec<String> {
    let (name, dependencies) = package(text);
    let mut wrong = Vec::new();
    for dependency in dependencies {
        for (library, homes) in HOMES {
            let same = library
                .strip_suffix('*')
                .map_or(dependency.name == *library, |family| dependency.name.starts_with(family));
            if same && !homes.contains(&name.as_str()) {
                wrong.push(format!(
                    "{path}: {} belongs to {}, not to {name}",
                    dependency.name,
                    homes.join(" and ")
                ));
            }
        }
    }
    wrong
}

fn impure_domain(path: &str, text: &str) -> Vec<String> {
    let (name, dependencies) = package(text);
    let foreign = dependencies.iter().filter(|dependency| {
        name == "tandem-domain"
            && !dependency.only_tests
            && !DOMAIN_LIBRARIES.contains(&dependency.name.as_str())
    });
    foreign.map(|dependency| format!("{path}: the domain may not use {}", dependency.name)).collect()
}

fn tauri_imports(path: &str, text: &str) -> Vec<String> {
    if path.starts_with("ui/src/lib/") || path.starts_with("ui/src/bindings") {
        return Vec::new();
    }
    lines_with(path, &code_of(text), &["\"@tauri-apps/", "'@tauri-apps/"])
}

fn imports_between_features(path: &str, text: &str) -> Vec<String> {
    let Some(feature) = feature_of(Path::new(path)) else { return Vec::new() };
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let mut wrong = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for target in line.split(['"', '\'']).skip(1).step_by(2) {
            let target = match target.strip_prefix("@/") {
                Some(rest) => Path::new("ui/src").join(rest),
                None if target.starts_with('.') => resolve(folder, target),
                None => continue,
            };
            if feature_of(&target).is_some_and(|other| other != feature) {
                wrong.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    wrong
}

fn clock_reads(path: &str, text: &str) -> Vec<String> {
    let allowed = CLOCK_ALLOWED.iter().any(|(prefix, _)| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    });
    let is_test = path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/");
    if allowed || is_test {
        return Vec::new();
    }
    lines_with(path, &code_of(&without_tests(text)), CLOCKS)
}

fn missing_purpose(path: &str, text: &str) -> Option<String> {
    (!text.starts_with("//!")).then(|| format!("{path}:1: does not begin with //!"))
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let excused = LONG_FILES.iter().any(|(file, _)| *file == path) || path.starts_with("ui/src/bindings");
    (lines > LONGEST_FILE && !excused).then(|| format!("{path}: {lines} lines, more than {LONGEST_FILE}"))
}

fn numbering_faults(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    let mut wrong = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
        if digits.parse() != Ok(index + 1) {
            wrong.push(format!("{name}: expected number {}", index + 1));
            break;
        }
    }
    wrong
}

fn migration_name(path: &str) -> Option<String> {
    let path = Path::new(path);
    let inside = path.parent().is_some_and(|parent| parent.ends_with("schema"));
    inside.then(|| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

fn vague_types(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in code_of(text).lines().enumerate() {
        let mut words = line
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .skip_while(|word| {
                matches!(
                    *word,
                    "pub"
                        | "crate"
                        | "super"
                        | "in"
                        | "unsafe"
                        | "export"
                        | "default"
                        | "declare"
                        | "abstract"
                )
            });
        let is_type = matches!(
            words.next(),
            Some("struct" | "enum" | "trait" | "union" | "type" | "class" | "interface")
        );
        let Some(name) = words.next().filter(|_| is_type) else { continue };
        if VAGUE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
            wrong.push(format!("{path}:{}: {name}", number + 1));
        }
    }
    wrong
}

// --- Reading ---

struct Dependency {
    name: String,
    only_tests: bool,
}

/// The package's name and every dependency in any table, under its real name.
fn package(text: &str) -> (String, Vec<Dependency>) {
    let manifest: toml::Table = text.parse().expect("a Cargo.toml");
    let name = manifest["package"]["name"].as_str().expect("a package name").to_owned();
    let mut tables = vec![&manifest];
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    tables.extend(targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table));
    let mut found = Vec::new();
    for table in tables {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (key, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                let real = value.get("package").and_then(toml::Value::as_str).unwrap_or(key);
                found.push(Dependency { name: real.to_owned(), only_tests: kind == "dev-dependencies" });
            }
        }
    }
    (name, found)
}

/// Line comments removed, lines kept.
fn code_of(text: &str) -> String {
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Test modules written in the file emptied, lines kept. They end at the brace in the column where they began.
fn without_tests(text: &str) -> String {
    let mut kept = Vec::new();
    let mut marked = false;
    let mut until: Option<String> = None;
    for line in text.lines() {
        if let Some(end) = &until {
            if line == end {
                until = None;
            }
            kept.push("");
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        if marked && line.contains("mod ") && line.ends_with('{') {
            until = Some(format!("{indent}}}"));
            kept.push("");
            marked = false;
            continue;
        }
        marked = line.trim() == "#[cfg(test)]" || marked && line.trim().starts_with("#[");
        kept.push(line);
    }
    kept.join("\n")
}

fn lines_with(path: &str, text: &str, marks: &[&str]) -> Vec<String> {
    let lines = text.lines().enumerate().filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)));
    lines.map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim())).collect()
}

/// `ui/src/features/NAME/...` -> NAME.
fn feature_of(path: &Path) -> Option<String> {
    let rest = path.strip_prefix("ui/src/features").ok()?;
    Some(rest.components().next()?.as_os_str().to_string_lossy().into_owned())
}

fn resolve(folder: &Path, target: &str) -> PathBuf {
    let mut path = folder.to_owned();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(path.pop()),
            name => path.push(name),
        }
    }
    path
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn manifests() -> Vec<(String, String)> {
    let members =
        files("src-tauri/crates", &["toml"]).into_iter().filter(|(path, _)| path.ends_with("/Cargo.toml"));
    let others = ["Cargo.toml", "tests/Cargo.toml"]
        .map(|path| (path.to_owned(), fs::read_to_string(root().join(path)).expect("a Cargo.toml")));
    members.chain(others).collect()
}

fn rust_files() -> Vec<(String, String)> {
    ["src-tauri", "tests"].iter().flat_map(|folder| files(folder, &["rs"])).collect()
}

fn ui_files() -> Vec<(String, String)> {
    files("ui/src", &["ts", "tsx"])
}

/// Every file below a folder with one of the extensions: its path from the root with `/`, and its text.
fn files(folder: &str, extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten() {
            let path = entry.expect("a folder's entry").path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && name != "target" && name != "node_modules" {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| extensions.iter().any(|wanted| end == *wanted)) {
                found.insert(path);
            }
        }
    }
    let read = |path: PathBuf| {
        let text = String::from_utf8_lossy(&fs::read(&path).expect("read a file")).into_owned();
        let inside = path.strip_prefix(root()).expect("inside the repository");
        (inside.to_string_lossy().replace('\\', "/"), text)
    };
    found.into_iter().map(read).collect()
}

fn report(wrong: Vec<String>, why: &str) {
    let count = wrong.len();
    let list: String = wrong.into_iter().map(|line| line + "\n").collect();
    assert!(count == 0, "{list}\nWhy this is a rule: {why}.\n");
}
