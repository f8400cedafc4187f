use super::*;
use crate::draft::{Draft, DraftObject, DraftParameter};
use crate::limits::HINT_PATHS_MAX;

/// A model of two objects, the second of which has this name.
fn schema(name: &str, below: &str) -> Arc<Schema> {
    let (root, _) = name.split_once(':').unwrap();
    let object = |path: String| DraftObject { path, ..DraftObject::default() };
    let draft = Draft {
        name: name.to_owned(),
        spec: format!("urn:example-com:{name}"),
        is_service: root.ends_with("Service"),
        objects: vec![object(format!("{root}.")), object(format!("{root}.{below}."))],
        ..Draft::default()
    };
    let (schema, problems) = Schema::build(&draft);
    assert_eq!(problems, []);
    Arc::new(schema)
}

fn small() -> Catalog {
    let mut catalog = Catalog::new();
    for (name, below) in [
        ("Device:1.2", "LAN"),
        ("Device:1.14", "LAN"),
        ("Device:2.3", "WiFi"),
        ("Device:2.11", "WiFi"),
        ("Device:2.19", "WiFi"),
        ("VoiceService:1.1", "VoiceProfile"),
        ("VoiceService:2.0", "CallControl"),
    ] {
        catalog.add_schema(schema(name, below));
    }
    catalog
}

#[track_caller]
fn check(catalog: &Catalog, hints: DeviceHints<'_>, name: &str, reason: &str) {
    let model = catalog.select(&hints).expect(name);
    assert_eq!((&*model.name(), model.reason()), (name, reason));
}

const DEVICE: DeviceHints<'static> = DeviceHints {
    root: "Device",
    identity: DeviceIdentity {
        manufacturer: None,
        manufacturer_oui: Some("00D09E"),
        product_class: Some("HG100-B"),
        model_name: None,
        hardware_version: None,
        software_version: Some("V2.1"),
    },
    root_data_model_version: None,
    device_summary: None,
    supported_models: &[],
    services: &[],
    paths: &[],
};

#[test]
fn what_a_version_leads_to() {
    let catalog = small();
    let version = |version| DeviceHints { root_data_model_version: Some(version), ..DEVICE };
    let summary = |summary| DeviceHints { device_summary: Some(summary), ..DEVICE };
    let newest = "Device:2.19 as the newest, since nothing says which";
    check(&catalog, DEVICE, "Device:2.19", newest);
    let cases = [
        ("2.11", "Device:2.11"),
        ("2.4", "Device:2.11"),
        ("2.1", "Device:2.3"),
        ("2.20", "Device:2.19"),
        ("1.5", "Device:1.14"),
    ];
    for (text, name) in cases {
        check(&catalog, version(text), name, &format!("{name} for RootDataModelVersion {text}"));
    }
    // No such major version, or none at all.
    check(&catalog, version("3.0"), "Device:2.19", newest);
    check(&catalog, version("two"), "Device:2.19", newest);
    let text = "Device:1.2[](Baseline:1), VoiceService:1.0[1](Endpoint:1)";
    let reason = "Device:1.2 for DeviceSummary Device:1.2; \
                  VoiceService:1.1 for DeviceSummary VoiceService:1.0";
    check(&catalog, summary(text), "Device:1.2", reason);
    // RootDataModelVersion goes first.
    let both = DeviceHints { device_summary: Some("Device:1.2[]()"), ..version("2.3") };
    check(&catalog, both, "Device:2.3", "Device:2.3 for RootDataModelVersion 2.3");
    let of_urn = |urn| [SupportedModel { urn, uuid: "" }];
    let rows = of_urn("urn:broadband-forum-org:tr-181-2-4-0");
    let hints = DeviceHints { supported_models: &rows, ..DEVICE };
    let reason = "Device:2.11 for SupportedDataModel urn:broadband-forum-org:tr-181-2-4-0";
    check(&catalog, hints, "Device:2.11", reason);
    let rows = of_urn("urn:broadband-forum-org:tr-106-1-0-0");
    let hints = DeviceHints { supported_models: &rows, ..DEVICE };
    assert_eq!(catalog.select(&hints).unwrap().name(), "Device:1.14");
    let rows = of_urn("urn:example-com:Device:2.3");
    let hints = DeviceHints { supported_models: &rows, ..DEVICE };
    assert_eq!(catalog.select(&hints).unwrap().name(), "Device:2.3");
}

