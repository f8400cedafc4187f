//! Tasks that make the server ask what the recording server asked.

use serde_json::{Value as Json, json};

use crate::xml::Element;

use super::script::Session;

/// The tasks for the requests of a session, each once. Requests for which there is no task (such
/// as Upload) are left out.
pub fn of_session(session: &Session<'_>) -> Vec<Json> {
    let mut tasks = Vec::new();
    for asked in session.steps.iter().filter_map(|step| step.asked?.soap.as_ref()) {
        if let Some(task) = task(asked).filter(|task| !tasks.contains(task)) {
            tasks.push(task);
        }
    }
    tasks
}

fn task(asked: &Element) -> Option<Json> {
    let texts = |name: &str| -> Vec<&str> {
        asked.all(name).into_iter().map(|element| element.text.as_str()).collect()
    };
    let object = asked.text_of("ObjectName");
    match asked.name.as_str() {
        // The API has this for the whole tree; a name must not be empty there.
        "GetParameterValues" if texts("string").contains(&"") => {
            Some(json!({ "name": "refreshObject", "objectName": "" }))
        }
        "GetParameterValues" => {
            Some(json!({ "name": "getParameterValues", "parameterNames": texts("string") }))
        }
        "SetParameterValues" => Some(set_task(asked)),
        "GetParameterNames" => {
            let path = asked.text_of("ParameterPath");
            Some(json!({ "name": "refreshObject", "objectName": path }))
        }
        "AddObject" => Some(json!({ "name": "addObject", "objectName": object })),
        "DeleteObject" => Some(json!({ "name": "deleteObject", "objectName": object })),
        "Reboot" => Some(json!({ "name": "reboot" })),
        "FactoryReset" => Some(json!({ "name": "factoryReset" })),
        _ => None,
    }
}

fn set_task(asked: &Element) -> Json {
    let values = asked.all("ParameterValueStruct").into_iter().map(|item| {
        let value = item.child("Value").cloned().unwrap_or_default();
        let value_type = value.attribute("type").unwrap_or("xsd:string").to_owned();
        json!([item.text_of("Name"), value.text, value_type])
    });
    json!({ "name": "setParameterValues", "parameterValues": values.collect::<Vec<_>>() })
}

/// Whether a value can have its type, so that a server is right to refuse those that cannot.
pub fn is_possible(task: &Json) -> bool {
    let sets = task["parameterValues"].as_array().into_iter().flatten();
    sets.into_iter().all(|set| {
        let text = set[1].as_str().unwrap_or_default();
        match set[2].as_str().unwrap_or_default().rsplit(':').next() {
            Some("boolean") => matches!(text, "0" | "1" | "true" | "false"),
            Some("int" | "unsignedInt" | "long" | "unsignedLong") => text.parse::<i128>().is_ok(),
            _ => true,
        }
    })
}

/// The request of the server that a task leads to, told by its names; used to say which answers
/// decide about the task.
pub fn is_for(task: &Json, asked: &Element) -> bool {
    let texts = |name: &str| -> Vec<&str> {
        asked.all(name).into_iter().map(|element| element.text.as_str()).collect()
    };
    let object = || {
        let path = task["objectName"].as_str().unwrap_or_default();
        path.trim_end_matches('.') == asked.text_of("ObjectName").trim_end_matches('.')
    };
    match (task["name"].as_str().unwrap_or_default(), asked.name.as_str()) {
        ("getParameterValues", "GetParameterValues") => {
            let wanted = task["parameterNames"].as_array().into_iter().flatten();
            let wanted: Vec<&str> = wanted.filter_map(Json::as_str).collect();
            texts("string").iter().all(|name| wanted.contains(name))
        }
        ("setParameterValues", "SetParameterValues") => {
            let sets = task["parameterValues"].as_array().into_iter().flatten();
            let wanted: Vec<&str> = sets.filter_map(|set| set[0].as_str()).collect();
            texts("Name") == wanted
        }
        ("addObject", "AddObject") | ("deleteObject", "DeleteObject") => object(),
        ("reboot", "Reboot") | ("factoryReset", "FactoryReset") => true,
        _ => false,
    }
}
