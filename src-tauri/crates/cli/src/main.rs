//! tandem, the headless shell.
fn main() {}
