"""The probe, the halves of val and the duplicates of a data set, from labels and pixel hashes alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ._draws import Purpose, Stream


@dataclass(frozen=True)
class LabelledHashes:
    """Labels (class numbers) and pixel hashes of one split, image by image."""

    labels: Sequence[int]
    hashes: Sequence[bytes]


def probe(train: LabelledHashes, val: LabelledHashes, classes: int, data_seed: int) -> list[int]:
    """Draws the positions of the probe in train, ascending.

    The probe has as many images of every class as val has, or all of a class that has fewer. Images whose pixels also
    appear in val are left out, since they would measure the model on val.
    """
    in_val = set(val.hashes)
    wanted = Counter(val.labels)
    drawn: list[int] = []
    for label, positions in enumerate(_shuffled(train.labels, classes, data_seed, Purpose.PROBE)):
        only_in_train = [position for position in positions if train.hashes[position] not in in_val]
        drawn.extend(only_in_train[: wanted[label]])
    return sorted(drawn)


def halves(labels: Sequence[int], classes: int, data_seed: int) -> list[bool]:
    """For each image of val, whether it is in the first half.

    Every class is split evenly up to one image, and classes of odd size alternate in which half gets the extra image.
    """
    first = [False] * len(labels)
    turn = False
    for positions in _shuffled(labels, classes, data_seed, Purpose.HALVES):
        for position in positions:
            turn = not turn
            first[position] = turn
    return first


def in_train(train: LabelledHashes, images: LabelledHashes) -> list[bool]:
    """For each of `images`, whether its pixels also appear in train, under whatever label."""
    hashes = set(train.hashes)
    return [pixels in hashes for pixels in images.hashes]


@dataclass(frozen=True)
class TrainDuplicates:
    """Counts of equal images within train."""

    #: Images beyond the first of each group of equal pixels.
    surplus: int
    #: Groups of equal pixels under more than one label.
    conflicting: int


def train_duplicates(train: LabelledHashes) -> TrainDuplicates:
    """Counts the duplicates in train."""
    labels_of: dict[bytes, set[int]] = {}
    for label, pixels in zip(train.labels, train.hashes, strict=True):
        labels_of.setdefault(pixels, set()).add(label)
    conflicting = sum(len(labels) > 1 for labels in labels_of.values())
    return TrainDuplicates(len(train.labels) - len(labels_of), conflicting)


def _shuffled(labels: Sequence[int], classes: int, data_seed: int, purpose: Purpose) -> list[list[int]]:
    """The positions of each class, shuffled. Each class has a stream of its own."""
    by_class: list[list[int]] = [[] for _ in range(classes)]
    for position, label in enumerate(labels):
        by_class[label].append(position)
    for label, positions in enumerate(by_class):
        Stream(data_seed, purpose, 0, label).shuffle(positions)
    return by_class
