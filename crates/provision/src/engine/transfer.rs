//! What a device has begun and reports later: transfers and changes of software (compat 2.6).
//!
//! Nothing here waits. The session keeps the [`Operation`]s that
//! [`Provisioning::take_operations`](super::Provisioning::take_operations) gives, and tells here
//! what became of each.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::data::{Name, Path, Timed, Tree, TypedValue};
use super::kept::{self, Table, kept};
use super::request::{Request, SoftwareOperation};
use super::run::fault;
use crate::operation::Operation;
use crate::script::Fault;

/// What became of one deployment unit (`DU-06`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitResult {
    /// Its UUID.
    pub uuid: String,
    /// Its version.
    pub version: String,
    /// The path of its row on the device.
    pub deployment_unit_ref: String,
    /// The paths of its execution units, comma-separated.
    pub execution_unit_ref_list: String,
    /// `Installed`, `Uninstalled` or `Failed`.
    pub current_state: String,
    /// When it began, in milliseconds of the Unix clock.
    pub start_time: i64,
    /// When it ended.
    pub complete_time: i64,
    /// The fault code, 0 if there is none.
    pub fault_code: u32,
    /// The fault's text.
    pub fault_string: String,
}

/// The table of a request's row, and the number of the row.
pub(super) fn row_of(request: &Request) -> Option<(&'static str, &str)> {
    match request {
        Request::Download { instance, .. } => Some(("Downloads", instance)),
        Request::Upload { instance, .. } => Some(("Uploads", instance)),
        Request::ScheduleDownload { instance, .. } => Some(("ScheduledDownloads", instance)),
        Request::ChangeDUState { instance, .. } => Some(("SoftwareOperations", instance)),
        Request::ScheduleInform { instance, .. } => Some(("ScheduledInforms", instance)),
        _ => None,
    }
}

/// What a request begins, at a time in milliseconds of the Unix clock.
pub(super) fn begun(
    request: &Request,
    command_key: &str,
    session: i64,
    earlier: Option<i64>,
) -> Option<Operation> {
    let mut begins = session;
    let (rpc, file_type, file_name, target_file_name) = match request {
        Request::Download { file_type, file_name, target_file_name, .. } => {
            ("Download", file_type.as_str(), file_name.as_str(), target_file_name.as_str())
        }
        Request::Upload { file_type, file_name, .. } => {
            ("Upload", file_type.as_str(), file_name.as_str(), "")
        }
        Request::ScheduleDownload { file_type, file_name, target_file_name, windows, .. } => {
            let seconds = windows.iter().map(|window| window.end_seconds).max().unwrap_or_default();
            begins = session.saturating_add(i64::from(seconds).saturating_mul(1000));
            ("ScheduleDownload", file_type.as_str(), file_name.as_str(), target_file_name.as_str())
        }
        Request::ChangeDUState { operation, .. } => {
            let (file, uuid) = match operation {
                SoftwareOperation::Install { url, file_name, uuid, .. }
                | SoftwareOperation::Update { url, file_name, uuid, .. } => {
                    (if url.is_empty() { file_name } else { url }, uuid)
                }
                SoftwareOperation::Uninstall { uuid, .. } => (uuid, uuid),
            };
            ("ChangeDUState", operation.name(), file.as_str(), uuid.as_str())
        }
        _ => return None,
    };
    let (_, instance) = row_of(request)?;
    Some(Operation {
        command_key: command_key.to_owned(),
        rpc: rpc.to_owned(),
        time: Timestamp::from_millisecond(begins).unwrap_or(Timestamp::UNIX_EPOCH),
        instance: instance.to_owned(),
        file_type: file_type.to_owned(),
        file_name: file_name.to_owned(),
        target_file_name: target_file_name.to_owned(),
        earlier,
        channels: BTreeSet::new(),
        provisions: Vec::new(),
    })
}

/// The table whose row asked for an operation.
fn table(operation: &Operation) -> Option<&'static Table> {
    let name = match operation.rpc.as_str() {
        "Download" => "Downloads",
        "Upload" => "Uploads",
        "ScheduleDownload" => "ScheduledDownloads",
        "ChangeDUState" => "SoftwareOperations",
        _ => return None,
    };
    kept::TABLES.iter().find(|table| table.name == name)
}

/// A row that is still there.
struct Row<'t> {
    tree: &'t mut Tree,
    path: Path,
    time: i64,
}

impl Row<'_> {
    fn put(&mut self, column: &str, value: TypedValue) {
        let mut path = self.path.clone();
        path.push(Name::from(column));
        let time = self.time;
        self.tree.change(&path, time, |known| *known = kept(time, false, value));
    }
}

fn row<'t>(tree: &'t mut Tree, operation: &Operation, time: i64) -> Option<Row<'t>> {
    let name = table(operation)?.name;
    let path = vec![Name::from(name), Name::from(operation.instance.as_str())];
    (tree.found(&path) > 0).then_some(Row { tree, path, time })
}

