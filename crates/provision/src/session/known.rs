//! Between the record of a device, which is kept, and the tree that scripts work on.

use std::collections::BTreeSet;

use drover_cwmp::event::Event;
use jiff::Timestamp;

use crate::book::Book;
use crate::compat::{decode_tag, encode_tag};
use crate::engine::{Attributes, Name, Scalar, Timed, Tree, TypedValue, path_of, written};
use crate::record::{DeviceRecord, Known, Parameter, is_object};
use crate::view::{scalar, value_of};

/// What a session adds to what is kept.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The ID of the device as GenieACS writes it.
    pub id: String,
    /// When the session began.
    pub session: Timestamp,
    /// Names of the parameters in its Inform: they are as fresh as the session.
    pub parameters: BTreeSet<String>,
    /// Its events, as scripts name them; `Registered` for a device that is new.
    pub events: BTreeSet<String>,
}

/// The names of a session's events as scripts and presets have them.
pub(super) fn event_names(events: &[Event], is_new: bool) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        events.iter().map(|event| event.code.as_str().to_owned()).collect();
    names.insert("Inform".to_owned());
    if is_new {
        names.insert("Registered".to_owned());
    }
    names
}

/// What scripts see of a device.
pub(super) fn tree_of(record: &DeviceRecord, told: &Told) -> Tree {
    let session = told.session.as_millisecond();
    let mut tree = Tree::default();
    for (path, parameter) in &record.parameters {
        let mut attributes = attributes_of(parameter, is_object(path));
        if told.parameters.contains(path)
            && let Some(value) = &mut attributes.value
        {
            value.time = session;
        }
        let listed = parameter.listed.map_or(0, Timestamp::as_millisecond);
        let found = parameter.found.as_millisecond().max(1);
        tree.put(path_of(path), found, listed, attributes);
    }
    add_credentials(&mut tree, record, session);
    let identity = &record.fields.identity;
    for (name, text) in [
        ("ID", &told.id),
        ("Manufacturer", &identity.manufacturer),
        ("OUI", &identity.oui),
        ("ProductClass", &identity.product_class),
        ("SerialNumber", &identity.serial_number),
    ] {
        let value = Scalar::Text(text.as_str().into());
        put_kept(&mut tree, ["DeviceID", name], false, (value, "xsd:string"), session);
    }
    for (name, time) in events_of(record, told) {
        let name = encode_tag(&name.replace(' ', "_"));
        put_kept(&mut tree, ["Events", &name], false, (number(time), "xsd:dateTime"), session);
    }
    for tag in &record.tags {
        let value = (Scalar::Bool(true), "xsd:boolean");
        put_kept(&mut tree, ["Tags", &encode_tag(tag)], true, value, session);
    }
    tree
}

fn attributes_of(parameter: &Parameter, is_object: bool) -> Attributes {
    let time = |time: Timestamp| time.as_millisecond().max(1);
    let told = parameter.writable.map_or(parameter.found, |writable| writable.time);
    Attributes {
        object: Some(Timed { time: time(told), value: is_object }),
        writable: parameter
            .writable
            .map(|known| Timed { time: time(known.time), value: known.value }),
        value: parameter.value.as_ref().map(|known| {
            let value_type = known.value.value_type.xsi_type().into();
            let value = TypedValue { scalar: scalar(&known.value), value_type };
            Timed { time: time(known.time), value }
        }),
        notification: parameter
            .notification
            .map(|known| Timed { time: time(known.time), value: known.value }),
        access_list: parameter.access_list.as_ref().map(|known| {
            let names = known.value.iter().map(|name| name.as_str().into());
            Timed { time: time(known.time), value: names.collect() }
        }),
        secret: parameter.secret,
    }
}

/// A device does not tell the password that the server has given it for connection requests
/// (`SEC-01`); a script that sets the same one again must find it there.
fn add_credentials(tree: &mut Tree, record: &DeviceRecord, session: i64) {
    let (Some(root), password) =
        (record.fields.root.as_deref(), record.fields.connection_request.password().expose())
    else {
        return;
    };
    let path = path_of(&format!("{root}ManagementServer.ConnectionRequestPassword"));
    // It may have been lost since.
    let is_set = tree.attributes(&path).is_some_and(|it| it.value.is_some() && it.secret.is_some());
    if password.is_empty() || !is_set {
        return;
    }
    tree.change(&path, session, |known| {
        if let Some(known) = &mut known.value {
            known.value.scalar = Scalar::Text(password.into());
        }
    });
}

