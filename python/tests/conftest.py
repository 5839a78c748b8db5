"""What the tests share: images that they draw themselves, a small network, and the program of mindgap."""

from __future__ import annotations

import os
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mindgap import _program

SIDE = 16
CLASSES = ["disc", "ring", "stripes"]


def picture(label: int, seed: int, side: int = SIDE) -> NDArray[np.uint8]:
    """An image of a class [side, side, 3]: a shape at a random place, in noise."""
    draws = np.random.default_rng([label, seed])
    rows, columns = np.mgrid[:side, :side] + draws.uniform(-3, 3, (2, 1, 1))
    radius = np.hypot(rows - side / 2, columns - side / 2)
    shape = [radius < 5, np.abs(radius - 5) < 1.5, columns % 4 < 2][label]
    colour = draws.uniform(40, 120, 3)
    pixels = 60 + shape[..., None] * colour + draws.normal(0, 40, (side, side, 3))
    return np.asarray(pixels.clip(0, 255), np.uint8)


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Writes an RGB image, without Pillow."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def draw_folder(root: Path, train: tuple[int, ...] = (40, 25, 30), val: tuple[int, ...] = (8, 9, 5)) -> Path:
    """An image folder with splits, in which two val images also appear in train, one of them under another label."""
    for split, counts in {"train": train, "val": val}.items():
        for label, count in enumerate(counts):
            for index in range(count):
                pixels = picture(label, 1000 * (split == "val") + index)
                write_png(root / split / CLASSES[label] / f"{index:04}.png", pixels)
    write_png(root / "val" / "disc" / "0003.png", picture(0, 7))
    write_png(root / "val" / "ring" / "0001.png", picture(2, 4))
    return root


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `draw_folder`."""
    return draw_folder(tmp_path_factory.mktemp("data") / "photos")


Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


@pytest.fixture(scope="session")
def arrays() -> tuple[Arrays, Arrays]:
    """Train and val as arrays: images [n, 3, side, side] and labels [n]; val's first image also appears in train."""

    def split(per_class: int, first: int) -> Arrays:
        pairs = [(picture(label, first + index), label) for index in range(per_class) for label in range(3)]
        images = np.stack([pixels.transpose(2, 0, 1) for pixels, _ in pairs])
        return images, np.array([label for _, label in pairs], np.int64)

    train, val = split(20, 0), split(7, 500)
    val[0][0] = train[0][3]
    return train, val


def network(seed: int = 0) -> torch.nn.Module:
    """A small network with batch norm and dropout."""
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(32, 3),
    )
    torch.set_rng_state(state)
    return layers


def scaled(image: Any) -> torch.Tensor:
    """The eval transform of the tests: bytes to numbers around 0."""
    return torch.as_tensor(np.array(image), dtype=torch.float32) / 128 - 1


def chosen_by(image: Any) -> torch.Tensor:
    """The eval transform for Pillow's images: channels first, numbers around 0."""
    return scaled(np.asarray(image)).permute(2, 0, 1)


Mindgap = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def mindgap_program() -> Mindgap:
    """Runs the program of mindgap, which must succeed."""

    def run(*args: Any) -> subprocess.CompletedProcess[str]:
        ended: subprocess.CompletedProcess[str] = _program.run(*map(str, args), capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return ended

    return run


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """mindgap keeps decoded images of other programs' users out of the way."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    assert "MINDGAP_PROGRAM" in os.environ, "scripts/check-python names the program in MINDGAP_PROGRAM"
