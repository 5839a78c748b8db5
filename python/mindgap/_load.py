"""`mindgap.load`: a trained network for use in Python, from images to class names."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import _measure

#: Images in one forward pass.
_BATCH = 64


@dataclass(frozen=True)
class Prediction:
    """What a network says of an image."""

    #: The most likely class.
    name: str
    #: Its probability, 0–1.
    probability: float
    #: The probability of every class by name, in the order of the classes.
    probabilities: Mapping[str, float]


class Model:
    """A trained network with its classes and the preparation of its images; made by `mindgap.load`."""

    def __init__(self, network: Any, about: Mapping[str, Any], device: torch.device, temperature: float) -> None:
        #: The TorchScript module: uint8 images [n, channels, size, size] to logits [n, classes].
        self.network = network
        #: Class names in the order of the logits.
        self.classes: list[str] = list(about["classes"])
        #: 1 (grey) or 3 (RGB)
        self.channels: int = about["channels"]
        #: Width and height of the images that the network sees [pixels].
        self.size: int = about["size"]
        #: The epoch after which the weights were taken.
        self.epoch: int = about["epoch"]
        self.device = device
        #: What logits are divided by before the softmax.
        self.temperature = temperature

    def __call__(self, images: Any) -> Any:
        """Predicts the class of an image, or of each image of a list.

        Args:
            images: The path of a file (needs Pillow), an image of Pillow, an array [height, width] or [height, width, channels]
                or a tensor [channels, height, width] of bytes (uint8); or a list of these, or an array or tensor with one
                dimension more.

        Returns:
            A `Prediction`; a list of them for several images.
        """
        if isinstance(images, (list, tuple)):
            return self._predictions([self.prepare(image) for image in images])
        if isinstance(images, (np.ndarray, torch.Tensor)) and images.ndim == 4:
            return self._predictions([self.prepare(image) for image in images])
        return self._predictions([self.prepare(images)])[0]

    def prepare(self, image: Any) -> torch.Tensor:
        """The bytes [channels, size, size] that the network sees of an image, prepared as mindgap prepares val's."""
        if isinstance(image, (str, os.PathLike)):
            image = _opened(Path(image))
        pixels = _planes(image)
        return _cropped(_resized(_in_channels(pixels, self.channels), self.size), self.size)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """The logits [n, classes] of prepared images [n, channels, size, size]."""
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            parts = [self.network(batch.to(self.device)).float().cpu() for batch in torch.split(images, _BATCH)]
        return torch.cat(parts)

    def _predictions(self, images: Sequence[torch.Tensor]) -> list[Prediction]:
        if not images:
            return []
        predictions = []
        for row in (self.logits(torch.stack(list(images))).double() / self.temperature).softmax(1).tolist():
            best = row.index(max(row))
            predictions.append(Prediction(self.classes[best], row[best], dict(zip(self.classes, row, strict=True))))
        return predictions


def load(run: str | os.PathLike[str], *, device: str | torch.device = "cpu", calibrated: bool = False) -> Model:
    """Loads the network of a run (its best epoch), or a TorchScript file that `mindgap export` wrote.

        model = mindgap.load("runs/photos")
        print(model("photo.png").name)

    Args:
        run: The run folder, or the file. A TorchScript file is a program: load only those that you trust.
        device: Where the network computes.
        calibrated: Divide the logits by the temperature that was fitted on val.

    Raises:
        FileNotFoundError: There is no such run or file, or the run holds no network.
        ValueError: The file is not one that mindgap exported, no temperature was fitted, or there is no such device.
    """
    path = Path(run)
    if path.is_dir():
        path = _network_of(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    files = {"mindgap.json": ""}
    device = _measure.device_named(device)
    try:
        with warnings.catch_warnings():
            # TorchScript is deprecated in torch, and still what runs without the code of a network.
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(str(path), map_location=device, _extra_files=files)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise ValueError(f"{path} cannot be loaded as TorchScript: {str(error).splitlines()[0]}") from error
    if not files["mindgap.json"]:
        raise ValueError(f"{path} was not exported by mindgap: it holds neither classes nor sizes")
    about = json.loads(files["mindgap.json"])
    temperature = about.get("temperature") if calibrated else 1.0
    if temperature is None:
        raise ValueError(f"{path} holds no temperature: none was fitted on val")
    return Model(network.eval(), about, device, temperature)


def _network_of(run: Path) -> Path:
    """The TorchScript file in a run folder."""
    if (run / "model.pt").is_file():
        return run / "model.pt"
    if (run / "epochs.jsonl").is_file() and not (run / "recipe.toml").is_file():
        raise FileNotFoundError(f"{run} records another training loop, which keeps the network; it holds figures only")
    if (run / "recipe.toml").is_file():
        raise FileNotFoundError(
            f"{run} holds no model.pt, which a run writes when it ends: resume it, or run mindgap export {run} --out model.pt"
        )
    raise FileNotFoundError(f"{run} is no run folder")


def _opened(path: Path) -> Any:
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(
            f"{path} cannot be opened without Pillow: pip install pillow, or pass the pixels as an array of bytes"
        ) from error
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image)


def _planes(image: Any) -> torch.Tensor:
    """The image as bytes [1 or 3, height, width]."""
    if hasattr(image, "convert") and hasattr(image, "getbands"):
        if image.mode.startswith(("I", "F")):
            raise ValueError(f"the image has 16 bits or more (mode {image.mode}): mindgap predict scales such values")
        grey = image.mode in ("1", "L", "LA", "La")
        image = np.asarray(image.convert("L" if grey else "RGB"))
    if isinstance(image, np.ndarray):
        image = torch.from_numpy(np.array(image if image.ndim == 3 else image[..., None], order="C"))
        image = image.movedim(-1, 0) if image.ndim == 3 else image
    if not isinstance(image, torch.Tensor):
        raise TypeError(f"a {type(image).__name__} is no image: pass a path, an image of Pillow, an array or a tensor")
    if image.dtype != torch.uint8:
        raise TypeError(
            f"pixels are bytes of 0–255 (uint8), not {image.dtype}: of numbers of 0–1 pass (255 * x).round()"
        )
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(
            f"an image of shape {tuple(image.shape)}: tensors are [channels, height, width], arrays [height, width, channels], "
            f"with 1 or 3 channels"
        )
    if 0 in image.shape:
        raise ValueError(f"an image of shape {tuple(image.shape)} has a side of 0 pixels")
    on_host: torch.Tensor = image.cpu()
    return on_host


def _in_channels(image: torch.Tensor, channels: int) -> torch.Tensor:
    if image.shape[0] == channels:
        return image
    if channels == 3:
        return image.expand(3, -1, -1)
    # Luma of ITU-R BT.601 in fixed point, as Pillow computes it.
    red, green, blue = image.to(torch.int64)
    luma: torch.Tensor = (red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16
    return luma.to(torch.uint8)[None]


def _resized(image: torch.Tensor, size: int) -> torch.Tensor:
    """The image with a shorter side of `size` pixels, bilinear with antialiasing."""
    height, width = image.shape[1:]
    shorter, longer = min(height, width), max(height, width)
    if shorter == size:
        return image
    long = size * longer // shorter
    sides = (long, size) if width < height else (size, long)
    return torch.nn.functional.interpolate(image[None], sides, mode="bilinear", antialias=True)[0]


def _cropped(image: torch.Tensor, size: int) -> torch.Tensor:
    """The middle of the image; half a pixel is rounded to even."""
    top, left = (round((side - size) / 2) for side in image.shape[1:])
    return image[:, top : top + size, left : left + size].contiguous()
