//! The domain's enums as their words in a plan file; the domain itself knows no serialization.

macro_rules! words {
    ($($module:ident => $type:ty),+ $(,)?) => {$(
        /// Serialization by the word.
        pub(crate) mod $module {
            use serde::{Deserialize, Deserializer, Serializer, de::Error};

            pub(crate) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(value.as_str())
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let word = String::deserialize(from)?;
                <$type>::from_word(&word).ok_or_else(|| Error::custom(format!("unknown word \"{word}\"")))
            }
        }
    )+};
}

words! {
    server_type => tandem_domain::profile::ServerType,
    security => tandem_domain::profile::Security,
    authenticate_using => tandem_domain::profile::AuthenticateUsing,
}
