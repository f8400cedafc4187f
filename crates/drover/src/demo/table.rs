//! What a person reads of the demo.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::exercise::Row;
use super::local::Machine;

pub(super) fn welcome(cwmp: SocketAddr, nbi: SocketAddr, devices: usize) -> String {
    format!(
        "Drover demo: a server, the agent of this machine and {} simulated devices.\n\n  \
         devices call      http://{cwmp}/  (digest; the login was made for this run)\n  \
         northbound API    http://{nbi}/  (loopback only, no login)\n\n\
         Waiting for the first sessions ...",
        devices.saturating_sub(1)
    )
}

pub(super) fn ready(nbi: SocketAddr, ids: &[String]) -> String {
    let id = ids.iter().find(|id| id.contains("Local")).or_else(|| ids.first());
    let id = id.map_or("", String::as_str);
    // An id is percent-decoded once by the server.
    let encoded = id.replace('%', "%25");
    format!(
        "All {} devices have come. Try this in a second terminal:\n\n  \
         curl -s 'http://{nbi}/devices/?projection=_deviceId'\n  \
         curl -s -X POST 'http://{nbi}/devices/{encoded}/tasks?connection_request' \\\n    \
         -d '{{\"name\": \"refreshObject\", \"objectName\": \"\"}}'\n  \
         curl -s 'http://{nbi}/devices/?query=%7B%22_id%22:%22{encoded}%22%7D'\n\n\
         Ctrl-C ends the demo.",
        ids.len()
    )
}

pub(super) fn summary(rows: &[Row], machine: &Machine) -> String {
    let mut lines = vec![[
        "DEVICE".to_owned(),
        "MODEL".to_owned(),
        "PARAMETERS".to_owned(),
        "SESSIONS".to_owned(),
        "SET".to_owned(),
        "READ BACK".to_owned(),
    ]];
    for row in rows {
        lines.push([
            row.device.clone(),
            row.model.clone(),
            row.parameters.to_string(),
            row.sessions.to_string(),
            row.set.to_string(),
            row.read.to_string(),
        ]);
    }
    let mut text = columns(&lines);
    if let Some(row) = rows.first() {
        let _ = writeln!(text, "\nSet and read back: {}", row.parameter);
    }
    let _ = writeln!(text, "\nThis machine, as its agent told the server:");
    let _ = writeln!(text, "  kernel      {}", machine.kernel);
    let _ = writeln!(
        text,
        "  memory      {} KiB, {} KiB free",
        machine.memory_total_kib, machine.memory_free_kib
    );
    for interface in &machine.interfaces {
        let _ = writeln!(
            text,
            "  {:<10}  {} bytes sent, {} bytes received",
            interface.name, interface.bytes_sent, interface.bytes_received
        );
    }
    let _ = write!(
        text,
        "\n{} devices: all known, all set and read back; this machine compared with its kernel.",
        rows.len()
    );
    text
}

/// Left-aligned columns, two blanks apart.
fn columns<const N: usize>(lines: &[[String; N]]) -> String {
    let width = |column: usize| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<_> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let line = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        let text = columns(&[line("A", "B"), line("wide", "ü")]);
        assert_eq!(text, "A     B\nwide  ü\n");
    }
}
