//! Provisions that need no script (compat 2.8).

use super::data::Scalar;
use super::declaration::{Get, NewAttributes, NewValue, Set};
use super::run::{Run, Stop, fault, scalar_of};
use crate::script::Data;

/// How many levels below an object `refresh` reads.
const REFRESH_DEPTH: usize = 16;

/// What tasks do that GenieACS does not have; the sign keeps the names apart from those of scripts.
pub(crate) const UPLOAD: &str = "$upload";
pub(crate) const SCHEDULE_INFORM: &str = "$scheduleInform";
pub(crate) const CHANGE_DU_STATE: &str = "$changeDUState";

/// Runs the built-in provision of this name; `None` if there is none.
pub(super) fn run(name: &str, arguments: &[Data], run: &mut Run) -> Option<Result<(), Stop>> {
    let done = match name {
        "refresh" => refresh(arguments, run),
        "value" => value(arguments, run),
        "tag" => tag(arguments, run),
        "reboot" => now("Reboot", arguments, run),
        "reset" => now("FactoryReset", arguments, run),
        "download" => download(arguments, run),
        "instances" => instances(arguments, run),
        UPLOAD => upload(arguments, run),
        SCHEDULE_INFORM => schedule_inform(arguments, run),
        CHANGE_DU_STATE => change_du_state(arguments, run),
        _ => return None,
    };
    Some(done)
}

fn invalid() -> Stop {
    Stop::Fault(fault("script.Error", "Invalid arguments"))
}

fn set_value(scalar: Scalar) -> Set {
    Set { value: Some(NewValue { scalar, value_type: None }), ..Set::default() }
}

/// The time of a script as a time to ask for.
fn at_most_now(time: f64, run: &Run) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, as it should")]
    let time = time.min(run.now()) as i64;
    time.max(0)
}

fn text(data: &Data) -> Result<&str, Stop> {
    if let Data::Text(text) = data { Ok(text) } else { Err(invalid()) }
}

fn set_attributes(attributes: NewAttributes) -> Set {
    Set { attributes, ..Set::default() }
}

fn refresh(arguments: &[Data], run: &mut Run) -> Result<(), Stop> {
    let (first, rest) = arguments.split_first().ok_or_else(invalid)?;
    let mut path = text(first)?.trim_end_matches('.').to_owned();
    let time = match rest.first() {
        None | Some(Data::Null) => run.now(),
        Some(Data::Number(seconds)) => run.last_interval(seconds * 1000.0),
        Some(_) => return Err(invalid()),
    };
    let time = at_most_now(time, run);
    let with_children = match rest.get(1) {
        None | Some(Data::Null) => true,
        Some(Data::Bool(with_children)) => *with_children,
        Some(_) => return Err(invalid()),
    };
    let mut get = Get { path: time, object: 1, writable: 1, value: time, ..Get::default() };
    if let Some(attributes) = rest.get(2..).filter(|attributes| !attributes.is_empty()) {
        get = Get { path: time, ..Get::default() };
        for attribute in attributes {
            match text(attribute)? {
                "object" => get.object = time,
                "writable" => get.writable = time,
                "value" => get.value = time,
                "notification" => get.notification = time,
                "accessList" => get.access_list = time,
                _ => return Err(invalid()),
            }
        }
    }
    if !path.is_empty() {
        run.put(&path, get, Set::default())?;
    }
    let below = if with_children { REFRESH_DEPTH } else { 0 };
    for _ in 0..below {
        path = if path.is_empty() { "*".to_owned() } else { path + ".*" };
        // A path has at most as many components as a pattern may have.
        if path.split('.').count() > crate::limits::PATTERN_SEGMENTS_MAX {
            break;
        }
        run.put(&path, get, Set::default())?;
    }
    Ok(())
}

fn value(arguments: &[Data], run: &mut Run) -> Result<(), Stop> {
    let (path, attribute, value) = match arguments {
        [path, value] => (text(path)?, "value", value),
        [path, attribute, value] => (text(path)?, text(attribute)?, value),
        _ => return Err(invalid()),
    };
    let set = match (attribute, scalar_of(value).ok_or_else(invalid)?) {
        ("value", scalar) => set_value(scalar),
        ("notification", Scalar::Number(notification)) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the cast saturates; the device refuses what it does not know"
            )]
            let notification = notification as i32;
            set_attributes(NewAttributes { notification: Some(notification), access_list: None })
        }
        ("accessList", Scalar::Text(list)) => {
            let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
            let access_list = Some(names.map(Box::from).collect());
            set_attributes(NewAttributes { notification: None, access_list })
        }
        _ => return Err(invalid()),
    };
    run.put(path, Get::default(), set)?;
    Ok(())
}