#[test]
fn what_paths_lead_to() {
    let catalog = small();
    let paths = |paths| DeviceHints { paths, ..DEVICE };
    let reason = "Device:1.14 as it knows most of the paths";
    check(&catalog, paths(&["Device.", "Device.LAN."]), "Device:1.14", reason);
    let newest = "Device:2.19 as the newest, since nothing says which";
    check(&catalog, paths(&["Device."]), "Device:2.19", newest);
    check(&catalog, paths(&["Device.LAN.", "Device.WiFi."]), "Device:2.19", newest);
    let voice = ["Device.Services.VoiceService.VoiceProfile."];
    let reason = "Device:2.19 as the newest, since nothing says which; \
                  VoiceService:1.1 as it knows most of the paths";
    check(&catalog, paths(&voice), "Device:2.19", reason);
    let hints = DeviceHints { services: &["VoiceService"], ..DEVICE };
    let reason = "Device:2.19 as the newest, since nothing says which; \
                  VoiceService:2.0 as the newest";
    check(&catalog, hints, "Device:2.19", reason);
    // One path more than is looked at.
    let mut many = vec!["Device."; HINT_PATHS_MAX];
    many[HINT_PATHS_MAX - 1] = "Device.LAN.";
    let hints = DeviceHints { paths: &many, ..DEVICE };
    assert_eq!(catalog.select(&hints).unwrap().name(), "Device:1.14");
    let more = [&["Device."], &*many].concat();
    let hints = DeviceHints { paths: &more, ..DEVICE };
    assert_eq!(catalog.select(&hints).unwrap().name(), "Device:2.19");
}

#[test]
fn rt_10_an_unknown_root_has_no_model() {
    for root in ["", "X_EXAMPLE_Device", "VoiceService", "Devic", "device"] {
        assert!(small().select(&DeviceHints { root, ..DEVICE }).is_none(), "{root}");
    }
    assert!(Catalog::new().select(&DEVICE).is_none());
}

#[test]
fn paths_are_looked_up_in_services_too() {
    let mut catalog = small();
    let service = Draft {
        name: "VoiceService:1.2".to_owned(),
        is_service: true,
        objects: vec![
            DraftObject {
                parameters: vec![DraftParameter {
                    name: "VoiceServiceNumberOfEntries".to_owned(),
                    ..DraftParameter::default()
                }],
                ..DraftObject::default()
            },
            DraftObject { path: "VoiceService.{i}.".to_owned(), ..DraftObject::default() },
        ],
        ..Draft::default()
    };
    catalog.add_schema(Arc::new(Schema::build(&service).0));
    let hints = DeviceHints { device_summary: Some("VoiceService:1.2[1]()"), ..DEVICE };
    let model = catalog.select(&hints).unwrap();
    let voice = |path: &str| model.schema_for(path).name().to_string() == "VoiceService:1.2";
    assert!(model.find("Device.Services.VoiceService.1.").is_some());
    assert!(model.find("Device.Services.VoiceServiceNumberOfEntries").is_some());
    assert!(voice("Device.Services.VoiceService.1.") && voice("Device.Services.VoiceService."));
    assert!(model.find("Device.WiFi.").is_some() && !voice("Device.WiFi."));
    assert_eq!(model.find("Device.Services.StorageService.1."), None);
    assert_eq!(model.find("Device.WiFi.Services.VoiceService.1."), None);
    assert_eq!(model.services().count(), 1);
    assert_eq!(model.models().iter().count(), 2);
    assert_eq!(model.seen_services().count(), 1);
    let without = catalog.select(&DEVICE).unwrap();
    assert_eq!((without.services().count(), without.seen_services().count()), (1, 0));
}

