//! The processes of one run, from their meeting to their end.

use std::{
    env,
    os::fd::{FromRawFd, OwnedFd},
    sync::{Arc, OnceLock, atomic::AtomicU64},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tch::Device;

use super::{Place, Word, launch, watch::Watch};
use crate::cli::End;
use mindgap::{
    data::Dataset,
    torch::{
        Collective,
        distributed::{Membership, Processes, Store, address_towards, listen},
    },
    train::{Failure, Ranks, Trainer},
};

/// Flags for a run on several processes.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// Train one run on N processes of this machine, each with its share of every batch; under torchrun and srun, which
    /// start the processes themselves, leave it out
    #[arg(long, value_name = "N", help_heading = "Machine", value_parser = clap::value_parser!(u16).range(1..=1024))]
    ranks: Option<u16>,

    /// Seconds without a sign of life after which a process of the run counts as dead, and the others end
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
    /// Calls `train` in the company that the environment or `--ranks` asks for, or in none.
    ///
    /// # Errors
    /// Those of `train`; the company did not meet, or lost one of its processes.
    pub fn company(&self, train: impl FnOnce(Option<&Company>) -> Result<End>) -> Result<End> {
        let launched = env::var_os(launch::LAUNCHED).is_some();
        match (Place::of_environment()?, self.ranks) {
            (Some(place), Some(_)) if !launched => bail!(
                "--ranks starts the processes of a run itself, but this is already process {} of {}: leave --ranks out",
                place.rank,
                place.size
            ),
            (Some(place), _) => {
                let company = Company::meet(place, Duration::from_secs(self.rank_timeout.into()))?;
                let outcome = train(Some(&company));
                company.end(outcome)
            }
            (None, Some(ranks)) if ranks > 1 => launch::run(ranks.into()),
            (None, _) => train(None),
        }
    }
}

/// The other processes of this one's run.
pub struct Company {
    place: Place,
    store: Arc<Store>,
    watch: Watch,
    calls: Arc<AtomicU64>,
    timeout: Duration,
    ranks: OnceLock<Ranks>,
}

impl Company {
    /// Joins the store in which all meet; rank 0 serves it, unless torchrun does.
    fn meet(place: Place, timeout: Duration) -> Result<Self> {
        let Place { rank, host, port, .. } = &place;
        let socket = match env::var(launch::SOCKET) {
            Ok(number) if *rank == 0 => {
                let number = number.parse().with_context(|| format!("{} is no number", launch::SOCKET))?;
                // SAFETY: `--ranks` opened this socket for rank 0, which takes it once, here.
                Some(unsafe { OwnedFd::from_raw_fd(number) })
            }
            _ if *rank == 0 && !place.agent_serves => Some(listen(host, *port)?.into()),
            _ => None,
        };
        let prefix = format!("mindgap/{}", place.attempt);
        // Others may start later, and rank 0's store with them.
        let patience = timeout.max(Duration::from_secs(300));
        let join = |socket| Store::join(host, *port, socket, &prefix, patience);
        let failure = || format!("rank {rank} cannot join the run's store at {host}:{port}");
        let store = Arc::new(join(socket).with_context(failure)?);
        let calls = Arc::new(AtomicU64::new(0));
        // A connection of its own: requests of one connection wait for each other.
        let watch = Watch::start(&place, join(None).with_context(failure)?, Arc::clone(&calls), timeout)?;
        Ok(Self { place, store, watch, calls, timeout, ranks: OnceLock::new() })
    }

    /// Where this process stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Rank 0 tells the others what is to be trained.
    pub fn tell(&self, word: &Word) -> Result<()> {
        self.store.set("word", &serde_json::to_string(word)?)
    }

    /// What rank 0 tells.
    pub fn hear(&self) -> Result<Word> {
        Ok(serde_json::from_str(&self.wait_for("word")?)?)
    }

    /// The value of `key` once it is there. Whoever does not come is the watch's business.
    fn wait_for(&self, key: &str) -> Result<String> {
        loop {
            if let Some(value) = self.store.get(key)? {
                return Ok(value);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets `trainer` train together with the others' from rank 0's state, once all have opened their data.
    ///
    /// # Errors
    /// This process has other data than rank 0, or another one has died.
    pub fn join(&self, trainer: &mut Trainer, data: &Dataset) -> Result<()> {
        let Place { rank, size, .. } = self.place;
        self.store.set(&format!("ready/{rank}"), "")?;
        for other in 0..size {
            self.wait_for(&format!("ready/{other}"))?;
        }
        let address = address_towards(&self.place.host, self.place.port)?;
        let member = Membership { rank, size, address, device: Device::Cpu, timeout: self.timeout, calls: &self.calls };
        let host: Arc<dyn Collective> = Arc::new(Processes::join(&self.store, "host", member)?);
        let on_device = match trainer.model.parameters.device() {
            Device::Cpu => Arc::clone(&host),
            device => Arc::new(Processes::join(&self.store, "device", Membership { device, ..member })?),
        };
        let ranks = Ranks::new(on_device, host);
        let first = ranks.first_of((rank == 0).then_some(&data.fingerprint))?.unwrap_or_default();
        ensure!(
            first == data.fingerprint,
            "the data here (fingerprint {}) are not those of rank 0 (fingerprint {first}): every machine needs the same \
             images",
            data.fingerprint
        );
        trainer.join(ranks.clone())?;
        self.ranks.get_or_init(|| ranks);
        Ok(())
    }

    /// The last meeting: all have done what they do together, and nobody is watched any more.
    pub fn part(&self) -> Result<()> {
        if let Some(ranks) = self.ranks.get() {
            ranks.wait()?;
        }
        self.watch.end();
        Ok(())
    }

    /// The end of this process. An error is told to the others; or it turns out to be the echo of another's death.
    fn end(self, outcome: Result<End>) -> Result<End> {
        let error = match outcome {
            Ok(end) => {
                self.watch.end();
                return Ok(end);
            }
            Err(error) => error,
        };
        let rank = self.place.rank;
        Err(match self.watch.culprit(&error) {
            Some(text) => Failure(format!("rank {rank} ends: {text}")).into(),
            None => error.context(format!("rank {rank}")),
        })
    }
}
