"""The folder of a run: its lock, and files that are whole or absent, as mindgap itself writes them."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import tempfile
import weakref
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

RECIPE = "recipe.toml"
ENVIRONMENT = "environment.json"
IMAGES = "images.csv"
EPOCHS = "epochs.jsonl"
SUMMARY = "summary.csv"
PREDICTIONS = "predictions.safetensors"
DONE = "done.json"
LOCK = "run.lock"
_TEMPORARY = ".mindgap-tmp-"


def now() -> str:
    """The time, UTC, as in 2024-05-01T12:30:00Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class RunFolder:
    """A run folder that this process alone writes into, until `release`."""

    def __init__(self, path: Path, resume: bool) -> None:
        """Makes the folder and locks it.

        Raises FileExistsError where it holds other files, or a run that `resume` does not continue, BlockingIOError where
        another process writes into it.
        """
        self.path = path
        _check(path, resume)
        path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(self._lock, 1 << 16).decode(errors="replace")
            os.close(self._lock)
            raise BlockingIOError(
                f"{path / LOCK} is locked by {_holder(owner)}: wait for that run to end, or choose another folder"
            ) from error
        try:
            # Another process may have written between the first check and the lock.
            _check(path, resume)
        except BaseException:
            os.close(self._lock)
            raise
        about = {"pid": os.getpid(), "host": socket.gethostname(), "started": now(), "command": " ".join(sys.argv)}
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, json.dumps(about).encode(), 0)
        for leftover in path.glob(f"{_TEMPORARY}*"):
            leftover.unlink()
        _locked.add(self)

    @property
    def is_locked(self) -> bool:
        """Whether this process may still write."""
        return self._lock >= 0

    def release(self) -> None:
        """Gives the lock back; a second call does nothing."""
        if self._lock >= 0:
            # An empty file says that its holder ended in order. Unlocked before it is closed: a process that is just being
            # forked still has the same open file.
            os.ftruncate(self._lock, 0)
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)
            self._lock = -1

    def leave_to_parent(self) -> None:
        """Closes the lock in a forked process: its parent alone holds it and writes, and the lock ends with it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def write(self, name: str, content: bytes) -> None:
        """Replaces a file as a whole: a reader, or a crash, finds the old one or the new one."""
        descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=self.path)
        try:
            with open(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._sync()

    def write_json(self, name: str, value: Any) -> None:
        """Writes a value as indented JSON."""
        self.write(name, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads a file of JSON. Raises ValueError where it is damaged."""
        try:
            value: dict[str, Any] = json.loads((self.path / name).read_bytes())
        except ValueError as error:
            raise ValueError(f"{self.path / name} is damaged: {error}") from error
        return value

    def append(self, name: str, line: bytes) -> None:
        """Appends a line and syncs it. One that cannot be written whole is removed."""
        is_new = not self.has(name)
        with open(self.path / name, "ab") as file:
            end = file.tell()
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)
                raise
        if is_new:
            self._sync()

    def whole_lines(self, name: str) -> list[bytes]:
        """The lines of JSON in a file. An incomplete last one, as a crash leaves it, is cut off the file."""
        path = self.path / name
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        if lines and not (lines[-1].endswith(b"\n") and _is_json(lines[-1])):
            del lines[-1]
            self.write(name, b"".join(lines))
        for number, line in enumerate(lines, 1):
            if not _is_json(line):
                raise ValueError(f"line {number} of {path} cannot be read: it is not JSON")
        return lines

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return (self.path / name).exists()

    def remove(self, name: str) -> None:
        """Deletes a file if it exists."""
        (self.path / name).unlink(missing_ok=True)

    def _sync(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


#: The folders that this process has locked. A worker process of a loader that outlives a killed loop must not hold them.
_locked: weakref.WeakSet[RunFolder] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for folder in list(_locked):
        folder.leave_to_parent()


os.register_at_fork(after_in_child=_leave_to_parent)


def _check(path: Path, resume: bool) -> None:
    """Refuses a folder that cannot be begun, nor continued with `resume`."""
    if resume and (path / RECIPE).exists():
        raise FileExistsError(f"{path} holds a run that mindgap itself trained; mindgap train --resume resumes it")
    if not resume or not (path / ENVIRONMENT).exists():
        _check_unused(path, resume)


def _check_unused(path: Path, resume: bool) -> None:
    """Refuses a folder that holds anything but what a run leaves that ended before its first epoch."""
    if not path.exists():
        return
    if not path.is_dir():
        raise FileExistsError(f"{path} is a file: choose another folder")
    names = {entry.name for entry in path.iterdir() if not entry.name.startswith(_TEMPORARY)}
    if resume and EPOCHS in names:
        raise FileExistsError(
            f"{path} holds {EPOCHS} without {ENVIRONMENT}, and cannot be resumed: choose another folder"
        )
    if RECIPE in names or EPOCHS in names:
        raise FileExistsError(f"{path} holds another run: choose another folder, or resume it with resume=True")
    if others := names - {LOCK, ENVIRONMENT, IMAGES, PREDICTIONS}:
        raise FileExistsError(f"{path} is not empty (it holds {min(others)}): choose a new or empty folder")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _holder(text: str) -> str:
    try:
        owner = json.loads(text)
        return f"process {owner['pid']} on {owner['host']} since {owner['started']} ({owner['command']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
