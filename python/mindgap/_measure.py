"""The measurement of a model on a set of images, one and the same for probe and val."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

#: What gives the logits [n, classes] of a batch of images.
Forward = Callable[[Any, torch.Tensor], Any]


@contextmanager
def generators_kept() -> Iterator[None]:
    """Gives the generators of Python, NumPy and torch (CPU, CUDA, MPS) back the state that they had before."""
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    # A process that has not used CUDA has no state there, and asking for it would start CUDA.
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)


@contextmanager
def eval_mode(model: torch.nn.Module) -> Iterator[None]:
    """Puts every module into eval mode, and each back into the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            # Not by train(), which would change the modules inside as well.
            module.training = training


def bare(model: torch.nn.Module) -> torch.nn.Module:
    """The module that computes: without torch.compile's wrapper, and without those of several processes or devices.

    Compiled code would be compiled again for eval mode; a wrapper of several processes would wait for the others.
    """
    while True:
        inner = getattr(model, "_orig_mod", None)
        if isinstance(model, (torch.nn.parallel.DistributedDataParallel, torch.nn.DataParallel)):
            inner = model.module
        if not isinstance(inner, torch.nn.Module):
            return model
        model = inner


def device_named(name: str | torch.device) -> torch.device:
    """The device of this name. Raises ValueError where it is one of CUDA and there is none."""
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {device}, and torch finds no CUDA here: pass device='cpu'")
    return device


def device_of(model: torch.nn.Module) -> torch.device:
    """The device of the model's first tensor; the CPU where it has none."""
    for tensor in [*model.parameters(), *model.buffers()]:
        return tensor.device
    return torch.device("cpu")


def logits(
    model: torch.nn.Module,
    batches: Iterable[tuple[torch.Tensor, str | None]],
    device: torch.device,
    forward: Forward | None,
    classes: int,
) -> NDArray[np.float32]:
    """The model's logits [n, classes] on all images: without gradients, autocast or changes to the model.

    The caller has put the model into eval mode.
    """
    computed = []
    # accelerate replaces forward by one under autocast, and keeps the model's own here.
    call = vars(model).get("_original_forward", model)
    dtype = next((tensor.dtype for tensor in model.parameters() if tensor.is_floating_point()), torch.float32)
    # Not inference_mode: what a model keeps from there (tables of positions, say) cannot be trained with afterwards.
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for images, keyword in batches:
            # A model in half precision takes its images so; bytes remain bytes.
            images = images.to(device, dtype) if images.is_floating_point() else images.to(device)
            if forward is not None:
                outputs = forward(model, images)
            else:
                outputs = call(**{keyword: images}) if keyword else call(images)
            computed.append(_checked(_logits_in(outputs), len(images), classes))
    return _not_probabilities(torch.cat(computed)).numpy()


def _logits_in(outputs: Any) -> Any:
    """The logits in what a model returned."""
    if isinstance(outputs, torch.Tensor):
        return outputs
    if isinstance(outputs, Mapping) and "logits" in outputs:
        return outputs["logits"]
    if hasattr(outputs, "logits"):
        return outputs.logits
    if isinstance(outputs, (tuple, list)) and outputs:
        return outputs[0]
    raise ValueError(
        f"the model returned a {type(outputs).__name__} without logits: pass forward=, a function of model and images that "
        f"returns them, [n, classes]"
    )


def _checked(logits: Any, n: int, classes: int) -> torch.Tensor:
    shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else None
    if shape != (n, classes):
        hint = "build the model for these classes, or pass classes="
        if shape in [(n,), (n, 1)]:
            hint = "of one logit for two classes pass forward=lambda model, images: torch.cat([0 * z, z], 1), z = model(images)"
        raise ValueError(f"for {n} images of {classes} classes the model gave {shape or type(logits).__name__}: {hint}")
    on_host: torch.Tensor = logits.detach().to("cpu", torch.float32)
    return on_host


def _not_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Refuses outputs that went through a softmax: cross-entropy takes logits, or logarithms of probabilities."""
    if bool((logits >= 0).all()) and bool(((logits.sum(1) - 1).abs() < 1e-3).all()):
        raise ValueError(
            "the model gives probabilities (rows from 0 to 1 that add up to 1), and the loss takes logits: pass "
            "forward=lambda model, images: model(images).clamp_min(1e-7).log()"
        )
    return logits