#[test]
fn device_types_go_first() {
    let mut catalog = small();
    let texts = |text: &str| vec![text.into()];
    let rule = |class: &str| DeviceRule { product_class: texts(class), ..DeviceRule::default() };
    let device_type = |uuid: &str| DeviceType {
        device_type: format!("urn:example-com:{uuid}").into(),
        uuid: uuid.into(),
        features: texts("Router"),
    };
    // A model of a vendor may have another name than its root object.
    catalog.add_device_type(device_type("a-1"), schema("Device:2.4", "A"), vec![rule("HG*")]);
    catalog.add_device_type(device_type("b-2"), schema("Device:2.5", "B"), vec![rule("HG100*")]);
    catalog.add_device_type(device_type("c-3"), schema("VoiceService:1.1", "C"), Vec::new());
    let reason = "device type urn:example-com:b-2 for ProductClass HG100-B";
    let hints = DeviceHints { root_data_model_version: Some("2.11"), ..DEVICE };
    check(&catalog, hints, "Device:2.5", reason);
    assert_eq!(&*catalog.select(&hints).unwrap().device_type().unwrap().uuid, "b-2");
    let rows = ["c-3", "A-1"].map(|uuid| SupportedModel { uuid, urn: "" });
    let hints = DeviceHints { supported_models: &rows, ..hints };
    let reason = "device type urn:example-com:a-1 for SupportedDataModel UUID a-1; \
                  device type urn:example-com:c-3 for SupportedDataModel UUID c-3";
    check(&catalog, hints, "Device:2.4", reason);
    let other = DeviceHints { identity: DeviceIdentity::default(), ..DEVICE };
    assert_eq!(catalog.select(&other).unwrap().name(), "Device:2.19");
}

#[test]
fn it_can_be_used_from_several_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Catalog>();
    is_shared::<DeviceModel>();
}

#[cfg(feature = "shipped")]
#[test]
fn what_is_shipped() {
    let catalog = Catalog::shipped();
    assert_eq!(catalog.names().count(), MODELS.len());
    for model in catalog.models.values() {
        assert_eq!(model.is_service(), model.schema().is_service());
    }
    for (name, model) in &catalog.models {
        assert_eq!(name, model.schema().name());
    }
    let hints = DeviceHints { paths: &["Device.LAN.IPAddress"], ..DEVICE };
    let reason = "Device:1.14 as it knows most of the paths";
    check(&catalog, hints, "Device:1.14", reason);
    let voice = ["Device.Services.VoiceService.1.VoiceProfile.1.Enable"];
    let hints = DeviceHints { paths: &voice, root_data_model_version: Some("2.5"), ..DEVICE };
    let reason = "Device:2.11 for RootDataModelVersion 2.5; \
                  VoiceService:1.1 as it knows most of the paths";
    check(&catalog, hints, "Device:2.11", reason);
    let model = catalog.select(&DEVICE).unwrap();
    let find = |path: &str| model.find(path).unwrap();
    assert!(find("Device.Services.").object().is_some());
    let path = "Device.Services.StorageService.2.FTPServer.Enable";
    assert!(find(path).parameter().unwrap().is_writable());
    assert!(find("Device.WiFi.RadioNumberOfEntries").parameter().is_some());
    assert!(find("Device.Services.StorageServiceNumberOfEntries").parameter().is_some());
}

#[cfg(feature = "compile")]
mod extensions {
    use super::*;

    fn extension(text: &str) -> Arc<Extension> {
        Arc::new(Extension::parse(text, "x.toml").unwrap())
    }

