//! Randomness of the operating system.

use std::fmt;

/// The operating system gave no randomness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness: {0}")]
pub struct NoEntropy(String);

/// 128 bits that cannot be guessed, written as 32 hex digits (`COOK-03`).
///
/// They let whoever knows them into a session, so they do not show in debug output.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Token(u128);

impl Token {
    /// Reads what [`fmt::Display`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u128::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Draws a token.
pub(crate) fn token() -> Result<Token, NoEntropy> {
    bytes().map(u128::from_le_bytes).map(Token)
}

/// Draws bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| NoEntropy(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_survive_the_round_trip() {
        let (one, two) = (token().expect("randomness"), token().expect("randomness"));
        assert_ne!(one, two);
        let text = one.to_string();
        assert_eq!(text.len(), 32);
        assert_eq!(Token::parse(&text), Some(one));
        assert!(!format!("{one:?}").contains(&text));
        for wrong in ["", "s1-0", &text[1..], &format!("{text}0"), &format!("+{}", &text[1..])] {
            assert_eq!(Token::parse(wrong), None, "{wrong:?}");
        }
    }
}
