//! Memory, CPU, processes and uptime from procfs.

use std::time::Duration;

use crate::limits::PROCESSES_MAX;
use crate::linux::HostError;
use crate::linux::files::{read_bytes, read_optional, read_text};

/// Memory of the box in KiB, as `/proc/meminfo` has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Memory {
    /// All usable memory.
    pub total_kib: u64,
    /// Memory that nobody uses, not even as a cache.
    pub free_kib: u64,
    /// Memory that a new process could have without swapping.
    pub available_kib: u64,
}

/// Reads `/proc/meminfo`.
pub fn memory() -> Result<Memory, HostError> {
    let path = "/proc/meminfo";
    parse_memory(&read_text(path)?).ok_or_else(|| format_error(path, "MemTotal and MemFree"))
}

fn parse_memory(text: &str) -> Option<Memory> {
    let total_kib = field_kib(text, "MemTotal:")?;
    let free_kib = field_kib(text, "MemFree:")?;
    // Kernels before 3.14 have no MemAvailable.
    let available_kib = field_kib(text, "MemAvailable:").unwrap_or(free_kib);
    Some(Memory { total_kib, free_kib, available_kib })
}

fn field_kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Time since the boot.
pub fn uptime() -> Result<Duration, HostError> {
    let path = "/proc/uptime";
    parse_uptime(&read_text(path)?).ok_or_else(|| format_error(path, "uptime"))
}

fn parse_uptime(text: &str) -> Option<Duration> {
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The load averages of the last 1, 5 and 15 minutes, in hundredths of a runnable process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Load {
    /// Over one minute.
    pub one: u32,
    /// Over five minutes.
    pub five: u32,
    /// Over fifteen minutes.
    pub fifteen: u32,
}

/// Reads `/proc/loadavg`.
pub fn load() -> Result<Load, HostError> {
    let path = "/proc/loadavg";
    parse_load(&read_text(path)?).ok_or_else(|| format_error(path, "load average"))
}

fn parse_load(text: &str) -> Option<Load> {
    let mut fields = text.split_whitespace().map(hundredths);
    Some(Load { one: fields.next()??, five: fields.next()??, fifteen: fields.next()?? })
}

/// `1.25` as 125; the kernel always prints two decimals.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.')?;
    let whole: u32 = whole.parse().ok()?;
    let fraction: u32 = fraction.parse().ok()?;
    whole.checked_mul(100)?.checked_add(fraction)
}

/// CPU time since the boot, all processors together, in clock ticks.
///
/// A usage is always between two readings; see [`CpuTimes::usage_percent_since`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CpuTimes {
    /// Ticks in which a processor worked.
    pub busy: u64,
    /// All ticks.
    pub total: u64,
}

impl CpuTimes {
    /// The share of the time from `earlier` to this reading in which processors worked, 0-100.
    /// With no tick between the two it is the share since the boot.
    pub fn usage_percent_since(&self, earlier: &Self) -> u32 {
        let total = self.total.saturating_sub(earlier.total);
        if total == 0 {
            return percent(self.busy, self.total);
        }
        percent(self.busy.saturating_sub(earlier.busy), total)
    }
}

fn percent(part: u64, whole: u64) -> u32 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u32::try_from(percent.min(100)).unwrap_or(100)
}

/// Reads the first line of `/proc/stat`.
pub fn cpu_times() -> Result<CpuTimes, HostError> {
    let path = "/proc/stat";
    parse_cpu_times(&read_text(path)?).ok_or_else(|| format_error(path, "cpu line"))
}

fn parse_cpu_times(text: &str) -> Option<CpuTimes> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    // user nice system idle iowait irq softirq steal; guest time is already part of user.
    let counted = ticks.get(..ticks.len().min(8))?;
    let total = counted.iter().fold(0_u64, |sum, ticks| sum.saturating_add(*ticks));
    let idle = counted.get(3)?.saturating_add(counted.get(4).copied().unwrap_or(0));
    Some(CpuTimes { busy: total.saturating_sub(idle), total })
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProcessState {
    /// On a processor or waiting for one.
    Running,
    /// Waiting for an event.
    Sleeping,
    /// Stopped by a signal or a debugger.
    Stopped,
    /// Waiting for a device, not interruptible.
    Uninterruptible,
    /// Ended, but not yet collected by its parent.
    Zombie,
    /// An idle kernel thread.
    Idle,
}

