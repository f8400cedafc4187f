//! Which devices something is for.

use crate::limits::HINT_CHARS_MAX;

/// What a device must say of itself. Each list that is not empty must have a pattern that matches;
/// in a pattern `*` stands for any text and `?` for one character.
///
/// OUIs are compared without regard to case, everything else as it is. What a device does not say
/// is matched by nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceRule {
    /// `DeviceId.Manufacturer`
    pub manufacturer: Vec<Box<str>>,
    /// `DeviceId.OUI`
    pub manufacturer_oui: Vec<Box<str>>,
    /// `DeviceId.ProductClass`
    pub product_class: Vec<Box<str>>,
    /// `DeviceInfo.ModelName`
    pub model_name: Vec<Box<str>>,
    /// `DeviceInfo.HardwareVersion`
    pub hardware_version: Vec<Box<str>>,
    /// `DeviceInfo.SoftwareVersion`
    pub software_version: Vec<Box<str>>,
}

/// What a device says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceIdentity<'h> {
    /// `DeviceId.Manufacturer`
    pub manufacturer: Option<&'h str>,
    /// `DeviceId.OUI`
    pub manufacturer_oui: Option<&'h str>,
    /// `DeviceId.ProductClass`
    pub product_class: Option<&'h str>,
    /// `DeviceInfo.ModelName`
    pub model_name: Option<&'h str>,
    /// `DeviceInfo.HardwareVersion`
    pub hardware_version: Option<&'h str>,
    /// `DeviceInfo.SoftwareVersion`
    pub software_version: Option<&'h str>,
}

/// What it is, what the rule asks of it, and what the device says.
type Field<'a> = (&'static str, &'a [Box<str>], Option<&'a str>);

/// How a rule matched. The greater one is the more specific.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    /// Things that the rule looks at.
    keys: usize,
    /// Characters of its patterns that stand for themselves.
    literals: usize,
    /// What matched, for operators.
    pub(super) shown: String,
}

impl DeviceRule {
    /// Whether it looks at nothing, and so matches nothing.
    pub fn is_empty(&self) -> bool {
        self.fields(&DeviceIdentity::default()).iter().all(|(_, patterns, _)| patterns.is_empty())
    }

    /// Whether it is for this device.
    pub fn matches(&self, device: &DeviceIdentity<'_>) -> bool {
        self.match_with(device).is_some()
    }

    pub(super) fn match_with(&self, device: &DeviceIdentity<'_>) -> Option<Match> {
        let mut found = Match { keys: 0, literals: 0, shown: String::new() };
        for (name, patterns, text) in self.fields(device) {
            if patterns.is_empty() {
                continue;
            }
            let text = text.filter(|text| text.chars().nth(HINT_CHARS_MAX).is_none())?;
            let ignores_case = name == "ManufacturerOUI";
            let matching = patterns.iter().filter(|it| is_match(it, text, ignores_case));
            let literals = matching.map(|pattern| literals(pattern)).max()?;
            found.keys = found.keys.saturating_add(1);
            found.literals = found.literals.saturating_add(literals);
            let separator = if found.shown.is_empty() { "" } else { ", " };
            let text = super::brief(text);
            found.shown.push_str(&format!("{separator}{name} {text}"));
        }
        (found.keys > 0).then_some(found)
    }

    fn fields<'a>(&'a self, device: &DeviceIdentity<'a>) -> [Field<'a>; 6] {
        [
            ("Manufacturer", &self.manufacturer, device.manufacturer),
            ("ManufacturerOUI", &self.manufacturer_oui, device.manufacturer_oui),
            ("ProductClass", &self.product_class, device.product_class),
            ("ModelName", &self.model_name, device.model_name),
            ("HardwareVersion", &self.hardware_version, device.hardware_version),
            ("SoftwareVersion", &self.software_version, device.software_version),
        ]
    }
}

fn literals(pattern: &str) -> usize {
    pattern.chars().filter(|c| !matches!(c, '*' | '?')).count()
}

/// Whether the whole of `text` is of the form of `pattern`.
fn is_match(pattern: &str, text: &str, ignores_case: bool) -> bool {
    let same = |a: char, b: char| a == b || (ignores_case && a.eq_ignore_ascii_case(&b));
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on when what follows the last star does not match: behind the star, and one
    // character later in the text. Earlier stars need never be tried again.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        match (pattern.next(), text.clone().next()) {
            (None, None) => return true,
            (Some('*'), _) => retry = Some((pattern.clone(), text.clone())),
            (Some(wanted), Some(c)) if wanted == '?' || same(wanted, c) => {
                text.next();
            }
            _ => {
                let Some((after_star, from)) = &mut retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                pattern = after_star.clone();
                text = from.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("HG100*", "HG100", true),
            ("HG100*", "HG1000-B", true),
            ("HG100*", "XHG100", false),
            ("*100", "HG100", true),
            ("V?.*", "V2.1", true),
            ("V?.*", "V21", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "ab ab a", false),
            ("*aab", "aaaab", true),
            ("?", "", false),
            ("ü?", "üß", true),
            ("hg", "HG", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(is_match(pattern, text, false), expected, "{pattern} {text}");
        }
        assert!(is_match("00d09e", "00D09E", true));
        // One star after the other does not take long.
        let stars = "a*".repeat(100);
        assert!(!is_match(&stars, &format!("{}b", "a".repeat(99)), false));
    }

    fn texts(texts: &[&str]) -> Vec<Box<str>> {
        texts.iter().map(|text| (*text).into()).collect()
    }

    #[test]
    fn rules() {
        let device = DeviceIdentity {
            manufacturer_oui: Some("00D09E"),
            product_class: Some("HG100-B"),
            ..DeviceIdentity::default()
        };
        let oui = DeviceRule { manufacturer_oui: texts(&["0", "00d09e"]), ..Default::default() };
        let class = DeviceRule { product_class: texts(&["HG*", "HG100*"]), ..oui.clone() };
        let version = DeviceRule { software_version: texts(&["*"]), ..oui.clone() };
        assert!(oui.matches(&device) && class.matches(&device) && !version.matches(&device));
        assert!(!DeviceRule::default().matches(&device) && DeviceRule::default().is_empty());
        let (oui, class) = (oui.match_with(&device).unwrap(), class.match_with(&device).unwrap());
        assert_eq!(oui.shown, "ManufacturerOUI 00D09E");
        assert_eq!(class.shown, "ManufacturerOUI 00D09E, ProductClass HG100-B");
        assert_eq!((class.keys, class.literals), (2, 11));
        assert!(class > oui);
    }

    #[test]
    fn what_a_device_says_has_a_limit() {
        let rule = DeviceRule { model_name: texts(&["*"]), ..Default::default() };
        let long = "a".repeat(HINT_CHARS_MAX);
        let longer = "a".repeat(HINT_CHARS_MAX + 1);
        let named = |name| DeviceIdentity { model_name: Some(name), ..Default::default() };
        assert!(rule.matches(&named(&long)) && !rule.matches(&named(&longer)));
    }
}
