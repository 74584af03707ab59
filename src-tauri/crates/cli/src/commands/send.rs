//! `email send`.

use crate::{arguments::SendArguments, output::Output};
use std::path::{Path, PathBuf};
use tandem_api::{
    Tandem,
    wire::{ApiError, SendEmailRequest},
};

pub(super) async fn run(tandem: &Tandem, arguments: SendArguments, output: &Output) -> Result<(), ApiError> {
    let body = match (arguments.body, &arguments.body_file) {
        (Some(body), _) => body,
        (None, Some(file)) => read(file)?,
        (None, None) => String::new(),
    };
    let request = SendEmailRequest {
        from: arguments.from,
        to: arguments.to,
        cc: arguments.cc,
        bcc: arguments.bcc,
        subject: arguments.subject,
        body,
        html: arguments.html.as_deref().map(read).transpose()?,
        attachments: arguments.attach.iter().map(absolute).collect(),
        at: arguments.at,
        in_reply_to: arguments.in_reply_to,
        regarding: arguments.regarding,
    };
    let email = tandem.send_email(request).await?;
    output.print(&email, |email| email.id.clone());
    Ok(())
}

fn absolute(path: &PathBuf) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.clone()).to_string_lossy().into_owned()
}

fn read(file: &Path) -> Result<String, ApiError> {
    std::fs::read_to_string(file).map_err(|error| {
        let remedy = "Check the path, that you may read the file, and that it is text in UTF-8.";
        ApiError::plain("file_failed", &file.display().to_string(), "The file cannot be read.", remedy)
            .said(&error)
    })
}
