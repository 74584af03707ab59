//! What stands in the way of a connection, and how it is told.

use crate::support::{access, impatient, serve};
use tandem_domain::{
    failure::{Failure, FailureCode},
    probe::{RungName, RungOutcome},
    profile::Security,
};
use tandem_engine::ports::mail::{MailboxAccess, NoReport};
use tandem_mail::net::Ladder;
use tokio::net::TcpListener;

async fn connect(access: &MailboxAccess) -> Result<(), Failure> {
    impatient().connect(access, &mut Ladder::unwatched()).await.map(drop)
}

#[tokio::test]
async fn nothing_listens() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let failure = connect(&access(address, Security::Tls)).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::ConnectionRefused);
    assert!(failure.server_said.contains(&address.to_string()), "{failure}");
}

#[tokio::test]
async fn a_name_that_does_not_exist() {
    let mut access = access("127.0.0.1:1".parse().unwrap(), Security::Tls);
    access.endpoint.server = "no-such-host.invalid".into();
    let code = connect(&access).await.unwrap_err().code;
    // Without a network, name servers are not there rather than denying.
    assert!(matches!(code, FailureCode::DnsNotFound | FailureCode::DnsUnavailable), "{code}");
    access.endpoint.server = "not a name".into();
    assert_eq!(connect(&access).await.unwrap_err().code, FailureCode::DnsNotFound);
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_says_so() {
    let address = serve(None, async |mut peer| {
        peer.say("+OK hello\r\n").await;
        peer.be_silent().await;
    })
    .await;
    let failure = connect(&access(address, Security::Tls)).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::TlsPortMismatch);
    assert!(failure.server_said.contains("does not speak TLS"), "{failure}");
}

#[tokio::test]
async fn a_port_that_stays_silent_ends_in_time() {
    let address = serve(None, |peer| peer.be_silent()).await;
    let failure = connect(&access(address, Security::Tls)).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::TimedOut);
}

#[tokio::test]
async fn a_plain_connection_needs_leave() {
    let address = serve(None, |peer| peer.be_silent()).await;
    let mut access = access(address, Security::None);
    connect(&access).await.unwrap();
    access.allow_plain = false;
    assert_eq!(connect(&access).await.unwrap_err().code, FailureCode::PlainNotAllowed);
}

#[tokio::test]
async fn each_rung_is_recorded_with_its_words() {
    let identity = crate::support::Identity::self_signed(&["localhost"]);
    let address = serve(Some(&identity), |peer| peer.be_silent()).await;
    let access = crate::support::trusting(access(address, Security::Tls), &identity);
    let mut ladder = Ladder::new(&NoReport);
    impatient().connect(&access, &mut ladder).await.unwrap();
    let rungs = ladder.into_rungs();
    let names: Vec<_> = rungs.iter().map(|rung| rung.name).collect();
    assert_eq!(names, [RungName::Dns, RungName::Tcp, RungName::Tls]);
    assert!(rungs.iter().all(|rung| rung.outcome == RungOutcome::Passed));
    assert!(rungs[1].server_said.contains(&address.to_string()));
    for word in ["TLSv1_3", "CN=Test server", "2090-01-01"] {
        assert!(rungs[2].server_said.contains(word), "{}", rungs[2].server_said);
    }
}
