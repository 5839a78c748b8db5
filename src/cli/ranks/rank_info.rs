//! The rank of a process in its run, as torchrun, srun or `--ranks` set it in the environment.

use std::{env, str::FromStr};

use anyhow::{Context, Result, anyhow, ensure};

/// The rank of a process, and how it reaches the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankInfo {
    /// The rank, from 0.
    pub rank: usize,
    /// The number of ranks, at least 2.
    pub size: usize,
    /// The number of the process on its machine, from 0.
    pub local_rank: usize,
    /// The number of processes on its machine, if the environment says it.
    pub local_size: Option<usize>,
    /// The host of the store through which the processes meet.
    pub host: String,
    pub port: u16,
    /// Whether torchrun's agent serves the store; otherwise rank 0 does.
    pub agent_serves: bool,
    /// The number of earlier starts of the run: torchrun starts it again when a process dies.
    pub attempt: u64,
}

impl RankInfo {
    /// Reads the environment. Returns None where the run has a single process.
    /// Fails if a variable is missing, or if its value is not a number in range.
    pub fn of_environment() -> Result<Option<Self>> {
        Self::read(&|name| env::var(name).ok())
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let info = if variable("RANK").is_some() && variable("WORLD_SIZE").is_some() {
            Self::of_torchrun(variable)?
        } else if ["SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_ID"].iter().all(|name| variable(name).is_some()) {
            // SLURM_STEP_ID is set by srun only. A script that sbatch starts is one process, whatever the number of tasks.
            Self::of_slurm(variable)?
        } else {
            return Ok(None);
        };
        ensure!(info.rank < info.size, "process {} of {}: they are numbered from 0", info.rank, info.size);
        Ok((info.size > 1).then_some(info))
    }

    fn of_torchrun(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let size = number(variable, "WORLD_SIZE")?;
        Ok(Self {
            rank: number(variable, "RANK")?,
            size,
            local_rank: optional(variable, "LOCAL_RANK")?.unwrap_or(0),
            local_size: optional(variable, "LOCAL_WORLD_SIZE")?,
            host: if size == 1 { String::new() } else { text(variable, "MASTER_ADDR")? },
            port: if size == 1 { 0 } else { number(variable, "MASTER_PORT")? },
            agent_serves: variable("TORCHELASTIC_USE_AGENT_STORE").is_some_and(|word| word == "True"),
            attempt: optional(variable, "TORCHELASTIC_RESTART_COUNT")?.unwrap_or(0),
        })
    }

    fn of_slurm(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let host = match variable("MASTER_ADDR") {
            Some(host) => host,
            None => {
                let nodes = variable("SLURM_STEP_NODELIST").or_else(|| variable("SLURM_JOB_NODELIST"));
                first_node(&nodes.context("neither MASTER_ADDR nor SLURM_STEP_NODELIST says where rank 0 is")?)
            }
        };
        let job = optional(variable, "SLURM_JOB_ID")?.unwrap_or(0u64);
        let step = optional(variable, "SLURM_STEP_ID")?.unwrap_or(0);
        // All nodes of a step compute the same port, and two jobs that share a node different ones.
        let port = 20_000 + (job * 7 + step) % 10_000;
        Ok(Self {
            rank: number(variable, "SLURM_PROCID")?,
            size: optional(variable, "SLURM_STEP_NUM_TASKS")?.map_or_else(|| number(variable, "SLURM_NTASKS"), Ok)?,
            local_rank: optional(variable, "SLURM_LOCALID")?.unwrap_or(0),
            // srun binds each task to its own cores, and only these are counted.
            local_size: None,
            host,
            port: optional(variable, "MASTER_PORT")?.unwrap_or(port as u16),
            agent_serves: false,
            attempt: 0,
        })
    }
}

fn text(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Result<String> {
    variable(name).with_context(|| format!("RANK and WORLD_SIZE are set, but {name} is not: start all with torchrun"))
}

fn number<T: FromStr>(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Result<T> {
    let value = text(variable, name)?;
    value.parse().map_err(|_| anyhow!("{name} is `{value}` in the environment, no number that fits"))
}

fn optional<T: FromStr>(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Result<Option<T>> {
    variable(name).map(|_| number(variable, name)).transpose()
}

/// The first host of a list as Slurm writes it: `gpu[03-05,9],cpu1` begins with `gpu03`.
fn first_node(list: &str) -> String {
    let mut first = String::new();
    let mut rest = list;
    // Of the numbers inside brackets only the first is taken.
    while let Some((before, after)) = rest.split_once('[')
        && !before.contains(',')
        && let Some((numbers, after)) = after.split_once(']')
    {
        first += before;
        first += numbers.split([',', '-']).next().unwrap_or_default();
        rest = after;
    }
    first + rest.split(',').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &str) -> Result<Option<RankInfo>> {
        let pairs: Vec<(&str, &str)> = variables.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
        RankInfo::read(&|wanted| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn variables_of_torchrun_are_read() {
        let info = read(
            "RANK=3 WORLD_SIZE=4 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2 MASTER_ADDR=h MASTER_PORT=29500 \
             TORCHELASTIC_USE_AGENT_STORE=True TORCHELASTIC_RESTART_COUNT=2",
        );
        let expected = RankInfo {
            rank: 3,
            size: 4,
            local_rank: 1,
            local_size: Some(2),
            host: "h".into(),
            port: 29500,
            agent_serves: true,
            attempt: 2,
        };
        assert_eq!(info.unwrap(), Some(expected));
    }

    #[test]
    fn variables_of_srun_are_read_and_sbatch_is_one_process() {
        let task = "SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_LOCALID=0 SLURM_JOB_ID=12 SLURM_JOB_NODELIST=gpu[03-05,9],cpu1";
        assert_eq!(read(task).unwrap(), None);
        let info = read(&format!("{task} SLURM_STEP_ID=1")).unwrap().unwrap();
        assert_eq!((info.rank, info.size, info.host.as_str(), info.port), (1, 2, "gpu03", 20_085));
        let info = read(&format!("{task} SLURM_STEP_ID=1 MASTER_ADDR=10.0.0.1 MASTER_PORT=7")).unwrap().unwrap();
        assert_eq!((info.host.as_str(), info.port), ("10.0.0.1", 7));
    }

    #[test]
    fn one_process_has_no_group() {
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("RANK=0").unwrap(), None);
        assert_eq!(read("RANK=0 WORLD_SIZE=1").unwrap(), None);
        assert_eq!(read("SLURM_PROCID=0 SLURM_NTASKS=1 SLURM_STEP_ID=0 MASTER_ADDR=h").unwrap(), None);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let wrong = |variables| read(variables).unwrap_err().to_string();
        assert!(wrong("RANK=0 WORLD_SIZE=2 MASTER_PORT=1").contains("MASTER_ADDR"));
        assert!(wrong("RANK=0 WORLD_SIZE=two").contains("WORLD_SIZE is `two`"));
        assert!(wrong("RANK=2 WORLD_SIZE=2 MASTER_ADDR=h MASTER_PORT=1").contains("process 2 of 2"));
    }

    #[test]
    fn the_first_node_of_a_list_is_found() {
        for (list, first) in
            [("a,b", "a"), ("n[1-3]", "n1"), ("n[07,9]x,m", "n07x"), ("solo", "solo"), ("r[0-1]n[2-3]", "r0n2")]
        {
            assert_eq!(first_node(list), first);
        }
    }
}
