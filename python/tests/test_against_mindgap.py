"""The recorder and the program of mindgap draw the same probe and measure the same figures on the same images."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mindgap import Recorder, _safetensors

from .conftest import Mindgap, draw_folder, network

torchvision = pytest.importorskip("torchvision")


def as_bytes(image: Any) -> torch.Tensor:
    """The exported network takes bytes, and normalises inside."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def folder_splits(photos: Path, transform: Any = None) -> dict[str, Any]:
    folder = torchvision.datasets.ImageFolder
    return {"train": folder(photos / "train", transform), "val": folder(photos / "val", transform)}


@pytest.mark.parametrize("data_seed", [0, 5])
def test_probe_leaks_and_figures_are_mindgaps(
    data_seed: int, photos: Path, tmp_path: Path, mindgap_program: Mindgap
) -> None:
    run = tmp_path / "run"
    recipe = ["--model", "resnet8", "--epochs", 2, "--batch-size", 16, "--lr", 0.05, "--device", "cpu"]
    mindgap_program("train", "--data", photos, *recipe, "--data-seed", data_seed, "--out", run)
    # model.pt has the weights of the best epoch.
    best = json.loads((run / "done.json").read_text())["best"]["epoch"]
    theirs = json.loads((run / "epochs.jsonl").read_text().splitlines()[best - 1])

    model = torch.jit.load(str(run / "model.pt"))  # type: ignore[no-untyped-call]
    measured = Recorder(
        tmp_path / "mine", **folder_splits(photos), eval_transform=as_bytes, data_seed=data_seed, batch_size=7
    )
    ours = measured.epoch(model).to_json()
    for name in set(theirs) - {"epoch", "lr", "batch_loss", "steps", "seconds", "train_images_per_s"}:
        assert np.allclose(ours[name], theirs[name], rtol=0, atol=1e-5), (name, ours[name], theirs[name])

    trained, _ = _safetensors.read(run / "predictions.safetensors")
    recorded, _ = _safetensors.read(tmp_path / "mine" / "predictions.safetensors")
    for part in ("val.ids", "val.labels", "probe.ids", "probe.labels"):
        assert np.array_equal(recorded[f"last.{part}"], trained[f"last.{part}"]), part
    for part in ("val.logits", "probe.logits"):
        assert np.allclose(recorded[f"last.{part}"], trained[f"best.{part}"], rtol=0, atol=1e-4)
    about, mine = [json.loads((folder / "environment.json").read_text())["data"] for folder in (run, tmp_path / "mine")]
    for key in ("train", "val", "probe", "val_in_train", "classes", "channels", "size"):
        assert mine[key] == about[key], key
    for key in ("surplus_duplicates", "conflicting_groups"):
        assert mine[key] == about.get(key, 0)


def test_names_are_relative_to_the_data(photos: Path, tmp_path: Path) -> None:
    Recorder(tmp_path / "run", **folder_splits(photos), eval_transform=as_float).epoch(network())
    rows = list(csv.DictReader((tmp_path / "run" / "images.csv").open()))
    assert (rows[0]["split"], rows[0]["name"], rows[0]["id"]) == ("val", "val/disc/0000.png", "0")
    assert [row["name"] for row in rows if row["leak"] == "1"] == ["val/disc/0003.png", "val/ring/0001.png"]
    probe = [row for row in rows if row["split"] == "probe"]
    assert probe and all(row["name"].startswith("train/") and row["half"] == "" for row in probe)


def test_a_random_split_of_one_folder_has_the_folders_names_and_ids(photos: Path, tmp_path: Path) -> None:
    whole = torchvision.datasets.ImageFolder(photos / "train", torchvision.transforms.RandomErasing(1.0))
    train, val = torch.utils.data.random_split(whole, [75, 20], torch.Generator().manual_seed(0))
    Recorder(tmp_path / "run", train=train, val=val, eval_transform=as_float).epoch(network())
    rows = list(csv.DictReader((tmp_path / "run" / "images.csv").open()))
    mine = [row for row in rows if row["split"] == "val"]
    assert [int(row["id"]) for row in mine] == sorted(val.indices)
    files = [Path(whole.samples[index][0]).relative_to(photos / "train").as_posix() for index in sorted(val.indices)]
    assert [row["name"] for row in mine] == files


def as_float(image: Any) -> torch.Tensor:
    return as_bytes(image).float() / 128 - 1


def test_timms_reader_of_a_folder_gives_the_same_run(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm.data")
    # timm sorts 10.png after 9.png, torchvision and mindgap before.
    photos = draw_folder(tmp_path / "photos", train=(12, 12, 12), val=(4, 4, 4))
    for file in photos.glob("*/*/*.png"):
        file.rename(file.with_name(f"{int(file.stem)}.png"))
    records = []
    for name, splits in [
        ("folder", folder_splits(photos)),
        ("timm", {split: timm.ImageDataset(str(photos / split)) for split in ("train", "val")}),
    ]:
        records.append(Recorder(tmp_path / name, **splits, eval_transform=as_float).epoch(network()))
    images = [(tmp_path / name / "images.csv").read_text() for name in ("folder", "timm")]
    assert images[0] == images[1] and math.isclose(records[0].gap_loss, records[1].gap_loss, rel_tol=1e-6)
