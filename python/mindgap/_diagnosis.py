"""`mindgap.diagnose`: what a history, a log or a run shows, in plain words; in a notebook with its curves."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from . import _curves, _program


@dataclass(frozen=True)
class Finding:
    """One finding."""

    #: Its kind, such as gap-opens; docs/diagnose.md lists them.
    id: str
    #: info, warning or problem
    severity: str
    #: The finding in one line.
    title: str
    #: The observations that it is concluded from.
    evidence: str
    #: What to do.
    advice: str
    #: The numbers of the evidence by name; losses in nats.
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Point:
    """The figures after one epoch, as they were read; None where one is unknown or not finite."""

    epoch: int
    #: Of the probe for a run, a running mean for most histories [nats].
    train_loss: float | None
    val_loss: float | None
    #: In percent.
    train_acc: float | None
    val_acc: float | None


@dataclass(frozen=True)
class Diagnosis:
    """The findings about a history, a log or a run, as `mindgap diagnose --json` gives them."""

    #: The run folder or file; `history` for values of this process.
    subject: str
    #: Epochs that are recorded.
    epochs: int
    #: Val loss − training loss after the last epoch [nats]; None where it is not known.
    gap_loss: float | None
    #: Its standard error over images; None for a history.
    gap_loss_se: float | None
    #: What val loss does lately; None below five epochs.
    val_loss_lately: Mapping[str, Any] | None
    #: What the history does not hold, so that the diagnosis cannot judge it.
    notes: Sequence[str]
    #: The findings: the gravest first, `next` last.
    findings: Sequence[Finding]
    #: The figures after each epoch.
    points: Sequence[Point]

    def __str__(self) -> str:
        parts = [f"{finding.severity.upper()}  {finding.title}\n{_text(finding)}" for finding in self.findings]
        return "\n".join([*parts, *(f"Note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        """The curves and the findings, for a notebook."""
        findings = "".join(
            f'<div style="margin:.8em 0"><b>{escape(finding.severity.upper())}</b>&ensp;<b>{escape(finding.title)}</b>'
            f"{_paragraph(finding.evidence)}{_paragraph(finding.advice and '→ ' + finding.advice)}</div>"
            for finding in self.findings
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        losses = _curves.chart(
            "Loss [nats]",
            {
                "training": [(point.epoch, point.train_loss) for point in self.points],
                "validation": [(point.epoch, point.val_loss) for point in self.points],
            },
        )
        accuracies = _curves.chart(
            "Accuracy [%]",
            {
                "training": [(point.epoch, point.train_acc) for point in self.points],
                "validation": [(point.epoch, point.val_acc) for point in self.points],
            },
        )
        gap = "" if self.gap_loss is None else f"<p>Gap after the last epoch: {self.gap_loss:.3f} nats</p>"
        return (
            f'<div style="max-width:46em"><p><b>{escape(self.subject)}</b>, {self.epochs} epochs</p>'
            f"{losses}{accuracies}{gap}{findings}{notes and f'<ul>{notes}</ul>'}</div>"
        )


def diagnose(history: Any, classes: int | None = None) -> Diagnosis:
    """Says in plain words what a training shows, with evidence and advice.

    Args:
        history: A Keras `History` or its `.history`; the `log_history` of a transformers' Trainer, or any list with a dict
            for each epoch; a DataFrame; the path of a run folder or of a log of any trainer. It needs a training loss and a
            validation loss an epoch, under names such as loss and val_loss.
        classes: How many classes the data have; they give the loss of guessing, which a history without accuracies does not
            show.

    Raises:
        ValueError: What the history holds cannot be read; the message says what is missing.
    """
    options = ["--json"] if classes is None else ["--json", "--classes", str(classes)]
    if isinstance(history, (str, os.PathLike)):
        return _run(Path(history), options, subject=None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        path = path.with_suffix(".json" if _is_log_history(history) else ".csv")
        path.write_text(_log_history(history) if _is_log_history(history) else _table(history), encoding="utf-8")
        return _run(path, options, subject="history")


def _run(path: Path, options: list[str], subject: str | None) -> Diagnosis:
    """Diagnoses a file or a run folder, which is called `subject` where that is given."""
    # The path comes after "--", so that no name is taken for a flag.
    ended = _program.run("diagnose", *options, "--", str(path), capture_output=True, text=True)
    if ended.returncode != 0:
        message = ended.stderr.strip().removeprefix("error: ")
        raise ValueError(message if subject is None else message.replace(str(path), subject))
    values = json.loads(ended.stdout)
    return Diagnosis(
        subject=subject or values["subject"],
        epochs=values["epochs"],
        gap_loss=values["gap_loss"],
        gap_loss_se=values["gap_loss_se"],
        val_loss_lately=values["val_loss_lately"],
        notes=values["notes"],
        findings=[Finding(**finding) for finding in values["findings"]],
        points=[Point(**point) for point in values["points"]],
    )


def _is_log_history(history: Any) -> bool:
    """Whether it is a list of a transformers' Trainer, whose rows hold either training or validation."""
    return isinstance(history, Sequence) and any(isinstance(row, Mapping) and "eval_loss" in row for row in history)


def _log_history(history: Any) -> str:
    return json.dumps({"log_history": [{name: _plain(value) for name, value in row.items()} for row in history]})


def _table(history: Any) -> str:
    """The history as CSV, a row for each epoch."""
    columns = _columns(history)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        sizes = ", ".join(f"{name}: {len(values)}" for name, values in columns.items()) or "there is none"
        raise ValueError(f"the columns of the history need one value for each epoch ({sizes})")
    if not any(str(name).lower() in ("epoch", "epochs", "step") for name in columns):
        columns = {"epoch": list(range(1, lengths.pop() + 1)), **columns}
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(columns)
    rows.writerows(zip(*([_plain(value) for value in values] for values in columns.values()), strict=True))
    return table.getvalue()


def _columns(history: Any) -> dict[Any, list[Any]]:
    """The history as columns by name."""
    if hasattr(history, "to_dict") and hasattr(history, "columns"):
        return {name: list(history[name]) for name in history.columns}
    history = getattr(history, "history", history)
    if isinstance(history, Mapping):
        return {name: list(values) for name, values in history.items()}
    if isinstance(history, Sequence) and history and all(isinstance(row, Mapping) for row in history):
        names = list(dict.fromkeys(name for row in history for name in row))
        return {name: [row.get(name) for row in history] for name in names}
    raise ValueError(
        f"a {type(history).__name__} is no history: pass a Keras History, a list with a dict for each epoch, a DataFrame, or "
        f"the path of a log or a run folder"
    )


def _plain(value: Any) -> Any:
    """A number of NumPy, torch or pandas as Python's own; what is not known is left empty."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value


def _text(finding: Finding) -> str:
    return "".join(f"  {line}\n" for line in (finding.evidence, finding.advice and f"→ {finding.advice}") if line)


def _paragraph(text: str) -> str:
    return f'<div style="margin-left:1em">{escape(text)}</div>' if text else ""
