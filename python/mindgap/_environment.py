"""`environment.json`: programs, device and data of a recorded run."""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path
from typing import Any

import torch

from . import __version__
from ._data import Data
from ._folder import now
from ._samples import pixel_hash
from ._splits import train_duplicates


def versions(device: torch.device) -> dict[str, Any]:
    """Programs and device: where one of them differs, the last bits of a run may differ."""
    return {
        "mindgap": __version__,
        "libtorch": torch.__version__,
        "device": str(device),
        "threads": torch.get_num_threads(),
    }


def resume(device: torch.device, after_epoch: int) -> dict[str, Any]:
    """One resumption of a run."""
    return {"at": now(), "after_epoch": after_epoch, "command_line": sys.argv, **versions(device)}


def environment(
    *,
    data: Data,
    model: torch.nn.Module,
    device: torch.device,
    framework: str,
    started: str,
) -> dict[str, Any]:
    """The content of the file."""
    return {
        **versions(device),
        "cpu": _cpu_name(),
        "recorder": {
            "package": f"mindgap {__version__} (Python {platform.python_version()})",
            "framework": framework,
            "model": type(model).__name__,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "first_input": first_input(data),
        },
        "data": _data_section(data),
        "command_line": sys.argv,
        "started": started,
        "resumes": [],
    }


def fingerprint(data: Data) -> str:
    """A hash over classes, labels and pixels; names of files have no influence."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr(list(data.classes)).encode())
    for split in (data.train, data.val):
        digest.update(f"{split.source.name} {len(split.positions)}".encode())
        for label, pixels in zip(split.content.labels, split.content.hashes, strict=True):
            digest.update(label.to_bytes(4, "little") + pixels)
    return f"py-{digest.hexdigest()}"


def first_input(data: Data) -> str:
    """A hash of what the network sees of val's first image: another one where the eval transform is another."""
    return pixel_hash(data.first_input).hex()


def _data_section(data: Data) -> dict[str, Any]:
    """The section `data`: what the run was trained on."""
    train, val = data.train, data.val
    duplicates = train_duplicates(train.content)
    about: dict[str, Any] = {"source": str(data.root or type(train.source.dataset).__name__)}
    if data.root is not None:
        about["path"] = str(data.root.resolve())
    about |= {
        "fingerprint": fingerprint(data),
        "train": len(train.positions),
        "val": len(val.positions),
        "probe": len(data.probe),
        "val_in_train": sum(data.leaks),
        "surplus_duplicates": duplicates.surplus,
        "conflicting_groups": duplicates.conflicting,
        "bad_files": 0,
        "classes": list(data.classes),
    }
    shape = tuple(data.first_input.shape)
    # [channels, height, width], or as Keras has it with the channels last.
    for channels, sides in [(shape[:1], shape[1:]), (shape[2:], shape[:2])]:
        if len(shape) == 3 and channels[0] in (1, 3):
            about["channels"] = channels[0]
            if sides[0] == sides[1]:
                about["size"] = sides[0]
            break
    return about | {"mean": [], "std": []}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name") and ":" in line]
    return names[0] if names else "unknown"
