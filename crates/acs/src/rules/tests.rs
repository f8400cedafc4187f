use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

/// A folder of rules, and a store beside it.
struct Place {
    folder: TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        fs::create_dir(folder.path().join("rules")).expect("a folder");
        let store = Store::open(&folder.path().join("data")).expect("store");
        Self { folder, store }
    }

    fn rules(&self) -> PathBuf {
        self.folder.path().join("rules")
    }

    /// Writes a file, in its folder.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = self.rules().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("written");
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.rules().join(name)).expect("removed");
    }

    async fn open(&self) -> Arc<Rulebook> {
        let base = SessionConfig::default();
        Rulebook::open(Some(&self.rules()), self.store.clone(), base).await.expect("rules")
    }

    /// What is wrong, without the name of the folder.
    fn problems(&self) -> Vec<String> {
        let error = check_rules(&self.rules()).expect_err("a problem");
        let root = format!("{}/", self.rules().display());
        error.problems.iter().map(|problem| problem.to_string().replace(&root, "")).collect()
    }
}

fn provision(name: &str, text: &str) -> Resource {
    Resource { kind: ResourceKind::Provision, name: name.to_owned(), text: text.to_owned() }
}

/// The text of a provision that counts.
fn script(rulebook: &Rulebook, name: &str) -> Option<String> {
    let rules = rulebook.rules();
    rules.provisions.get(name).map(|script| script.text().to_owned())
}

fn presets(rulebook: &Rulebook) -> Vec<String> {
    rulebook.rules().presets.iter().map(|preset| preset.name.clone()).collect()
}

const ADD: &str = r#"{"configurations": [
    {"type": "add_object", "name": "Device.X", "object": "o"}]}"#;

