//! The functions that the prelude calls: the far ends of what a script can do.

use std::rc::Rc;

use rquickjs::function::Rest;
use rquickjs::{Array, Ctx, FromJs, Function, IntoJs, Object, Result, Value};

use super::data::Data;
use super::host::{Attribute, Clear, Commit, Declare, Ext, Settings, Times};
use super::run::Run;
use crate::compat::{Cron, DeviceRandom, last_interval, last_scheduled};
use crate::limits;

/// An object with all native functions.
pub(super) fn natives<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let add = |name: &str, native: Native| -> Result<()> {
        // An interpreter without memory may lose a function, which must not keep the run then.
        let run = Rc::downgrade(run);
        let function = move |ctx: Ctx<'js>, args: Rest<Value<'js>>| {
            // A run that is over does nothing more, whatever its script caught.
            let Some(run) = run.upgrade().filter(|run| !run.is_over()) else {
                return Ok(Value::new_null(ctx));
            };
            native(&run, &ctx, &args.0)
        };
        object.set(name, Function::new(ctx.clone(), function)?)
    };
    add("commit", commit)?;
    add("declare", declare)?;
    add("clear", clear)?;
    add("matches", matches)?;
    add("attribute", attribute)?;
    add("ext", ext)?;
    add("log", log)?;
    add("random", random)?;
    add("seed", seed)?;
    add("interval", interval)?;
    add("scheduled", scheduled)?;
    let run = Rc::downgrade(run);
    let room = move |bytes: f64| run.upgrade().is_some_and(|run| run.has_room(bytes));
    object.set("room", Function::new(ctx.clone(), room)?)?;
    Ok(object)
}

/// What the guards of built-in functions call.
pub(super) fn guards<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let run = Rc::downgrade(run);
    let spend = move |units: f64| run.upgrade().is_none_or(|run| run.spends(units));
    object.set("spend", Function::new(ctx.clone(), spend)?)?;
    let is_proxy = |value: Value<'js>| value.is_proxy();
    object.set("isProxy", Function::new(ctx.clone(), is_proxy)?)?;
    Ok(object)
}

/// The limits that the prelude checks, and whether a script can catch a commit.
pub(super) fn limit_object<'js>(ctx: &Ctx<'js>, run: &Run) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    object.set("catchesCommit", run.inputs.catches_commit)?;
    for (name, limit) in [
        ("dataNodes", limits::SCRIPT_DATA_NODES_MAX),
        ("dataCharacters", limits::SCRIPT_DATA_CHARS_MAX),
        ("dataDepth", limits::SCRIPT_DATA_DEPTH_MAX),
        ("valueCharacters", limits::VALUE_BYTES_MAX),
        ("listItems", limits::SCRIPT_LIST_ITEMS_MAX),
        ("nameCharacters", limits::SCRIPT_NAME_CHARS_MAX),
        ("pathCharacters", limits::SCRIPT_PATH_CHARS_MAX),
        ("extArguments", limits::SCRIPT_EXT_ARGUMENTS_MAX),
        ("extCharacters", limits::SCRIPT_EXT_CHARS_MAX),
        ("evalCharacters", limits::SCRIPT_EVAL_CHARS_MAX),
        ("logCharacters", limits::SCRIPT_LOG_CHARS_MAX),
        ("faultCharacters", limits::FAULT_TEXT_CHARS_MAX),
        ("arrayLength", limits::SCRIPT_ARRAY_LENGTH_MAX),
        ("callUnits", limits::SCRIPT_CALL_UNITS_MAX),
        ("checkUnits", limits::SCRIPT_CHECK_UNITS),
    ] {
        object.set(name, u32::try_from(limit).unwrap_or(u32::MAX))?;
    }
    Ok(object)
}

type Native = for<'js> fn(&Run, &Ctx<'js>, &[Value<'js>]) -> Result<Value<'js>>;

fn commit<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let is_explicit = args.first().and_then(Value::as_bool).unwrap_or_default();
    match run.host().commit(is_explicit) {
        Commit::Continue => Ok(Value::new_bool(ctx.clone(), true)),
        Commit::Abort => stop(run, ctx),
    }
}

fn declare<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    if let Some(refusal) = refusal(run) {
        return refusal.into_js(ctx);
    }
    let at = |index: usize| args.get(index);
    let times = times(run, args)?;
    let least = number(at(11))?.map(count);
    let most = number(at(12))?.map(count);
    let set = Settings {
        value: at(7).map(scalar).transpose()?.flatten(),
        value_type: read(at(8))?,
        notification: number(at(9))?.map(integer),
        access_list: texts(at(10))?,
        instances: least.zip(most),
    };
    let declare = Declare { path: read(at(0))?.unwrap_or_default(), times, set };
    run.host().declare(declare).map_or_else(
        |error| error.into_js(ctx),
        |handle| Ok(Value::new_number(ctx.clone(), f64::from(handle))),
    )
}

fn clear<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    if let Some(refusal) = refusal(run) {
        return refusal.into_js(ctx);
    }
    let times = times(run, args)?;
    let clear = Clear {
        path: read(args.first())?.unwrap_or_default(),
        time: times.path,
        attributes: Times { path: None, ..times },
    };
    let result = run.host().clear(clear);
    result.map_or_else(|error| error.into_js(ctx), |()| Ok(Value::new_undefined(ctx.clone())))
}

/// Why nothing more can be declared or cleared.
fn refusal(run: &Run) -> Option<String> {
    let limit = limits::SCRIPT_DECLARATIONS_MAX;
    let is_over = !run.may_declare();
    is_over.then(|| format!("A script declares and clears at most {limit} times"))
}

