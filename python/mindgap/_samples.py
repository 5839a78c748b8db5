"""One item of a data set: the network's input, the label, the pixels' hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

#: What turns an item of a data set into an image and its label.
SampleFunction = Callable[[Any], tuple[Any, Any]]

_IMAGES = ("pixel_values", "image", "images", "img", "input", "inputs", "x")
_LABELS = ("label", "labels", "target", "targets", "fine_label", "y")
_HOW = "pass sample=, a function from an item to (image, label)"


@dataclass(frozen=True)
class Sample:
    """An image with its label."""

    image: Any
    label: int
    #: The argument of the model that takes the image, where the item names one; None for the first.
    keyword: str | None


def sample_of(item: Any, split: str, function: SampleFunction | None) -> Sample:
    """Image and label of an item of `split`. Raises ValueError where they are not clear."""
    keyword = None
    if function is not None:
        image, label = function(item)
    elif isinstance(item, Mapping):
        image_key, label_key = _only(item, _IMAGES, split, "image"), _only(item, _LABELS, split, "label")
        keyword = image_key if image_key == "pixel_values" else None
        image, label = item[image_key], item[label_key]
    elif isinstance(item, (tuple, list)) and len(item) == 2:
        image, label = item
    else:
        shown = f"{type(item).__name__} of {len(item)}" if isinstance(item, (tuple, list)) else type(item).__name__
        raise ValueError(f"an item of {split} is a {shown}, not an image and a label: {_HOW}")
    return Sample(image, label_of(label, split), keyword)


def label_of(label: Any, split: str) -> int:
    """The class number of a label: an integer, an array of one, or one-hot."""
    numbers = np.asarray(label.cpu() if isinstance(label, torch.Tensor) else label)
    if numbers.dtype.kind not in "biuf" or numbers.size == 0:
        raise ValueError(f"{split} has the label {label!r}, which is not a class number: {_HOW}")
    if numbers.size == 1:
        number = float(numbers.reshape(()))
        if number != int(number) or number < 0:
            raise ValueError(f"{split} has the label {label!r}; class numbers are 0, 1, 2, …: {_HOW}")
        return int(number)
    flat = numbers.ravel()
    if numbers.ndim > 1 or (flat == 1).sum() != 1 or (flat == 0).sum() != flat.size - 1:
        raise ValueError(f"{split} has a label that is neither a class number nor one-hot, {label!r}: {_HOW}")
    return int(flat.argmax())


def pixel_hash(image: Any) -> bytes:
    """A hash of the pixels, 16 bytes: of the decoded image where it is one of Pillow's, else of the array.

    Images that decode to the same pixels have equal hashes, whatever their formats; grey equals RGB of the same grey, and
    alpha is left out. Raises TypeError for anything that is no image.
    """
    if hasattr(image, "convert") and hasattr(image, "getbands"):
        wide = image.mode.startswith(("I", "F"))
        image = np.asarray(image if wide else image.convert("RGB"))
    elif isinstance(image, torch.Tensor):
        image = image.detach().cpu().contiguous()
        # NumPy has no bfloat16.
        image = (image.view(torch.int16) if image.dtype == torch.bfloat16 else image).numpy()
    if not isinstance(image, np.ndarray) or image.dtype == object:
        raise TypeError(f"a {type(image).__name__} is no image")
    about = f"{image.dtype.str} {image.shape}".encode()
    return hashlib.blake2b(about + np.ascontiguousarray(image).tobytes(), digest_size=16).digest()


def tensor_of(image: Any, split: str) -> torch.Tensor:
    """The image as a tensor. Raises ValueError where it is none yet."""
    if isinstance(image, np.ndarray) and image.dtype != object:
        return torch.from_numpy(np.array(image, order="C"))
    if isinstance(image, torch.Tensor):
        return image.detach()
    raise ValueError(
        f"{split} gives a {type(image).__name__}, not a tensor: pass eval_transform=, what you validate with (resize, crop, "
        f"to tensor, normalise; no augmentation)"
    )


def _only(item: Mapping[str, Any], names: tuple[str, ...], split: str, what: str) -> str:
    found = [name for name in names if name in item]
    if len(found) != 1:
        raise ValueError(f"an item of {split} has the keys {', '.join(map(str, item))}: which is the {what}? {_HOW}")
    return found[0]
