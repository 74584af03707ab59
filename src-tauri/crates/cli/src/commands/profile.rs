//! `profile`: email server profiles and their ladders.

use super::{Outcome, test_enable};
use crate::{
    arguments::ProfileCommand,
    output::{Done, Output},
    table::Table,
};
use tandem_api::{
    Tandem,
    wire::{ApiError, DiscoverRequest, Discovered, EndpointView, Nothing, ProbeProfileRequest, ProfileView},
};

pub(super) async fn run(tandem: &Tandem, command: ProfileCommand, output: &Output) -> Outcome {
    match command {
        ProfileCommand::List => {
            let profiles = tandem.profiles(Nothing {}).await?;
            output.print(&profiles, |all| table(all));
        }
        ProfileCommand::Show { name } => {
            let all = tandem.profiles(Nothing {}).await?;
            let found = all.into_iter().find(|one| one.name.to_lowercase() == name.trim().to_lowercase());
            let profile = found.ok_or_else(|| ApiError::not_found("profile", &name))?;
            output.print(&profile, text);
        }
        ProfileCommand::Discover { address } => {
            let found = tandem.discover_servers(DiscoverRequest { address }).await?;
            output.print(&found, discovered);
        }
        ProfileCommand::Probe { name } => {
            let ladders = tandem.probe_profile(ProbeProfileRequest { name }).await?;
            output.print(&ladders, |ladders| ladders.iter().map(test_enable::ladder).collect());
            let failed = ladders.iter().filter(|ladder| ladder.status == "failure").count();
            let held = ladders.iter().filter(|ladder| ladder.status == "success").count();
            let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            return Ok(Done::counted(count(held), count(failed)));
        }
    }
    Ok(Done::All)
}

fn discovered(found: &Discovered) -> String {
    let mut table = Table::new(["type", "incoming", "outgoing", "user name", "source"]);
    for one in &found.proposals {
        table.row([
            one.server_type.clone(),
            endpoint(Some(&one.incoming)),
            endpoint(Some(&one.outgoing)),
            one.user_name.clone().unwrap_or_else(|| "-".to_owned()),
            one.source.clone(),
        ]);
    }
    let none = format!("The domain {} names no mail servers. Ask whoever runs them.", found.domain);
    let mut lines = vec![table.text(&none)];
    lines.extend(found.advice.clone());
    lines.push("Asked:".to_owned());
    lines.extend(found.asked.iter().map(|one| format!("  {}: {}", one.source, one.outcome)));
    lines.join("\n")
}

fn table(profiles: &[ProfileView]) -> String {
    let mut table = Table::new(["name", "type", "incoming", "outgoing", "mailboxes", "status"]);
    for profile in profiles {
        table.row([
            profile.name.clone(),
            profile.server_type.clone(),
            endpoint(profile.incoming.as_ref()),
            endpoint(profile.outgoing.as_ref()),
            profile.mailboxes.to_string(),
            if profile.active { profile.status.clone() } else { "inactive".to_owned() },
        ]);
    }
    table.text("There are no profiles. Make some with `tandem apply`.")
}

fn endpoint(endpoint: Option<&EndpointView>) -> String {
    endpoint.map_or_else(|| "-".to_owned(), |one| format!("{}:{} {}", one.server, one.port, one.security))
}

fn text(profile: &ProfileView) -> String {
    let mut lines = vec![
        format!("Profile              {}", profile.name),
        format!("Server type          {}", profile.server_type),
        format!("Active               {}", profile.active),
        format!("Incoming             {}", endpoint(profile.incoming.as_ref())),
        format!("Outgoing             {}", endpoint(profile.outgoing.as_ref())),
        format!("Authenticate using   {}", profile.authenticate_using),
        format!("User name            {}", profile.user_name.as_deref().unwrap_or("-")),
        format!("Password stored      {}", profile.password_set),
        format!("Process emails from  {}", crate::times::shown(profile.process_emails_from)),
        format!("Connections          at most {}", profile.max_concurrent_connections),
        format!("Mailboxes            {}", profile.mailboxes),
        format!("Status               {}", profile.status),
    ];
    for (direction, end) in [("incoming", &profile.incoming), ("outgoing", &profile.outgoing)] {
        let Some(end) = end else { continue };
        if let Some(file) = &end.ca_file {
            lines.push(format!("CA file ({direction})   {file}"));
        }
        for pin in &end.trusted_certificate_sha256 {
            lines.push(format!("Trusted ({direction})   {pin}"));
        }
    }
    lines.join("\n")
}
