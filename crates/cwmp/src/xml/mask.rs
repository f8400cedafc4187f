//! Takes secrets out of the text of an envelope, for people to read.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::local_part;

/// What stands in place of a secret.
const MASK: &str = "********";
/// What stands in place of the rest of a text that is no XML.
const UNREADABLE: &str = "[not readable as XML]";
/// Characters of a parameter name that are looked at; no longer name is a secret's.
const NAME_BYTES_MAX: usize = 2048;

/// The envelope with its secrets masked: the values of parameters that `is_secret` names, and
/// passwords of transfers and operations. What stands behind a place that is no XML is left out.
///
/// A value whose name does not come before it counts as secret.
pub fn mask_secrets(xml: &str, is_secret: &dyn Fn(&str) -> bool) -> Masked {
    let mut out = String::with_capacity(xml.len());
    let mut reader = Reader::from_str(xml);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_dangling_amp = true;
    let mut mask = Mask::default();
    let mut copied = 0;
    loop {
        let event = reader.read_event();
        let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let piece = xml.get(copied..end).unwrap_or_default();
        copied = end;
        match event {
            Ok(Event::Eof) => {
                out.push_str(piece);
                return mask.end(out);
            }
            Ok(event) => mask.take(&event, piece, is_secret, &mut out),
            Err(_) => {
                out.push_str(UNREADABLE);
                return mask.end(out);
            }
        }
    }
}

/// A text without its secrets. The secrets do not show in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Masked {
    /// The text.
    pub text: String,
    /// What stood in the masked places, without references, for whoever looks for it elsewhere.
    pub secrets: Vec<String>,
}

impl std::fmt::Debug for Masked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masked").field("text", &self.text).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Mask {
    /// The name that stands before the next value.
    name: Option<String>,
    inside: Inside,
    /// Elements that are open inside a secret.
    depth: usize,
    is_masked: bool,
    /// The secret that has been read so far.
    secret: String,
    secrets: Vec<String>,
}

#[derive(Default, PartialEq)]
enum Inside {
    #[default]
    Nothing,
    Name,
    Secret,
}

impl Mask {
    fn end(mut self, text: String) -> Masked {
        self.keep();
        Masked { text, secrets: self.secrets }
    }

    /// Keeps a secret that has ended.
    fn keep(&mut self) {
        let secret = std::mem::take(&mut self.secret);
        if !secret.trim().is_empty() {
            self.secrets.push(secret);
        }
    }

