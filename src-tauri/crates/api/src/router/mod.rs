//! The one door: every user action, declared once.
//!
//! The window's single `rpc` command, the command line and the generated TypeScript all come from the list in
//! [`actions`]. An action is an async method of [`crate::Tandem`] from its request to its response.

mod actions;

pub use actions::{ACTIONS, call, typescript};

#[cfg(test)]
mod tests {
    /// The committed file, as the window imports it. `UPDATE_BINDINGS=1` rewrites it.
    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../ui/src/bindings/index.ts");

    #[test]
    fn the_committed_typescript_is_that_of_these_types() {
        let generated = super::typescript().unwrap();
        if std::env::var_os("UPDATE_BINDINGS").is_some() {
            std::fs::write(COMMITTED, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(COMMITTED).unwrap().replace("\r\n", "\n");
        assert!(
            committed == generated,
            "ui/src/bindings/index.ts is not up to date: run this test with UPDATE_BINDINGS=1"
        );
    }

    #[test]
    fn every_action_says_what_it_does() {
        assert!(super::ACTIONS.len() > 30);
        assert!(super::ACTIONS.iter().all(|(_, doc)| doc.trim().ends_with('.')));
    }
}