/// Takes how an operation ended: well, with when it began and ended in milliseconds of the Unix
/// clock, or with a fault. `now` is the time of the session that learnt it.
///
/// The row that asked then tells what was done. After a fault the time of its action is the one it
/// had before, so that what is declared is asked for again. A row that is gone stays so.
///
/// Gives the fault back: it belongs to the channels of the operation.
pub fn completed(
    tree: &mut Tree,
    operation: &Operation,
    outcome: Result<(i64, i64), Fault>,
    now: i64,
) -> Option<Fault> {
    match outcome {
        Ok((started, ended)) => {
            succeeded(tree, operation, started, ended, now);
            None
        }
        Err(fault) => {
            revert(tree, operation, now);
            Some(fault)
        }
    }
}

/// What a row tells after its transfer.
pub(super) fn succeeded(
    tree: &mut Tree,
    operation: &Operation,
    started: i64,
    ended: i64,
    now: i64,
) {
    let Some(mut row) = row(tree, operation, now) else { return };
    if operation.rpc == "ChangeDUState" {
        row.put("LastOperation", kept::text(&operation.file_type));
    } else {
        row.put("LastFileType", kept::text(&operation.file_type));
        row.put("LastFileName", kept::text(&operation.file_name));
    }
    if matches!(operation.rpc.as_str(), "Download" | "ScheduleDownload") {
        row.put("LastTargetFileName", kept::text(&operation.target_file_name));
    }
    row.put("StartTime", kept::date(started));
    row.put("CompleteTime", kept::date(ended));
}

/// The action of a row has not taken place.
fn revert(tree: &mut Tree, operation: &Operation, now: i64) {
    let Some(table) = table(operation) else { return };
    let Some(mut row) = row(tree, operation, now) else { return };
    row.path.push(Name::from(table.action));
    let value = operation.earlier.map(|earlier| Timed { time: now, value: kept::date(earlier) });
    row.tree.change(&row.path, now, |known| known.value = value);
}

/// Takes the results of a ChangeDUState (`DU-06`), as [`completed`] does for transfers. The first
/// unit that failed makes the fault. Where an operation concerned several units, the row tells of
/// all, comma-separated.
pub fn changed(
    tree: &mut Tree,
    operation: &Operation,
    results: &[UnitResult],
    now: i64,
) -> Option<Fault> {
    let started = results.iter().map(|it| it.start_time).min().unwrap_or(now);
    let ended = results.iter().map(|it| it.complete_time).max().unwrap_or(now);
    let failed = results.iter().find(|it| it.fault_code != 0);
    let outcome = match failed {
        Some(failed) => Err(failure(failed.fault_code, &failed.fault_string)),
        None => Ok((started, ended)),
    };
    let fault = completed(tree, operation, outcome, now);
    if let Some(mut row) = row(tree, operation, now) {
        let mut put = |column, part: fn(&UnitResult) -> &str| {
            let parts: Vec<&str> = results.iter().map(part).collect();
            row.put(column, kept::text(&parts.join(",")));
        };
        put("LastUUID", |it| &it.uuid);
        put("LastVersion", |it| &it.version);
        put("LastState", |it| &it.current_state);
        put("LastDeploymentUnitRef", |it| &it.deployment_unit_ref);
        put("LastExecutionUnitRefList", |it| &it.execution_unit_ref_list);
    }
    fault
}

/// The fault that a device reports of an operation, by its code (`TC-02`, `DU-08`).
pub fn failure(code: u32, message: &str) -> Fault {
    fault(&format!("cwmp.{code}"), message)
}

/// What to take of an operation that has not been reported within `timeout` seconds: a fault, or
/// that it went well, as configured (compat 2.6). `None` while there is time. It runs from the
/// request on, and for ScheduleDownload from the end of its last window.
pub fn timed_out(
    operation: &Operation,
    now: i64,
    timeout: i64,
    success_on_timeout: bool,
) -> Option<Result<(i64, i64), Fault>> {
    let began = operation.time.as_millisecond();
    if now.saturating_sub(began) < timeout.saturating_mul(1000) {
        return None;
    }
    if success_on_timeout {
        return Some(Ok((began, now)));
    }
    let message =
        format!("The device did not report in {timeout} s that {} is done", operation.rpc);
    Some(Err(fault("timeout", message)))
}

#[cfg(test)]
mod tests {
    use super::super::data::{Scalar, path_of};
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn operation(rpc: &str, earlier: Option<i64>) -> Operation {
        Operation {
            command_key: "key".to_owned(),
            rpc: rpc.to_owned(),
            time: Timestamp::from_millisecond(NOW).unwrap(),
            instance: "1".to_owned(),
            file_type: "1 Firmware Upgrade Image".to_owned(),
            file_name: "image".to_owned(),
            target_file_name: "target".to_owned(),
            earlier,
            channels: BTreeSet::new(),
            provisions: Vec::new(),
        }
    }

