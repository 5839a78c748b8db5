"""mindgap for Python: the program that `pip` installs, and its measurements for training loops of your own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.post213"

if TYPE_CHECKING:
    from ._diagnosis import Diagnosis, Finding, diagnose
    from ._load import Model, Prediction, load
    from ._record import EpochRecord
    from ._recorder import Recorder

#: Where each public name is defined. torch is imported only with the name that needs it.
_HOMES = {
    "Diagnosis": "_diagnosis",
    "EpochRecord": "_record",
    "Finding": "_diagnosis",
    "Model": "_load",
    "Prediction": "_load",
    "Recorder": "_recorder",
    "callbacks": "callbacks",
    "diagnose": "_diagnosis",
    "load": "_load",
}

__all__ = ["Diagnosis", "EpochRecord", "Finding", "Model", "Prediction", "Recorder", "callbacks", "diagnose", "load"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f".{_HOMES[name]}", __name__)
    return home if name == "callbacks" else getattr(home, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
