"""Any form of data set is measured in the same way, or refused with what to pass."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from mindgap import EpochRecord, Recorder
from mindgap._split import Source

from .conftest import Arrays, network, scaled

Splits = tuple[Arrays, Arrays]


class Pictures(Dataset[tuple[Any, Any]]):
    """A data set as people write them: arrays [side, side, 3], with a transform."""

    def __init__(self, arrays: Arrays, transform: Any = None, label: Any = int) -> None:
        self.arrays = arrays
        self.transform = transform
        self.label = label

    def __len__(self) -> int:
        return len(self.arrays[1])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = self.arrays[0][index].transpose(1, 2, 0)
        return (self.transform(image) if self.transform else image), self.label(self.arrays[1][index])


class Keyed(Pictures):
    """Pictures whose transform is called by keyword, in albumentations' way; it may not be absent."""

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = self.transform(image=self.arrays[0][index].transpose(1, 2, 0))["image"]
        return image, int(self.arrays[1][index])


class Rows(Pictures):
    """Pictures whose items are dictionaries."""

    def __getitem__(self, index: int) -> Any:
        image, label = super().__getitem__(index)
        return {"pixel_values": image, "labels": label, "index": index}


class TransformedSubset(Dataset[tuple[Any, Any]]):
    """A subset with a transform of its own."""

    def __init__(self, subset: Subset[Any], transform: Any) -> None:
        self.subset = subset
        self.transform = transform

    def __len__(self) -> int:
        return len(self.subset)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, label = self.subset[index]
        return self.transform(image), label


def flipped_or_not(image: NDArray[np.uint8]) -> torch.Tensor:
    """An augmentation."""
    return validated(image[:, ::-1].copy() if np.random.rand() < 0.5 else image)


def validated(image: NDArray[np.uint8]) -> torch.Tensor:
    """The eval transform."""
    return scaled(image).permute(2, 0, 1)


def keyed(image: NDArray[np.uint8]) -> dict[str, Any]:
    return {"image": validated(image)}


def expected(tmp_path: Path, arrays: Splits) -> EpochRecord:
    return Recorder(tmp_path / "expected", train=arrays[0], val=arrays[1], eval_transform=scaled).epoch(network())


def assert_same(record: EpochRecord, wanted: EpochRecord) -> None:
    for name in ("probe_loss", "probe_acc", "val_loss", "val_acc", "gap_loss", "gap_loss_se", "val_loss_without_leaks"):
        assert math.isclose(getattr(record, name), getattr(wanted, name), rel_tol=1e-6), name


def augmented(arrays: Splits, form: str) -> tuple[Any, Any, Any]:
    """Train and val in a form, with augmentation on in train, and the eval transform to pass."""
    train, val = arrays
    both = (np.concatenate([train[0], val[0]]), np.concatenate([train[1], val[1]]))
    order = np.random.default_rng(0).permutation(len(train[1])).tolist()
    last = range(len(train[1]), len(both[1]))
    inputs: list[Any] = [TensorDataset(scaled(images), torch.as_tensor(labels)) for images, labels in arrays]
    forms: dict[str, tuple[Any, Any, Any]] = {
        "transform attribute": (Pictures(train, flipped_or_not), Pictures(val, validated), validated),
        "no transform yet": (Pictures(train), Pictures(val), validated),
        "keyword transform": (Keyed(train, keyed), Keyed(val, keyed), keyed),
        "random split": (
            Subset(Pictures(both, flipped_or_not), order),
            Subset(Pictures(both, flipped_or_not), list(last)),
            validated,
        ),
        "transformed subsets": (
            TransformedSubset(Subset(Pictures(both), order), flipped_or_not),
            TransformedSubset(Subset(Pictures(both), list(last)), validated),
            validated,
        ),
        "concatenated": (
            ConcatDataset(
                [Pictures((train[0][:9], train[1][:9]), flipped_or_not), Pictures((train[0][9:], train[1][9:]))]
            ),
            Pictures(val, validated),
            validated,
        ),
        "random split of a concatenation": (
            Subset(ConcatDataset([Pictures(train, flipped_or_not), Pictures(val)]), order),
            Subset(ConcatDataset([Pictures(train, flipped_or_not), Pictures(val)]), list(last)),
            validated,
        ),
        "transformed concatenation": (
            TransformedSubset(Subset(ConcatDataset([Pictures(train), Pictures(val)]), order), flipped_or_not),
            Pictures(val),
            validated,
        ),
        "tensors": (inputs[0], inputs[1], None),
        "dictionaries": (Rows(train, flipped_or_not), Rows(val, validated), validated),
        "one-hot labels": (
            Pictures(train, validated, lambda label: torch.nn.functional.one_hot(torch.tensor(label), 3).float()),
            Pictures(val, validated, lambda label: torch.tensor([label])),
            None,
        ),
    }
    return forms[form]