    fn take(
        &mut self,
        event: &Event<'_>,
        piece: &str,
        is_secret: &dyn Fn(&str) -> bool,
        out: &mut String,
    ) {
        match event {
            Event::Start(_) if self.inside == Inside::Secret => {
                self.depth = self.depth.saturating_add(1);
            }
            Event::End(_) if self.inside == Inside::Secret && self.depth > 0 => {
                self.depth = self.depth.saturating_sub(1);
            }
            Event::Start(start) => {
                self.open(local_part(start.name().into_inner()), is_secret);
                out.push_str(piece);
            }
            Event::End(_) => {
                self.keep();
                self.inside = Inside::Nothing;
                out.push_str(piece);
            }
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_)
                if self.inside == Inside::Secret =>
            {
                self.secret_part(event);
                if !self.is_masked && !piece.trim().is_empty() {
                    self.is_masked = true;
                    out.push_str(MASK);
                }
            }
            // What may be hidden inside of a secret is one.
            _ if self.inside == Inside::Secret => {}
            Event::Text(text) if self.inside == Inside::Name => {
                self.name_part(text);
                out.push_str(piece);
            }
            Event::CData(text) if self.inside == Inside::Name => {
                self.name_part(text);
                out.push_str(piece);
            }
            // A name with references in it is none that we know.
            Event::GeneralRef(_) if self.inside == Inside::Name => {
                self.name_part("&");
                out.push_str(piece);
            }
            _ => out.push_str(piece),
        }
    }

    fn open(&mut self, local: &str, is_secret: &dyn Fn(&str) -> bool) {
        let is_value = local.eq_ignore_ascii_case("Value");
        let is_known = self.name.as_ref().is_some_and(|name| !is_secret(name.trim()));
        if local.eq_ignore_ascii_case("Name") {
            self.inside = Inside::Name;
            self.name = Some(String::new());
        } else if (is_value && !is_known) || local.eq_ignore_ascii_case("Password") {
            self.inside = Inside::Secret;
            (self.depth, self.is_masked) = (0, false);
        }
        if !local.eq_ignore_ascii_case("Name") {
            self.name = None;
        }
    }

    fn secret_part(&mut self, event: &Event<'_>) {
        match event {
            Event::Text(text) => self.secret.push_str(text),
            Event::CData(text) => self.secret.push_str(text),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(c)) => self.secret.push(c),
                _ => {
                    let known = quick_xml::escape::resolve_predefined_entity(reference);
                    self.secret.push_str(known.unwrap_or_default());
                }
            },
            _ => {}
        }
    }

    fn name_part(&mut self, text: &str) {
        if let Some(name) = &mut self.name
            && name.len().saturating_add(text.len()) <= NAME_BYTES_MAX
        {
            name.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(xml: &str) -> String {
        mask_secrets(xml, &|name| name.ends_with("Passphrase")).text
    }

    #[test]
    fn sec_01_what_was_masked_is_known() {
        let xml = "<Name>a.Passphrase</Name><Value>hun&lt;&#x74;er<![CDATA[<2]]></Value>\
                   <Name>a</Name><Value>open</Value><Name>b.Passphrase</Name><Value> </Value>\
                   <Password>pw</Password><Password>cut of";
        let masked = mask_secrets(xml, &|name| name.ends_with("Passphrase"));
        assert_eq!(masked.secrets, ["hun<ter<2", "pw", "cut of"]);
        assert!(!format!("{masked:?}").contains("hun"), "{masked:?}");
    }

    #[test]
    fn sec_01_values_of_secrets_and_passwords_are_masked() {
        let entry = |name: &str, value: &str| {
            format!("<P><Name>{name}</Name><Value xsi:type=\"xsd:string\">{value}</Value></P>")
        };
        let xml = format!(
            "<?xml version=\"1.0\"?><a:E>{}{}{}<Password>pw &amp; more</Password></a:E>",
            entry("Device.KeyPassphrase", "hun&lt;ter<![CDATA[2]]>"),
            entry("Device.SSID", "home &amp; away"),
            entry("Device.KeyPassphrase", ""),
        );
        let expected = format!(
            "<?xml version=\"1.0\"?><a:E>{}{}{}<Password>********</Password></a:E>",
            entry("Device.KeyPassphrase", "********"),
            entry("Device.SSID", "home &amp; away"),
            entry("Device.KeyPassphrase", ""),
        );
        assert_eq!(masked(&xml), expected);
    }

    #[test]
    fn what_is_not_certain_is_masked() {
        for (xml, expected) in [
            (
                "<P><Value>x</Value><Name>a</Name></P>",
                "<P><Value>********</Value><Name>a</Name></P>",
            ),
            (
                "<x:Name> a.Passphrase\n</x:Name><x:Value>s</x:Value>",
                "<x:Name> a.Passphrase\n</x:Name><x:Value>********</x:Value>",
            ),
            ("<Value><i>s</i><!--t--></Value>", "<Value>********</Value>"),
            (
                "<Name><![CDATA[a.Passphrase]]></Name><Value>s</Value>",
                "<Name><![CDATA[a.Passphrase]]></Name><Value>********</Value>",
            ),
            ("<Name>a</Name><Value>1</Value>", "<Name>a</Name><Value>1</Value>"),
            ("<Value>s", "<Value>********"),
            ("<P><Value>s</", "<P><Value>********[not readable as XML]"),
        ] {
            assert_eq!(masked(xml), expected, "{xml}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_masked_without_harm(text: String) {
            masked(&text);
            masked(&format!("<Name>a.Passphrase</Name><Value>{text}</Value>"));
        }

        #[test]
        fn a_secret_never_stays(
            before in "[<>/a-zA-Z&;!\\[\\]\"= -]{0,20}",
            after in "[<>/a-zA-Z&;!\\[\\]\"= -]{0,20}",
        ) {
            let xml = format!(
                "<Name>a.Passphrase</Name><Value>SECRET7</Value>{before}<Password>SECRET7</Password>{after}"
            );
            let out = masked(&xml);
            let first = out.split("</Value>").next().unwrap_or_default();
            assert!(!first.contains("SECRET7"), "{out}");
        }
    }
}
