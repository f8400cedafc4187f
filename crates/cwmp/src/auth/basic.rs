//! Basic credentials (RFC 7617).

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{Credentials, Secret};

/// Takes credentials with and without padding, as devices send both.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The value of an `Authorization` header with basic credentials.
///
/// The user name must not contain a colon; the caller has checked that.
pub(super) fn write(credentials: &Credentials) -> String {
    let pair = format!("{}:{}", credentials.username, credentials.password().expose());
    format!("Basic {}", ENGINE.encode(pair))
}

/// Reads what follows the scheme name. Text that is not UTF-8 is read as ISO-8859-1, which is what
/// older devices send. `None` if it is no base64 or has no colon.
pub(super) fn read(token: &str) -> Option<Credentials> {
    let bytes = ENGINE.decode(token.trim()).ok()?;
    let pair = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect());
    let (username, password) = pair.split_once(':')?;
    Some(Credentials::new(username, Secret::new(password)))
}
