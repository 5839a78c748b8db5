"""`mindgap.diagnose`: what a history, a log or a run shows, in plain words; in a notebook with its curves."""

from __future__ import annotations

import csv
import io
import json
import math
import operator
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
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


def diagnose(
    history: Any,
    classes: int | None = None,
    *,
    train_loss: str | None = None,
    val_loss: str | None = None,
    val_acc: str | None = None,
) -> Diagnosis:
    """Says in plain words what a training shows, with evidence and advice.

    Args:
        history: A Keras `History` or its `.history`; the `log_history` of a transformers' Trainer, or any list with a dict
            for each epoch; a DataFrame; the path of a run folder or of a log of any trainer. It needs a training loss and a
            validation loss an epoch, under names such as loss and val_loss. A loss that becomes NaN has diverged; None says
            that it was not measured.
        classes: How many classes the data have; they give the loss of guessing, which a history without accuracies does not
            show.
        train_loss: The column of training losses, unless its name says so.
        val_loss: The column of validation losses, unless its name says so.
        val_acc: The column of validation accuracies, unless its name says so.

    Raises:
        ValueError: What the history holds cannot be read, or `classes` is below 2; the message says what is missing.
        TypeError: `classes` is not an integer.
    """
    options = ["--json"]
    if classes is not None:
        if operator.index(classes) < 2:
            raise ValueError(f"classes is {classes}; a classifier has two or more")
        options += ["--classes", str(operator.index(classes))]
    columns = {"train_loss": train_loss, "val_loss": val_loss, "val_acc": val_acc}
    # With "=", so that no name of a column is taken for a flag.
    options += [f"{_flag(keyword)}={column}" for keyword, column in columns.items() if column is not None]
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
        raise ValueError(_with_keywords(message if subject is None else message.replace(str(path), subject)))
    values = json.loads(ended.stdout)
    return Diagnosis(
        subject=subject or values["subject"],
        epochs=values["epochs"],
        gap_loss=values["gap_loss"],
        gap_loss_se=values["gap_loss_se"],
        val_loss_lately=values["val_loss_lately"],
        notes=[_with_keywords(note) for note in values["notes"]],
        findings=[Finding(**finding) for finding in values["findings"]],
        points=[Point(**point) for point in values["points"]],
    )


def _flag(keyword: str) -> str:
    return "--" + keyword.replace("_", "-")


def _with_keywords(message: str) -> str:
    """A message of the program with the keyword arguments of `diagnose` in place of its flags."""
    for keyword in ("train_loss", "val_loss", "val_acc"):
        flag = _flag(keyword)
        # An error about a given name begins with it: "--val-loss NAME: its columns are …".
        message = re.sub(rf"{flag} ([^`]+?): its columns", rf"{keyword}='\1': its columns", message)
        message = re.sub(rf"{flag}( COLUMN)?\b", f"{keyword}=", message)
    return message


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
    rows.writerows(zip(*columns.values(), strict=True))
    return table.getvalue()


def _columns(history: Any) -> dict[Any, list[Any]]:
    """The history as columns by name; None where nothing was measured."""
    if hasattr(history, "to_dict") and hasattr(history, "columns"):
        return {name: _measured(history[name]) for name in history.columns}
    history = getattr(history, "history", history)
    if isinstance(history, Mapping):
        return {name: [_plain(value) for value in _values(name, column)] for name, column in history.items()}
    if isinstance(history, Sequence) and history and all(isinstance(row, Mapping) for row in history):
        names = list(dict.fromkeys(name for row in history for name in row))
        return {name: [_plain(row.get(name)) for row in history] for name in names}
    name = type(history).__name__
    raise ValueError(
        f"{'an' if name[0] in 'aeiou' else 'a'} {name} is no history: pass a Keras History, a list with a dict for each epoch, a DataFrame, or "
        f"the path of a log or a run folder"
    )


def _values(name: Any, column: Any) -> list[Any]:
    try:
        values = None if isinstance(column, str) else list(column)
    except TypeError:
        values = None
    if values is None:
        raise ValueError(f"`{name}` is of type {type(column).__name__}, not a value for each epoch")
    return values


def _measured(column: Iterable[Any]) -> list[Any]:
    """The values of a column of a DataFrame, which has NaN for what was not measured as well as for what diverged.

    A loss that has diverged stays NaN, so a NaN before a number was not measured.
    """
    values = [_plain(value) for value in column]
    numbers = [at for at, value in enumerate(values) if value is not None and not _is_nan(value)]
    last = numbers[-1] if numbers else -1
    return [None if at < last and _is_nan(value) else value for at, value in enumerate(values)]


def _plain(value: Any) -> Any:
    """A number of NumPy, torch or pandas as Python's own; None for pandas.NA, and the type's name for what is no value."""
    if hasattr(value, "item") and math.prod(getattr(value, "shape", ())) == 1:
        value = value.item()
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return value if isinstance(value, (bool, int, float, str)) else type(value).__name__


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _text(finding: Finding) -> str:
    return "".join(f"  {line}\n" for line in (finding.evidence, finding.advice and f"→ {finding.advice}") if line)


def _paragraph(text: str) -> str:
    return f'<div style="margin-left:1em">{escape(text)}</div>' if text else ""
