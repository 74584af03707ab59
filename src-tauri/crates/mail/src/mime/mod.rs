//! Messages in and out of MIME: reading, decoding, sanitising for display, composing.

mod body;
pub mod compose;
pub mod decode;
mod fields;
mod header;
mod lines;
mod markup;
pub mod parse;
pub mod sanitize;
mod structure;

pub use markup::html_to_text;
