//! `drover demo`: a server, the agent of this machine and simulated devices, all in one process and
//! one temporary folder.

mod exercise;
mod local;
mod nbi;
mod table;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use drover_acs::{AcsConfig, AuthMode, Running, UserConfig};
use drover_agent::AgentError;
use drover_cwmp::auth::{Credentials, Secret};
use drover_simulator::{FleetConfig, LiveFleet};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::data::Data;
use crate::out::{self, Failure};
use crate::serve;
use exercise::{Row, exercise, registered};
use local::Machine;
use nbi::Nbi;

/// Product class of the agent of this machine in the demo.
const LOCAL_CLASS: &str = "Local";
/// How long devices may take until all have come to the server.
const REGISTER_SECONDS_MAX: u64 = 90;
/// Devices that `--once` works with at one time.
const AT_ONE_TIME: usize = 8;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything is kept in a temporary folder that is removed at the end, and listens on loopback only.
Exit codes: 0 all of it happened, 1 something did not, 2 bad arguments.")]
pub(crate) struct Arguments {
    /// Number of simulated devices
    #[arg(long, value_name = "N", default_value_t = 25)]
    devices: usize,
    /// Parameters of each simulated device
    #[arg(long, value_name = "P", default_value_t = 120)]
    params: usize,
    /// Work with every device once, print what came of it, and end
    #[arg(long)]
    once: bool,
    /// With --once: print JSON instead of a table
    #[arg(long, requires = "once")]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    out::start_log("warn")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    runtime.block_on(demo(arguments))
}

async fn demo(arguments: Arguments) -> Result<(), Failure> {
    let stop = serve::stop_signal()?;
    let world = World::start(&arguments).await?;
    let result = tokio::select! {
        result = world.show(&arguments) => result,
        () = stop => if arguments.once {
            Err(Failure::Failed("stopped before it was done".to_owned()))
        } else {
            Ok(())
        },
        error = world.agent.failed() => Err(Failure::Failed(format!("the agent ended: {error}"))),
    };
    world.end().await;
    result
}

/// Everything that runs.
struct World {
    server: Running,
    stop_server: oneshot::Sender<()>,
    fleet: Option<LiveFleet>,
    agent: Agent,
    devices: usize,
    /// Removed when dropped.
    _folder: TempDir,
}

impl World {
    async fn start(arguments: &Arguments) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("drover-demo-")
            .tempdir()
            .map_err(|error| Failure::Failed(format!("no temporary folder: {error}")))?;
        let device = Credentials::new("demo-device", random_secret()?);
        let request = Credentials::new("demo-server", random_secret()?);
        let config = server_config(&folder, !arguments.once, &device, &request);
        let data = Data::Folder(config.data_dir.clone());
        let (stop_server, stopped) = oneshot::channel();
        let server = serve::start(config, data, async {
            // A sender that is gone means the same.
            let _ = stopped.await;
        })
        .await?;
        let address = first(&server)?;
        let acs_url = format!("http://{address}/");
        let agent = Agent::start(agent_config(&folder, &acs_url, &device, &request)?)?;
        let fleet = if arguments.devices == 0 {
            None
        } else {
            let config = fleet_config(arguments, acs_url, device, request);
            Some(LiveFleet::start(&config).await.map_err(Failure::failed)?)
        };
        let devices = arguments.devices + 1;
        Ok(Self { server, stop_server, fleet, agent, devices, _folder: folder })
    }

    fn nbi(&self) -> Result<SocketAddr, Failure> {
        let address = self.server.nbi_address();
        address.ok_or_else(|| Failure::Failed("the northbound API is off".to_owned()))
    }

    async fn show(&self, arguments: &Arguments) -> Result<(), Failure> {
        let nbi = self.nbi()?;
        if arguments.once {
            return self.once(nbi, arguments.json).await;
        }
        out::line(table::welcome(first(&self.server)?, nbi, self.devices));
        let limit = Duration::from_secs(REGISTER_SECONDS_MAX);
        let ids = registered(Nbi::new(nbi), self.devices, limit).await?;
        out::line(table::ready(nbi, &ids));
        std::future::pending().await
    }

    /// Works with every device and prints what came of it.
    async fn once(&self, nbi: SocketAddr, json: bool) -> Result<(), Failure> {
        let nbi = Nbi::new(nbi);
        let limit = Duration::from_secs(REGISTER_SECONDS_MAX);
        let ids = registered(nbi, self.devices, limit).await?;
        let rows = exercise_all(nbi, ids).await?;
        let local = rows
            .iter()
            .find(|row| row.model.ends_with(LOCAL_CLASS))
            .ok_or_else(|| Failure::Failed("the agent of this machine is not there".to_owned()))?;
        let machine = Machine::read(&local.values);
        machine.compare_with_kernel()?;
        if json {
            let result = serde_json::json!({ "devices": rows, "machine": machine });
            out::line(serde_json::to_string_pretty(&result).map_err(Failure::failed)?);
        } else {
            out::line(table::summary(&rows, &machine));
        }
        if let Some(row) = rows.iter().find(|row| row.set != row.read || row.parameters == 0) {
            return Err(Failure::Failed(format!(
                "{}: {} was set to {} and reads {}",
                row.device, row.parameter, row.set, row.read
            )));
        }
        Ok(())
    }

    async fn end(self) {
        if let Some(fleet) = self.fleet {
            fleet.shutdown().await;
        }
        self.agent.end().await;
        let _ = self.stop_server.send(());
        self.server.finished().await;
    }
}

