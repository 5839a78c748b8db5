"""Reads and writes safetensors files: eight bytes with the header's length, a JSON header, the arrays' bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: NumPy's type of each type of the format that mindgap's files hold; all little-endian.
_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8")}


def encode(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file with these arrays (float32 or int64). Equal contents give equal bytes."""
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    parts = []
    offset = 0
    # The widest numbers first, then by name: every array then begins at a multiple of its numbers' size.
    for name in sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name)):
        array = arrays[name]
        kind = next(kind for kind, dtype in _TYPES.items() if dtype == array.dtype)
        part = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + len(part)]}
        parts.append(part)
        offset += len(part)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays and the metadata of a file.

    Raises ValueError where the file is no safetensors file, is not whole, or holds an array of another type.
    """
    data = path.read_bytes()
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        arrays = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            dtype = _TYPES[entry["dtype"]]
            array = np.frombuffer(data[8 + length + begin : 8 + length + end], dtype)
            arrays[name] = array.reshape(entry["shape"])
    except (struct.error, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is damaged, or no safetensors file that mindgap wrote: {error!r}") from error
    return arrays, metadata
