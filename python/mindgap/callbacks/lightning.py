"""The callback for Lightning, whether it is installed as lightning or as pytorch_lightning."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

from .._recorder import Recorder

_PACKAGES = {"lightning": "lightning.pytorch", "pytorch_lightning": "pytorch_lightning"}
# The one that the loop has imported; the other one has a base class of its own.
_USED = [package for package in _PACKAGES if _PACKAGES[package] in sys.modules]
_USED = _USED or [package for package in _PACKAGES if importlib.util.find_spec(package)][:1] or ["lightning"]
_MODULES = [importlib.import_module(_PACKAGES[package]) for package in _USED]


class LightningCallback(*[module.Callback for module in _MODULES]):  # type: ignore[misc]
    """Records the module after every training epoch of `fit`. The module's `forward` must return logits."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        recorder.framework = f"Lightning {_MODULES[0].__version__}"
        self._lr: float | None = None
        self._losses: list[Any] = []

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        self._losses = []

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_index: int) -> None:
        self._lr = trainer.optimizers[0].param_groups[0]["lr"] if trainer.optimizers else None

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_index: int) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if loss is not None:
            # Lightning divides the loss by the number of batches in an update.
            self._losses.append(loss.detach() * trainer.accumulate_grad_batches)

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        if self.recorder.is_recording:
            self.recorder.epoch(
                module,
                lr=self._lr,
                batch_loss=float(sum(self._losses) / len(self._losses)) if self._losses else None,
                epoch=trainer.current_epoch + 1 if self.recorder.is_resumed else None,
                steps=trainer.global_step,
            )
