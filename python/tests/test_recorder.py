"""The recorder measures what mindgap measures, writes what mindgap writes, and leaves the training loop as it is."""

from __future__ import annotations

import csv
import fcntl
import json
import math
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import mindgap
from mindgap import EpochRecord, Recorder, _folder, _safetensors

from .conftest import Arrays, network, scaled

Splits = tuple[Arrays, Arrays]


def recorder(out: Path, arrays: Splits, **options: Any) -> Recorder:
    return Recorder(out, train=arrays[0], val=arrays[1], eval_transform=scaled, **options)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "epochs.jsonl").read_text().splitlines()]


def train_one_epoch(model: torch.nn.Module, loader: DataLoader[Any], optimizer: torch.optim.Optimizer) -> None:
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        torch.autograd.backward(torch.nn.functional.cross_entropy(model(images), labels))
        optimizer.step()


def test_the_weights_of_a_run_are_the_same_without_the_recorder(tmp_path: Path, arrays: Splits) -> None:
    (images, labels), _ = arrays

    def run(recorded: bool) -> tuple[dict[str, torch.Tensor], tuple[float, ...]]:
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        data = TensorDataset(scaled(images), torch.as_tensor(labels))
        loader = DataLoader(data, 16, shuffle=True)
        measured = recorder(tmp_path / "run", arrays) if recorded else None
        for _ in range(3):
            train_one_epoch(model, loader, optimizer)
            if measured:
                measured.epoch(model)
        return model.state_dict(), (random.random(), float(np.random.rand()), float(torch.rand(())))

    (with_it, drawn_with), (without, drawn_without) = run(True), run(False)
    assert all(torch.equal(with_it[name], without[name]) for name in without)
    assert drawn_with == drawn_without


def test_every_module_gets_its_mode_back_and_the_dropout_is_off(tmp_path: Path, arrays: Splits) -> None:
    model = network()
    model.train()
    model[1].eval()  # type: ignore[index]
    before = [module.training for module in model.modules()]
    measured = recorder(tmp_path / "run", arrays)
    first, second = measured.epoch(model), measured.epoch(model)
    assert [module.training for module in model.modules()] == before
    assert first.val_loss == second.val_loss and first.probe_loss == second.probe_loss


def test_the_figures_are_those_of_torch(tmp_path: Path, arrays: Splits) -> None:
    model = network()
    record = recorder(tmp_path / "run", arrays, batch_size=5).epoch(model, lr=0.1, batch_loss=1.25, steps=12)
    images, labels = scaled(arrays[1][0]), torch.as_tensor(arrays[1][1])
    with torch.no_grad():
        logits = model.eval()(images)
    losses = torch.nn.functional.cross_entropy(logits.double(), labels, reduction="none")
    assert math.isclose(record.val_loss, float(losses.mean()), rel_tol=1e-6)
    assert math.isclose(record.val_loss_without_leaks or 0, float(losses[1:].mean()), rel_tol=1e-6)
    assert math.isclose(record.val_acc, 100 * float((logits.argmax(1) == labels).double().mean()))
    assert math.isclose(record.gap_loss, record.val_loss - record.probe_loss)
    half = [float(row["half"] == "1") for row in csv.DictReader((tmp_path / "run/images.csv").open()) if row["half"]]
    first = torch.tensor(half) == 1
    assert math.isclose(record.val_half_losses[0], float(losses[first].mean()), rel_tol=1e-6)
    assert (record.epoch, record.lr, record.batch_loss, record.steps) == (1, 0.1, 1.25, 12)


