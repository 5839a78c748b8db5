"""The callback for Keras 3, which must compute with torch (`KERAS_BACKEND=torch`)."""

from __future__ import annotations

from typing import Any

import keras
import torch

from .._recorder import Recorder


class KerasCallback(keras.callbacks.Callback):
    """Records the model after every epoch of `fit`."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        if keras.backend.backend() != "torch":
            raise RuntimeError(
                f"Keras computes with {keras.backend.backend()}: set KERAS_BACKEND=torch before importing it"
            )
        self.recorder = recorder
        recorder.framework = f"Keras {keras.__version__}"
        recorder.forward = recorder.forward or _logits

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.recorder.is_recording:
            self.recorder.epoch(
                self.model,
                lr=float(self.model.optimizer.learning_rate),
                batch_loss=(logs or {}).get("loss"),
                epoch=epoch + 1 if self.recorder.is_resumed else None,
                steps=int(self.model.optimizer.iterations),
            )


def _logits(model: Any, images: torch.Tensor) -> torch.Tensor:
    """The logits of a model in inference mode; of one that ends with a softmax the logarithms of its probabilities."""
    outputs: torch.Tensor = model(images, training=False)
    rows = outputs.flatten(1)
    is_softmax = bool((rows >= 0).all()) and bool(((rows.sum(1) - 1).abs() < 1e-3).all())
    # Keras' own loss limits probabilities in the same way.
    return outputs.clamp_min(1e-7).log() if is_softmax else outputs
