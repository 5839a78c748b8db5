#!/usr/bin/env python3
"""Records the rates of PyTorch's learning-rate schedulers, for the test in src/recipe/schedule.rs.

    python3 -m venv .venv && .venv/bin/pip install torch==2.13.0
    .venv/bin/python scripts/golden/schedule.py > tests/golden/schedule.json

Each record: lr, steps_per_epoch, the phase as mindgap writes it, and the rate of every step.
"""
import json

import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, CyclicLR, LinearLR, MultiStepLR, StepLR

LR = 0.05


def rates(make, steps, every=1):
    """The rate of each of `steps` steps, the scheduler moving on after every `every` of them."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=LR, momentum=0.9)
    scheduler = make(optimizer)
    read = []
    for step in range(1, steps + 1):
        read.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step % every == 0:
            scheduler.step()
    return read


def cyclic(name, steps_per_epoch, up, down, mode="triangular", gamma=1.0, low=0.02):
    phase = {"epochs": 20, "kind": "cyclic", "low": low, "high": 1, "up": up, "down": down,
             "mode": mode, "gamma": gamma}
    read = rates(
        lambda optimizer: CyclicLR(
            optimizer, base_lr=low * LR, max_lr=LR,
            step_size_up=up * steps_per_epoch, step_size_down=down * steps_per_epoch,
            mode=mode, gamma=gamma, cycle_momentum=False),
        20 * steps_per_epoch)
    return record(name, steps_per_epoch, phase, read)


def record(name, steps_per_epoch, phase, read):
    return {"name": name, "lr": LR, "steps_per_epoch": steps_per_epoch, "phase": phase, "rates": read}


def per_epoch(name, phase, make, epochs=40, steps_per_epoch=3):
    read = rates(make, epochs * steps_per_epoch, steps_per_epoch)
    return record(name, steps_per_epoch, {"epochs": epochs, **phase}, read)


def per_step(name, phase, make, epochs=4, steps_per_epoch=25):
    return record(name, steps_per_epoch, {"epochs": epochs, **phase}, rates(make, epochs * steps_per_epoch))


records = [
    cyclic("CyclicLR, the reference recipe's", 7, 2, 2),
    cyclic("CyclicLR, up 3 down 5", 6, 3, 5),
    cyclic("CyclicLR, fractional lengths", 9, 0.7, 1.9, low=0.1),
    cyclic("CyclicLR, triangular2", 8, 1, 3, mode="triangular2"),
    cyclic("CyclicLR, exp_range", 10, 2, 1, mode="exp_range", gamma=0.99),
    per_epoch("MultiStepLR", {"kind": "step", "factor": 1, "decay": 0.1, "milestones": [5, 17, 30]},
              lambda optimizer: MultiStepLR(optimizer, [5, 17, 30], gamma=0.1)),
    per_epoch("MultiStepLR, gamma 0.37", {"kind": "step", "factor": 1, "decay": 0.37, "milestones": [1, 2, 3, 20, 39]},
              lambda optimizer: MultiStepLR(optimizer, [1, 2, 3, 20, 39], gamma=0.37)),
    per_epoch("StepLR", {"kind": "step", "factor": 1, "decay": 0.2, "every": 7},
              lambda optimizer: StepLR(optimizer, 7, gamma=0.2)),
    per_step("CosineAnnealingLR", {"kind": "cosine", "from": 1, "to": 0.01},
             lambda optimizer: CosineAnnealingLR(optimizer, 100, eta_min=0.01 * LR)),
    per_step("LinearLR", {"kind": "linear", "from": 0.1, "to": 1},
             lambda optimizer: LinearLR(optimizer, start_factor=0.1, end_factor=1.0, total_iters=100)),
]
# One record a line.
print("[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]")
