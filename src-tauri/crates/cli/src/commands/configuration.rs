//! `apply` and `export`.

use super::Outcome;
use crate::{
    output::{Done, Output},
    passphrase::AskAtTerminal,
};
use std::{io::Read, path::Path};
use tandem_api::{
    Tandem,
    wire::{ApiError, ApplyRequest, ApplyResult, ExportRequest},
};

pub(super) async fn apply(tandem: &Tandem, file: &Path, dry_run: bool, output: &Output) -> Outcome {
    let (text, name) = read(file)?;
    let request = ApplyRequest { text, file: name, dry_run };
    let result = tandem.apply_asking(request, Some(&AskAtTerminal)).await?;
    output.print(&result, text_of);
    Ok(Done::All)
}

pub(super) async fn export(tandem: &Tandem, records: bool, output: &Output) -> Outcome {
    let result = tandem.export(ExportRequest { records }).await?;
    output.print(&result, |result| result.text.clone());
    Ok(Done::All)
}

fn read(file: &Path) -> Result<(String, Option<String>), ApiError> {
    let (text, name) = if file == Path::new("-") {
        let mut text = String::new();
        (std::io::stdin().read_to_string(&mut text).map(|_| text), None)
    } else {
        (std::fs::read_to_string(file), Some(file.to_string_lossy().into_owned()))
    };
    let text = text.map_err(|error| {
        let object = name.as_deref().unwrap_or("stdin");
        let remedy = "Check the path, that you may read the file, and that it is text in UTF-8.";
        ApiError::plain("file_failed", object, "The configuration file cannot be read.", remedy).said(&error)
    })?;
    Ok((text, name))
}

fn text_of(result: &ApplyResult) -> String {
    let mut text = String::new();
    for change in &result.changes {
        let sign = match change.action.as_str() {
            "create" => '+',
            "update" => '~',
            _ => ' ',
        };
        text += &format!("{sign} {} {} {}\n", change.action, change.kind, change.name);
        for field in &change.fields {
            text += &format!("      {field}\n");
        }
    }
    let count = |action: &str| result.changes.iter().filter(|change| change.action == action).count();
    let verb = if result.applied { "Applied" } else { "Nothing was changed; this would be" };
    text + &format!(
        "{verb}: {} created, {} updated, {} unchanged.\n",
        count("create"),
        count("update"),
        count("unchanged")
    )
}