#[tokio::test]
async fn a_folder_makes_rules() {
    let place = Place::new();
    place.write("provisions/in form.v2.js", "\u{feff}declare('A', {value: 1});");
    place.write("virtual_parameters/mac.js", "return {value: 1}");
    place.write("presets/early.json", r#"{"weight": 1, "_id": "other"}"#);
    place.write("presets/add.json", ADD);
    place.write("objects/o.json", r#"{"Name": "x"}"#);
    for ignored in [
        "README.md",
        ".git/presets/a.json",
        "presets/.early.json.swp",
        "presets/early.json~",
        "presets/#early.json#",
        "presets/4913",
        "provisions/notes.txt",
        "provisions/x.js.tmp",
        "drafts/x.js",
    ] {
        place.write(ignored, "{{{");
    }
    let summary = check_rules(&place.rules()).expect("good").to_string();
    assert_eq!(summary, "2 presets, 1 provision, 1 virtual parameter, 1 object");
    let rulebook = place.open().await;
    assert_eq!(script(&rulebook, "in form.v2").as_deref(), Some("declare('A', {value: 1});"));
    assert_eq!(presets(&rulebook), ["add", "early"]);
    assert!(rulebook.rules().virtual_parameters.contains_key("mac"));
    assert_eq!(rulebook.resources().len(), 5);
}

#[tokio::test]
async fn an_empty_folder_is_one_and_a_missing_one_is_not() {
    let place = Place::new();
    assert_eq!(check_rules(&place.rules()).expect("good").to_string(), "none");
    let missing = place.rules().join("nowhere");
    let error = check_rules(&missing).expect_err("none").to_string();
    assert!(error.contains("nowhere: the folder cannot be read"), "{error}");
    place.write("presets", "a file");
    assert!(place.problems()[0].starts_with("presets: the folder cannot be read"));
}

#[tokio::test]
async fn every_file_that_cannot_be_used_is_told_with_its_line() {
    let place = Place::new();
    place.write("provisions/bad.js", "let a = 1;\nlet b = ;\n");
    place.write("provisions/latin.js", b"// \n// caf\xe9\n");
    place.write("provisions/long.js", "/".repeat(RESOURCE_BYTES_MAX + 1));
    place.write("provisions/max.js", "/".repeat(RESOURCE_BYTES_MAX));
    place.write("presets/json.json", "{\n  \"weight\": 1,\n}");
    place.write("presets/weight.json", "{\n  \"channel\": \"c\",\n  \"weight\": \"heavy\"\n}");
    place.write("presets/object.json", ADD);
    place.write("presets/list.json", "[]");
    place.write("objects/text.json", "\"x\"");
    place.write("virtual_parameters/a.b.js", "");
    place.write(&format!("objects/{}.json", "x".repeat(250)), "{}");
    place.write("objects/.json", "hidden");
    fs::create_dir(place.rules().join("provisions/folder.js")).expect("a folder");
    place.write("../outside.js", "");
    symlink("../../outside.js", place.rules().join("provisions/out.js")).expect("a link");
    symlink("nowhere.js", place.rules().join("provisions/broken.js")).expect("a link");
    let outside = place.folder.path().join("outside.js").canonicalize().expect("a path");
    let outside = outside.display();
    let expected = [
        "objects/text.json:1: expected a JSON object".to_owned(),
        "presets/json.json:3: no JSON: trailing comma at line 3 column 1".to_owned(),
        "presets/list.json:1: expected an object".to_owned(),
        "presets/object.json:2: /configurations/0/object: there is no object \"o\"".to_owned(),
        "presets/weight.json:3: /weight: expected a number".to_owned(),
        "provisions/bad.js:2: SyntaxError: unexpected token in expression: ';'".to_owned(),
        "provisions/broken.js: the file cannot be read: No such file or directory (os error 2)"
            .to_owned(),
        "provisions/folder.js: this is no file".to_owned(),
        "provisions/latin.js:2: the text is not UTF-8: save it so".to_owned(),
        "provisions/long.js: the file has more than 262144 bytes: split it".to_owned(),
        format!("provisions/out.js: the link leads out of the folder, to {outside}"),
        "virtual_parameters/a.b.js: the name of a virtual parameter has no dot".to_owned(),
    ];
    assert_eq!(place.problems(), expected);
    let base = SessionConfig::default();
    let error = Rulebook::open(Some(&place.rules()), place.store.clone(), base).await;
    let error = error.expect_err("not good").to_string();
    assert!(error.starts_with("rules: 12 files cannot be used\n  "), "{error}");
    assert_eq!(error.lines().count(), 13);
}

#[tokio::test]
async fn changes_of_files_are_picked_up() {
    let place = Place::new();
    place.write("provisions/a.js", "1");
    let rulebook = place.open().await;
    let first = rulebook.rules();
    rulebook.look().await;
    assert!(Arc::ptr_eq(&first, &rulebook.rules()), "nothing has changed");
    // Of the same length, and within the same tick of the clock as like as not.
    for text in ["2", "3", "4"] {
        place.write("provisions/a.js", text);
        rulebook.look().await;
        assert_eq!(script(&rulebook, "a").as_deref(), Some(text));
    }
    place.write("presets/p.json", "{}");
    rulebook.look().await;
    assert_eq!(presets(&rulebook), ["p"]);
    let second = rulebook.rules();
    assert!(Arc::ptr_eq(&second.provisions["a"], &rulebook.rules().provisions["a"]));
    place.remove("provisions/a.js");
    rulebook.look().await;
    assert_eq!(script(&rulebook, "a"), None);
    assert_eq!(presets(&rulebook), ["p"]);
    assert!(first.provisions.contains_key("a"), "a session keeps what it began with");
}

#[tokio::test]
async fn what_breaks_stays_as_it_was() {
    let place = Place::new();
    place.write("provisions/a.js", "1");
    place.write("presets/p.json", ADD);
    place.write("objects/o.json", "{}");
    let rulebook = place.open().await;
    for bad in [&b"("[..], b"((", b"\xff"] {
        place.write("provisions/a.js", bad);
        rulebook.look().await;
        assert_eq!(script(&rulebook, "a").as_deref(), Some("1"));
    }
    place.write("provisions/new.js", "(");
    rulebook.look().await;
    assert_eq!(script(&rulebook, "new"), None);
    for name in ["new", "a"] {
        place.write(&format!("provisions/{name}.js"), "2");
        rulebook.look().await;
        assert_eq!(script(&rulebook, name).as_deref(), Some("2"));
    }
    // A preset breaks without being touched, and is mended so.
    place.remove("objects/o.json");
    rulebook.look().await;
    assert_eq!(presets(&rulebook), [""; 0]);
    place.write("objects/o.json", "{}");
    rulebook.look().await;
    assert_eq!(presets(&rulebook), ["p"]);
    fs::rename(place.rules(), place.folder.path().join("away")).expect("renamed");
    rulebook.look().await;
    assert_eq!(presets(&rulebook), ["p"]);
    assert_eq!(script(&rulebook, "a").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_file_wins_over_what_is_stored() {
    let place = Place::new();
    place.write("provisions/a.js", "'file'");
    let rulebook = place.open().await;
    let error = rulebook.put(provision("a", "'stored'")).await.expect_err("a file has the name");
    assert!(error.to_string().contains("provisions/a.js"), "{error}");
    let error = rulebook.delete(ResourceKind::Provision, "a".to_owned()).await;
    assert!(matches!(error, Err(NotChanged::File { .. })), "{error:?}");
    rulebook.put(provision("b", "'stored'")).await.expect("kept");
    place.write("provisions/b.js", "(");
    rulebook.look().await;
    assert_eq!(script(&rulebook, "b").as_deref(), Some("'stored'"), "the file was never good");
    place.write("provisions/b.js", "'file'");
    rulebook.look().await;
    assert_eq!(script(&rulebook, "b").as_deref(), Some("'file'"));
    let again = place.open().await;
    assert_eq!(script(&again, "b").as_deref(), Some("'file'"));
    place.remove("provisions/b.js");
    again.look().await;
    assert_eq!(script(&again, "b").as_deref(), Some("'stored'"));
}

#[tokio::test]
async fn what_is_put_is_there_after_a_restart() {
    let place = Place::new();
    let rulebook = place.open().await;
    rulebook.put(provision("a", "1")).await.expect("kept");
    rulebook.put(provision("a", "2")).await.expect("kept");
    for bad in [provision("a", "("), provision("", "1"), provision("a\n", "1")] {
        assert!(rulebook.put(bad).await.is_err());
    }
    let long = "x".repeat(RESOURCE_NAME_BYTES_MAX);
    rulebook.put(provision(&long, "1")).await.expect("kept");
    assert!(rulebook.put(provision(&format!("{long}x"), "1")).await.is_err());
    assert_eq!(script(&rulebook, "a").as_deref(), Some("2"));
    let again = place.open().await;
    assert_eq!(script(&again, "a").as_deref(), Some("2"));
    assert!(again.delete(ResourceKind::Provision, "a".to_owned()).await.expect("removed"));
    assert!(!again.delete(ResourceKind::Provision, "a".to_owned()).await.expect("gone"));
    assert_eq!(script(&again, "a"), None);
    assert_eq!(script(&*place.open().await, "a"), None);
}

#[tokio::test]
async fn what_was_stored_and_is_of_no_use_is_left_out() {
    let place = Place::new();
    place.store.put_resource(provision("bad", "(")).await.expect("stored");
    place.store.put_resource(provision("good", "1")).await.expect("stored");
    let rulebook = place.open().await;
    assert_eq!(script(&rulebook, "bad"), None);
    assert_eq!(script(&rulebook, "good").as_deref(), Some("1"));
    rulebook.put(provision("bad", "2")).await.expect("mended");
    assert_eq!(script(&rulebook, "bad").as_deref(), Some("2"));
}

#[tokio::test]
async fn all_texts_together_are_bounded() {
    let place = Place::new();
    let text = "/".repeat(RESOURCE_BYTES_MAX);
    let count = RESOURCES_BYTES_MAX / RESOURCE_BYTES_MAX;
    for number in 0..count {
        let resource = provision(&number.to_string(), &text);
        place.store.put_resource(resource).await.expect("stored");
    }
    let rulebook = place.open().await;
    let error = rulebook.put(provision("more", "1")).await.expect_err("too much");
    assert!(matches!(error, NotChanged::TooMuch(_)), "{error}");
    let error = rulebook.put(provision("0", &format!("{text}/"))).await.expect_err("too long");
    assert!(matches!(error, NotChanged::TooMuch(_)), "{error}");
    rulebook.put(provision("0", "1")).await.expect("less than before");
    rulebook.put(provision("more", "1")).await.expect("room");
}

#[tokio::test]
async fn settings_count_from_the_next_session_on() {
    let place = Place::new();
    let rulebook = place.open().await;
    let setting = |text: &str| Resource {
        kind: ResourceKind::Config,
        name: "cwmp.retryDelay".to_owned(),
        text: text.to_owned(),
    };
    let delay = |rulebook: &Rulebook| rulebook.session_config().settings.retry_delay.as_secs();
    rulebook.put(setting("60")).await.expect("kept");
    assert_eq!(delay(&rulebook), 60);
    let error = rulebook.put(setting("-1")).await.expect_err("out of bounds");
    assert!(matches!(error, NotChanged::Setting(_)), "{error}");
    assert_eq!(delay(&*place.open().await), 60);
    rulebook.delete(ResourceKind::Config, "cwmp.retryDelay".to_owned()).await.expect("deleted");
    assert_eq!(delay(&rulebook), 300);
}
