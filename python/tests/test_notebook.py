"""The example notebook runs, and shows its curves and findings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mindgap

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


def test_the_notebook_is_executed(tmp_path: Path) -> None:
    nbformat: Any = pytest.importorskip("nbformat")
    pytest.importorskip("nbconvert")
    stripped = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in stripped.cells)

    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--output-dir",
        str(tmp_path),
        str(NOTEBOOK),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(mindgap.__file__).parents[1])}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    executed = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    pages = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert len(pages) == 2 and all("<svg" in page and "Gap after the last epoch" in page for page in pages)
    files = next(output["data"]["text/plain"] for output in outputs if "epochs.jsonl" in str(output.get("data", {})))
    assert "done.json" in files and "report.html" in files
