//! `diagnostics`.

use super::Outcome;
use crate::output::{Done, Output};
use std::path::Path;
use tandem_api::{Tandem, wire::DiagnosticsRequest};

pub(super) async fn run(tandem: &Tandem, file: &Path, output: &Output) -> Outcome {
    let request = DiagnosticsRequest { path: file.to_string_lossy().into_owned() };
    let result = tandem.diagnostics(request).await?;
    output.print(&result, |result| {
        let mut text = format!("{} holds {} files: {}.\n", result.path, result.files.len(), result.files.join(", "));
        if !result.missing.is_empty() {
            text += &format!("Could not be looked up, see there: {}.\n", result.missing.join(", "));
        }
        text + "There are no passwords and no mail in it, but names, addresses and servers: look before you pass it on.\n"
    });
    Ok(if result.missing.is_empty() { Done::All } else { Done::Part })
}