    /// An extension with one object, for devices that the rule matches.
    fn simple(extends: &str, name: &str, rule: &str, object: &str) -> Arc<Extension> {
        extension(&format!(
            "extends = \"{extends}\"\nname = \"{name}\"\n{rule}\n[object.\"{object}\"]\n"
        ))
    }

    const NEWEST: &str = "Device:2.19 as the newest, since nothing says which";
    const OUI: &str = "[[device]]\nmanufacturer_oui = \"00d09e\"";

    #[test]
    fn those_that_match_come_in_the_order_of_their_names() {
        let mut catalog = small();
        let b = simple("Device:2.19", "B:1.0", OUI, "Device.X_A_B.");
        let c = "[[device]]\nproduct_class = \"HG100*\"\nsoftware_version = \"V2.*\"";
        // It builds on B, which is applied before it.
        let c = simple("Device:2.19", "C:1.0", c, "Device.X_A_B.C.");
        let error = catalog.add_extension(Arc::clone(&c)).unwrap_err();
        assert!(error.to_string().contains("which should hold it"), "{error}");
        catalog.add_extension(b).unwrap();
        catalog.add_extension(c).unwrap();
        let other = "[[device]]\nproduct_class = \"HG200\"";
        catalog.add_extension(simple("Device:2.19", "D:1.0", other, "Device.X_A_D.")).unwrap();
        catalog.add_extension(simple("Device:2.19", "E:1.0", "", "Device.X_A_E.")).unwrap();
        let reason = format!(
            "{NEWEST}; extension B:1.0 for ManufacturerOUI 00D09E; \
             extension C:1.0 for ProductClass HG100-B, SoftwareVersion V2.1"
        );
        check(&catalog, DEVICE, "Device:2.19+B:1.0+C:1.0", &reason);
        let model = catalog.select(&DEVICE).unwrap();
        assert!(model.find("Device.X_A_B.C.").is_some());
        assert_eq!(model.find("Device.X_A_D."), None);
        // The second time nothing is made.
        assert!(Arc::ptr_eq(model.root(), catalog.select(&DEVICE).unwrap().root()));
        let others = DeviceHints { identity: DeviceIdentity::default(), ..DEVICE };
        check(&catalog, others, "Device:2.19", NEWEST);
    }

    #[test]
    fn of_the_versions_of_one_the_most_specific_rule_wins() {
        let mut catalog = small();
        let mut add = |name: &str, rule: &str| {
            let object = format!("Device.X_A_{}.", name.replace([':', '.'], ""));
            catalog.add_extension(simple("Device:2.19", name, rule, &object)).unwrap();
        };
        add("A:1.0", "[[device]]\nsoftware_version = \"V2.1\"");
        add("A:1.1", "[[device]]\nsoftware_version = \"V*\"");
        add("B:1.0", "[[device]]\nsoftware_version = \"V*\"");
        add("B:1.1", "[[device]]\nsoftware_version = \"?2*\"");
        let reason = format!(
            "{NEWEST}; extension A:1.0 for SoftwareVersion V2.1; \
             extension B:1.1 for SoftwareVersion V2.1"
        );
        check(&catalog, DEVICE, "Device:2.19+A:1.0+B:1.1", &reason);
    }

    #[test]
    fn the_version_follows_what_an_extension_needs() {
        let mut catalog = small();
        catalog.add_schema(schema("Device:2.11", "Old"));
        catalog.add_extension(simple("Device:2.19", "A:1.0", OUI, "Device.X_A_B.")).unwrap();
        let hints = DeviceHints { root_data_model_version: Some("2.11"), ..DEVICE };
        let said = "Device:2.11 for RootDataModelVersion 2.11";
        let reason = format!("{said}; extension A:1.0 for ManufacturerOUI 00D09E");
        check(&catalog, hints, "Device:2.11+A:1.0", &reason);
        catalog.add_extension(simple("Device:2.19", "B:1.0", OUI, "Device.WiFi.X_A_B.")).unwrap();
        let reason = format!(
            "{said}; Device:2.19 as an extension needs what only this version has; \
             extension A:1.0 for ManufacturerOUI 00D09E; extension B:1.0 for ManufacturerOUI 00D09E"
        );
        check(&catalog, hints, "Device:2.19+A:1.0+B:1.0", &reason);
        let old = DeviceHints { root_data_model_version: Some("1.2"), ..DEVICE };
        let left_out = "left out: x.toml:1: it extends Device:2.19, and this is Device:1.2";
        let reason = format!(
            "Device:1.2 for RootDataModelVersion 1.2; extension A:1.0 {left_out}; \
             extension B:1.0 {left_out}"
        );
        check(&catalog, old, "Device:1.2", &reason);
    }

