"""Marks the wheel as one for x86-64 Linux and any Python: it holds a program, and no extension module."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Platform(BuildHookInterface[Any]):
    """auditwheel turns the tag into the lowest that the program allows."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Sets the tag; `version` is "editable" where the package is installed from the checkout."""
        if version != "editable" and not Path(self.root, "mindgap/bin/mindgap").is_file():
            raise FileNotFoundError("mindgap/bin/mindgap is missing: scripts/wheel builds the wheel")
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-linux_x86_64"
