//! Adapters to mail servers, and MIME.

pub mod mime;
