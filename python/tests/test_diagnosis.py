"""diagnose reads what Python's trainers leave, and says what the program says."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import mindgap

from .conftest import Mindgap

EPOCHS = 12
LOSSES = [1.6 - 0.09 * epoch for epoch in range(EPOCHS)]
VAL_LOSSES = [1.6 - 0.05 * epoch + 0.004 * epoch**2 for epoch in range(EPOCHS)]
SHARES = [0.4 + 0.03 * epoch for epoch in range(EPOCHS)]
COLUMNS: dict[str, list[float]] = {"loss": LOSSES, "accuracy": SHARES, "val_loss": VAL_LOSSES, "val_accuracy": SHARES}


def rows() -> list[dict[str, float]]:
    return [dict(zip(COLUMNS, values, strict=True)) for values in zip(*COLUMNS.values(), strict=True)]


def log_history() -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = []
    for number, (loss, val_loss) in enumerate(zip(LOSSES, VAL_LOSSES, strict=True), 1):
        log.append({"loss": loss, "learning_rate": 1e-4, "epoch": float(number), "step": 10 * number})
        log.append({"eval_loss": val_loss, "eval_accuracy": 0.5, "epoch": float(number), "step": 10 * number})
    return [*log, {"train_runtime": 3.0, "train_loss": 1.0, "epoch": float(EPOCHS), "step": 120}]


HISTORIES: dict[str, Any] = {
    "dict": COLUMNS,
    "history": SimpleNamespace(history=COLUMNS, epoch=list(range(EPOCHS))),
    "rows": rows(),
    "numpy": {name: np.array(values, np.float64) for name, values in COLUMNS.items()},
    "log_history": log_history(),
}


@pytest.mark.parametrize("form", HISTORIES)
def test_one_training_is_read_the_same_in_all_forms(form: str) -> None:
    diagnosis = mindgap.diagnose(HISTORIES[form])
    assert diagnosis.subject == "history" and diagnosis.epochs == EPOCHS
    assert diagnosis.gap_loss == pytest.approx(VAL_LOSSES[-1] - LOSSES[-1])
    assert [point.val_loss for point in diagnosis.points] == pytest.approx(VAL_LOSSES)
    assert [point.epoch for point in diagnosis.points] == list(range(1, EPOCHS + 1))
    assert "gap-harmful" in [finding.id for finding in diagnosis.findings] and diagnosis.findings[-1].id == "next"


def test_a_data_frame_is_read() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(COLUMNS)
    assert mindgap.diagnose(frame) == mindgap.diagnose(COLUMNS)


NAN_LOG = Path(__file__).parents[2] / "examples" / "logs" / "nan.csv"


def diverged_history(form: str) -> Any:
    """The values of examples/logs/nan.csv, whose losses are NaN from epoch 6 on."""
    with NAN_LOG.open() as file:
        table = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    if form == "dict":
        return {name: [row[name] for row in table] for name in table[0]}
    if form == "data frame":
        return pytest.importorskip("pandas").DataFrame(table)
    if form == "log_history":
        return [
            {name: row[column], "epoch": row["epoch"]}
            for row in table
            for name, column in (("loss", "train_loss"), ("eval_loss", "val_loss"))
        ]
    return table


@pytest.mark.parametrize("form", ["dict", "rows", "data frame", "log_history"])
def test_a_run_that_became_nan_has_diverged_in_all_forms(form: str) -> None:
    from_file, from_values = mindgap.diagnose(NAN_LOG), mindgap.diagnose(diverged_history(form))
    assert from_file.findings[0].id == from_values.findings[0].id == "diverged"
    assert [point.val_loss for point in from_values.points] == [point.val_loss for point in from_file.points]


def test_what_was_not_measured_has_not_diverged() -> None:
    pandas = pytest.importorskip("pandas")
    every_second = [value if at % 2 else None for at, value in enumerate(VAL_LOSSES)]
    frames = {
        "empty cells": pandas.DataFrame({"loss": LOSSES, "val_loss": every_second}),
        "nullable": pandas.DataFrame({"loss": LOSSES, "val_loss": pandas.array(every_second, dtype="Float64")}),
        "none yet": pandas.DataFrame({"loss": LOSSES, "val_loss": [*VAL_LOSSES[:-1], pandas.NA]}),
        # One row for training, one for validation; the last row has no training loss.
        "log_history": pandas.DataFrame(log_history()),
        "log_history to the last epoch": pandas.DataFrame(log_history()[:-1]),
    }
    for name, frame in frames.items():
        diagnosis = mindgap.diagnose(frame)
        assert "diverged" not in [finding.id for finding in diagnosis.findings], name
        assert [point.train_loss for point in diagnosis.points] == pytest.approx(LOSSES), name
        stated = [point.val_loss for point in diagnosis.points if point.val_loss is not None]
        assert set(stated) <= set(VAL_LOSSES) and len(stated) >= EPOCHS / 2, name
    rows: list[dict[str, Any]] = [{"loss": 1.0, "val_loss": None}, {"loss": 0.5}, {"loss": 0.4, "val_loss": 0.6}]
    assert [point.val_loss for point in mindgap.diagnose(rows).points] == [None, None, 0.6]


def test_columns_of_other_names_are_named() -> None:
    columns = {"cost": LOSSES, "held out": VAL_LOSSES, "-hits": SHARES}
    diagnosis = mindgap.diagnose(columns, train_loss="cost", val_loss="held out", val_acc="-hits")
    assert [point.train_loss for point in diagnosis.points] == pytest.approx(LOSSES)
    assert [point.val_loss for point in diagnosis.points] == pytest.approx(VAL_LOSSES)
    assert [point.val_acc for point in diagnosis.points] == pytest.approx([100 * share for share in SHARES])
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "say which with val_loss="),
        ({"train_loss": "cost", "val_loss": "other"}, "val_loss='other': its columns are"),
        ({"train_loss": "cost", "val_loss": "cost"}, "train_loss= and val_loss= say which is which"),
    ]
    for options, said in cases:
        with pytest.raises(ValueError, match=re.escape(said)) as error:
            mindgap.diagnose(columns if options else {"loss": LOSSES, **columns}, **options)
        assert "--" not in str(error.value)
    two = {"loss": LOSSES, "val_loss": VAL_LOSSES, "val_top1": SHARES, "val_accuracy": SHARES[::-1]}
    (note,) = [note for note in mindgap.diagnose(two).notes if "val accuracy" in note]
    assert "val_acc= names another" in note


def test_a_path_gives_what_the_program_gives(tmp_path: Path, mindgap_program: Mindgap) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "epoch,train_loss,val_loss\n"
        + "".join(f"{n},{a},{b}\n" for n, (a, b) in enumerate(zip(LOSSES, VAL_LOSSES, strict=True), 1))
    )
    diagnosis = mindgap.diagnose(log, classes=7)
    values = json.loads(mindgap_program("diagnose", "--json", "--classes", 7, log).stdout)
    assert [vars(finding) for finding in diagnosis.findings] == values["findings"]
    assert [vars(point) for point in diagnosis.points] == values["points"]
    assert (diagnosis.subject, list(diagnosis.notes)) == (values["subject"], values["notes"])


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(ValueError, match="a float is no history: pass a Keras History"):
        mindgap.diagnose(1.5)
    with pytest.raises(ValueError, match="an int is no history"):
        mindgap.diagnose(3)
    with pytest.raises(ValueError, match="`loss` is of type float, not a value for each epoch"):
        mindgap.diagnose({"loss": 1.0})
    with pytest.raises(ValueError, match="`loss` is of type ndarray, not a value for each epoch"):
        mindgap.diagnose({"loss": np.array(1.0)})
    with pytest.raises(ValueError, match="`loss` is of type str, not a value for each epoch"):
        mindgap.diagnose({"loss": "123", "val_loss": "123"})
    with pytest.raises(ValueError, match="no validation loss"):
        mindgap.diagnose([{"loss": 1.0, "eval_loss": object()}])
    with pytest.raises(ValueError, match="no validation loss"):
        mindgap.diagnose({"loss": [1.0, 0.5], "val_loss": [np.ones(2), object()]})
    confusion = {"confusion": [np.eye(2)] * EPOCHS, "f1": [[0.1, 0.2]] * EPOCHS}
    assert mindgap.diagnose({**COLUMNS, **confusion}).findings == mindgap.diagnose(COLUMNS).findings
    assert mindgap.diagnose([row | {"confusion": np.eye(2)} for row in log_history()]).epochs == EPOCHS
    with pytest.raises(ValueError, match="classes is 1"):
        mindgap.diagnose(COLUMNS, classes=1)
    with pytest.raises(TypeError):
        mindgap.diagnose(COLUMNS, classes=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"one value for each epoch \(loss: 2, val_loss: 1\)"):
        mindgap.diagnose({"loss": [1.0, 2.0], "val_loss": [1.0]})
    with pytest.raises(ValueError, match="history") as error:
        mindgap.diagnose({"loss": [1.0, 0.5, 0.4]})
    assert "/tmp" not in str(error.value)


def test_the_page_of_a_notebook_is_well_formed_and_escaped() -> None:
    diagnosis = mindgap.diagnose(COLUMNS)
    bad = mindgap.Finding("x", "warning", "<script>alert(1)</script>", "a & b", '"c"', {})
    values = {**vars(diagnosis), "findings": [*diagnosis.findings, bad], "subject": "<b>runs & more</b>"}
    page = mindgap.Diagnosis(**values)._repr_html_()
    assert "<script" not in page and "&lt;script&gt;" in page and "&lt;b&gt;runs &amp; more" in page
    tree = ElementTree.fromstring(page.replace("&ensp;", " "))
    assert len(tree.findall(".//svg")) == 2 and len(tree.findall(".//svg/path[@stroke-width]")) == 4
    for finding in diagnosis.findings:
        assert finding.title in "".join(tree.itertext())


def test_curves_of_nothing_one_point_and_missing_numbers() -> None:
    diverged = mindgap.diagnose(
        {"loss": [1.0, 0.9, float("inf"), float("inf")], "val_loss": [1.0, 0.9, float("inf"), float("inf")]}
    )
    assert diverged.findings[0].id == "diverged" and "<svg" in diverged._repr_html_()
    assert "<svg" in mindgap.diagnose({"loss": [1.0], "val_loss": [1.25]})._repr_html_()
    from mindgap._curves import chart

    assert chart("Loss", {"a": [(1, None), (2, float("nan"))]}) == ""
    assert chart("Loss", {"a": [(1, 1.0), (2, None), (3, 2.0)]}).count("<circle") == 2
