//! A device under a simulated clock, with a scripted ACS.

mod memory;
mod models;
mod properties;
mod restarts;
mod rpcs;
mod schemas;
mod sessions;
mod values;

use std::sync::Arc;
use std::time::Duration;

use drover_cwmp::message::{
    AddObject, DeleteObject, GetParameterNames, GetParameterValues, Inform, InformResponse,
    ParameterValueStruct, SetParameterAttributes, SetParameterAttributesStruct, SetParameterValues,
};
use drover_cwmp::session::cpe::{HttpPost, HttpResponse};
use drover_cwmp::{CwmpNamespace, Envelope, Fault, Message, Value, is_empty_body};

use crate::{
    Clock, Deferred, Device, Effect, Ended, Endpoint, Identity, Model, ModelBuilder, Next,
    NotificationPolicy, Outcome, ParameterSpec, SessionSettings, TableSpec,
};

const ACS: &str = "http://acs.example:7547/";
const URL: &str = "Device.ManagementServer.URL";

fn identity(serial_number: &str) -> Identity {
    Identity::new("Example", "00D09E", "Test", serial_number).expect("a valid identity")
}

/// A small TR-181 device with a bit of everything.
fn builder() -> ModelBuilder {
    let mut builder = ModelBuilder::new("Device");
    builder
        .standard()
        .value(URL, ACS)
        .value("Device.ManagementServer.PeriodicInformEnable", "false")
        .value("Device.DeviceInfo.SoftwareVersion", "1.0")
        .parameter("Device.DeviceInfo.UpTime", ParameterSpec::unsigned_int())
        .parameter("Device.Time.Enable", ParameterSpec::boolean().writable())
        .parameter("Device.Time.NTPServer1", ParameterSpec::string().writable().size_max(8))
        .parameter("Device.Time.Status", ParameterSpec::string().value("Disabled"))
        .parameter(
            "Device.Time.Mode",
            ParameterSpec::string().writable().one_of(["Client", "Server"]).value("Client"),
        )
        .parameter("Device.Time.Offset", ParameterSpec::int().writable().range(-12..=12).value("0"))
        .parameter("Device.Time.Start", ParameterSpec::date_time().writable())
        .parameter(
            "Device.Time.Busy",
            ParameterSpec::unsigned_int().notification(NotificationPolicy::CanDeny),
        )
        .table("Device.NAT.PortMapping.{i}.", TableSpec::writable().rows_max(3))
        .parameter("Device.NAT.PortMappingNumberOfEntries", ParameterSpec::unsigned_int())
        .parameter("Device.NAT.PortMapping.{i}.Enable", ParameterSpec::boolean().writable())
        .parameter("Device.NAT.PortMapping.{i}.Alias", ParameterSpec::string().writable())
        .parameter(
            "Device.NAT.PortMapping.{i}.ExternalPort",
            ParameterSpec::unsigned_int().writable().range(0..=65535),
        )
        .table("Device.NAT.PortMapping.{i}.Client.{i}.", TableSpec::writable())
        .parameter("Device.NAT.PortMapping.{i}.Client.{i}.Name", ParameterSpec::string().writable())
        .table("Device.Ethernet.Interface.{i}.", TableSpec::fixed())
        .parameter("Device.Ethernet.InterfaceNumberOfEntries", ParameterSpec::unsigned_int())
        .parameter("Device.Ethernet.Interface.{i}.Name", ParameterSpec::string())
        .parameter("Device.Ethernet.Interface.{i}.Stats.BytesSent", ParameterSpec::unsigned_long())
        .row("Device.Ethernet.Interface.", 1)
        .value("Device.Ethernet.Interface.1.Name", "eth0")
        .object("Device.Empty.");
    builder
}

fn model() -> Arc<Model> {
    Arc::new(builder().build().expect("a valid model"))
}