fn tag(arguments: &[Data], run: &mut Run) -> Result<(), Stop> {
    let [tag, Data::Bool(is_set)] = arguments else { return Err(invalid()) };
    let path = format!("Tags.{}", text(tag)?);
    run.put(&path, Get::default(), set_value(Scalar::Bool(*is_set)))?;
    Ok(())
}

fn now(path: &str, arguments: &[Data], run: &mut Run) -> Result<(), Stop> {
    if !arguments.is_empty() {
        return Err(invalid());
    }
    let set = set_value(Scalar::Number(run.now()));
    run.put(path, Get::default(), set)?;
    Ok(())
}

fn download(arguments: &[Data], run: &mut Run) -> Result<(), Stop> {
    let (file_type, file_name, target) = match arguments {
        [file_type, file_name] | [file_type, file_name, Data::Null] => (file_type, file_name, ""),
        [file_type, file_name, target] => (file_type, file_name, text(target)?),
        _ => return Err(invalid()),
    };
    let (file_type, file_name) = (text(file_type)?, text(file_name)?);
    let row = format!("FileType:{file_type:?},FileName:{file_name:?},TargetFileName:{target:?}");
    transfer(&format!("Downloads.[{row}]"), "Download", run)
}

fn upload(arguments: &[Data], run: &mut Run) -> Result<(), Stop> {
    let [file_type, file_name] = arguments else { return Err(invalid()) };
    let (file_type, file_name) = (text(file_type)?, text(file_name)?);
    transfer(&format!("Uploads.[FileType:{file_type:?},FileName:{file_name:?}]"), "Upload", run)
}

fn schedule_inform(arguments: &[Data], run: &mut Run) -> Result<(), Stop> {
    let [Data::Number(seconds)] = arguments else { return Err(invalid()) };
    transfer(&format!("ScheduledInforms.[DelaySeconds:{seconds}]"), "Schedule", run)
}

fn change_du_state(arguments: &[Data], run: &mut Run) -> Result<(), Stop> {
    let [operation, url, uuid, version, environment] = arguments else { return Err(invalid()) };
    let (operation, url, uuid) = (text(operation)?, text(url)?, text(uuid)?);
    let (version, environment) = (text(version)?, text(environment)?);
    let row = format!(
        "Operation:{operation:?},URL:{url:?},UUID:{uuid:?},Version:{version:?},\
         ExecutionEnvRef:{environment:?}"
    );
    transfer(&format!("SoftwareOperations.[{row}]"), "Change", run)
}

/// Sees to it that there is such a row, and that what it says is done now.
fn transfer(row: &str, time: &str, run: &mut Run) -> Result<(), Stop> {
    run.put(row, Get::default(), Set { instances: Some((1, 1)), ..Set::default() })?;
    let set = set_value(Scalar::Number(run.now()));
    run.put(&format!("{row}.{time}"), Get::default(), set)?;
    Ok(())
}

fn instances(arguments: &[Data], run: &mut Run) -> Result<(), Stop> {
    let [path, count] = arguments else { return Err(invalid()) };
    let path = text(path)?;
    let (sign, count) = match count {
        Data::Number(count) => (None, *count),
        Data::Text(text) => {
            let sign = text.chars().next().filter(|first| matches!(first, '+' | '-'));
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            (sign, digits.parse().map_err(|_| invalid())?)
        }
        _ => return Err(invalid()),
    };
    if !(0.0..=f64::from(u32::MAX)).contains(&count) {
        return Err(invalid());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let mut count = count as u32;
    if let Some(sign) = sign {
        let declared = run.put(path, Get { path: 1, ..Get::default() }, Set::default())?;
        let known = u32::try_from(run.read(declared)?.len()).unwrap_or(u32::MAX);
        count = if sign == '+' { known.saturating_add(count) } else { known.saturating_sub(count) };
    }
    run.put(path, Get::default(), Set { instances: Some((count, count)), ..Set::default() })?;
    Ok(())
}
