//! Finds the servers of an address's domain, for a profile that a person then looks at.

use crate::{
    Tandem,
    views::endpoint_view,
    wire::{ApiError, AskedView, DiscoverRequest, Discovered, ProposalView},
};
use tandem_domain::address::EmailAddress;
use tandem_mail::discover::{Asked, Discovery, DiscoveryOptions, Host, Proposal};

impl Tandem {
    /// Asks an address's domain for its mail servers. Changes nothing.
    ///
    /// # Errors
    /// An address that is none, or a machine without name servers.
    pub async fn discover_servers(&self, request: DiscoverRequest) -> Result<Discovered, ApiError> {
        let address = EmailAddress::parse(&request.address).map_err(|_| {
            let remedy = "Give an address such as amy@contoso.com.";
            ApiError::plain("address_invalid", &request.address, "This is no email address.", remedy)
        })?;
        let discovery = Discovery::new(&DiscoveryOptions::default()).map_err(|error| {
            let remedy = "Type the servers' names; the mail provider's help pages have them.";
            ApiError::plain("discovery_unavailable", address.domain(), &error.to_string(), remedy)
        })?;
        let found = discovery.find(&address).await;
        Ok(Discovered {
            domain: address.domain().to_owned(),
            proposals: found.proposals.into_iter().map(proposal_view).collect(),
            hosted_by: found.hosted_by.map(|host| host.as_str().to_owned()),
            advice: found.hosted_by.map(|host| advice(host, address.domain())),
            asked: found.asked.into_iter().map(asked_view).collect(),
        })
    }
}

fn proposal_view(proposal: Proposal) -> ProposalView {
    ProposalView {
        server_type: proposal.server_type.as_str().to_owned(),
        incoming: endpoint_view(&proposal.incoming),
        outgoing: endpoint_view(&proposal.outgoing),
        user_name: proposal.user_name,
        takes_password: proposal.takes_password,
        source: proposal.source.as_str().to_owned(),
    }
}

fn asked_view(asked: Asked) -> AskedView {
    AskedView { source: asked.source, outcome: asked.outcome }
}

fn advice(host: Host, domain: &str) -> String {
    match host {
        Host::ExchangeOnline => format!(
            "The mail of {domain} is hosted by Exchange Online, which does not accept passwords over POP3 and IMAP. \
             Exchange Online profiles are not in this version."
        ),
        Host::Google => format!(
            "The mail of {domain} is hosted by Google, which accepts only app passwords over POP3, IMAP and SMTP: \
             each user makes one in their Google account, with 2-step verification switched on."
        ),
    }
}