@pytest.mark.parametrize(
    "form",
    [
        "transform attribute",
        "no transform yet",
        "keyword transform",
        "random split",
        "transformed subsets",
        "concatenated",
        "random split of a concatenation",
        "transformed concatenation",
        "tensors",
        "dictionaries",
        "one-hot labels",
    ],
)
def test_every_form_gives_the_same_figures(form: str, tmp_path: Path, arrays: Splits) -> None:
    train, val, transform = augmented(arrays, form)
    forward = (lambda model, images: model(images)) if form == "dictionaries" else None
    before = [getattr(data, "__dict__", {}).copy() for data in (train, val)]
    measured = Recorder(tmp_path / "run", train=train, val=val, eval_transform=transform, forward=forward)
    assert_same(measured.epoch(network()), expected(tmp_path, arrays))
    assert [getattr(data, "__dict__", {}) for data in (train, val)] == before


def test_worker_processes_read_the_same(tmp_path: Path, arrays: Splits) -> None:
    data: Any = {"train": Pictures(arrays[0], flipped_or_not), "val": Pictures(arrays[1]), "eval_transform": validated}
    record = Recorder(tmp_path / "run", **data, num_workers=2, batch_size=8).epoch(network())
    assert_same(record, expected(tmp_path, arrays))


def test_hugging_faces_data_sets_are_read(tmp_path: Path, arrays: Splits) -> None:
    datasets = pytest.importorskip("datasets")
    image = pytest.importorskip("PIL.Image")

    def made(split: Arrays) -> Any:
        pictures = [image.fromarray(pixels.transpose(1, 2, 0)) for pixels in split[0]]
        names = datasets.ClassLabel(names=["a", "b", "c"])
        features = datasets.Features({"image": datasets.Image(), "label": names})
        return datasets.Dataset.from_dict({"image": pictures, "label": split[1].tolist()}, features=features)

    def prepare(rows: dict[str, Any]) -> dict[str, Any]:
        return {"pixel_values": [validated(np.asarray(one)) for one in rows["image"]], "labels": rows["label"]}

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, pixel_values: torch.Tensor) -> Any:
            return {"logits": self.inner(pixel_values)}

    def augment(rows: dict[str, Any]) -> dict[str, Any]:
        return {"pixel_values": [flipped_or_not(np.asarray(one)) for one in rows["image"]], "labels": rows["label"]}

    train, val = made(arrays[0]).with_transform(augment), made(arrays[1]).with_transform(prepare)
    measured = Recorder(tmp_path / "run", train=train, val=val, eval_transform=prepare)
    assert_same(measured.epoch(Network()), expected(tmp_path, arrays))
    assert measured._data.classes == ["a", "b", "c"]
    already = Recorder(tmp_path / "b", train=made(arrays[0]).with_transform(prepare), val=val)
    assert_same(already.epoch(Network()), expected(tmp_path / "c", arrays))


class Named(Pictures):
    """Pictures with class names, and a file for each image where a folder is given."""

    def __init__(self, arrays: Arrays, classes: list[str], folder: str | None = None) -> None:
        super().__init__(arrays, validated)
        self.classes = classes
        if folder is not None:
            self.samples = [(f"{folder}/{classes[label]}/{index}.png", label) for index, label in enumerate(arrays[1])]


def test_class_names_that_differ_between_train_and_val_are_refused(tmp_path: Path, arrays: Splits) -> None:
    # torchvision numbers the folders of val by themselves: without the folder disc, ring is 0.
    train, val = Named(arrays[0], ["disc", "ring", "stripes"]), Named(arrays[1], ["ring", "stripes", "wave"])
    with pytest.raises(ValueError, match=r"train.*\(disc, ring, stripes\).*val.*\(ring, stripes, wave\)"):
        Recorder(tmp_path / "run", train=train, val=val)
    assert Recorder(tmp_path / "a", train=train, val=val, classes=["a", "b", "c"])._data.classes == ["a", "b", "c"]
    assert Recorder(tmp_path / "b", train=train, val=Pictures(arrays[1], validated))._data.classes == train.classes
    assert Recorder(tmp_path / "c", train=Pictures(arrays[0], validated), val=val)._data.classes == val.classes


