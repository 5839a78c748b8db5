"""Counts what `mindgap inspect` counts, with Pillow and numpy, and compares.

Run with numpy and Pillow installed, on a folder with train/CLASS and val/CLASS whose images are grey:

    mindgap inspect DATA --json > audit.json
    python scripts/golden/audit.py DATA audit.json

It fails where the two differ. Counts must be equal; mean and standard deviation agree to 0.0001, since two
JPEG decoders may round a pixel differently.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy
from PIL import Image

KINDS = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}


def images(folder: Path):
    """Class and pixels of every image."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in KINDS:
            yield path.relative_to(folder).parts[0], numpy.asarray(Image.open(path).convert("L"))


data, audit = Path(sys.argv[1]), json.load(open(sys.argv[2]))
groups = defaultdict(lambda: {"train": [], "val": []})
counts = {"train": defaultdict(int), "val": defaultdict(int)}
blank = n = total = squares = 0
for split in ("train", "val"):
    for label, pixels in images(data / split):
        groups[pixels.shape, pixels.tobytes()][split].append(label)
        counts[split][label] += 1
        blank += pixels.std() < 1
        if split == "train":
            values = pixels.astype(numpy.int64)
            n, total, squares = n + values.size, total + values.sum(), squares + (values**2).sum()

mean = total / n / 255
here = {
    "surplus_duplicates": {split: sum(max(len(g[split]) - 1, 0) for g in groups.values()) for split in counts},
    "duplicate_groups": sum(len(g["train"]) + len(g["val"]) > 1 for g in groups.values()),
    "val_in_train": sum(len(g["val"]) for g in groups.values() if g["train"]),
    "conflicting_groups": sum(len(set(g["train"])) > 1 for g in groups.values()),
    "blank": int(blank),
    "counts": counts,
    "mean": mean,
    "std": (squares / n / 255**2 - mean**2) ** 0.5,
}
there = {key: audit[key] for key in here}
for key in ("surplus_duplicates", "counts"):
    there[key].pop("test")
for key in ("mean", "std"):
    (there[key],) = there[key]
    assert abs(here[key] - there[key]) < 1e-4, (key, here[key], there[key])
    here[key] = there[key]
assert here == there, f"Pillow and numpy: {here}\nmindgap: {there}"
print(json.dumps(here, indent=2))
