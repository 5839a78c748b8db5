"""The callback for the Trainer of transformers."""

from __future__ import annotations

from typing import Any

import transformers

from .._recorder import Recorder


class TransformersCallback(transformers.TrainerCallback):
    """Records the model after every training epoch. Its batch loss is the mean of those that were logged in the epoch."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        recorder.framework = f"transformers {transformers.__version__}"
        self._lr: float | None = None
        self._losses: list[float] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **context: Any) -> None:
        self._lr = context["optimizer"].param_groups[0]["lr"]

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **context: Any) -> None:
        if "loss" in (logs or {}):
            self._losses.append(float((logs or {})["loss"]))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **context: Any) -> None:
        if self.recorder.is_recording:
            self.recorder.epoch(
                context["model"],
                lr=self._lr,
                batch_loss=sum(self._losses) / len(self._losses) if self._losses else None,
                epoch=round(state.epoch) if self.recorder.is_resumed else None,
                steps=state.global_step,
            )
        self._losses = []
