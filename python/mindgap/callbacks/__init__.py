"""Callbacks that call a recorder after every epoch. Each imports its framework only when it is asked for.

- `KerasCallback(recorder)` for `model.fit(callbacks=[…])`, Keras 3 on torch
- `LightningCallback(recorder)` for `Trainer(callbacks=[…])` of lightning and pytorch_lightning
- `TransformersCallback(recorder)` for `Trainer(callbacks=[…])` of transformers
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .keras import KerasCallback
    from .lightning import LightningCallback
    from .transformers import TransformersCallback

_HOMES = {"KerasCallback": "keras", "LightningCallback": "lightning", "TransformersCallback": "transformers"}

__all__ = ["KerasCallback", "LightningCallback", "TransformersCallback"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