    #[test]
    fn services_have_extensions_too() {
        let mut catalog = small();
        let voice = simple("VoiceService:1.1", "V:1.0", OUI, "VoiceService.X_A_B.");
        catalog.add_extension(voice).unwrap();
        let summary = "Device:2.3[](), VoiceService:1.0[1]()";
        let hints = DeviceHints { device_summary: Some(summary), ..DEVICE };
        let model = catalog.select(&hints).unwrap();
        assert_eq!(model.name(), "Device:2.3+V:1.0");
        assert!(model.find("Device.Services.VoiceService.X_A_B.").is_some());
    }

    #[test]
    fn an_extension_must_fit() {
        let mut catalog = small();
        let error = catalog.add_extension(simple("Device:2.15", "A:1.0", "", "Device.X_A_B."));
        let message = "x.toml:1: there is no model Device:2.15 here; there is Device:1.2, \
                       Device:1.14, Device:2.3, Device:2.11, Device:2.19";
        assert_eq!(error.unwrap_err().to_string(), message);
        let error = catalog.add_extension(simple("Lamp:1.0", "A:1.0", "", "Lamp.X_A_B."));
        let message = "x.toml:1: there is no model Lamp:1.0 here; there is no version of Lamp";
        assert_eq!(error.unwrap_err().to_string(), message);
        assert!(catalog.add_extension(simple("Device:2.3", "A:1.0", "", "Device.B.")).is_err());
        assert_eq!(catalog.extensions().count(), 0);
    }

    #[test]
    fn what_is_added_later_counts() {
        let mut catalog = small();
        catalog.add_extension(simple("Device:2.19", "A:1.0", OUI, "Device.X_A_B.")).unwrap();
        assert!(catalog.select(&DEVICE).unwrap().find("Device.X_A_B.").is_some());
        catalog.add_extension(simple("Device:2.19", "A:1.0", OUI, "Device.X_A_C.")).unwrap();
        let model = catalog.select(&DEVICE).unwrap();
        assert!(model.find("Device.X_A_B.").is_none() && model.find("Device.X_A_C.").is_some());
        catalog.add_schema(schema("Device:2.19", "New"));
        assert!(catalog.select(&DEVICE).unwrap().find("Device.New.").is_some());
    }

    #[test]
    fn combinations_have_a_limit() {
        use crate::limits::CATALOG_EXTENDED_MAX;

        let mut catalog = small();
        for count in 0..=CATALOG_EXTENDED_MAX {
            let rule = format!("[[device]]\nproduct_class = \"{count}\"");
            let name = format!("A{count}:1.0");
            catalog.add_extension(simple("Device:2.19", &name, &rule, "Device.X_A_B.")).unwrap();
        }
        for count in 0..=CATALOG_EXTENDED_MAX {
            let class = count.to_string();
            let identity = DeviceIdentity { product_class: Some(&class), ..Default::default() };
            let model = catalog.select(&DeviceHints { identity, ..DEVICE }).unwrap();
            assert_eq!(model.extensions().len(), 1);
            assert!(catalog.extended.len() <= CATALOG_EXTENDED_MAX);
        }
        assert_eq!(catalog.extended.len(), CATALOG_EXTENDED_MAX);
    }
}
