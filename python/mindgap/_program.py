"""Finds the mindgap program of this package, and the torch whose libraries it loads, without importing torch."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The torch that the program was compiled against. Its C++ libraries fit no other minor version.
TORCH = "2.13"


class ProgramError(RuntimeError):
    """The program cannot be started. The message is one line that says what to install."""


@dataclass(frozen=True)
class Program:
    """The program, and the environment to start it in: that of this process, with what the loader needs."""

    path: Path
    environment: dict[str, str]


def find() -> Program:
    """Returns the program: the file that MINDGAP_PROGRAM names where that is set, else the one in this package.

    Raises ProgramError where the program, or the torch that it was compiled against, is missing.
    """
    environment = dict(os.environ)
    own = environment.get("MINDGAP_PROGRAM")
    if own is not None:
        if not os.access(own, os.X_OK) or not Path(own).is_file():
            raise ProgramError(f"MINDGAP_PROGRAM names {own}, which is no program; build it, or unset the variable")
        return Program(Path(own), environment)
    path = (Path(__file__).parent / "bin" / "mindgap").resolve()
    if not path.is_file():
        raise ProgramError(f"{path} is missing; run: pip install --force-reinstall --no-deps mindgap")
    library = torch_folder() / "lib"
    if not found_by_loader(path, library):
        others = environment.get("LD_LIBRARY_PATH")
        environment["LD_LIBRARY_PATH"] = f"{library}:{others}" if others else str(library)
    return Program(path, environment)


def run(*args: str, **kwargs: Any) -> subprocess.CompletedProcess[Any]:
    """Runs the program with these arguments, and the keyword arguments of `subprocess.run`.

    Raises ProgramError where it cannot be started.
    """
    program = find()
    kwargs.setdefault("env", program.environment)
    return subprocess.run([str(program.path), *args], **kwargs)  # noqa: PLW1510


def torch_folder() -> Path:
    """The folder of the installed torch. Raises ProgramError where it is missing, not whole or of another version."""
    install = f"pip install 'torch=={TORCH}.*'"
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        raise ProgramError(f"torch is not installed in this Python; run: {install}")
    folder = Path(next(iter(spec.submodule_search_locations))).resolve()
    try:
        version = re.search(r"^__version__ = '([^']+)'", (folder / "version.py").read_text("utf-8"), re.MULTILINE)
    except OSError:
        version = None
    if version is None or not (folder / "lib" / "libtorch_cpu.so").is_file():
        raise ProgramError(f"{folder} is not a torch as PyPI has it, with its libraries in torch/lib; run: {install}")
    if version[1].split(".")[:2] != TORCH.split("."):
        raise ProgramError(f"this mindgap needs torch {TORCH}, but {folder} is torch {version[1]}; run: {install}")
    return folder


def found_by_loader(program: Path, library: Path) -> bool:
    """Whether the system's loader finds torch's folder `library` by itself.

    It does by the program's RUNPATH where torch is installed beside this package, unless another libtorch stands in
    LD_LIBRARY_PATH, which comes first.
    """
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    first = [folder for folder in folders if (Path(folder or ".") / "libtorch_cpu.so").exists()][:1]
    found = first[0] if first else program.parent / ".." / ".." / "torch" / "lib"
    # As the loader sees it, without following links: torch's libraries find NVIDIA's relative to their own path.
    return os.path.abspath(found) == os.path.abspath(library)