impl ProcessState {
    fn from_letter(letter: &str) -> Self {
        match letter {
            "R" | "W" => Self::Running,
            "D" => Self::Uninterruptible,
            "T" | "t" => Self::Stopped,
            "Z" | "X" | "x" => Self::Zombie,
            "I" => Self::Idle,
            _ => Self::Sleeping,
        }
    }
}

/// One process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Process {
    /// Its ID.
    pub pid: u32,
    /// Its name without arguments: arguments may hold secrets.
    pub command: String,
    /// Resident memory in KiB.
    pub size_kib: u64,
    /// 0 (highest) to 99; 20 is an ordinary process, real-time processes are 0.
    pub priority: u32,
    /// CPU time used since its start.
    pub cpu_time: Duration,
    /// What it does now.
    pub state: ProcessState,
}

/// The processes of the box.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Processes {
    /// By ascending ID, at most [`PROCESSES_MAX`].
    pub list: Vec<Process>,
    /// How many there are in all.
    pub total: usize,
}

/// Lists the processes in `/proc`. One that ends while the list is made is left out.
pub fn processes() -> Result<Processes, HostError> {
    let mut pids = process_ids()?;
    pids.sort_unstable();
    let total = pids.len();
    let units = KernelUnits::read();
    let list = pids.iter().filter_map(|pid| process(*pid, units)).take(PROCESSES_MAX).collect();
    Ok(Processes { list, total })
}

fn process_ids() -> Result<Vec<u32>, HostError> {
    let entries = std::fs::read_dir("/proc")
        .map_err(|source| HostError::Read { path: "/proc".to_owned(), source })?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

fn process(pid: u32, units: KernelUnits) -> Option<Process> {
    parse_process(pid, &read_optional(&format!("/proc/{pid}/stat"))?, units)
}

/// The line of proc(5) `/proc/pid/stat`. The name stands in parentheses and may itself hold
/// spaces and parentheses, so the fields are counted from the last closing one.
fn parse_process(pid: u32, stat: &str, units: KernelUnits) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, command) = head.split_once('(')?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<i64>().ok();
    let ticks = number(11)?.saturating_add(number(12)?);
    Some(Process {
        pid,
        command: command.to_owned(),
        size_kib: u64::try_from(number(21)?).ok()?.saturating_mul(units.page_kib),
        priority: u32::try_from(number(15)?.clamp(0, 99)).ok()?,
        cpu_time: units.ticks(u64::try_from(ticks).ok()?),
        state: ProcessState::from_letter(fields.first()?),
    })
}

/// The units procfs counts in, from the auxiliary vector the kernel gave this process.
#[derive(Clone, Copy, Debug)]
struct KernelUnits {
    page_kib: u64,
    ticks_per_second: u64,
}

impl KernelUnits {
    const AT_PAGESZ: u64 = 6;
    const AT_CLKTCK: u64 = 17;

    fn read() -> Self {
        let vector = read_bytes("/proc/self/auxv").unwrap_or_default();
        let page_bytes = auxiliary_value(&vector, Self::AT_PAGESZ).unwrap_or(4096);
        let ticks_per_second = auxiliary_value(&vector, Self::AT_CLKTCK).unwrap_or(100);
        Self { page_kib: page_bytes / 1024, ticks_per_second: ticks_per_second.max(1) }
    }

    fn ticks(self, ticks: u64) -> Duration {
        Duration::from_millis(ticks.saturating_mul(1000) / self.ticks_per_second)
    }
}

/// Looks a key up in an auxiliary vector: pairs of native words, key then value.
fn auxiliary_value(vector: &[u8], key: u64) -> Option<u64> {
    const WORD: usize = size_of::<usize>();
    vector.chunks_exact(2 * WORD).find_map(|pair| {
        let (found, value) = pair.split_at(WORD);
        (native_word(found)? == key).then(|| native_word(value))?
    })
}

fn native_word(bytes: &[u8]) -> Option<u64> {
    let word = usize::from_ne_bytes(bytes.try_into().ok()?);
    u64::try_from(word).ok()
}

