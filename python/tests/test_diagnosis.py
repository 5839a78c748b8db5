"""diagnose reads what Python's trainers leave, and says what the program says."""

from __future__ import annotations

import json
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
