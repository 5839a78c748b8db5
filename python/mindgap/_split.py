"""A split of the data: its images in the order of mindgap's own listing, with labels, pixel hashes, ids and names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from . import _datasets
from ._samples import Sample, SampleFunction, pixel_hash, sample_of, tensor_of
from ._splits import LabelledHashes

#: Images of which `check_steady` reads the pixels twice.
_READ_TWICE = 32


@dataclass(frozen=True)
class Source:
    """A data set of the user as the split `name`, before its images are read."""

    name: str
    #: The data set that the user gave.
    dataset: Any
    #: With the eval transform in the place of its own, where it has a place for one.
    images: Any
    #: The eval transform where the data set has no place for one: applied to the image that an item holds.
    transform: _datasets.Transform | None
    #: The user's function from an item to image and label.
    sample: SampleFunction | None

    @classmethod
    def of(cls, given: Any, name: str, transform: _datasets.Transform | None, sample: SampleFunction | None) -> Source:
        """The data set given as the argument `name`, whose images go through `transform` where one is given."""
        dataset = _datasets.as_dataset(given, name)
        if len(dataset) == 0:
            raise ValueError(f"{name} holds no image")
        if transform is None:
            return cls(name, dataset, dataset, None, sample)
        images = _datasets.with_transform(dataset, transform, name)
        if images is None:
            return cls(name, dataset, dataset, transform, sample)
        return cls(name, dataset, images, None, sample)

    def network_input(self, position: int) -> tuple[torch.Tensor, str | None]:
        """What the network sees of the item at `position`, and the keyword under which it takes it."""
        return self.input_of(sample_of(self.images[position], self.name, self.sample))

    def input_of(self, sample: Sample) -> tuple[torch.Tensor, str | None]:
        """What the network sees of a sample that was read from `images`, and the keyword under which it takes it."""
        image = sample.image if self.transform is None else self.transform(sample.image)
        return tensor_of(image, self.name), sample.keyword

    def has_raw_pixels(self) -> bool:
        """Whether the first item without transforms is an image whose pixels can be hashed."""
        try:
            _Hashed(self, raw=True)[0]
        except Exception:  # noqa: BLE001 whatever a data set of others raises where its transform is missing
            return False
        return True

    def files(self) -> list[str] | None:
        """The file of each item; None where the data set does not tell."""
        indices = _datasets.base_indices(self.dataset)
        files = _datasets.files(_datasets.levels(self.dataset)[-1])
        return None if indices is None or files is None else [files[index] for index in indices]

    def read(self, raw: bool, root: Path | None, workers: int) -> Split:
        """Reads every image once: its label, and the hash of its raw pixels or of what the network sees.

        Names of files are relative to `root`; without one, images are named by their ids.
        """
        read = [entry for batch in _loader(_Hashed(self, raw), 64, workers) for entry in batch]
        labels = [label for label, _ in read]
        indices = _datasets.base_indices(self.dataset)
        ids = indices or list(range(len(read)))
        files = self.files()
        if files is not None and len(_datasets.levels(self.dataset)) == 1:
            # mindgap lists files class by class, folders and names in order, whatever order a data set has.
            order = sorted(range(len(ids)), key=lambda place: (labels[place], *os.path.split(files[place])))
            for rank, place in enumerate(order):
                ids[place] = rank
        if files is None or root is None:
            names = [f"{self.name}/{index}" for index in ids]
        else:
            names = [os.path.relpath(file, root).replace(os.sep, "/") for file in files]
        if len(set(ids)) < len(ids):
            raise ValueError(
                f"{self.name} holds samples more than once: pass the data set without repetition, and let the sampler of "
                f"the training loop repeat them"
            )
        positions = sorted(range(len(ids)), key=ids.__getitem__)
        return Split(
            source=self,
            positions=positions,
            content=LabelledHashes([labels[place] for place in positions], [read[place][1] for place in positions]),
            ids=[ids[place] for place in positions],
            names=[names[place] for place in positions],
        )


@dataclass(frozen=True)
class Split:
    """A split whose images have been read once. Places count its images in the order of their ids."""

    source: Source
    #: Position of each image in the data set.
    positions: Sequence[int]
    #: Class numbers and pixel hashes.
    content: LabelledHashes
    #: Index of each image in the split's listing, ascending.
    ids: Sequence[int]
    #: Name of each image; unique.
    names: Sequence[str]

    def batches(self, places: Sequence[int], size: int, workers: int) -> Iterator[tuple[torch.Tensor, str | None]]:
        """What the network sees of the images at `places`, in batches, with the keyword under which it takes them."""
        for batch in _loader(self._inputs(places), size, workers):
            images = [image for image, _ in batch]
            shapes = sorted({tuple(image.shape) for image in images})
            if len(shapes) > 1:
                raise ValueError(
                    f"{self.source.name} gives images of the shapes {shapes[0]} and {shapes[1]}: let eval_transform resize "
                    f"and crop them to one"
                )
            yield torch.stack(images), batch[0][1]

    def check_steady(self, places: Sequence[int]) -> None:
        """Refuses a data set that gives an image in another form when it is read again, as augmentation does."""
        inputs = self._inputs(places[:: max(1, len(places) // _READ_TWICE)])
        for place in range(len(inputs)):
            if pixel_hash(inputs[place][0]) != pixel_hash(inputs[place][0]):
                raise ValueError(
                    f"{self.source.name} gives other pixels each time an image is read: its augmentation is on. Pass "
                    f"eval_transform=, which takes the place of its attribute `transform`; where it has none, pass the data "
                    f"set without augmentation"
                )

    def _inputs(self, places: Sequence[int]) -> _Inputs:
        return _Inputs(self.source, [self.positions[place] for place in places])


class _Inputs(Dataset[tuple[torch.Tensor, "str | None"]]):
    """What the network sees of the items at some positions."""

    def __init__(self, source: Source, positions: Sequence[int]) -> None:
        self.source = source
        self.positions = positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, str | None]:
        return self.source.network_input(self.positions[place])


class _Hashed(Dataset[tuple[int, bytes]]):
    """Label and pixel hash of every item."""

    def __init__(self, source: Source, raw: bool) -> None:
        self.source = source
        self.items = _datasets.without_transforms(source.dataset) if raw else source.images
        self.raw = raw

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, position: int) -> tuple[int, bytes]:
        sample = sample_of(self.items[position], self.source.name, self.source.sample)
        image = sample.image if self.raw else self.source.input_of(sample)[0]
        return sample.label, pixel_hash(image)


def _loader(dataset: Any, size: int, workers: int) -> DataLoader[Any]:
    # With a generator of its own the loader draws no number from the user's.
    return DataLoader(dataset, size, num_workers=workers, collate_fn=list, generator=torch.Generator())
