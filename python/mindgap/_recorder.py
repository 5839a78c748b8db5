"""The recorder: measures the honest gap in a training loop of any kind, and writes it as a run folder of mindgap's."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from . import _measure, _program, _record
from ._data import Data
from ._datasets import Transform
from ._measure import Forward
from ._record import EpochRecord, Outputs
from ._recording import Recording
from ._samples import SampleFunction
from ._split import Source, Split

if TYPE_CHECKING:
    from typing_extensions import Self


class Recorder:
    """Measures probe and val after every epoch of a training loop, and writes what `mindgap train` writes.

        with mindgap.Recorder("runs/mine", train=train_set, val=val_set, eval_transform=transform) as recorder:
            for epoch in range(epochs):
                train_one_epoch(model, loader)
                recorder.epoch(model, lr=scheduler.get_last_lr()[0], batch_loss=loss)

    The probe is drawn from train by mindgap's rule: as many images of every class as val has, none of whose pixels also
    appear in val. Both are measured by the same code: eval mode, eval transform, plain cross-entropy in float32. The loop's
    random numbers and the model's modes are left as they were, so that the weights of a run are the same without it.

    Args:
        out: The folder of the run; it must not hold another one.
        train: The training images: a data set read by index, or (images, labels), two arrays.
        val: The validation images, of the same form.
        eval_transform: What the images are validated with. It takes the place of the data sets' own transform, of train's
            too. Without it the data sets must already give the network's input without augmentation.
        classes: The class names in the order of the logits; by default those that the data sets tell, else numbers.
        data: The folder that holds both splits; by default the common one of their files. Names of images are relative to it.
        sample: A function from an item of the data sets to (image, label), where the item is of a form of its own.
        forward: A function of model and images that returns logits [n, classes], where `model(images)` does not.
        batch_size: Images in one forward pass.
        num_workers: Processes that read images, as in DataLoader.
        device: Where to measure; by default where the model is.
        data_seed: Seed of the draw of the probe and of the halves of val. Runs to be compared share it.
        resume: Continue the run in the folder after its last recorded epoch. A folder without one is begun.
        echo: Print a line after every epoch, in the form of `mindgap train`.
        epochs: How many epochs are planned, for that line.
        framework: The name of the training loop, for the report.

    Every image is read once here, for its hash: `num_workers` shortens that for large sets. Where several processes train
    together, only the one of rank 0 records; in the others `is_recording` is false.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        *,
        train: Any,
        val: Any,
        eval_transform: Transform | None = None,
        classes: Sequence[str] | None = None,
        data: str | os.PathLike[str] | None = None,
        sample: SampleFunction | None = None,
        forward: Forward | None = None,
        batch_size: int = 256,
        num_workers: int = 0,
        device: str | torch.device | None = None,
        data_seed: int = 0,
        resume: bool = False,
        echo: bool = False,
        epochs: int | None = None,
        framework: str = "plain loop",
    ) -> None:
        self.path = Path(out)
        self.framework = framework
        self.forward = forward
        #: Whether this process records: it is not one of several with a rank above 0.
        self.is_recording = _rank() == 0
        if not self.is_recording:
            return
        self._batch_size, self._workers = batch_size, num_workers
        self._device = None if device is None else _measure.device_named(device)
        self._echo, self._epochs = echo, epochs
        self._recording = Recording(self.path, resume)
        try:
            with _measure.generators_kept():
                self._data = Data.read(
                    (Source.of(train, "train", eval_transform, sample), Source.of(val, "val", eval_transform, sample)),
                    classes=classes,
                    root=None if data is None else Path(data),
                    workers=num_workers,
                    data_seed=data_seed,
                )
                if resume:
                    self._recording.continue_with(self._data)
        except BaseException:
            self._recording.folder.release()
            raise
        #: Whether this process has recorded an epoch.
        self._has_recorded = False
        self._since = time.monotonic()

    @property
    def records(self) -> Sequence[EpochRecord]:
        """The epochs that are recorded, in order."""
        return tuple(self._recording.records) if self.is_recording else ()

    @property
    def is_resumed(self) -> bool:
        """Whether the next epoch is the first of a process that resumed the run."""
        return self.is_recording and not self._has_recorded and bool(self._recording.records)

    def epoch(
        self,
        model: torch.nn.Module,
        *,
        lr: float | None = None,
        batch_loss: float | None = None,
        epoch: int | None = None,
        steps: int | None = None,
        raw_model: torch.nn.Module | None = None,
    ) -> EpochRecord:
        """Measures the model after an epoch, records and returns the figures.

        Args:
            model: The model; with averaged weights (EMA, SWA) the averaged one. Wrappers of DistributedDataParallel and
                torch.compile are seen through.
            lr: The learning rate of the epoch's last step.
            batch_loss: The running mean of the training objective.
            epoch: The number of the epoch, from 1; by default the next. Where an earlier process recorded it, it and those
                after it are replaced: a loop that was resumed from an older checkpoint trains them again.
            steps: Optimizer steps since the run began.
            raw_model: The model with the raw weights where `model` has averaged ones; its val loss is recorded beside.
        """
        if not self.is_recording:
            raise RuntimeError("epoch() was called in a process with a rank above 0: ask recorder.is_recording first")
        number = self._next(epoch)
        model = _measure.bare(model)
        device = self._device or _measure.device_of(model)
        with _measure.generators_kept():
            with _measure.eval_mode(model):
                probe = self._outputs(model, self._data.train, self._data.probe, device)
                val = self._outputs(model, self._data.val, range(len(self._data.val.positions)), device)
            raw = None if raw_model is None else self._raw_val_loss(_measure.bare(raw_model), device)
        record = _record.record(
            epoch=number,
            lr=lr,
            batch_loss=batch_loss,
            probe=probe.measured(),
            val=val.measured(),
            leaks=self._data.leaks,
            in_first_half=self._data.in_first_half,
            raw_val_loss=raw,
            steps=steps,
            seconds=time.monotonic() - self._since,
        )
        self._recording.add(record, probe, val, data=self._data, model=model, device=device, framework=self.framework)
        self._has_recorded = True
        self._since = time.monotonic()
        if self._echo:
            print(record.line(self._epochs), flush=True)
        return record

    def finish(self) -> None:
        """Writes the final figures (`done.json`) and the report (`report.html`), and unlocks the folder.

        Raises RuntimeError where mindgap's program cannot be started or fails; `mindgap conclude RUN` does the same later,
        since every epoch has been written.
        """
        if not self.is_recording or not self._recording.folder.is_locked:
            return
        self._recording.folder.release()
        if self._recording.records:
            ended = _program.run("conclude", str(self.path), capture_output=True, text=True)
            if ended.returncode != 0:
                raise RuntimeError(f"mindgap conclude {self.path} failed: {ended.stderr.strip()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.finish()
        elif self.is_recording:
            # The run is interrupted: resume=True continues it.
            self._recording.folder.release()

    def _next(self, epoch: int | None) -> int:
        """The number of the epoch to record: the given one, or the next."""
        if not self._recording.folder.is_locked:
            raise RuntimeError(
                f"the recorder of {self.path} is finished, or was made in the process that this one was forked from; "
                f"Recorder(…, resume=True) extends a finished run"
            )
        last = max((record.epoch for record in self._recording.records), default=0)
        number = last + 1 if epoch is None else operator.index(epoch)
        if not 1 <= number <= last + 1:
            raise ValueError(f"epoch {number} cannot be recorded after epoch {last}: epochs count from 1, one by one")
        if number == 1 and last > 0:
            raise ValueError(
                f"{self.path} has {last} epochs, and the loop begins at epoch 1: resume the loop from its checkpoint, or "
                f"choose another folder"
            )
        if self._has_recorded and number <= last:
            raise ValueError(f"epoch {number} was recorded by this process already")
        return number

    def _outputs(self, model: torch.nn.Module, split: Split, places: Sequence[int], device: torch.device) -> Outputs:
        """The outputs of a model in eval mode on the images at `places`."""
        batches = split.batches(places, self._batch_size, self._workers)
        return Outputs(
            _measure.logits(model, batches, device, self.forward, len(self._data.classes)),
            np.array([split.content.labels[place] for place in places], np.int64),
            np.array([split.ids[place] for place in places], np.int64),
        )

    def _raw_val_loss(self, model: torch.nn.Module, device: torch.device) -> float:
        with _measure.eval_mode(model):
            val = self._outputs(model, self._data.val, range(len(self._data.val.positions)), device)
        return val.measured().loss()


def _rank() -> int:
    """The rank of this process among those that train together; 0 where it is alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank()
    return int(os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or 0)
