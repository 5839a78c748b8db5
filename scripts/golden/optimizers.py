#!/usr/bin/env python3
"""Golden parameters after five updates, for src/train/optim: printed as Rust arrays.

    python3 -m venv venv && venv/bin/pip install torch==2.13.0
    venv/bin/python scripts/golden/optimizers.py

Three double parameters start at 1, -2, 3; the gradient of update t is parameter * [0.5, 1.0, 2.0] + 0.1 t; the rate of
update t is 0.1 / t.
"""
import torch


def run(make):
    parameter = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    optimizer = make([parameter])
    for update in range(1, 6):
        optimizer.param_groups[0]["lr"] = 0.1 / update
        parameter.grad = parameter.detach() * torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64) + 0.1 * update
        optimizer.step()
    return parameter.detach().tolist()


CASES = {
    "plain": lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.01),
    "momentum": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    "adamw": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.01),
}

if __name__ == "__main__":
    for name, make in CASES.items():
        print(name, "[" + ", ".join(f"{value:.15}" for value in run(make)) + "]")
    gradients = [torch.tensor([3.0, 4.0]), torch.tensor([[12.0]])]
    for gradient in gradients:
        gradient.requires_grad_(False)
    parameters = [torch.zeros_like(g, requires_grad=True) for g in gradients]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_(parameters, 6.5)
    print("clip", [p.grad.flatten().tolist() for p in parameters])
