//! Messages in and out of MIME: reading, decoding, sanitising for display, composing.

mod body;
pub mod decode;
mod fields;
mod header;
mod lines;
pub mod parse;
mod structure;