    fn tree(table: &str) -> Tree {
        let mut tree = Tree::default();
        let table = kept::TABLES.iter().find(|it| it.name == table).unwrap();
        kept::create(&mut tree, table, &std::collections::BTreeMap::new(), NOW);
        tree
    }

    fn value(tree: &Tree, path: &str) -> Option<Scalar> {
        let value = tree.attributes(&path_of(path)).unwrap().value.as_ref();
        value.map(|value| value.value.scalar.clone())
    }

    fn text(text: &str) -> Option<Scalar> {
        Some(Scalar::Text(text.into()))
    }

    #[test]
    fn compat_2_6_a_transfer_that_went_well_is_told_of() {
        let mut tree = tree("Downloads");
        let fault = completed(&mut tree, &operation("Download", None), Ok((5, 6)), NOW + 9);
        assert_eq!(fault, None);
        assert_eq!(value(&tree, "Downloads.1.LastFileType"), text("1 Firmware Upgrade Image"));
        assert_eq!(value(&tree, "Downloads.1.LastFileName"), text("image"));
        assert_eq!(value(&tree, "Downloads.1.LastTargetFileName"), text("target"));
        assert_eq!(value(&tree, "Downloads.1.StartTime"), Some(Scalar::Number(5.0)));
        assert_eq!(value(&tree, "Downloads.1.CompleteTime"), Some(Scalar::Number(6.0)));
        let start = tree.attributes(&path_of("Downloads.1.StartTime")).unwrap();
        assert_eq!(start.value.as_ref().unwrap().time, NOW + 9);
    }

    #[test]
    fn compat_2_6_a_transfer_that_failed_may_be_asked_for_again() {
        let outcome = || Err(failure(9010, "no"));
        for (earlier, left) in [(Some(7), Some(Scalar::Number(7.0))), (None, None)] {
            let mut tree = tree("Uploads");
            let fault = completed(&mut tree, &operation("Upload", earlier), outcome(), NOW);
            assert_eq!(fault, Some(failure(9010, "no")));
            assert_eq!(value(&tree, "Uploads.1.Upload"), left);
            assert_eq!(value(&tree, "Uploads.1.LastFileName"), text(""));
        }
    }

    #[test]
    fn a_row_that_is_gone_stays_so() {
        let mut tree = Tree::default();
        for outcome in [Ok((1, 2)), Err(failure(9010, "no"))] {
            completed(&mut tree, &operation("Download", None), outcome, NOW);
            assert!(tree.attributes(&path_of("Downloads.1")).is_none());
        }
    }

    #[test]
    fn du_06_all_units_are_told_of_and_the_first_that_failed_is_the_fault() {
        let unit = |uuid: &str, fault_code, state: &str| UnitResult {
            uuid: uuid.to_owned(),
            current_state: state.to_owned(),
            fault_code,
            fault_string: format!("{uuid} failed"),
            start_time: 3,
            complete_time: 4,
            ..UnitResult::default()
        };
        let mut tree = tree("SoftwareOperations");
        let operation = operation("ChangeDUState", Some(0));
        let good = [unit("a", 0, "Installed"), unit("b", 0, "Installed")];
        assert_eq!(changed(&mut tree, &operation, &good, NOW), None);
        assert_eq!(value(&tree, "SoftwareOperations.1.LastUUID"), text("a,b"));
        assert_eq!(value(&tree, "SoftwareOperations.1.CompleteTime"), Some(Scalar::Number(4.0)));
        let bad = [unit("a", 0, "Installed"), unit("b", 9026, "Failed"), unit("c", 9001, "Failed")];
        let fault = changed(&mut tree, &operation, &bad, NOW).unwrap();
        assert_eq!((fault.code.as_str(), fault.message.as_str()), ("cwmp.9026", "b failed"));
        assert_eq!(value(&tree, "SoftwareOperations.1.LastState"), text("Installed,Failed,Failed"));
        assert_eq!(value(&tree, "SoftwareOperations.1.Change"), Some(Scalar::Number(0.0)));
    }

    #[test]
    fn compat_2_6_what_is_never_reported_times_out() {
        let operation = operation("Download", None);
        assert_eq!(timed_out(&operation, NOW + 3_599_999, 3600, false), None);
        let fault = timed_out(&operation, NOW + 3_600_000, 3600, false).unwrap().unwrap_err();
        assert_eq!(fault.code, "timeout");
        let done = timed_out(&operation, NOW + 3_600_000, 3600, true).unwrap();
        assert_eq!(done, Ok((NOW, NOW + 3_600_000)));
    }
}
