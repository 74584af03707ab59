//! `email`: list, show, resolve.

use super::{Outcome, send};
use crate::{
    arguments::EmailCommand,
    output::{Done, Output},
    table::{Table, clean},
    times::shown,
};
use tandem_api::{
    Tandem,
    wire::{EmailRequest, EmailRow, EmailView, EmailsRequest, PartyView, ResolveDeliveryRequest},
};

/// How many emails are asked for at once.
const PAGE: u32 = 500;

pub(super) async fn run(tandem: &Tandem, command: EmailCommand, output: &Output) -> Outcome {
    match command {
        EmailCommand::List { mailbox, status, search, limit } => {
            let request = EmailsRequest { mailbox, status, search, limit: PAGE, after: None };
            list(tandem, request, limit, output).await?;
        }
        EmailCommand::Show { id, raw: true } => {
            let bytes = tandem.email_raw(&id).await?;
            output.bytes(&bytes);
        }
        EmailCommand::Show { id, raw: false } => {
            let email = tandem.email(EmailRequest { id }).await?;
            output.print(&email, text);
        }
        EmailCommand::Send(arguments) => send::run(tandem, *arguments, output).await?,
        EmailCommand::Resolve { id, sent, .. } => {
            let verdict = if sent { "sent" } else { "resend" }.to_owned();
            let email = tandem.resolve_delivery(ResolveDeliveryRequest { id, verdict }).await?;
            output.print(&email, |email| format!("{} is {} now.", email.id, email.status));
        }
    }
    Ok(Done::All)
}

/// Rows for people; whole records in JSON, as the contract has them.
async fn list(
    tandem: &Tandem,
    mut request: EmailsRequest,
    limit: u32,
    output: &Output,
) -> Result<(), tandem_api::wire::ApiError> {
    let most = if limit == 0 { usize::MAX } else { limit.try_into().unwrap_or(usize::MAX) };
    let mut rows: Vec<EmailRow> = Vec::new();
    while rows.len() < most {
        let page = tandem.emails(request.clone()).await?;
        rows.extend(page.emails);
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    rows.truncate(most);
    if !output.is_json() {
        output.text(&table(&rows));
        return Ok(());
    }
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        records.push(tandem.email(EmailRequest { id: row.id }).await?);
    }
    output.print(&records, |_| String::new());
    Ok(())
}

fn table(rows: &[EmailRow]) -> String {
    let mut table = Table::new(["id", "when", "direction", "status", "from", "to", "subject"]);
    for row in rows {
        table.row([
            row.id.clone(),
            shown(row.received_on.or(row.sent_on)),
            row.direction.clone(),
            row.status.clone(),
            row.from.clone(),
            row.to.clone(),
            row.subject.clone(),
        ]);
    }
    table.text("There are no emails.")
}

fn text(email: &EmailView) -> String {
    let mut text = format!(
        "{}\n\nId            {}\nStatus        {} ({})\nMessage-ID    {}\nOwner         {} {}\nMailbox       {}\n",
        clean(&email.subject),
        email.id,
        email.status,
        email.direction,
        email.message_id.as_deref().unwrap_or("-"),
        email.owner.kind,
        clean(&email.owner.name),
        email.receiving_mailbox.as_deref().unwrap_or("-"),
    );
    for (name, parties) in [("From", &email.from), ("To", &email.to), ("Cc", &email.cc), ("Bcc", &email.bcc)]
    {
        for one in parties {
            text += &format!("{name:<13} {}\n", party(one));
        }
    }
    text += &format!("Sent          {}\nReceived      {}\n", shown(email.sent_on), shown(email.received_on));
    if let Some(correlation) = &email.correlation {
        text += &format!("Belongs to    {} ({})\n", correlation.email_id, correlation.method);
    }
    if let Some(regarding) = &email.regarding {
        text += &format!("Regarding     {} {}\n", regarding.kind, clean(&regarding.name));
    }
    for attachment in &email.attachments {
        let (name, kind, size) = (clean(&attachment.name), clean(&attachment.mime_type), attachment.size);
        text += &format!("Attachment    {name} ({kind}, {size} bytes)\n");
    }
    if email.direction == "outgoing" {
        text += &format!("Attempts      {}\n", email.delivery_attempts);
    }
    if let Some(last) = &email.last_attempt {
        text += &format!("Last attempt  {}\n", clean(last));
    }
    let body: Vec<_> = email.body_text.lines().map(clean).collect();
    text + "\n" + &body.join("\n")
}

fn party(party: &PartyView) -> String {
    let mut text = if party.name.is_empty() {
        clean(&party.address)
    } else {
        format!("{} <{}>", clean(&party.name), clean(&party.address))
    };
    if !party.resolved.is_empty() {
        let known: Vec<_> =
            party.resolved.iter().map(|one| format!("{} {}", one.kind, clean(&one.name))).collect();
        text += &format!("  = {}", known.join(", "));
    }
    if let Some(delivery) = &party.delivery {
        text += &format!("  [{delivery}]");
    }
    text
}