fn format_error(path: &str, wanted: &'static str) -> HostError {
    HostError::Format { path: path.to_owned(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: KernelUnits = KernelUnits { page_kib: 4, ticks_per_second: 100 };

    #[test]
    fn memory_of_an_old_kernel_has_no_available() {
        let text = "MemTotal:  1000 kB\nMemFree:    300 kB\nBuffers: 1 kB\n";
        let expected = Memory { total_kib: 1000, free_kib: 300, available_kib: 300 };
        assert_eq!(parse_memory(text), Some(expected));
        assert_eq!(parse_memory("MemTotal: lots kB\n"), None);
    }

    #[test]
    fn a_process_name_may_hold_parentheses_and_spaces() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 9 8192 25 1";
        let process = parse_process(7, stat, UNITS).unwrap();
        assert_eq!(process.command, "a) (b c");
        assert_eq!(process.state, ProcessState::Sleeping);
        assert_eq!(process.cpu_time, Duration::from_secs(2));
        assert_eq!((process.priority, process.size_kib), (20, 100));
        assert_eq!(parse_process(7, "7 (cut", UNITS), None);
        assert_eq!(parse_process(7, "7 (cut) S 1", UNITS), None);
    }

    #[test]
    fn real_time_priorities_stay_in_the_range_of_the_model() {
        let stat = "7 (rt) R 1 7 7 0 -1 4194560 1 2 3 4 1 1 0 0 -51 0 1 0 9 8192 25 1";
        assert_eq!(parse_process(7, stat, UNITS).unwrap().priority, 0);
    }

    #[test]
    fn usage_is_the_share_between_two_readings() {
        let first = parse_cpu_times("cpu  100 0 100 800 0 0 0 0 0 0\n").unwrap();
        let second = parse_cpu_times("cpu  150 0 125 810 15 0 0 0 9 0\n").unwrap();
        assert_eq!(second.usage_percent_since(&first), 75);
        assert_eq!(first.usage_percent_since(&first), 20);
        assert_eq!(CpuTimes::default().usage_percent_since(&second), 0);
    }

    #[test]
    fn load_and_uptime_are_exact() {
        let load = parse_load("0.05 1.25 12.00 1/99 1234\n").unwrap();
        assert_eq!((load.one, load.five, load.fifteen), (5, 125, 1200));
        assert_eq!(parse_uptime("61.50 100.00\n"), Some(Duration::from_millis(61_500)));
        assert_eq!(parse_uptime("-1 2\n"), None);
    }

    #[test]
    fn memory_agrees_with_procfs() {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap();
        let first = text.lines().next().unwrap();
        let total: u64 = first.split_whitespace().nth(1).unwrap().parse().unwrap();
        let memory = memory().unwrap();
        assert_eq!(memory.total_kib, total);
        assert!(memory.free_kib <= memory.total_kib);
        assert!(memory.available_kib <= memory.total_kib);
    }

    #[test]
    fn this_process_is_listed_with_its_own_values() {
        let own = std::process::id();
        let listed = processes().unwrap();
        assert!(listed.total >= listed.list.len());
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let name = status.lines().next().unwrap().split_once('\t').unwrap().1;
        let process = listed.list.iter().find(|process| process.pid == own).unwrap();
        assert_eq!(process.command, name);
        assert!(process.size_kib > 100, "{process:?}");
        assert!(listed.list.is_sorted_by_key(|process| process.pid));
    }

    #[test]
    fn the_kernel_tells_its_units() {
        let vector = std::fs::read("/proc/self/auxv").unwrap();
        let page = auxiliary_value(&vector, KernelUnits::AT_PAGESZ).unwrap();
        assert!(page.is_power_of_two() && page >= 4096);
        assert_eq!(auxiliary_value(&vector, KernelUnits::AT_CLKTCK), Some(100));
        assert_eq!(auxiliary_value(&vector[..10], KernelUnits::AT_PAGESZ), None);
    }

    #[test]
    fn uptime_load_and_cpu_can_be_read() {
        assert!(uptime().unwrap() > Duration::ZERO);
        load().unwrap();
        let times = cpu_times().unwrap();
        assert!(times.busy <= times.total && times.total > 0);
    }
}
