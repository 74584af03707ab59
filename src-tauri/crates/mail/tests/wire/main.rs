//! The protocols on the wire, against scripted servers that say the right and the wrong things.

mod net_certificates;
mod net_connect;
mod pop3_quirks;
mod pop3_session;
mod support;
