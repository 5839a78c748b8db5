"""Every snippet of docs/python.md runs, in order; names that the reader brings are small ones of the same kind."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import mindgap

from .conftest import Arrays, Mindgap, network, picture, scaled, write_png
from .test_callbacks import Pictures

PAGE = Path(__file__).parents[2] / "docs" / "python.md"

Splits = tuple[Arrays, Arrays]


def snippets() -> dict[str, list[str]]:
    """The blocks of Python by the heading above them."""
    found: dict[str, list[str]] = {}
    heading = ""
    block: list[str] | None = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            if block is not None:
                found.setdefault(heading, []).append("\n".join(block))
            block = [] if line == "```python" else None
        elif block is not None:
            block.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return found


def loop_names(arrays: Splits) -> dict[str, Any]:
    """What a reader with a plain loop has."""
    model = network()
    train_set, val_set = [Pictures(split) for split in arrays]

    def train_one_epoch(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> float:
        model.train()
        loss = torch.nn.functional.cross_entropy(model(train_set.images), torch.as_tensor(train_set.labels))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        return loss.item()

    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "train_set": train_set,
        "val_set": val_set,
        "eval_transform": torch.nn.Identity(),
        "train_one_epoch": train_one_epoch,
        "averaged_recorder": mindgap.Recorder("runs/averaged", train=arrays[0], val=arrays[1], eval_transform=scaled),
    }


def keras_names(arrays: Splits) -> dict[str, Any]:
    os.environ["KERAS_BACKEND"] = "torch"
    keras: Any = importlib.import_module("keras")
    layers = [keras.layers.Input((3, 16, 16)), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile("sgd", "sparse_categorical_crossentropy")
    (x_train, y_train), (x_val, y_val) = [(scaled(images).numpy(), labels) for images, labels in arrays]
    return {"keras_model": model, "x_train": x_train, "y_train": y_train, "x_val": x_val, "y_val": y_val}


def lightning_names(arrays: Splits) -> dict[str, Any]:
    lightning: Any = importlib.import_module("lightning.pytorch")

    class Classifier(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def forward(self, images: torch.Tensor) -> Any:
            return self.network(images)

        def training_step(self, batch: Any, index: int) -> Any:
            return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    loader = DataLoader(Pictures(arrays[0]), 20)
    return {**loop_names(arrays), "lightning": lightning, "module": Classifier(), "train_loader": loader}


def transformers_names(arrays: Splits) -> dict[str, Any]:
    transformers: Any = importlib.import_module("transformers")
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1], layer_type="basic", num_labels=3)
    arguments = transformers.TrainingArguments("trainer", num_train_epochs=1, report_to="none", use_cpu=True)
    train_rows, val_rows = [Pictures(split, ("pixel_values", "labels")) for split in arrays]
    return {
        "transformers": transformers,
        "image_classifier": transformers.ResNetForImageClassification(config),
        "arguments": arguments,
        "train_rows": train_rows,
        "val_rows": val_rows,
    }


def history_names(arrays: Splits) -> dict[str, Any]:
    pandas: Any = importlib.import_module("pandas")
    columns = {"loss": [1.0, 0.8, 0.6], "val_loss": [1.1, 0.9, 0.8]}
    rows: list[dict[str, float]] = []
    for epoch, (loss, val_loss) in enumerate(zip(*columns.values(), strict=True), 1):
        rows += [{"epoch": epoch, "loss": loss}, {"epoch": epoch, "eval_loss": val_loss}]
    state = type("State", (), {"log_history": rows})
    recorder = mindgap.Recorder("runs/mine", train=arrays[0], val=arrays[1], eval_transform=scaled)
    recorder.epoch(network())
    return {
        "history": type("History", (), {"history": columns}),
        "trainer": type("Trainer", (), {"state": state}),
        "frame": pandas.DataFrame(columns),
    }


def fastai_names(arrays: Splits) -> dict[str, Any]:
    importlib.import_module("fastai.callback.all")
    data: Any = importlib.import_module("fastai.data.core")
    learner: Any = importlib.import_module("fastai.learner")
    names = loop_names(arrays)
    loaders = data.DataLoaders.from_dsets(names["train_set"], names["val_set"], bs=20, device="cpu")
    loss = torch.nn.CrossEntropyLoss()
    return {**names, "fastai": importlib.import_module("fastai"), "learner": learner.Learner(loaders, network(), loss)}


def no_names(arrays: Splits) -> dict[str, Any]:
    return {}


def tracker_names(arrays: Splits) -> dict[str, Any]:
    recorder = mindgap.Recorder("runs/mine", train=arrays[0], val=arrays[1], eval_transform=scaled)
    for seed in range(3):
        recorder.epoch(network(seed))
    trackers = {name: importlib.import_module(name) for name in ("wandb", "mlflow", "trackio")}
    return {"json": json, **trackers}


#: The heading of each snippet, what the reader brings there, and the packages that it needs.
SECTIONS: dict[str, tuple[Callable[[Splits], dict[str, Any]], list[str]]] = {
    "Record your own training loop": (loop_names, []),
    "Models": (loop_names, []),
    "Resume, several processes": (loop_names, []),
    "Keras": (keras_names, ["keras"]),
    "Lightning": (lightning_names, ["lightning"]),
    "transformers": (transformers_names, ["transformers", "accelerate"]),
    "timm and fastai": (fastai_names, ["fastai"]),
    "Diagnose a history": (history_names, ["pandas"]),
    "Use a trained network": (no_names, ["PIL"]),
    "Trackers": (tracker_names, ["wandb", "mlflow", "trackio", "tbparse"]),
}


def test_every_snippet_has_a_reader() -> None:
    assert set(snippets()) == set(SECTIONS)


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_snippets_run(
    heading: str,
    arrays: Splits,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mindgap_program: Mindgap,
) -> None:
    names, packages = SECTIONS[heading]
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    monkeypatch.chdir(tmp_path)
    # Trackers and hubs keep files in the home folder.
    monkeypatch.setenv("HOME", str(tmp_path))
    if heading in ("Use a trained network", "Trackers"):
        recipe = ["--model", "resnet8", "--epochs", 1, "--batch-size", 16, "--lr", 0.05, "--device", "cpu"]
        mindgap_program("train", "--data", photos, *recipe, "--out", "runs/photos")
        write_png(tmp_path / "photo.png", picture(0, 1))
        write_png(tmp_path / "other.png", picture(1, 1, side=30))
    scope = {"mindgap": mindgap, "torch": torch, "np": np, **names(arrays)}
    for snippet in snippets()[heading]:
        exec(compile(snippet, f"{PAGE.name}, {heading}", "exec"), scope)  # noqa: S102
    if heading == "Trackers":
        check_trackers(tmp_path)


def check_trackers(folder: Path) -> None:
    """Every epoch arrived where the snippets send it."""
    mlflow: Any = importlib.import_module("mlflow")
    (run,) = mlflow.search_runs(output_format="list")
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "gap_loss")
    recorded = [json.loads(line) for line in (folder / "runs/mine/epochs.jsonl").open()]
    assert [(point.step, point.value) for point in history] == [(line["epoch"], line["gap_loss"]) for line in recorded]
    (offline,) = (folder / "wandb").glob("offline-run-*")
    assert list(offline.glob("*.wandb"))
    storage: Any = importlib.import_module("trackio.sqlite_storage")
    assert sorted(storage.SQLiteStorage.get_runs("photos")) == ["main", "train", "val"]