def test_the_folder_holds_what_the_contract_names(tmp_path: Path, arrays: Splits) -> None:
    out = tmp_path / "run"
    measured = recorder(out, arrays, classes=["a", "b", "c"], framework="plain loop")
    measured.epoch(network(), lr=0.1)
    record = measured.epoch(network(1))
    values = lines(out)
    assert [line["epoch"] for line in values] == [1, 2] and values[0]["lr"] == 0.1
    assert values[1]["lr"] is None and values[1]["batch_loss"] is None and "steps" not in values[1]
    assert EpochRecord.from_json(values[0]) == measured.records[0] or math.isnan(measured.records[0].batch_loss)

    about = json.loads((out / "environment.json").read_text())
    assert about["recorder"]["model"] == "Sequential" and about["recorder"]["framework"] == "plain loop"
    assert about["recorder"]["parameters"] == sum(parameter.numel() for parameter in network().parameters())
    assert about["data"]["classes"] == ["a", "b", "c"] and about["data"]["val_in_train"] == 1
    assert (about["data"]["train"], about["data"]["val"], about["data"]["channels"], about["data"]["size"]) == (
        60,
        21,
        3,
        16,
    )
    assert "tch" not in about and about["libtorch"] == torch.__version__ and about["device"] == "cpu"

    rows = list(csv.DictReader((out / "images.csv").open()))
    assert [row["name"] for row in rows[:2]] == ["val/0", "val/1"] and rows[0]["leak"] == "1"
    arrays_read, metadata = _safetensors.read(out / "predictions.safetensors")
    assert metadata["last_epoch"] == "2"
    for split in ("val", "probe"):
        mine = [row for row in rows if row["split"] == split]
        assert [int(row["id"]) for row in mine] == arrays_read[f"last.{split}.ids"].tolist()
        assert [int(row["label"]) for row in mine] == arrays_read[f"last.{split}.labels"].tolist()
    best = min(measured.records, key=lambda record: record.val_loss).epoch
    assert metadata["best_epoch"] == str(best)
    assert np.array_equal(arrays_read["best.val.logits"], arrays_read["last.val.logits"]) == (best == 2)

    summary = list(csv.DictReader((out / "summary.csv").open()))
    assert float(summary[1]["train_loss"]) == record.probe_loss and summary[1]["lr"] == "NaN"
    assert [path.name for path in out.glob(".mindgap-tmp-*")] == []


def test_safetensors_own_reader_reads_the_predictions(tmp_path: Path, arrays: Splits) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    recorder(tmp_path / "run", arrays).epoch(network())
    path = tmp_path / "run/predictions.safetensors"
    theirs, (ours, _) = safetensors.load_file(path), _safetensors.read(path)
    assert theirs.keys() == ours.keys() and all(np.array_equal(theirs[name], ours[name]) for name in ours)


def test_a_loss_that_is_not_finite_is_null(tmp_path: Path, arrays: Splits) -> None:
    model = network()
    with torch.no_grad():
        model[-1].bias[0] = math.nan  # type: ignore[index]
    record = recorder(tmp_path / "run", arrays).epoch(model)
    (line,) = lines(tmp_path / "run")
    assert math.isnan(record.val_loss) and line["val_loss"] is None and line["val_half_losses"] == [None, None]
    assert record.val_acc == 0 and line["val_acc"] == 0
    assert _safetensors.read(tmp_path / "run/predictions.safetensors")[0]["best.val.logits"].shape == (0, 3)


def test_wrappers_half_precision_and_autocast_change_little_or_nothing(tmp_path: Path, arrays: Splits) -> None:
    plain = recorder(tmp_path / "plain", arrays).epoch(network())
    compiled = torch.compile(network())
    assert recorder(tmp_path / "compiled", arrays).epoch(compiled).val_loss == plain.val_loss  # type: ignore[arg-type]
    averaged = torch.optim.swa_utils.AveragedModel(network())
    ema = recorder(tmp_path / "ema", arrays).epoch(averaged, raw_model=network(1))
    assert ema.val_loss == plain.val_loss and ema.raw_val_loss is not None and ema.raw_val_loss != plain.val_loss
    with torch.autocast("cpu"):
        assert recorder(tmp_path / "autocast", arrays).epoch(network()).val_loss == plain.val_loss
    half = recorder(tmp_path / "half", arrays).epoch(network().bfloat16())
    assert 0 < abs(half.val_loss - plain.val_loss) < 0.02


