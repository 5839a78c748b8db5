"""Data sets of others: seen without their transforms, with another one, and by the names of their files.

A data set is a chain of levels: `Subset` and the like hold another data set, `ConcatDataset` several, and one of the
levels holds the transform. The user's objects are never changed: the levels are copied, which copies no image.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from numbers import Number
from typing import Any

from torch.utils.data import ConcatDataset, DataLoader, IterableDataset

#: What maps an image of a data set to the network's input; for data sets of Hugging Face, what `with_transform` takes.
Transform = Callable[..., Any]

#: Attributes under which levels hold a transform, and another data set.
_TRANSFORMS = ("transform", "transforms")
_INNER = ("dataset", "subset")


class AsItIs:
    """A transform that changes nothing, whether it is called with an image, an image and a target, or by keywords."""

    def __call__(self, *images: Any, **named: Any) -> Any:
        if named:
            return named
        return images[0] if len(images) == 1 else images


class Arrays:
    """The data set of an array of images and an array of labels."""

    def __init__(self, images: Any, labels: Any) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.images[index], self.labels[index]


def as_dataset(given: Any, key: str) -> Any:
    """The data set that the user gave as the argument `key`, with `__len__` and `__getitem__`."""
    if _are_images_and_labels(given):
        images, labels = given
        if len(images) != len(labels):
            raise ValueError(f"{key} has {len(images)} images and {len(labels)} labels")
        return Arrays(images, labels)
    if isinstance(given, DataLoader):
        raise TypeError(f"{key} is a DataLoader: pass the data set that it reads, {key}=loader.dataset")
    if isinstance(given, IterableDataset) or not (hasattr(given, "__len__") and hasattr(given, "__getitem__")):
        raise TypeError(
            f"{key} is a {type(given).__name__}, which is not read by index: pass a data set with __len__ and "
            f"__getitem__, or {key}=(images, labels), two arrays"
        )
    return given


def with_transform(dataset: Any, transform: Transform, key: str) -> Any | None:
    """`dataset` with `transform` in place of its own; None where no level of it has a place for one.

    Raises ValueError where two levels transform the image, since only their author knows which of them augments.
    """
    used_inside = [level for part in _inside(dataset) for level in _transformed_levels(part)]
    if _is_transformed(dataset):
        if used_inside:
            raise ValueError(
                f"{key}: {type(dataset).__name__} and {type(used_inside[0]).__name__} both hold a transform, and "
                f"eval_transform replaces one: pass {key} as a data set that gives the network's input without "
                f"augmentation, and no eval_transform"
            )
        return _transformed(dataset, transform)
    if _has_place(dataset) and not used_inside:
        return _transformed(dataset, transform)
    parts = [with_transform(part, transform, key) for part in _inside(dataset)]
    return _holding(dataset, parts) if parts and all(part is not None for part in parts) else None


def without_transforms(dataset: Any) -> Any:
    """`dataset` without any transform: what its levels read."""
    bare = _holding(dataset, [without_transforms(part) for part in _inside(dataset)])
    return _transformed(bare, AsItIs()) if _is_transformed(bare) else bare


def levels(dataset: Any) -> list[Any]:
    """`dataset` and the data sets inside it, from the outside in, down to one that holds none or several."""
    chain = [dataset]
    while (name := _inner_name(chain[-1])) is not None:
        chain.append(getattr(chain[-1], name))
    return chain


def base_indices(dataset: Any) -> list[int] | None:
    """For each sample of `dataset` its index in the innermost data set; None where a level does not tell."""
    indices = range(len(dataset))
    for level in levels(dataset)[:-1]:
        own = getattr(level, "indices", None)
        if own is not None:
            indices = [int(own[index]) for index in indices]  # type: ignore[assignment]
        elif len(level) != len(getattr(level, str(_inner_name(level)))):
            return None
    return list(indices)


def files(dataset: Any) -> list[str] | None:
    """The file of each sample of an innermost data set, as torchvision's folders and timm's readers tell them."""
    for name in ("samples", "imgs"):
        samples = getattr(dataset, name, None)
        if isinstance(samples, Sequence) and samples and isinstance(samples[0], (tuple, list)):
            paths = [sample[0] for sample in samples]
            return [os.fspath(path) for path in paths] if all(map(_is_path, paths)) else None
    if callable(getattr(dataset, "filenames", None)):
        paths = list(dataset.filenames(absolute=True))
        return [os.fspath(path) for path in paths] if paths and all(map(_is_path, paths)) else None
    return None


def class_names(dataset: Any) -> list[str] | None:
    """The class names that a level of `dataset` tells."""
    for level in levels(dataset):
        names = getattr(level, "classes", None)
        if isinstance(names, Sequence) and not isinstance(names, str) and names:
            return [str(name) for name in names]
        feature = (getattr(level, "features", None) or {}) if _is_hugging_face(level) else {}
        for column in ("label", "labels"):
            if getattr(feature.get(column), "names", None):
                return [str(name) for name in feature[column].names]
    return None


def _are_images_and_labels(given: Any) -> bool:
    """Whether it is a pair of an array of images and an array, or a list of numbers, of labels."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        return False
    images, labels = given
    are_numbers = isinstance(labels, (tuple, list)) and all(isinstance(label, Number) for label in labels)
    return hasattr(images, "shape") and (hasattr(labels, "shape") or are_numbers)


