//! What the server knows of this very machine, held against the machine.

use std::collections::BTreeMap;
use std::fs;

use serde::Serialize;

use crate::out::Failure;

/// An Ethernet or IP interface as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
}

/// What the agent told of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Machine {
    pub(super) kernel: String,
    pub(super) memory_total_kib: u64,
    pub(super) memory_free_kib: u64,
    pub(super) interfaces: Vec<Interface>,
}

impl Machine {
    pub(super) fn read(values: &BTreeMap<String, String>) -> Self {
        let text = |path: &str| values.get(path).cloned().unwrap_or_default();
        let number = |path: &str| text(path).parse().unwrap_or_default();
        let mut interfaces = Vec::new();
        for (path, name) in values {
            let row = path.strip_suffix(".Name").filter(|row| {
                row.strip_prefix("Device.IP.Interface.")
                    .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            });
            if let Some(row) = row {
                interfaces.push(Interface {
                    name: name.clone(),
                    bytes_sent: number(&format!("{row}.Stats.BytesSent")),
                    bytes_received: number(&format!("{row}.Stats.BytesReceived")),
                });
            }
        }
        Self {
            kernel: text("Device.DeviceInfo.SoftwareVersion"),
            memory_total_kib: number("Device.DeviceInfo.MemoryStatus.Total"),
            memory_free_kib: number("Device.DeviceInfo.MemoryStatus.Free"),
            interfaces,
        }
    }

    /// Compares with what the kernel says now: counters only grow, the rest stands still.
    pub(super) fn compare_with_kernel(&self) -> Result<(), Failure> {
        let differs = |what: &str, known: &str, real: &str| {
            Failure::Failed(format!(
                "{what} of this machine: the server knows {known}, it is {real}"
            ))
        };
        let kernel = file("/proc/sys/kernel/osrelease")?;
        if self.kernel.is_empty() || !kernel.starts_with(&self.kernel) {
            return Err(differs("kernel", &self.kernel, &kernel));
        }
        let memory = memory_total_kib(&file("/proc/meminfo")?);
        if self.memory_total_kib == 0 || self.memory_total_kib != memory {
            let known = self.memory_total_kib.to_string();
            return Err(differs("memory", &known, &memory.to_string()));
        }
        if self.memory_free_kib == 0 || self.memory_free_kib > self.memory_total_kib {
            return Err(differs("free memory", &self.memory_free_kib.to_string(), "less"));
        }
        if self.interfaces.is_empty() {
            return Err(Failure::Failed("the server knows no interface of this machine".into()));
        }
        self.interfaces.iter().try_for_each(|interface| {
            let folder = format!("/sys/class/net/{}/statistics", interface.name);
            let sent: u64 = file(&format!("{folder}/tx_bytes"))?.parse().unwrap_or_default();
            let received: u64 = file(&format!("{folder}/rx_bytes"))?.parse().unwrap_or_default();
            if interface.bytes_sent > sent || interface.bytes_received > received {
                let known = format!("{interface:?}");
                let real = format!("{sent} sent, {received} received");
                return Err(differs("byte counters", &known, &real));
            }
            Ok(())
        })
    }
}

fn file(path: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(path);
    text.map(|text| text.trim().to_owned())
        .map_err(|error| Failure::Failed(format!("{path}: {error}")))
}

fn memory_total_kib(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_noticed() {
        let kernel = file("/proc/sys/kernel/osrelease").expect("Linux");
        let memory_total_kib = memory_total_kib(&file("/proc/meminfo").expect("Linux"));
        let lo = Interface { name: "lo".into(), bytes_sent: 0, bytes_received: 0 };
        let right =
            Machine { kernel, memory_total_kib, memory_free_kib: 1, interfaces: vec![lo.clone()] };
        right.compare_with_kernel().expect("as it is");
        let too_many = Interface { bytes_sent: u64::MAX, ..lo };
        for wrong in [
            Machine { kernel: String::new(), ..right.clone() },
            Machine { kernel: "9.9.9".into(), ..right.clone() },
            Machine { memory_total_kib: 1, ..right.clone() },
            Machine { memory_free_kib: 0, ..right.clone() },
            Machine { interfaces: Vec::new(), ..right.clone() },
            Machine { interfaces: vec![too_many], ..right },
        ] {
            wrong.compare_with_kernel().expect_err("not as it is");
        }
    }
}