/// A device, its clock, and the ACS it talks to.
struct World {
    endpoint: Endpoint,
    uptime: Duration,
    /// Unix seconds at uptime zero; `None` without absolute time.
    boot_second: Option<i64>,
    entropy: u64,
}

/// What the ACS saw of one session, and what the shell was told.
#[derive(Debug)]
struct Session {
    inform: Inform,
    answers: Vec<Message>,
    effects: Vec<Effect>,
    ended: Ended,
    /// Where the Inform went.
    url: String,
}

impl World {
    fn new() -> Self {
        Self::with(model())
    }

    fn with(model: Arc<Model>) -> Self {
        let device = Device::new(model, identity("1"));
        Self {
            endpoint: Endpoint::new(device),
            uptime: Duration::ZERO,
            boot_second: None,
            entropy: 0,
        }
    }

    /// After the first session, in which the ACS asks for nothing.
    fn settled() -> Self {
        let mut world = Self::new();
        world.boot();
        world.session([]);
        world
    }

    fn now(&self) -> Clock {
        let wall = self.boot_second.map(|second| {
            let boot = jiff::Timestamp::from_second(second).expect("in range");
            boot.checked_add(self.uptime).expect("in range")
        });
        Clock { wall, ..Clock::relative(self.uptime) }
    }

    fn device(&mut self) -> &mut Device {
        self.endpoint.device_mut()
    }

    fn boot(&mut self) {
        let (now, entropy) = (self.now(), self.entropy);
        self.device().handle_boot(&now, entropy);
    }

    fn pass(&mut self, seconds: u64) {
        self.uptime += Duration::from_secs(seconds);
        let now = self.now();
        self.endpoint.handle_timeout(&now);
    }

    fn wants_session(&self) -> bool {
        self.endpoint.device().wants_session(&self.now())
    }

    /// Jumps to the next moment at which the device does something; seconds waited.
    fn wait(&mut self) -> u64 {
        let before = self.uptime;
        for _ in 0..8 {
            if self.wants_session() {
                return (self.uptime - before).as_secs();
            }
            let due = self.endpoint.poll_timeout().expect("something to wait for");
            self.uptime = self.uptime.max(due);
            let now = self.now();
            self.endpoint.handle_timeout(&now);
        }
        panic!("the device never wants a session");
    }

    fn update(&mut self, path: &str, text: &str) -> bool {
        let now = self.now();
        self.device().update(path, text, &now).expect(path)
    }

    fn value(&self, path: &str) -> String {
        self.endpoint.device().value(path).expect(path).text
    }

    fn execute(&mut self, request: impl Into<Message>) -> Message {
        let now = self.now();
        self.device().execute(&request.into(), &now).answer
    }

    fn fault(&mut self, request: impl Into<Message>) -> Fault {
        match self.execute(request) {
            Message::Fault(fault) => fault,
            other => panic!("{other} instead of a fault"),
        }
    }

    fn set(&mut self, path: &str, value: Value) -> Message {
        self.execute(set([(path, value)]))
    }

    fn notify(&mut self, path: &str, notification: i32) {
        let answer = self.execute(notify(path, notification));
        assert!(matches!(answer, Message::SetParameterAttributesResponse(_)), "{answer:?}");
    }

    fn start(&mut self) -> HttpPost {
        let now = self.now();
        let settings = SessionSettings::default();
        self.endpoint.start_session(&now, [7; 16], &settings).expect("a session")
    }

    /// A whole session in which the ACS sends these requests.
    fn session(&mut self, requests: impl IntoIterator<Item = Message>) -> Session {
        assert!(self.wants_session(), "no session is wanted");
        self.session_with(requests, |_| {})
    }