/// The times that `declare` and `clear` are given behind the path.
fn times(run: &Run, args: &[Value<'_>]) -> Result<Times> {
    let time = |index| -> Result<Option<i64>> {
        Ok(number(args.get(index))?.and_then(|time| run.clamped(time)))
    };
    Ok(Times {
        path: time(1)?,
        object: time(2)?,
        writable: time(3)?,
        value: time(4)?,
        notification: time(5)?,
        access_list: time(6)?,
    })
}

fn matches<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let handle = number(args.first())?.map_or(u32::MAX, count);
    let paths = run.host().matches(handle);
    let array = Array::new(ctx.clone())?;
    for (index, path) in (0u32..).zip(paths) {
        array.as_object().prop(index, path)?;
    }
    Ok(array.into_value())
}

fn attribute<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    const ALL: [Attribute; 5] = [
        Attribute::Object,
        Attribute::Writable,
        Attribute::Value,
        Attribute::Notification,
        Attribute::AccessList,
    ];
    let path: String = read(args.first())?.unwrap_or_default();
    let index: Option<usize> = read(args.get(1))?;
    let attribute = index.and_then(|index| ALL.get(index));
    let data = attribute.and_then(|attribute| run.host().attribute(&path, *attribute));
    match data {
        None | Some(Data::Null) => Ok(Value::new_undefined(ctx.clone())),
        Some(data) => data.to_js(ctx),
    }
}

fn ext<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let args = texts(args.first())?.unwrap_or_default();
    let answer = run.host().ext(&args);
    let Ext::Value(data) = answer else { return stop(run, ctx) };
    let object = Object::new(ctx.clone())?;
    object.prop("value", data.to_js(ctx)?)?;
    Ok(object.into_value())
}

fn log<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    const DROPPED: [&str; 6] = ["hostname", "pid", "name", "version", "deviceId", "remoteAddress"];
    if !run.may_log() {
        let limit = limits::SCRIPT_LOG_MESSAGES_MAX;
        return format!("A script logs at most {limit} messages").into_js(ctx);
    }
    let message: String = read(args.first())?.unwrap_or_default();
    let meta = args.get(1).and_then(Value::as_object).map(Data::from_flat).transpose()?.flatten();
    let mut members = match meta {
        Some(Data::Object(members)) => members,
        _ => Vec::new(),
    };
    members.retain(|(name, _)| !DROPPED.contains(&name.as_str()));
    run.host().log(&message, &members);
    Ok(Value::new_undefined(ctx.clone()))
}

fn random<'js>(run: &Run, ctx: &Ctx<'js>, _: &[Value<'js>]) -> Result<Value<'js>> {
    Ok(Value::new_number(ctx.clone(), run.random.borrow_mut().next_number()))
}

fn seed<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let seed: String = read(args.first())?.unwrap_or_default();
    run.random.replace(DeviceRandom::new(&seed));
    Ok(Value::new_undefined(ctx.clone()))
}

fn interval<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let interval = number(args.first())?.unwrap_or(f64::NAN);
    let variance = number(args.get(1))?;
    let time = last_interval(run.now_number(), interval, variance, &run.inputs.device_id);
    Ok(Value::new_number(ctx.clone(), time))
}

fn scheduled<'js>(run: &Run, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let text: String = read(args.first())?.unwrap_or_default();
    let variance = number(args.get(1))?;
    match last_time(run, &text, variance) {
        #[expect(clippy::cast_precision_loss, reason = "a timestamp's milliseconds are below 2^53")]
        Ok(time) => Ok(Value::new_number(ctx.clone(), time as f64)),
        Err(error) => error.into_js(ctx),
    }
}

fn last_time(run: &Run, text: &str, variance: Option<f64>) -> std::result::Result<i64, String> {
    let cron = Cron::parse(text).map_err(|error| error.to_string())?;
    let now = jiff::Timestamp::from_millisecond(run.inputs.now).map_err(|e| e.to_string())?;
    let inputs = &run.inputs;
    let time = last_scheduled(now, &cron, variance, &inputs.device_id, &inputs.zone);
    time.map(jiff::Timestamp::as_millisecond).map_err(|error| error.to_string())
}

/// Ends the run: the answer that the prelude waits at, until the interpreter is interrupted.
fn stop<'js>(run: &Run, ctx: &Ctx<'js>) -> Result<Value<'js>> {
    run.stop();
    Ok(Value::new_null(ctx.clone()))
}

fn read<'js, T: FromJs<'js>>(value: Option<&Value<'js>>) -> Result<Option<T>> {
    value.filter(|value| !value.is_undefined()).map(Value::get).transpose()
}

fn number(value: Option<&Value<'_>>) -> Result<Option<f64>> {
    read(value)
}

fn scalar(value: &Value<'_>) -> Result<Option<Data>> {
    if let Some(value) = value.as_bool() {
        return Ok(Some(Data::Bool(value)));
    }
    if let Some(number) = value.as_number() {
        return Ok(Some(Data::Number(number)));
    }
    Ok(read(Some(value))?.map(Data::Text))
}

/// Reads a list of the prelude, which has no prototype.
fn texts(value: Option<&Value<'_>>) -> Result<Option<Vec<String>>> {
    let Some(list) = value.and_then(Value::as_object) else { return Ok(None) };
    let length: u32 = list.get("length")?;
    (0..length).map(|index| list.get(index)).collect::<Result<Vec<String>>>().map(Some)
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, as it should")]
fn integer(number: f64) -> i32 {
    number as i32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, as it should"
)]
fn count(number: f64) -> u32 {
    number as u32
}
