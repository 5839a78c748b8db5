//! The lines of several processes that train one network together, each of which prints what it measured on its own share.

use std::collections::{BTreeMap, BTreeSet};

use super::{counts::number, line::Line};

/// Words before the number of a process: `[rank0]`, `GPU 1 |`, `worker-2:`.
const NAMES: [&str; 9] = ["local_rank", "rank", "gpu", "cuda", "device", "process", "proc", "worker", "default"];

/// The number of the process that a line begins with; also `[1,0]<stdout>:` of mpirun and `0: Epoch` of srun.
pub fn of(line: &str) -> Option<u32> {
    let small = line.trim_start().to_ascii_lowercase();
    if let Some((_, rest)) = small.strip_prefix('[').and_then(number)
        && let Some((process, rest)) = rest.strip_prefix(',').and_then(number)
    {
        return rest.starts_with("]<std").then_some(process as u32);
    }
    if let Some((process, rest)) = number(&small) {
        return rest.strip_prefix(": ").is_some_and(|rest| rest.starts_with("epoch")).then_some(process as u32);
    }
    let name = small.trim_start_matches(['[', '(']);
    let rest = NAMES.iter().find_map(|known| name.strip_prefix(known))?;
    let (process, rest) = number(rest.trim_start_matches([' ', ':', '-', '_', '=', '#']))?;
    let is_apart = rest.trim_start().starts_with([']', ')', ':', '|', '-', ',']);
    (is_apart && process.fract() == 0.0).then_some(process as u32)
}

/// Keeps of several processes the figures of the first one, and those that it never states. Returns a note where the processes state
/// different figures of one epoch.
pub fn keep_first(lines: &mut Vec<Line>) -> Option<String> {
    let processes: BTreeSet<u32> = lines.iter().filter_map(|line| line.process).collect();
    let first = *processes.first()?;
    let without = lines.iter().filter(|line| line.process.is_none()).count();
    if processes.len() < 2 || 2 * without > lines.len() {
        return None;
    }
    let mut stated: BTreeMap<(u32, Option<u64>), BTreeSet<u64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.process.is_some() && line.batch.is_none()) {
        for figure in &line.figures {
            let value = figure.cell.number().unwrap_or(f64::NAN).to_bits();
            stated.entry((figure.column, line.epoch.map(f64::to_bits))).or_default().insert(value);
        }
    }
    let of_first = lines.iter().filter(|line| line.process == Some(first));
    let columns: BTreeSet<u32> = of_first.flat_map(|line| &line.figures).map(|figure| figure.column).collect();
    for line in lines.iter_mut().filter(|line| line.process.is_some_and(|process| process != first)) {
        line.figures.retain(|figure| !columns.contains(&figure.column));
    }
    lines.retain(|line| !line.figures.is_empty());
    let differ = stated.values().any(|values| values.len() > 1);
    differ.then(|| {
        format!(
            "It has the lines of {} processes, whose figures differ: those of process {first} count.",
            processes.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_known_by_how_launchers_and_scripts_mark_their_lines() {
        for (line, process) in [
            ("[rank0] Epoch 1: train loss 1.7", Some(0)),
            ("[GPU3] Epoch 1 | Train loss: 1.9", Some(3)),
            ("Rank 1 - Epoch 1", Some(1)),
            ("[cuda:2] Epoch 1/6", Some(2)),
            ("worker-1: Epoch 1/6", Some(1)),
            ("[default1]:Epoch 1/6", Some(1)),
            ("[1,4]<stdout>:Epoch 1/6", Some(4)),
            ("7: Epoch 3: train_loss=0.9", Some(7)),
            ("7: train_loss 0.9", None),
            ("[1, 2000] loss: 1.2", None),
            ("device cuda:0", None),
            ("Epoch 1 rank 0", None),
            ("gpu 8.5 GB", None),
        ] {
            assert_eq!(of(line), process, "{line}");
        }
    }
}
