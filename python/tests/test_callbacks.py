"""The callbacks record what the frameworks train, with the real packages."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import mindgap

from .conftest import Arrays, scaled

Splits = tuple[Arrays, Arrays]


class Pictures(Dataset[Any]):
    """Images as the network sees them, with labels; in dictionaries for transformers."""

    def __init__(self, arrays: Arrays, keys: tuple[str, str] | None = None) -> None:
        self.images, self.labels, self.keys = scaled(arrays[0]), arrays[1], keys

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Any:
        sample = self.images[index], int(self.labels[index])
        return sample if self.keys is None else dict(zip(self.keys, sample, strict=True))


def recorder(out: Path, arrays: Splits, keys: tuple[str, str] | None = None, **options: Any) -> mindgap.Recorder:
    return mindgap.Recorder(out, train=Pictures(arrays[0], keys), val=Pictures(arrays[1], keys), **options)


def check(out: Path, epochs: int, framework: str, model: str) -> list[dict[str, Any]]:
    """What is recorded, after the checks that all frameworks share."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in (out / "epochs.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, epochs + 1))
    about = json.loads((out / "environment.json").read_text())["recorder"]
    assert about["framework"].startswith(framework) and about["model"] == model
    assert all(0 < line["val_loss"] < 10 and 0 < line["probe_loss"] < 10 for line in lines)
    return lines


def run_alone(code: str, folder: Path) -> None:
    """Runs a program in a Python of its own, since frameworks change the process that imports them."""
    command = [sys.executable, "-c", code, str(folder)]
    ended = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_plain_loop_trains_timms_network(tmp_path: Path, arrays: Splits) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = timm.create_model("resnet10t", num_classes=3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)
    loader = DataLoader(Pictures(arrays[0]), 20, shuffle=True, drop_last=True)
    measured = recorder(tmp_path / "run", arrays)
    for _ in range(4):
        model.train()
        losses = []
        for images, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(loss.item())
        measured.epoch(model, lr=optimizer.param_groups[0]["lr"], batch_loss=sum(losses) / len(losses))
        schedule.step()
    lines = check(tmp_path / "run", 4, "plain loop", "ResNet")
    assert [line["lr"] for line in lines] == pytest.approx([0.05, 0.05, 0.005, 0.005])
    assert lines[-1]["probe_loss"] < lines[0]["probe_loss"]


LIGHTNING = """
import sys, torch
import {package} as L
import mindgap
from mindgap.callbacks import LightningCallback
from tests.conftest import network
from tests.test_callbacks import Pictures, recorder

class Classifier(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.network = network()
        self.seen = []
    def forward(self, images):
        return self.network(images)
    def training_step(self, batch, index):
        loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.seen.append(loss.item())
        return loss
    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]

def run(out, arrays, epochs, checkpoint=None, **options):
    measured = recorder(out, arrays, **options)
    trainer = L.Trainer(max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
                        enable_model_summary=False, accumulate_grad_batches=2, callbacks=[LightningCallback(measured)])
    L.seed_everything(1, verbose=False)
    module = Classifier()
    loader = torch.utils.data.DataLoader(Pictures(arrays[0]), 15, shuffle=True)
    trainer.fit(module, loader, torch.utils.data.DataLoader(Pictures(arrays[1]), 15), ckpt_path=checkpoint)
    measured._recording.folder.release()
    return trainer, module, measured.records
"""


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_lightning(package: str, tmp_path: Path, arrays: Splits) -> None:
    pytest.importorskip(package.split(".")[0])
    np.savez(tmp_path / "arrays.npz", *arrays[0], *arrays[1])
    code = (
        LIGHTNING.format(package=package)
        + """
import numpy as np
a = list(np.load(sys.argv[1] + "/arrays.npz").values())
arrays = (a[0], a[1]), (a[2], a[3])
trainer, module, lines = run(sys.argv[1] + "/run", arrays, 3)
assert ("lightning.pytorch" in sys.modules) != ("pytorch_lightning" in sys.modules)
# Four batches an epoch, two updates.
for number, line in enumerate(lines):
    assert abs(line.batch_loss - sum(module.seen[4 * number:4 * number + 4]) / 4) < 1e-6, (line, module.seen)
    assert abs(line.lr - 0.1 * 0.5 ** number) < 1e-12 and line.steps == 2 * (number + 1), line
assert all(module.training for module in module.modules())
# Resumed from a checkpoint of the second epoch, the third replaces itself.
shorter, *_ = run(sys.argv[1] + "/two", arrays, 2)
shorter.save_checkpoint(sys.argv[1] + "/two.ckpt")
run(sys.argv[1] + "/run", arrays, 4, checkpoint=sys.argv[1] + "/two.ckpt", resume=True)
"""
    )
    run_alone(code, tmp_path)
    check(tmp_path / "run", 4, "Lightning 2", "Classifier")