async fn exercise_all(nbi: Nbi, ids: Vec<String>) -> Result<Vec<Row>, Failure> {
    let mut waiting = ids.into_iter().zip(1000_u64..);
    let mut going = JoinSet::new();
    let mut rows = Vec::new();
    loop {
        while going.len() < AT_ONE_TIME {
            let Some((id, interval)) = waiting.next() else { break };
            going.spawn(async move { exercise(nbi, &id, interval).await });
        }
        match going.join_next().await {
            None => break,
            Some(row) => rows.push(row.map_err(Failure::failed)??),
        }
    }
    rows.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(rows)
}

fn first(server: &Running) -> Result<SocketAddr, Failure> {
    let address = server.cwmp_addresses().first().copied();
    address.ok_or_else(|| Failure::Failed("the server does not listen".to_owned()))
}

/// The usual ports, so that what the book says works; free ones where those are taken or nobody
/// looks.
fn server_config(
    folder: &TempDir,
    usual_ports: bool,
    device: &Credentials,
    request: &Credentials,
) -> AcsConfig {
    let mut config = AcsConfig { data_dir: folder.path().join("server"), ..AcsConfig::default() };
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listen = |port| {
        let free = usual_ports && TcpListener::bind(address(port)).is_ok();
        address(if free { port } else { 0 })
    };
    config.cwmp.listen = vec![listen(7547)];
    config.nbi.listen = listen(7557);
    config.files.listen = listen(7567);
    config.cwmp.auth.mode = AuthMode::Digest;
    config.cwmp.auth.users = vec![UserConfig {
        username: device.username.clone(),
        password: device.password().clone(),
        device: None,
    }];
    config.connection_request.username.clone_from(&request.username);
    config.connection_request.password = request.password().clone();
    config
}

fn agent_config(
    folder: &TempDir,
    acs_url: &str,
    device: &Credentials,
    request: &Credentials,
) -> Result<drover_agent::Config, Failure> {
    let state_dir = folder.path().join("agent");
    std::fs::create_dir(&state_dir)
        .map_err(|error| Failure::Failed(format!("{}: {error}", state_dir.display())))?;
    let mut config = drover_agent::Config { state_dir, ..drover_agent::Config::default() };
    acs_url.clone_into(&mut config.acs.url);
    config.acs.username.clone_from(&device.username);
    config.acs.password = device.password().clone();
    config.device.product_class = LOCAL_CLASS.to_owned();
    config.connection_request.address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    config.connection_request.port = 0;
    config.connection_request.username.clone_from(&request.username);
    config.connection_request.password = request.password().clone();
    Ok(config)
}

fn fleet_config(
    arguments: &Arguments,
    acs_url: String,
    device: Credentials,
    request: Credentials,
) -> FleetConfig {
    FleetConfig {
        acs_url,
        devices: arguments.devices,
        parameters_per_device: arguments.params,
        credentials: Some(device),
        connection_request: Some(request),
        ..FleetConfig::default()
    }
}

fn random_secret() -> Result<Secret, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Failed(format!("the system has no randomness: {error}")))?;
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Secret::new(digits.concat()))
}

/// The agent of this machine, which has a thread of its own as it has a process of its own on a
/// device.
struct Agent {
    stop: watch::Sender<bool>,
    ended: watch::Receiver<Option<String>>,
    thread: thread::JoinHandle<()>,
}

impl Agent {
    fn start(config: drover_agent::Config) -> Result<Self, Failure> {
        let (stop, mut stopped) = watch::channel(false);
        let (end, ended) = watch::channel(None);
        let run = move || {
            let result = run_agent(config, async move {
                // A sender that is gone means the same.
                let _ = stopped.wait_for(|stop| *stop).await;
            });
            let text = result.err().map_or_else(String::new, |error| error.to_string());
            let _ = end.send(Some(text));
        };
        let thread = thread::Builder::new()
            .name("agent".to_owned())
            .spawn(run)
            .map_err(|error| Failure::Failed(format!("no thread for the agent: {error}")))?;
        Ok(Self { stop, ended, thread })
    }

    /// Returns why, when the agent ends unasked.
    async fn failed(&self) -> String {
        let mut ended = self.ended.clone();
        let why = ended.wait_for(Option::is_some).await;
        why.ok().and_then(|why| why.clone()).unwrap_or_else(|| "without a word".to_owned())
    }

    async fn end(self) {
        let _ = self.stop.send(true);
        let _ = tokio::task::spawn_blocking(|| self.thread.join()).await;
    }
}

fn run_agent(
    config: drover_agent::Config,
    stop: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AgentError::Start)?;
    runtime.block_on(drover_agent::run(config, stop))
}