    /// As [`session`](Self::session), but something happens right after the Inform was sent.
    fn session_with(
        &mut self,
        requests: impl IntoIterator<Item = Message>,
        meanwhile: impl FnOnce(&mut Self),
    ) -> Session {
        let post = self.start();
        let Message::Inform(inform) = parse(&post).message else { panic!("no Inform") };
        let url = post.url.to_string();
        meanwhile(self);
        let (mut answers, mut effects) = (Vec::new(), Vec::new());
        let mut requests = requests.into_iter();
        let mut next = self.respond(&envelope(InformResponse { max_envelopes: 1 }));
        let ended = loop {
            next = match next {
                Next::Post(post) => {
                    if !is_empty_body(&post.body) {
                        answers.push(parse(&post).message);
                    }
                    let body = requests.next().map_or_else(String::new, envelope);
                    self.respond(&body)
                }
                Next::Execute => {
                    let now = self.now();
                    let (post, new) = self.endpoint.execute(&now).expect("a request waits");
                    effects.extend(new);
                    Next::Post(post)
                }
                Next::Ended(ended) => break ended,
            };
        };
        assert!(matches!(ended.outcome, Outcome::Success), "{:?}", ended.outcome);
        assert_eq!(requests.next(), None, "the session ended before the ACS was done");
        Session { inform, answers, effects, ended, url }
    }

    fn respond(&mut self, body: &str) -> Next {
        let (now, entropy) = (self.now(), self.entropy);
        let status = if body.is_empty() { 204 } else { 200 };
        let response = HttpResponse { status, body: body.as_bytes(), ..HttpResponse::default() };
        self.endpoint.handle_response(&response, &now, entropy, &mut Vec::new())
    }

    /// A session that finds no ACS; its Inform.
    fn lost_session(&mut self) -> Inform {
        let post = self.start();
        let (now, entropy) = (self.now(), self.entropy);
        assert!(matches!(self.endpoint.handle_lost(&now, entropy), Next::Ended(_)));
        let Message::Inform(inform) = parse(&post).message else { panic!("no Inform") };
        inform
    }

    /// A session that the ACS answers with an HTTP status.
    fn refused_session(&mut self, status: u16) -> Envelope {
        let post = self.start();
        let (now, entropy) = (self.now(), self.entropy);
        let response = HttpResponse { status, ..HttpResponse::default() };
        let next = self.endpoint.handle_response(&response, &now, entropy, &mut Vec::new());
        assert!(matches!(next, Next::Ended(_)));
        parse(&post)
    }
}

fn parse(post: &HttpPost) -> Envelope {
    Envelope::parse(&post.body).expect("the device writes valid envelopes").envelope
}

fn envelope(message: impl Into<Message>) -> String {
    Envelope::new(CwmpNamespace::V1_2, None, message.into()).to_xml()
}

fn codes(inform: &Inform) -> Vec<&str> {
    inform.event.iter().map(|event| event.event_code.as_str()).collect()
}

fn names(inform: &Inform) -> Vec<&str> {
    inform.parameter_list.iter().map(|parameter| parameter.name.as_str()).collect()
}

fn set<'a>(values: impl IntoIterator<Item = (&'a str, Value)>) -> Message {
    let values = values.into_iter();
    let list = values.map(|(name, value)| ParameterValueStruct { name: name.to_owned(), value });
    SetParameterValues { parameter_list: list.collect(), parameter_key: "key".to_owned() }.into()
}

fn get<const N: usize>(names: [&str; N]) -> Message {
    GetParameterValues { parameter_names: names.map(str::to_owned).to_vec() }.into()
}

fn list_names(path: &str, next_level: bool) -> Message {
    GetParameterNames { parameter_path: path.to_owned(), next_level }.into()
}

fn add(table: &str) -> Message {
    AddObject { object_name: table.to_owned(), parameter_key: "added".to_owned() }.into()
}

fn delete(row: &str) -> Message {
    DeleteObject { object_name: row.to_owned(), parameter_key: "deleted".to_owned() }.into()
}

fn notify(path: &str, notification: i32) -> Message {
    let entry = SetParameterAttributesStruct {
        name: path.to_owned(),
        notification_change: true,
        notification,
        ..SetParameterAttributesStruct::default()
    };
    SetParameterAttributes { parameter_list: vec![entry] }.into()
}