def test_names_do_not_depend_on_the_current_folder(
    tmp_path: Path, arrays: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative, absolute = "photos/train", str(tmp_path / "photos" / "val")
    train, val = Named(arrays[0], ["a", "b", "c"], relative), Named(arrays[1], ["a", "b", "c"], absolute)
    mixed = Recorder(tmp_path / "mixed", train=train, val=val)._data
    assert mixed.root == tmp_path / "photos"
    assert (mixed.train.names[0], mixed.val.names[0]) == ("train/a/0.png", "val/a/0.png")
    for folder in (tmp_path, tmp_path.parent):
        monkeypatch.chdir(folder)
        half = Recorder(tmp_path / folder.name, train=train, val=Pictures(arrays[1], validated))._data
        assert half.root is None
        assert (half.train.names[:2], half.val.names[0]) == (["train/0", "train/1"], "val/0")


def test_an_image_is_read_once_for_its_hash(arrays: Splits) -> None:
    transformed: list[Any] = []

    class Texts(Pictures):
        """Images that are no images without their transform."""

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            text = str(index)
            return self.transform(text) if self.transform else text, int(self.arrays[1][index])

    def opened(text: str) -> torch.Tensor:
        transformed.append(text)
        return validated(arrays[1][0][int(text)].transpose(1, 2, 0))

    source = Source.of(Texts(arrays[1]), "val", opened, None)
    assert not source.has_raw_pixels()
    transformed.clear()
    read = source.read(raw=False, root=None, workers=0)
    assert transformed == [str(index) for index in range(len(arrays[1][1]))]
    assert list(read.content.labels) == arrays[1][1].tolist() and len(set(read.content.hashes)) == len(arrays[1][1])


def test_labels_in_a_list_go_with_an_array_of_images(tmp_path: Path, arrays: Splits) -> None:
    (train, train_labels), (val, val_labels) = arrays
    measured = Recorder(
        tmp_path / "run", train=(train, train_labels.tolist()), val=[val, list(val_labels)], eval_transform=scaled
    )
    assert_same(measured.epoch(network()), expected(tmp_path, arrays))


class Odd(Pictures):
    def __getitem__(self, index: int) -> Any:
        image, label = super().__getitem__(index)
        return image, "extra", label


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([])


def test_what_is_not_clear_is_refused_with_what_to_pass(tmp_path: Path, arrays: Splits) -> None:
    def refused(message: str, error: type[Exception] = ValueError, **options: Any) -> None:
        given = {"train": Pictures(arrays[0], validated), "val": Pictures(arrays[1], validated)} | options
        with pytest.raises(error, match=message):
            Recorder(tmp_path / "run", **given).epoch(network())

    refused("train is a DataLoader: .*train=loader.dataset", TypeError, train=DataLoader(Pictures(arrays[0])))
    refused("train is a Stream, which is not read by index", TypeError, train=Stream())
    refused("train gives other pixels each time.*eval_transform=", train=Pictures(arrays[0], flipped_or_not))
    refused("item of val is a tuple of 3.*sample=", val=Odd(arrays[1], validated))
    refused("train gives a list, not a tensor: pass eval_transform=", train=Pictures(arrays[0], np.ndarray.tolist))
    refused("neither a class number nor one-hot", train=Pictures(arrays[0], validated, lambda _: [0.5, 0.5, 0.0]))
    refused("not a class number", val=Pictures(arrays[1], validated, str))
    refused("label 2, and the 2 classes", classes=["a", "b"])
    refused("val has 21 images and 3 labels", val=(arrays[1][0], arrays[1][1][:3]))
    refused("the probe is empty", val=Pictures(arrays[0], validated))
    refused("train holds samples more than once", train=Subset(Pictures(arrays[0], validated), [0, 1, 2, 3, 2]))
    refused("train holds no image", train=Subset(Pictures(arrays[0], validated), []))
    twice = TransformedSubset(Subset(Pictures(arrays[0], lambda image: image), range(60)), flipped_or_not)
    refused("both hold a transform", train=twice, eval_transform=validated)

    def uneven(image: NDArray[np.uint8]) -> torch.Tensor:
        return validated(image)[:, : 8 + image[0, 0, 0] % 2]

    refused("images of the shapes .*let eval_transform resize", eval_transform=uneven)
    assert not (tmp_path / "run" / "epochs.jsonl").exists()


def test_a_function_takes_items_of_any_form(tmp_path: Path, arrays: Splits) -> None:
    train, val = Odd(arrays[0], flipped_or_not), Odd(arrays[1])
    options: Any = {"eval_transform": validated, "sample": lambda item: (item[0], item[2])}
    assert_same(
        Recorder(tmp_path / "run", train=train, val=val, **options).epoch(network()), expected(tmp_path, arrays)
    )


def test_leaks_are_found_in_raw_pixels(tmp_path: Path, arrays: Splits) -> None:
    # The eval transform makes all images equal; by what the network sees, every val image would be in train.
    options: Any = {"eval_transform": lambda image: torch.zeros(3, 16, 16)}
    measured = Recorder(tmp_path / "run", train=Pictures(arrays[0]), val=Pictures(arrays[1]), **options)
    assert sum(measured._data.leaks) == 1
