//! Errors and alerts for people: from codes to what happened, why, the next step, and who can do it.

mod alerts;
#[cfg(test)]
mod catalogue;
mod errors;
mod failures;

pub(crate) use alerts::alert_view;
pub(crate) use errors::{
    failure_sentence, in_file, of_configuration, of_failure, of_open, of_secret, of_storage,
};
