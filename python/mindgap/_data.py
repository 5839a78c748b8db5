"""The data of a recorded run: both splits read once, the probe, the halves of val, the leaks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from . import _splits
from ._datasets import class_names
from ._split import Source, Split


@dataclass(frozen=True)
class Data:
    """What is measured after every epoch, and how it was drawn."""

    train: Split
    val: Split
    #: Class names in the order of the logits.
    classes: Sequence[str]
    #: Places of the probe in train, ascending.
    probe: Sequence[int]
    #: For each image of val, whether its pixels also appear in train.
    leaks: Sequence[bool]
    #: For each image of val, whether it is in the first half.
    in_first_half: Sequence[bool]
    #: What the network sees of val's first image.
    first_input: torch.Tensor
    #: The folder that holds both splits; None where the data sets tell no files.
    root: Path | None

    @classmethod
    def read(
        cls,
        sources: tuple[Source, Source],
        *,
        classes: Sequence[str] | None,
        root: Path | None,
        workers: int,
        data_seed: int,
    ) -> Data:
        """Reads train and val. Raises ValueError where no gap can be measured on them."""
        root = root or _common_root(sources)
        # Both by the same kind of pixels, so that an image has one hash.
        raw = sources[0].has_raw_pixels() and sources[1].has_raw_pixels()
        train, val = [source.read(raw, root, workers) for source in sources]
        highest = max(*train.content.labels, *val.content.labels)
        names = list(classes or _class_names(sources) or map(str, range(highest + 1)))
        if highest >= len(names):
            raise ValueError(
                f"an image has the label {highest}, and the {len(names)} classes have labels from 0: see classes="
            )
        if len(names) < 2:
            raise ValueError(f"there is one class only ({names[0]}); a classifier needs two or more")
        probe = _splits.probe(train.content, val.content, len(names), data_seed)
        if not probe:
            raise ValueError("the probe is empty: train holds no image of val's classes that is not in val too")
        train.check_steady(probe)
        val.check_steady(range(len(val.positions)))
        return cls(
            train=train,
            val=val,
            classes=names,
            probe=probe,
            leaks=_splits.in_train(train.content, val.content),
            in_first_half=_splits.halves(val.content.labels, len(names), data_seed),
            first_input=val.source.network_input(val.positions[0])[0],
            root=root,
        )


def _class_names(sources: tuple[Source, Source]) -> list[str] | None:
    """The class names that the data sets tell. Raises ValueError where train and val tell different ones."""
    train, val = [class_names(source.dataset) for source in sources]
    if train and val and train != val:
        raise ValueError(
            f"train has the classes ({', '.join(train)}) and val has ({', '.join(val)}), so that equal labels may mean "
            f"different classes (torchvision numbers the folders of each split by themselves): give both the same folders, or "
            f"pass classes= where their labels agree"
        )
    return train or val


def _common_root(sources: tuple[Source, Source]) -> Path | None:
    """The folder of the data: the parent of two folders side by side, or the one that both splits were drawn from."""
    folders = []
    for source in sources:
        files = source.files()
        if files is None:
            return None
        parents = [os.path.dirname(os.path.dirname(os.path.abspath(file))) for file in files]
        folders.append(Path(os.path.commonpath(parents)))
    first, second = folders
    return first if first == second else Path(os.path.commonpath([first, second]))