class Wrapped(torch.nn.Module):
    """A model that returns its logits in one of the forms in use."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.inner = network()
        self.form = form

    def forward(self, images: torch.Tensor) -> Any:
        logits = self.inner(images)
        if self.form == "tuple":
            return logits, images
        if self.form == "dict":
            return {"loss": None, "logits": logits}
        return type("Output", (), {"logits": logits})()


@pytest.mark.parametrize("form", ["tuple", "dict", "attribute"])
def test_logits_are_found_in_what_the_model_returns(form: str, tmp_path: Path, arrays: Splits) -> None:
    expected = recorder(tmp_path / "plain", arrays).epoch(network())
    assert recorder(tmp_path / "run", arrays).epoch(Wrapped(form)).val_loss == expected.val_loss


def test_what_is_no_logits_is_refused_with_what_to_pass(tmp_path: Path, arrays: Splits) -> None:
    softmax = torch.nn.Sequential(network(), torch.nn.Softmax(1))
    with pytest.raises(ValueError, match="gives probabilities.*forward="):
        recorder(tmp_path / "a", arrays).epoch(softmax)
    logarithm = recorder(tmp_path / "b", arrays, forward=lambda model, images: model(images).clamp_min(1e-7).log())
    expected = recorder(tmp_path / "c", arrays).epoch(network())
    assert math.isclose(logarithm.epoch(softmax).val_loss, expected.val_loss, rel_tol=1e-6)
    wide = torch.nn.Sequential(network(), torch.nn.Linear(3, 10))
    with pytest.raises(ValueError, match=r"of 3 classes the model gave \(21, 10\)"):
        recorder(tmp_path / "d", arrays).epoch(wide)


def test_a_folder_in_use_is_never_overwritten(tmp_path: Path, arrays: Splits) -> None:
    out = tmp_path / "run"
    first = recorder(out, arrays)
    with pytest.raises(BlockingIOError, match=f"locked by process {os.getpid()} "):
        recorder(out, arrays)
    first.epoch(network())
    with pytest.raises(FileExistsError, match="holds another run.*resume=True"):
        recorder(out, arrays)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(FileExistsError, match="not empty .it holds thesis.txt"):
        recorder(tmp_path / "mine", arrays)
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / "recipe.toml").write_text("")
    with pytest.raises(FileExistsError, match="mindgap itself trained"):
        recorder(tmp_path / "trained", arrays, resume=True)
    # A run that ended before its first epoch leaves nothing that is in the way.
    recorder(tmp_path / "early", arrays)._recording.folder.release()
    recorder(tmp_path / "early", arrays).epoch(network())


def test_a_run_resumes_after_a_crash(tmp_path: Path, arrays: Splits) -> None:
    out = tmp_path / "run"
    models = [network(seed) for seed in range(4)]
    whole = recorder(tmp_path / "whole", arrays)
    expected = [whole.epoch(model) for model in models]

    first = recorder(out, arrays, resume=True)
    for model in models[:2]:
        first.epoch(model)
    first._recording.folder.release()
    with (out / "epochs.jsonl").open("a") as file:
        file.write('{"epoch":3,"lr":')
    second = recorder(out, arrays, resume=True)
    assert [record.epoch for record in second.records] == [1, 2]
    for model in models[2:]:
        second.epoch(model)
    assert [line["val_loss"] for line in lines(out)] == [record.val_loss for record in expected]
    ours, theirs = [_safetensors.read(folder / "predictions.safetensors") for folder in (out, tmp_path / "whole")]
    assert ours[1] == theirs[1] and all(np.array_equal(ours[0][name], theirs[0][name]) for name in ours[0])
    (resumption,) = json.loads((out / "environment.json").read_text())["resumes"]
    assert resumption["after_epoch"] == 2 and resumption["device"] == "cpu"


def test_an_epoch_that_is_trained_again_replaces_itself_and_those_after(tmp_path: Path, arrays: Splits) -> None:
    out = tmp_path / "run"
    first = recorder(out, arrays)
    for seed in range(4):
        first.epoch(network(seed))
    with pytest.raises(ValueError, match="epoch 2 was recorded by this process already"):
        first.epoch(network(), epoch=2)
    first._recording.folder.release()
    measured = recorder(out, arrays, resume=True)
    with pytest.raises(ValueError, match="has 4 epochs, and the loop begins at epoch 1"):
        measured.epoch(network(9), epoch=1)
    assert measured.is_resumed
    record = measured.epoch(network(9), epoch=2)
    assert not measured.is_resumed
    assert [line["epoch"] for line in lines(out)] == [1, 2] and lines(out)[1]["val_loss"] == record.val_loss
    with pytest.raises(ValueError, match="epoch 5 cannot be recorded after epoch 2"):
        measured.epoch(network(), epoch=5)


def test_other_data_are_not_mixed_into_a_run(tmp_path: Path, arrays: Splits) -> None:
    out = tmp_path / "run"
    first = recorder(out, arrays)
    first.epoch(network())
    first._recording.folder.release()
    (images, labels), val = arrays
    with pytest.raises(ValueError, match="was recorded on other data"):
        recorder(out, ((images[1:], labels[1:]), val), resume=True)


def test_a_run_resumes_only_with_its_own_draw_and_transform(tmp_path: Path, arrays: Splits) -> None:
    out = tmp_path / "run"
    first = recorder(out, arrays)
    first.epoch(network())
    first._recording.folder.release()
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ValueError, match="images.csv.*data_seed="):
        recorder(out, arrays, data_seed=1, resume=True)
    with pytest.raises(ValueError, match="another eval_transform: what the network sees"):
        Recorder(out, train=arrays[0], val=arrays[1], eval_transform=lambda image: scaled(image) - 1, resume=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    # Runs of older versions do not state the input.
    about = json.loads(before["environment.json"])
    del about["recorder"]["first_input"]
    (out / "environment.json").write_text(json.dumps(about))
    assert len(recorder(out, arrays, resume=True).records) == 1


def test_resume_is_refused_in_a_folder_without_a_run(tmp_path: Path, arrays: Splits) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(FileExistsError, match="not empty .it holds thesis.txt"):
        recorder(tmp_path / "mine", arrays, resume=True)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    first = recorder(tmp_path / "run", arrays)
    first.epoch(network())
    first._recording.folder.release()
    (tmp_path / "run" / "environment.json").unlink()
    with pytest.raises(FileExistsError, match=r"epochs.jsonl without environment.json"):
        recorder(tmp_path / "run", arrays, resume=True)
    assert len(lines(tmp_path / "run")) == 1
    # An empty folder, and one whose run ended before its first epoch, are begun.
    (tmp_path / "empty").mkdir()
    for _ in range(2):
        recorder(tmp_path / "empty", arrays, resume=True)._recording.folder.release()


def test_a_folder_that_is_filled_while_it_is_locked_is_unlocked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock

    def filled_meanwhile(descriptor: int, operation: int) -> None:
        (tmp_path / "run" / "epochs.jsonl").touch()
        real(descriptor, operation)

    opened = set(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(fcntl, "flock", filled_meanwhile)
    for resume in (False, True):
        with pytest.raises(FileExistsError):
            _folder.RunFolder(tmp_path / "run", resume)
        (tmp_path / "run" / "epochs.jsonl").unlink(missing_ok=True)
    assert set(os.listdir("/proc/self/fd")) == opened


FORKED = """
import os, sys, time
from pathlib import Path
from mindgap._folder import RunFolder