def _is_path(path: Any) -> bool:
    return isinstance(path, (str, os.PathLike))


def _is_hugging_face(level: Any) -> bool:
    return hasattr(level, "with_transform") and hasattr(level, "with_format")


def _inner_name(level: Any) -> str | None:
    own = vars(level) if hasattr(level, "__dict__") else {}
    found = [name for name in _INNER if hasattr(own.get(name), "__getitem__") and hasattr(own.get(name), "__len__")]
    return found[0] if found and not _is_hugging_face(level) else None


def _inside(level: Any) -> list[Any]:
    """The data sets that `level` holds."""
    if isinstance(level, ConcatDataset):
        return list(level.datasets)
    name = _inner_name(level)
    return [] if name is None else [getattr(level, name)]


def _transformed_levels(dataset: Any) -> list[Any]:
    """The levels of `dataset` that change the image that they read, from the outside in."""
    inside = [level for part in _inside(dataset) for level in _transformed_levels(part)]
    return [dataset, *inside] if _is_transformed(dataset) else inside


def _has_place(level: Any) -> bool:
    return _is_hugging_face(level) or any(name in getattr(level, "__dict__", {}) for name in _TRANSFORMS)


def _is_transformed(level: Any) -> bool:
    """Whether `level` changes the image that it reads."""
    if _is_hugging_face(level):
        return bool(level.format["type"] == "custom")
    held: list[Any] = [getattr(level, "__dict__", {}).get(name) for name in _TRANSFORMS]
    # torchvision's StandardTransform holds the transforms of image and target.
    held = [part.transform if hasattr(part, "target_transform") else part for part in held]
    return any(part is not None and not isinstance(part, AsItIs) for part in held)


def _transformed(level: Any, transform: Transform) -> Any:
    if _is_hugging_face(level):
        return level.with_format(None) if isinstance(transform, AsItIs) else level.with_transform(transform)
    other = copy.copy(level)
    for name in _TRANSFORMS:
        if name not in vars(other):
            continue
        held = getattr(other, name)
        if hasattr(held, "target_transform"):
            both = copy.copy(held)
            both.transform = transform
            setattr(other, name, both)
        else:
            setattr(other, name, transform)
    return other


def _holding(level: Any, parts: list[Any]) -> Any:
    """A copy of `level` that holds `parts` in place of the data sets inside; `level` where they are the same."""
    if all(part is held for part, held in zip(parts, _inside(level), strict=True)):
        return level
    other = copy.copy(level)
    if isinstance(level, ConcatDataset):
        other.datasets = parts
    else:
        setattr(other, str(_inner_name(level)), parts[0])
    return other
