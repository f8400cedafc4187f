use super::*;

fn check(kind: TaskKind) -> Result<(), String> {
    kind.check().map_err(|error| error.to_string())
}

fn value(name: &str) -> SetValue {
    SetValue { name: name.to_owned(), value: NewValue::Boolean(true), value_type: None }
}

#[test]
fn ids_are_24_hexadecimal_digits() {
    let id = TaskId::new(Timestamp::from_second(0x6565_6565).unwrap(), [0xAB; 8]);
    assert_eq!(id.as_str(), "65656565abababababababab");
    assert_eq!(TaskId::parse(id.as_str()), Ok(id));
    for bad in ["", "a b", "é", &"x".repeat(33)] {
        assert!(TaskId::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_bad_task_is_named_in_one_line() {
    let names = |names: &[&str]| TaskKind::GetParameterValues {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let set = |values: Vec<SetValue>| TaskKind::SetParameterValues { values };
    let add = |path: &str, values| TaskKind::AddObject { path: path.to_owned(), values };
    let delete = |path: &str| TaskKind::DeleteObject { path: path.to_owned() };
    let bad = [
        (names(&[]), "parameterNames is empty"),
        (names(&["Device..X"]), "bad path \"Device..X\""),
        (names(&["Device.*.X"]), "'*' is not allowed here"),
        (set(vec![]), "parameterValues is empty"),
        (set(vec![value("Device.X.")]), "is an object"),
        (set(vec![value("Device.X"), value("Device.X")]), "is given twice"),
        (add("Device.T.1.", vec![]), "is not a table"),
        (add("Device.T", vec![value("A."), value("B")]), "is an object"),
        (delete("Device.T."), "is not a row"),
        (names(&vec!["Device.X"; TASK_ITEMS_MAX + 1]), "too big"),
    ];
    for (kind, expected) in bad {
        let error = check(kind.clone()).expect_err(kind.name());
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    }
    let good = [
        names(&["", "Device.", "Device.X.1.Y"]),
        set(vec![value("Device.X")]),
        add("Device.T", vec![value("Enable")]),
        delete("Device.T.1"),
        TaskKind::Reboot,
    ];
    for kind in good {
        assert_eq!(check(kind.clone()), Ok(()), "{kind:?}");
    }
}

#[test]
fn sec_01_values_do_not_show_in_debug_output() {
    let secret = NewValue::Text("hunter2".to_owned());
    let set = SetValue { value: secret, ..value("Device.Password") };
    let kind = TaskKind::SetParameterValues { values: vec![set] };
    assert!(!format!("{kind:?}").contains("hunter2"));
}

#[test]
fn a_fault_of_a_device_has_its_code_and_text() {
    let time = Timestamp::UNIX_EPOCH;
    let fault = TaskFault::from_fault(time, "AddObject", &Fault::new(drover_cwmp::FaultCode(9004)));
    assert_eq!(fault.to_string(), "cwmp.9004: Resources exceeded");
    assert!(fault.is_cwmp(9004) && !fault.is_cwmp(9005));
}