folder = RunFolder(Path(sys.argv[1]), resume=True)
said, say = os.pipe()
child = os.fork()
if child == 0:
    os.write(say, b"locked" if folder.is_locked else b"unlocked")
    time.sleep(60)
    os._exit(0)
print(f"{child} {os.read(said, 10).decode()}", flush=True)
time.sleep(60)
"""


def test_a_worker_that_outlives_the_loop_holds_no_lock(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(mindgap.__file__).parents[1])}
    command = [sys.executable, "-c", FORKED, str(tmp_path / "run")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as loop:
        assert loop.stdout is not None
        worker, said = loop.stdout.readline().split()
        try:
            assert said == "unlocked"
            with pytest.raises(BlockingIOError, match=f"locked by process {loop.pid} "):
                _folder.RunFolder(tmp_path / "run", resume=True)
            loop.kill()
            loop.wait()
            os.kill(int(worker), 0)
            _folder.RunFolder(tmp_path / "run", resume=True).release()
        finally:
            loop.kill()
            os.kill(int(worker), signal.SIGKILL)


def test_an_epoch_that_is_refused_leaves_a_recorder_to_use(tmp_path: Path, arrays: Splits) -> None:
    measured = recorder(tmp_path / "run", arrays)
    with pytest.raises(ValueError, match="gives probabilities"):
        measured.epoch(torch.nn.Sequential(network(), torch.nn.Softmax(1)))
    with pytest.raises(TypeError):
        measured.epoch(network(), lr=object())  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError)):
        measured.epoch(network(), steps="many")  # type: ignore[arg-type]
    assert not measured.is_resumed and measured.records == ()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.lock"]
    measured.epoch(network(), steps=np.int64(12), epoch=np.int64(1))  # type: ignore[arg-type]
    measured.epoch(network(), steps=torch.tensor(24))  # type: ignore[arg-type]
    assert [line["steps"] for line in lines(tmp_path / "run")] == [12, 24]


def test_an_epoch_that_cannot_be_written_may_be_recorded_again(
    tmp_path: Path, arrays: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    first = recorder(out, arrays)
    for seed in range(2):
        first.epoch(network(seed))
    first._recording.folder.release()
    measured = recorder(out, arrays, resume=True)

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(_folder.RunFolder, "write", full)
        with pytest.raises(OSError, match="no space"):
            measured.epoch(network(3), epoch=2)
    assert measured.is_resumed
    record = measured.epoch(network(3), epoch=2)
    assert [line["val_loss"] for line in lines(out)] == [first.records[0].val_loss, record.val_loss]


def test_a_device_that_is_missing_is_named(tmp_path: Path, arrays: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device is cuda:0.*no CUDA"):
        recorder(tmp_path / "run", arrays, device="cuda:0")
    assert not (tmp_path / "run").exists()


def test_a_line_is_printed_if_asked_for(tmp_path: Path, arrays: Splits, capsys: pytest.CaptureFixture[str]) -> None:
    record = recorder(tmp_path / "run", arrays, echo=True, epochs=50).epoch(network())
    assert capsys.readouterr().out == (
        f"Epoch: 1/50.. Training Loss: {record.probe_loss:.3f}.. Validation Loss: {record.val_loss:.3f}.. "
        f"Training Accuracy: {record.probe_acc:.3f}.. Validation Accuracy: {record.val_acc:.3f}.. "
        f"Gap: {record.gap_loss:.3f}\n"
    )
    recorder(tmp_path / "quiet", arrays).epoch(network())
    assert capsys.readouterr().out == ""


def test_processes_with_a_rank_above_zero_record_nothing(
    tmp_path: Path, arrays: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    other = recorder(tmp_path / "run", arrays)
    assert not other.is_recording and not (tmp_path / "run").exists()
    other.finish()
    with pytest.raises(RuntimeError, match="rank above 0"):
        other.epoch(network())


def test_an_interrupted_loop_leaves_a_run_to_resume(tmp_path: Path, arrays: Splits) -> None:
    with pytest.raises(KeyboardInterrupt), recorder(tmp_path / "run", arrays) as measured:
        measured.epoch(network())
        raise KeyboardInterrupt
    assert not (tmp_path / "run" / "done.json").exists()
    assert recorder(tmp_path / "run", arrays, resume=True).records[0].epoch == 1


def test_import_mindgap_imports_no_torch() -> None:
    code = "import sys, mindgap; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(mindgap.__file__).parents[1])},
    )