def test_transformers(tmp_path: Path, arrays: Splits) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3
    )
    keys = ("pixel_values", "labels")
    transformers.set_seed(0)
    ways: dict[str, dict[str, Any]] = {
        "float32": {"logging_steps": 1},
        "bfloat16": {"logging_strategy": "epoch", "bf16": True},
    }
    for name, options in ways.items():
        model = transformers.ResNetForImageClassification(config)
        measured = recorder(tmp_path / name, arrays, keys)
        arguments = transformers.TrainingArguments(
            output_dir=str(tmp_path / "trainer"), num_train_epochs=3, per_device_train_batch_size=20, learning_rate=0.01,
            report_to="none", save_strategy="no", disable_tqdm=True, use_cpu=True, **options,
        )  # fmt: skip
        trainer = transformers.Trainer(
            model=model, args=arguments, train_dataset=Pictures(arrays[0], keys),
            callbacks=[mindgap.callbacks.TransformersCallback(measured)],
        )  # fmt: skip
        trainer.train()
        lines = check(tmp_path / name, 3, "transformers", "ResNetForImageClassification")
        assert [line["steps"] for line in lines] == [3, 6, 9]
        # Linear from 0.01 to 0 over nine updates.
        assert [line["lr"] for line in lines] == pytest.approx([0.01 * (9 - step) / 9 for step in (2, 5, 8)])
        if name == "float32":
            losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
            assert [line["batch_loss"] for line in lines] == pytest.approx(
                [sum(losses[at : at + 3]) / 3 for at in (0, 3, 6)]
            )
        # Measured in float32 even where accelerate puts forward under autocast.
        with torch.no_grad():
            fresh = transformers.ResNetForImageClassification(config).eval()
            fresh.load_state_dict(model.state_dict())
            logits = fresh(pixel_values=scaled(arrays[1][0])).logits
        expected = torch.nn.functional.cross_entropy(logits, torch.as_tensor(arrays[1][1]))
        assert math.isclose(lines[-1]["val_loss"], float(expected), rel_tol=1e-5), name


KERAS = """
import os, sys
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np, torch
import mindgap
from mindgap.callbacks import KerasCallback

a = list(np.load(sys.argv[1] + "/arrays.npz").values())
last = [image.transpose(0, 2, 3, 1) for image in (a[0], a[2])]
train, val = (last[0], a[1]), (last[1], a[3])

def built(softmax):
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.layers.Input((16, 16, 3)), keras.layers.Rescaling(1 / 128, -1), keras.layers.RandomFlip("horizontal"),
        keras.layers.Conv2D(8, 3, strides=2), keras.layers.BatchNormalization(), keras.layers.ReLU(),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dropout(0.2),
        keras.layers.Dense(3, activation="softmax" if softmax else None)])

weights = []
for name in ("softmax", "logits", "none"):
    model = built(name == "softmax")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=name != "softmax")
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    callbacks = []
    if name != "none":
        recorder = mindgap.Recorder(f"{sys.argv[1]}/{name}", train=train, val=val)
        callbacks = [KerasCallback(recorder)]
    history = model.fit(*train, batch_size=20, epochs=2, verbose=0, validation_data=val, callbacks=callbacks)
    if name != "none":
        # Validation after the epoch is what Keras' own figures are, too.
        for ours, keras_loss, keras_accuracy, batch_loss in zip(
                recorder.records, history.history["val_loss"], history.history["val_accuracy"], history.history["loss"]):
            assert abs(ours.val_loss - keras_loss) < 1e-5 and abs(ours.val_acc - 100 * keras_accuracy) < 1e-4
            assert ours.batch_loss == batch_loss and abs(ours.lr - 0.1) < 1e-7
        assert [record.steps for record in recorder.records] == [3, 6]
    weights.append([np.array(weight) for weight in model.get_weights()])
    diagnosis = mindgap.diagnose(history)
    assert diagnosis.epochs == 2 and abs(diagnosis.points[1].val_loss - history.history["val_loss"][1]) < 1e-9
assert all(np.array_equal(with_it, without) for with_it, without in zip(weights[1], weights[2]))

# Only the process of rank 0 records.
os.environ["RANK"] = "1"
other = mindgap.Recorder(f"{sys.argv[1]}/other", train=train, val=val)
model.fit(*train, batch_size=20, epochs=1, verbose=0, callbacks=[KerasCallback(other)])
"""


def test_keras(tmp_path: Path, arrays: Splits) -> None:
    if importlib.util.find_spec("keras") is None:
        pytest.skip("keras is not installed")
    np.savez(tmp_path / "arrays.npz", *arrays[0], *arrays[1])
    run_alone(KERAS, tmp_path)
    check(tmp_path / "softmax", 2, "Keras 3", "Sequential")
    check(tmp_path / "logits", 2, "Keras 3", "Sequential")
    assert json.loads((tmp_path / "softmax" / "environment.json").read_text())["data"]["size"] == 16
