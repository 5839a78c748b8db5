"""The record of an epoch, computed from the logits on probe and val."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EpochRecord:
    """One line of `epochs.jsonl`, with mindgap's names. A number that is not known or not finite is NaN here, null there.

    Losses are cross-entropies in nats per image, accuracies percentages (0–100), gaps in accuracy percentage points. The
    fields that end in `_without_leaks` leave out the val images that also appear in train; None where there are none.
    """

    #: The epoch, from 1.
    epoch: int
    #: The learning rate of the epoch's last step; NaN where the loop did not tell it.
    lr: float
    #: Running mean of the training objective; NaN where the loop did not tell it. Not comparable with `val_loss`.
    batch_loss: float
    probe_loss: float
    probe_acc: float
    val_loss: float
    val_acc: float
    #: `val_loss` − `probe_loss`, with its standard error over images.
    gap_loss: float
    gap_loss_se: float
    #: `probe_acc` − `val_acc`.
    gap_acc: float
    val_loss_without_leaks: float | None
    val_acc_without_leaks: float | None
    gap_loss_without_leaks: float | None
    gap_loss_se_without_leaks: float | None
    gap_acc_without_leaks: float | None
    #: Val loss of the raw weights, where all other figures are those of averaged weights.
    raw_val_loss: float | None
    #: Mean losses of the two halves of val, leaks included.
    val_half_losses: tuple[float, float]
    #: Optimizer steps since the run began; None where the loop did not tell them.
    steps: int | None
    #: Wall time of the epoch, measurements included [s].
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The record as values of JSON; what does not apply is left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["val_half_losses"] = [_finite(loss) for loss in self.val_half_losses]
        return {name: _finite(value) for name, value in values.items() if value is not None}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> EpochRecord:
        """Reads what `to_json` wrote: null is NaN, what is absent does not apply."""
        names = [field.name for field in fields(cls)]
        read: dict[str, Any] = {name: values.get(name) for name in names}
        read |= {name: math.nan for name in names if name in values and values[name] is None}
        first, second = values["val_half_losses"]
        read["val_half_losses"] = (math.nan if first is None else first, math.nan if second is None else second)
        return cls(**read)

    def line(self, epochs: int | None = None) -> str:
        """The epoch as mindgap prints it. Training means the probe."""
        of = f"/{epochs}" if epochs is not None else ""
        return (
            f"Epoch: {self.epoch}{of}.. Training Loss: {self.probe_loss:.3f}.. Validation Loss: {self.val_loss:.3f}.. "
            f"Training Accuracy: {self.probe_acc:.3f}.. Validation Accuracy: {self.val_acc:.3f}.. Gap: {self.gap_loss:.3f}"
        )


@dataclass(frozen=True)
class Outputs:
    """The outputs of a model on n images, in order."""

    #: float32 [n, classes]
    logits: NDArray[np.float32]
    #: Class numbers [n]
    labels: NDArray[np.int64]
    #: Indices into the split's listing [n]
    ids: NDArray[np.int64]

    def only(self, n: int) -> Outputs:
        """The outputs on the first n images."""
        return Outputs(self.logits[:n], self.labels[:n], self.ids[:n])

    def measured(self) -> Measured:
        """The cross-entropy of each image, and whether its class is right."""
        logits = self.logits.astype(np.float64)
        rows = np.arange(len(self.labels))
        with np.errstate(all="ignore"):
            shifted = logits - logits.max(axis=1, keepdims=True)
            losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, self.labels]
        # NaN is the largest number for argmax; a row that holds one is wrong.
        correct = (logits.argmax(axis=1) == self.labels) & ~np.isnan(logits).any(axis=1)
        return Measured(losses.astype(np.float32).astype(np.float64), correct)


@dataclass(frozen=True)
class Measured:
    """Losses and hits on n images."""

    #: Cross-entropies [n], nats, rounded to float32 as mindgap keeps them.
    losses: NDArray[np.float64]
    #: Whether each image's most probable class is its label [n].
    correct: NDArray[np.bool_]

    def only(self, keep: NDArray[np.bool_]) -> Measured:
        """Losses and hits where `keep` holds."""
        return Measured(self.losses[keep], self.correct[keep])

    def loss(self) -> float:
        """The mean loss; NaN of no images."""
        return float(self.losses.sum() / len(self.losses)) if len(self.losses) else math.nan

    def accuracy(self) -> float:
        """The share of hits in percent; NaN of no images."""
        return 100.0 * int(self.correct.sum()) / len(self.correct) if len(self.correct) else math.nan

    def standard_error(self) -> float:
        """The standard error of the mean loss; NaN of fewer than two images."""
        n = len(self.losses)
        if n < 2:
            return math.nan
        with np.errstate(all="ignore"):
            return float(np.std(self.losses, ddof=1)) / math.sqrt(n)


def record(
    *,
    epoch: int,
    lr: float | None,
    batch_loss: float | None,
    probe: Measured,
    val: Measured,
    leaks: Sequence[bool],
    in_first_half: Sequence[bool],
    raw_val_loss: float | None,
    steps: int | None,
    seconds: float,
) -> EpochRecord:
    """The record of an epoch from what the loop told and what was measured after it.

    `leaks[i]` says whether val's image i also appears in train, `in_first_half[i]` whether it belongs to val's first half.
    """
    first = np.array(in_first_half, dtype=bool)
    leaked = np.array(leaks, dtype=bool)
    clean = val.only(~leaked) if leaked.any() else None
    return EpochRecord(
        epoch=epoch,
        lr=math.nan if lr is None else float(lr),
        batch_loss=math.nan if batch_loss is None else float(batch_loss),
        probe_loss=probe.loss(),
        probe_acc=probe.accuracy(),
        val_loss=val.loss(),
        val_acc=val.accuracy(),
        gap_loss=val.loss() - probe.loss(),
        gap_loss_se=math.hypot(val.standard_error(), probe.standard_error()),
        gap_acc=probe.accuracy() - val.accuracy(),
        val_loss_without_leaks=clean.loss() if clean else None,
        val_acc_without_leaks=clean.accuracy() if clean else None,
        gap_loss_without_leaks=clean.loss() - probe.loss() if clean else None,
        gap_loss_se_without_leaks=math.hypot(clean.standard_error(), probe.standard_error()) if clean else None,
        gap_acc_without_leaks=probe.accuracy() - clean.accuracy() if clean else None,
        raw_val_loss=raw_val_loss,
        val_half_losses=(val.only(first).loss(), val.only(~first).loss()),
        steps=None if steps is None else int(steps),
        seconds=seconds,
    )


def _finite(value: Any) -> Any:
    """None instead of a number that JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
