//! Findings and verdicts as text.

use drover_datamodel::conformance::{Finding, FindingKind, Severity, TreeReport, Verdict};

use super::super::terminal::{ADDED, BOLD, CHANGED, DIM, REMOVED, Terminal, cut, printable, wrap};
use super::profiles::{Judged, Judgement};

/// Findings of each kind that are shown as examples.
const EXAMPLES_MAX: usize = 3;
/// Requirements of a profile that are shown as examples.
const OPEN_MAX: usize = 10;
/// Columns before a finding.
const INDENT: usize = 4;

/// Findings by severity and kind, then the sums.
pub(super) fn report(report: &TreeReport, verbose: bool, terminal: Terminal) -> String {
    let mut text = String::new();
    for severity in Severity::ALL {
        for kind in FindingKind::ALL {
            if let Some(count) = report.counts.get(&(severity, kind)) {
                text += &heading(severity, kind, *count, terminal);
                text += &findings(report, severity, kind, verbose, terminal);
            }
        }
    }
    if report.left_out() > 0 {
        text += &format!("{} are not listed\n", count(report.left_out(), "finding"));
    }
    text + &summary(report, terminal)
}

fn heading(severity: Severity, kind: FindingKind, count: usize, terminal: Terminal) -> String {
    let style = match severity {
        Severity::Error => REMOVED,
        Severity::Warning => CHANGED,
        Severity::Note => DIM,
    };
    let word = terminal.paint(style, severity.name());
    format!("{word}: {}: {count}\n", terminal.paint(BOLD, kind.title()))
}

/// Notes have no examples: they are no reason to look.
fn findings(
    report: &TreeReport,
    severity: Severity,
    kind: FindingKind,
    verbose: bool,
    terminal: Terminal,
) -> String {
    let all = report.findings.iter().filter(|it| it.kind == kind && it.severity == severity);
    let examples = if severity == Severity::Note { 0 } else { EXAMPLES_MAX };
    let shown = if verbose { usize::MAX } else { examples };
    let mut text: String = all.clone().take(shown).map(|it| line(it, terminal)).collect();
    let rest = all.count().saturating_sub(shown);
    if rest > 0 && shown > 0 {
        text += &indented(&format!("and {rest} more"), DIM, terminal);
    }
    text
}

fn line(finding: &Finding, terminal: Terminal) -> String {
    let path = printable(&finding.path);
    let head = format!("{}: {path}", finding.line);
    let message = printable(&finding.message);
    let one_line = format!("{head}: {message}");
    let fits = |width| one_line.chars().count() <= width;
    if terminal.width_after(INDENT).is_none_or(fits) {
        let indent = " ".repeat(INDENT);
        return format!("{indent}{one_line}\n");
    }
    let mut text = format!("{}{head}\n", " ".repeat(INDENT));
    for line in wrap(&message, terminal.width_after(INDENT * 2)) {
        text += &format!("{}{line}\n", " ".repeat(INDENT * 2));
    }
    text
}

fn indented(text: &str, style: anstyle::Style, terminal: Terminal) -> String {
    format!("{}{}\n", " ".repeat(INDENT), terminal.paint(style, text))
}

fn summary(report: &TreeReport, terminal: Terminal) -> String {
    let models: Vec<String> = report.models.iter().map(ToString::to_string).collect();
    let counts = [
        count(report.rows, "row"),
        format!("{} known", report.known),
        format!("{} vendor", report.vendor),
        format!("{} unknown", report.unknown),
        count(report.count(Severity::Error), "error"),
        count(report.count(Severity::Warning), "warning"),
        count(report.count(Severity::Note), "note"),
    ];
    let models = models.join(", ");
    let line = format!("{}: {}", printable(&models), counts.join(", "));
    wrap(&line, terminal.width_after(0)).join("\n") + "\n"
}

/// The verdict on each profile that was asked for, with what speaks against it.
pub(super) fn profiles(judgement: &Judgement, verbose: bool, terminal: Terminal) -> String {
    let mut text: String =
        judgement.reports.iter().map(|judged| verdict(judged, verbose, terminal)).collect();
    for (model, profiles) in &judgement.met {
        let model = terminal.paint(BOLD, &printable(model));
        text += &format!("profiles of {model} that are met: {}\n", profiles.len());
        if !profiles.is_empty() {
            for line in wrap(&profiles.join(", "), terminal.width_after(INDENT)) {
                text += &format!("{}{}\n", " ".repeat(INDENT), printable(&line));
            }
        }
    }
    text
}

fn verdict(judged: &Judged, verbose: bool, terminal: Terminal) -> String {
    let report = &judged.report;
    let (style, word) = if report.conforms() { (ADDED, "met") } else { (REMOVED, "not met") };
    let name = terminal.paint(BOLD, &printable(&report.profile));
    let counts = [
        format!("{} satisfied", report.count(Verdict::Satisfied)),
        format!("{} missing", report.count(Verdict::Missing)),
        format!("{} not writable", report.count(Verdict::NotWritable)),
        format!("{} undetermined", report.count(Verdict::Undetermined)),
    ];
    let word = terminal.paint(style, word);
    let line =
        format!("profile {name} of {}: {word}: {}", printable(&judged.model), counts.join(", "));
    let mut text = wrap(&line, terminal.width_after(0)).join("\n") + "\n";
    let mut open: Vec<_> = judged.open().collect();
    open.sort_by_key(|asked| asked.verdict);
    let shown = if verbose { usize::MAX } else { OPEN_MAX };
    for asked in open.iter().take(shown) {
        let (path, verdict) = (printable(&asked.path), asked.verdict.name());
        let line = format!("{verdict}: {path} ({}): {}", asked.requirement, asked.detail);
        let line = match terminal.width_after(INDENT) {
            Some(width) if !verbose => cut(&line, width).into_owned(),
            _ => line,
        };
        text += &format!("{}{line}\n", " ".repeat(INDENT));
    }
    let rest = open.len().saturating_sub(shown);
    if rest > 0 {
        text += &indented(&format!("and {rest} more"), DIM, terminal);
    }
    text
}

/// `1 row`, `2 rows`
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
