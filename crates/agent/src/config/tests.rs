use super::*;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.toml");
    std::fs::write(&path, text).unwrap();
    let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Config::load(Some(&path), environment)
}

fn message(text: &str) -> String {
    let message = load(text, &[]).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

const FULL: &str = r#"
state_dir = "/tmp/state"
[acs]
url = "http://acs.example:7547/cwmp"
username = "user"
password = "secret"
allow_basic = true
[connection_request]
enable = false
address = "192.0.2.1"
port = 0
username = "acs"
password = "crsecret"
[device]
manufacturer = "Example"
oui = "02D20F"
product_class = "Box"
serial_number = "1"
[inform]
periodic_enable = false
periodic_interval = 60
[log]
level = "debug"
"#;

#[test]
fn every_key_can_be_written_in_the_file() {
    let config = load(FULL, &[]).unwrap();
    config.check().unwrap();
    assert_eq!(config.acs.password.expose(), "secret");
    assert!(config.acs.allow_basic);
    let expected = ConnectionRequestConfig {
        enable: false,
        address: "192.0.2.1".parse().unwrap(),
        port: 0,
        username: "acs".to_owned(),
        password: Secret::new("crsecret"),
    };
    assert_eq!(config.connection_request, expected);
    assert_eq!(config.device.oui, "02D20F");
    assert_eq!(config.log.level, LevelFilter::DEBUG);
    assert_eq!(config.inform, InformConfig { periodic_enable: false, periodic_interval: 60 });
}

#[test]
fn every_key_can_come_from_the_environment_which_wins() {
    let environment = [
        ("DROVER_STATE_DIR", "/tmp/other"),
        ("DROVER_ACS__URL", "http://other.example/"),
        ("DROVER_ACS__USERNAME", "other"),
        ("DROVER_ACS__PASSWORD", "12345"),
        ("DROVER_ACS__ALLOW_BASIC", "false"),
        ("DROVER_CONNECTION_REQUEST__ENABLE", "true"),
        ("DROVER_CONNECTION_REQUEST__ADDRESS", "::1"),
        ("DROVER_CONNECTION_REQUEST__PORT", "8"),
        ("DROVER_CONNECTION_REQUEST__USERNAME", "cu"),
        ("DROVER_CONNECTION_REQUEST__PASSWORD", "cp"),
        ("DROVER_DEVICE__MANUFACTURER", "M"),
        ("DROVER_DEVICE__OUI", "0A0B0C"),
        ("DROVER_DEVICE__PRODUCT_CLASS", "P"),
        ("DROVER_DEVICE__SERIAL_NUMBER", "S"),
        ("DROVER_INFORM__PERIODIC_ENABLE", "true"),
        ("DROVER_INFORM__PERIODIC_INTERVAL", "61"),
        ("DROVER_LOG__LEVEL", "warn"),
    ];
    let config = load(FULL, &environment).unwrap();
    config.check().unwrap();
    let text = format!("{config:?}");
    for value in ["/tmp/other", "other.example", "::1", "port: 8", "cu", "0A0B0C", "\"S\"", "61"] {
        assert!(text.contains(value), "{value} in {text}");
    }
    for value in ["/tmp/state", "acs.example", "02D20F"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
    assert_eq!(config.log.level, LevelFilter::WARN);
    assert_eq!(config.acs.password.expose(), "12345");
    assert!(!config.acs.allow_basic);
    assert_eq!(config.connection_request.password.expose(), "cp");
}

#[test]
fn a_password_that_is_no_text_is_not_quoted_back() {
    let message = message("[acs]\npassword = 47111174");
    assert!(message.contains("put it in quotes") && !message.contains("4711"), "{message}");
}

#[test]
fn the_book_shows_the_defaults() {
    let book = include_str!("../../../../docs/agent.md");
    let block = book.split("```toml").nth(1).and_then(|rest| rest.split("```").next());
    let config = load(block.expect("a configuration"), &[]).unwrap();
    let mut defaults = Config::default();
    defaults.acs.url = config.acs.url.clone();
    assert_eq!(config, defaults);
}

#[test]
fn mistakes_in_the_file_have_a_line() {
    let unknown = message("[acs]\nurl = \"http://a/\"\nurll = \"x\"\n");
    assert!(unknown.contains("agent.toml:3: ") && unknown.contains("urll"), "{unknown}");
    let section = message("\n[acss]\nurl = \"x\"\n");
    assert!(section.contains(":2: ") && section.contains("acss"), "{section}");
    let kind = message("[connection_request]\nport = \"many\"\n");
    assert!(kind.contains(":2: "), "{kind}");
    let range = message("[connection_request]\n\nport = 70000\n");
    assert!(range.contains(":3: "), "{range}");
    let level = message("[log]\nlevel = \"loud\"\n");
    assert!(level.contains(":2: ") && level.contains("debug"), "{level}");
    let syntax = message("[acs]\nurl = \n");
    assert!(syntax.contains(":2: "), "{syntax}");
}

#[test]
fn mistakes_in_the_environment_have_a_name() {
    let refused = |name: &str, value: &str| load("", &[(name, value)]).unwrap_err().to_string();
    let unknown = refused("DROVER_ACS__URLL", "x");
    assert!(unknown.contains("DROVER_ACS__URLL") && unknown.contains("USERNAME"), "{unknown}");
    let port = refused("DROVER_CONNECTION_REQUEST__PORT", "70000");
    assert!(port.contains("70000") && port.contains("65535"), "{port}");
    assert!(load("", &[("DROVER_SOAK", "1"), ("DROVER_CWMP__PORT", "1")]).is_ok());
}

#[test]
fn bad_values_name_the_key_and_the_remedy() {
    let refused = |change: &dyn Fn(&mut Config)| {
        let mut config = load(FULL, &[]).unwrap();
        change(&mut config);
        config.check().unwrap_err().to_string()
    };
    let none = refused(&|config| config.acs.url.clear());
    assert!(none.contains("--acs-url"), "{none}");
    let url = refused(&|config| config.acs.url = "acs.example".to_owned());
    assert!(url.starts_with("acs.url: ") && url.contains("http://HOST"), "{url}");
    let user = refused(&|config| config.acs.url = "http://u:hunter2@a/".to_owned());
    assert!(!user.contains("hunter2"), "{user}");
    assert!(refused(&|config| config.device.oui = "02d20f".to_owned()).starts_with("device.oui"));
    let long = refused(&|config| config.device.serial_number = "x".repeat(65));
    assert!(long.contains("64"), "{long}");
    assert!(refused(&|config| config.inform.periodic_interval = 0).contains("at least 1"));
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Some(Path::new("/nonexistent/agent.toml")), []).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/agent.toml"), "{error}");
}

#[test]
fn passwords_do_not_show_in_debug_output() {
    let text = format!("{:?}", load(FULL, &[]).unwrap());
    assert!(!text.contains("secret\""), "{text}");
}
