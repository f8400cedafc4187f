//! Any bytes as an envelope.

use drover_cwmp::{Envelope, Message};

/// Characters of one error or peculiarity. They go into logs and into the registry, so a peer must
/// not decide how long they are.
const NOTICE_CHARS_MAX: usize = 1000;

/// What can be read must mean the same after it is written again, and what cannot be read must say
/// so briefly.
pub(crate) fn run(bytes: &[u8]) {
    let parsed = match Envelope::parse(bytes) {
        Ok(parsed) => parsed,
        Err(error) => return check_notice(&error.to_string()),
    };
    parsed.tolerated.iter().for_each(|item| check_notice(&item.to_string()));
    let envelope = parsed.envelope;
    if let Message::Invalid(invalid) = &envelope.message {
        // It stands for arguments that nobody could read: there is nothing to write.
        return check_notice(&invalid.violation.to_string());
    }
    let text = envelope.to_xml();
    match Envelope::parse(text.as_bytes()) {
        Ok(again) => assert_eq!(again.envelope, envelope, "written as {text}"),
        Err(error) => panic!("{error}: we cannot read what we wrote: {text}"),
    }
}

fn check_notice(text: &str) {
    let chars = text.chars().count();
    assert!((1..=NOTICE_CHARS_MAX).contains(&chars), "a notice of {chars} characters: {text}");
}
