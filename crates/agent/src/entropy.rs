//! Random numbers from the kernel.

/// Random bytes.
///
/// # Errors
/// The kernel gives none.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A random number.
///
/// # Errors
/// The kernel gives none.
pub(crate) fn number() -> Result<u64, getrandom::Error> {
    Ok(u64::from_le_bytes(bytes()?))
}

/// 32 random hexadecimal digits: 128 bits, which cannot be guessed.
///
/// # Errors
/// The kernel gives none.
pub(crate) fn hex() -> Result<String, getrandom::Error> {
    Ok(format!("{:032x}", u128::from_le_bytes(bytes()?)))
}
