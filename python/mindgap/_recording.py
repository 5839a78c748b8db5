"""The files of a recorded run: written epoch by epoch, read again by a run that resumes."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from . import _environment, _folder, _safetensors
from ._data import Data
from ._folder import RunFolder
from ._record import EpochRecord, Outputs

#: The columns of `summary.csv`, timm's names, and the fields of the record in them.
_SUMMARY = {
    "epoch": "epoch",
    "train_loss": "probe_loss",
    "train_top1": "probe_acc",
    "eval_loss": "val_loss",
    "eval_top1": "val_acc",
    "gap_loss": "gap_loss",
    "gap_top1": "gap_acc",
    "batch_loss": "batch_loss",
    "lr": "lr",
    "seconds": "seconds",
}
_PARTS = ("logits", "labels", "ids")


class Recording:
    """The run in a folder that this process alone writes into."""

    def __init__(self, path: Path, resume: bool) -> None:
        """Makes or opens the folder; see RunFolder for what it raises."""
        self.folder = RunFolder(path, resume)
        self.records: list[EpochRecord] = []
        #: Their lines in `epochs.jsonl`.
        self._lines: list[bytes] = []
        self._started = _folder.now()
        #: The content of `environment.json`, once it is known.
        self._environment: dict[str, Any] | None = None
        self._is_noted = False
        #: Outputs on probe and val after the best epoch, with its number.
        self._best: tuple[int, Outputs, Outputs] | None = None

    def continue_with(self, data: Data) -> None:
        """Takes over what an earlier process recorded in the folder, if it recorded anything.

        Raises FileExistsError or ValueError where that was another kind of run, or measured on other images.
        """
        if not self.folder.has(_folder.ENVIRONMENT):
            return
        before = self.folder.read_json(_folder.ENVIRONMENT)
        if "recorder" not in before:
            raise FileExistsError(f"{self.folder.path} holds no recorded run: choose another folder")
        if before["data"]["fingerprint"] != _environment.fingerprint(data):
            raise ValueError(
                f"{self.folder.path} was recorded on other data (classes, labels or pixels differ): choose another folder"
            )
        if (self.folder.path / _folder.IMAGES).read_bytes() != _images(data):
            raise ValueError(
                f"{self.folder.path / _folder.IMAGES} lists other images than the probe and val of these data: pass the "
                f"data_seed= and data= of the run, or choose another folder"
            )
        first_input = _environment.first_input(data)
        # Older versions did not record it.
        if before["recorder"].get("first_input", first_input) != first_input:
            raise ValueError(
                f"{self.folder.path} was recorded with another eval_transform: what the network sees of val's first image "
                f"differs. Pass that of the run, or choose another folder"
            )
        self._environment = before
        self._lines = self.folder.whole_lines(_folder.EPOCHS)
        self.records = [EpochRecord.from_json(json.loads(line)) for line in self._lines]
        best = best_epoch(self.records)
        if best is not None and self.folder.has(_folder.PREDICTIONS):
            arrays, metadata = _safetensors.read(self.folder.path / _folder.PREDICTIONS)
            if metadata.get("best_epoch") == str(best.epoch):
                probe, val = [
                    Outputs(*[arrays[f"best.{split}.{part}"] for part in _PARTS]) for split in ("probe", "val")
                ]
                self._best = (best.epoch, probe, val)

    def add(
        self,
        record: EpochRecord,
        probe: Outputs,
        val: Outputs,
        *,
        data: Data,
        model: torch.nn.Module,
        device: torch.device,
        framework: str,
    ) -> None:
        """Writes an epoch. Where it was recorded before, it and those after it are replaced."""
        kept = sum(earlier.epoch < record.epoch for earlier in self.records)
        records, lines = self.records[:kept], self._lines[:kept]
        self._write_environment(data, model, device, framework, after_epoch=records[-1].epoch if records else 0)
        best = best_epoch([*records, record])
        if best is record:
            self._best = (record.epoch, probe, val)
        elif best is None or self._best is None or self._best[0] != best.epoch:
            # There is none, or its outputs were lost: replaced by those of an epoch that is now trained again.
            self._best = None
        # Before the record, so that no record is without its predictions.
        self.folder.write(_folder.PREDICTIONS, self._predictions(record.epoch, probe, val))
        self.folder.remove(_folder.DONE)
        if kept < len(self.records):
            self.folder.write(_folder.EPOCHS, b"".join(lines))
        line = (json.dumps(record.to_json(), separators=(",", ":"), allow_nan=False) + "\n").encode()
        self.folder.append(_folder.EPOCHS, line)
        self.records, self._lines = [*records, record], [*lines, line]
        self.folder.write(_folder.SUMMARY, _summary(self.records))

    def _write_environment(
        self, data: Data, model: torch.nn.Module, device: torch.device, framework: str, after_epoch: int
    ) -> None:
        """Writes what is known once the first model is seen; notes a resumption once."""
        if self._is_noted:
            return
        if self._environment is None:
            self._environment = _environment.environment(
                data=data, model=model, device=device, framework=framework, started=self._started
            )
            self.folder.write(_folder.IMAGES, _images(data))
        else:
            self._environment.setdefault("resumes", []).append(_environment.resume(device, after_epoch))
        self.folder.write_json(_folder.ENVIRONMENT, self._environment)
        self._is_noted = True

    def _predictions(self, epoch: int, probe: Outputs, val: Outputs) -> bytes:
        """The content of `predictions.safetensors`; the arrays of `best` are empty where those are lost."""
        sets = {"last.probe": probe, "last.val": val, "best.probe": probe.only(0), "best.val": val.only(0)}
        metadata = {"last_epoch": str(epoch)}
        if self._best is not None:
            number, sets["best.probe"], sets["best.val"] = self._best
            metadata["best_epoch"] = str(number)
        arrays = {f"{name}.{part}": getattr(outputs, part) for name, outputs in sets.items() for part in _PARTS}
        return _safetensors.encode(arrays, metadata)


def best_epoch(records: Iterable[EpochRecord]) -> EpochRecord | None:
    """The record of lowest val loss, the earlier of equal ones, never a NaN; None where there is none."""
    known = [record for record in records if not math.isnan(record.val_loss)]
    return min(known, key=lambda record: record.val_loss, default=None)


def _images(data: Data) -> bytes:
    """The content of `images.csv`: a row for each image of val and probe, in the order of the predictions."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["split", "id", "name", "label", "leak", "half"])
    val, train = data.val, data.train
    for place, (leak, first) in enumerate(zip(data.leaks, data.in_first_half, strict=True)):
        label = val.content.labels[place]
        rows.writerow(["val", val.ids[place], val.names[place], label, int(leak), 1 if first else 2])
    for place in data.probe:
        rows.writerow(["probe", train.ids[place], train.names[place], train.content.labels[place], 0, ""])
    return table.getvalue().encode()


def _summary(records: Iterable[EpochRecord]) -> bytes:
    """The content of `summary.csv`."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(_SUMMARY)
    for record in records:
        values = [getattr(record, field) for field in _SUMMARY.values()]
        rows.writerow(["NaN" if isinstance(value, float) and math.isnan(value) else value for value in values])
    return table.getvalue().encode()
