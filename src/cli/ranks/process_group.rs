//! The group of processes that train one run together, from its formation to its end.

use std::{
    env,
    os::fd::{FromRawFd, OwnedFd},
    sync::{Arc, OnceLock, atomic::AtomicU64},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tch::Device;

use super::{Message, RankInfo, heartbeat::HeartbeatMonitor, launch};
use crate::cli::ExitStatus;
use mindgap::{
    data::Dataset,
    torch::{
        Collective,
        device::DeviceRequest,
        distributed::{Membership, Processes, Store, address_towards, listen},
    },
    train::{Failure, Ranks},
};

/// Flags for a run on several processes.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// Train one run on N processes of this machine, each with its share of every batch; under torchrun and srun, which
    /// start the processes themselves, leave it out
    #[arg(long, value_name = "N", help_heading = "Machine", value_parser = clap::value_parser!(u16).range(1..=1024))]
    ranks: Option<u16>,

    /// Seconds without a heartbeat after which a process of the run counts as dead, and the others end
    #[arg(long, value_name = "SECONDS", default_value = "60", help_heading = "Machine")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=86_400))]
    rank_timeout: u32,
}

impl Default for Flags {
    fn default() -> Self {
        Self { ranks: None, rank_timeout: 60 }
    }
}

impl Flags {
    /// `--ranks` after a space, where it was given.
    pub fn given(&self) -> String {
        self.ranks.map_or(String::new(), |ranks| format!(" --ranks {ranks}"))
    }

    /// Calls `train` with the process group that the environment or `--ranks` asks for, or without one.
    /// Fails if `train` does, if processes did not join, if one died, and if `device` cannot be one for each that `--ranks` starts.
    pub fn with_group(
        &self,
        device: DeviceRequest,
        train: impl FnOnce(Option<&ProcessGroup>) -> Result<ExitStatus>,
    ) -> Result<ExitStatus> {
        let launched = env::var_os(launch::LAUNCHED).is_some();
        let timeout = Duration::from_secs(self.rank_timeout.into());
        match (RankInfo::of_environment()?, self.ranks) {
            (Some(info), Some(_)) if !launched => bail!(
                "--ranks starts the processes of a run itself, but this is already process {} of {}: leave --ranks out",
                info.rank,
                info.size
            ),
            (Some(info), _) => {
                let group = ProcessGroup::meet(info, timeout)?;
                let outcome = train(Some(&group));
                group.end(outcome)
            }
            (None, Some(ranks)) if ranks > 1 => {
                device.check_enough(ranks.into()).with_context(|| format!("--ranks {ranks}"))?;
                launch::run(ranks.into(), timeout)
            }
            (None, _) => train(None),
        }
    }
}

/// The group of processes that train a run together, as one of them sees it.
pub struct ProcessGroup {
    info: RankInfo,
    store: Arc<Store>,
    monitor: HeartbeatMonitor,
    calls: Arc<AtomicU64>,
    timeout: Duration,
    ranks: OnceLock<Ranks>,
}

impl ProcessGroup {
    /// Connects to the store through which all processes meet. Rank 0 serves it, unless torchrun does.
    fn meet(info: RankInfo, timeout: Duration) -> Result<Self> {
        let RankInfo { rank, host, port, .. } = &info;
        let socket = match env::var(launch::SOCKET) {
            Ok(number) if *rank == 0 => {
                let number = number.parse().with_context(|| format!("{} is no number", launch::SOCKET))?;
                // SAFETY: `--ranks` opened this socket for rank 0, which takes it once, here.
                Some(unsafe { OwnedFd::from_raw_fd(number) })
            }
            _ if *rank == 0 && !info.agent_serves => Some(listen(host, *port)?.into()),
            _ => None,
        };
        let prefix = format!("mindgap/{}", info.attempt);
        // Other processes may start later, rank 0 and its store among them.
        let start_timeout = timeout.max(Duration::from_secs(300));
        let join = |socket| {
            Store::join(host, *port, socket, &prefix, start_timeout)
                .with_context(|| format!("rank {rank} cannot join the run's store at {host}:{port}"))
        };
        let store = Arc::new(join(socket)?);
        let calls = Arc::new(AtomicU64::new(0));
        // The monitor has its own connection, since requests on one connection wait for each other.
        let monitor = HeartbeatMonitor::start(&info, join(None)?, Arc::clone(&calls), timeout)?;
        Ok(Self { info, store, monitor, calls, timeout, ranks: OnceLock::new() })
    }

    /// The rank of this process.
    pub fn info(&self) -> &RankInfo {
        &self.info
    }

    /// Sends rank 0's message to the other ranks.
    pub fn send(&self, message: &Message) -> Result<()> {
        self.store.set("message", &serde_json::to_string(message)?)
    }

    /// Waits for rank 0's message.
    pub fn receive(&self) -> Result<Message> {
        Ok(serde_json::from_str(&self.wait_for("message")?)?)
    }

    /// Waits for the value of `key`. If the process that should set it is dead, the monitor ends this one.
    fn wait_for(&self, key: &str) -> Result<String> {
        loop {
            if let Some(value) = self.store.get(key)? {
                return Ok(value);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until all ranks have opened their data, and connects them for training on `device`.
    /// Fails if this process has other data than rank 0, or if another one has died.
    pub fn connect(&self, device: Device, data: &Dataset) -> Result<Ranks> {
        let RankInfo { rank, size, .. } = self.info;
        self.store.set(&format!("ready/{rank}"), "")?;
        for other in 0..size {
            self.wait_for(&format!("ready/{other}"))?;
        }
        let address = address_towards(&self.info.host, self.info.port)?;
        let member = Membership { rank, size, address, device: Device::Cpu, timeout: self.timeout, calls: &self.calls };
        let host: Arc<dyn Collective> = Arc::new(Processes::join(&self.store, "host", member)?);
        let on_device = match device {
            Device::Cpu => Arc::clone(&host),
            device => Arc::new(Processes::join(&self.store, "device", Membership { device, ..member })?),
        };
        let ranks = Ranks::new(on_device, host);
        let first = ranks.first_of((rank == 0).then(|| data.fingerprint.clone()))?.unwrap_or_default();
        ensure!(
            first == data.fingerprint,
            "the data here (fingerprint {}) are not those of rank 0 (fingerprint {first}): every machine needs the same \
             images",
            data.fingerprint
        );
        Ok(self.ranks.get_or_init(|| ranks).clone())
    }

    /// Waits until all processes have finished training, and ends the monitoring.
    pub fn leave(&self) -> Result<()> {
        if let Some(ranks) = self.ranks.get() {
            ranks.wait()?;
        }
        self.monitor.end();
        Ok(())
    }

    /// Ends the monitoring and returns the outcome of this process. An error is sent to the other processes, unless another
    /// process caused it.
    fn end(self, outcome: Result<ExitStatus>) -> Result<ExitStatus> {
        let error = match outcome {
            Ok(status) => {
                self.monitor.end();
                return Ok(status);
            }
            Err(error) => error,
        };
        let rank = self.info.rank;
        Err(match self.monitor.culprit(&error) {
            Some(text) => Failure(format!("rank {rank} ends: {text}")).into(),
            None => error.context(format!("rank {rank}")),
        })
    }
}