/// The events that scripts see: the last of each kind that is kept, and those of the session.
fn events_of(record: &DeviceRecord, told: &Told) -> Vec<(String, Timestamp)> {
    let fields = &record.fields;
    let kept = [
        ("Registered", Some(fields.registered)),
        ("1 BOOT", fields.last_boot),
        ("0 BOOTSTRAP", fields.last_bootstrap),
    ];
    let kept = kept
        .into_iter()
        .filter(|(name, _)| !told.events.contains(*name))
        .filter_map(|(name, time)| Some((name.to_owned(), time?)));
    kept.chain(told.events.iter().map(|name| (name.clone(), told.session))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a timestamp's milliseconds are below 2^53")]
fn number(time: Timestamp) -> Scalar {
    Scalar::Number(time.as_millisecond() as f64)
}

/// Puts a parameter that the server keeps.
fn put_kept(
    tree: &mut Tree,
    path: [&str; 2],
    is_writable: bool,
    (scalar, value_type): (Scalar, &str),
    time: i64,
) {
    let value = TypedValue { scalar, value_type: value_type.into() };
    let attributes = Attributes {
        object: Some(Timed { time, value: false }),
        writable: Some(Timed { time, value: is_writable }),
        value: Some(Timed { time, value }),
        ..Attributes::default()
    };
    tree.put(path.map(Name::from), time, 0, attributes);
}

/// Takes into the book what scripts changed since an earlier revision of the tree.
pub(super) fn keep(book: &mut Book, tree: &Tree, earlier: &Tree) {
    let mut changed = Vec::new();
    tree.changed_since(earlier, &mut |path| changed.push(path.to_vec()));
    for path in changed {
        match path.first().map(Name::as_str) {
            None | Some("DeviceID" | "Events") => {}
            Some("Tags") => keep_tag(book, tree, &path),
            Some(_) => keep_path(book, tree, earlier, &path),
        }
    }
}

fn keep_tag(book: &mut Book, tree: &Tree, path: &[Name]) {
    let [_, name] = path else { return };
    if let Some(tag) = decode_tag(name.as_str()) {
        book.set_tag(&tag, tree.attributes(path).is_some());
    }
}

fn keep_path(book: &mut Book, tree: &Tree, earlier: &Tree, path: &[Name]) {
    let text = written(path);
    let object = format!("{text}.");
    let Some(known) = tree.attributes(path) else {
        book.remove(&text);
        book.remove(&object);
        return;
    };
    let is_object = known.object.as_ref().is_some_and(|it| it.value)
        || (known.object.is_none() && tree.children(path).next().is_some());
    let (text, other) = if is_object { (object, text) } else { (text, object) };
    book.remove(&other);
    let listed = tree.listed(path);
    // What holds others is there with them, so only what else is known of it is worth a place.
    if is_object && known.writable.is_none() && listed == 0 {
        book.remove(&text);
        return;
    }
    let old = book.record().parameters.get(&text);
    let is_same_value = old.is_some()
        && earlier.attributes(path).and_then(|it| it.value.as_ref()).map(|it| &it.value)
            == known.value.as_ref().map(|it| &it.value);
    let value = known.value.as_ref().and_then(|timed| {
        let kept = old.filter(|_| is_same_value).and_then(|old| old.value.as_ref());
        let value = kept.map_or_else(|| value_of(&timed.value), |kept| Some(kept.value.clone()))?;
        Some(Known::new(value, at(timed.time)))
    });
    let parameter = Parameter {
        found: at(tree.found(path)),
        listed: (is_object && listed > 0).then(|| at(listed)),
        value,
        writable: known.writable.as_ref().map(|it| Known::new(it.value, at(it.time))),
        notification: known.notification.as_ref().map(|it| Known::new(it.value, at(it.time))),
        access_list: known.access_list.as_ref().map(|it| {
            Known::new(it.value.iter().map(|name| name.to_string()).collect(), at(it.time))
        }),
        secret: known.secret,
    };
    book.learn(&text, parameter, is_same_value);
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}
