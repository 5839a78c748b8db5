"""load gives, in one line, what mindgap predict gives."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mindgap

from .conftest import CLASSES, Mindgap, picture, write_png


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, photos: Path, mindgap_program: Mindgap) -> Path:
    out = tmp_path_factory.mktemp("runs") / "trained"
    recipe = ["--model", "resnet8", "--epochs", 3, "--batch-size", 16, "--lr", 0.05, "--device", "cpu"]
    mindgap_program("train", "--data", photos, *recipe, "--out", out)
    return out


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Nine images: three of the network's size, three larger, three of another form."""
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(9):
        pixels = picture(index % 3, 9000 + index, side=[16, 40, 24][index // 3])
        write_png(folder / f"{index}.png", pixels if index < 6 else pixels[:, :19])
    return sorted(folder.iterdir())


def predicted(program: Mindgap, run: Path, images: list[Path], *options: str) -> list[dict[str, float]]:
    lines = program("predict", run, *images, "--json", "--top-k", 3, "--device", "cpu", *options).stdout.splitlines()
    tops = [json.loads(line)["top"] for line in lines]
    return [{entry["class"]: entry["probability"] for entry in top} for top in tops]


def test_an_image_gets_the_probabilities_of_mindgap_predict(
    run: Path, pictures: list[Path], mindgap_program: Mindgap
) -> None:
    pytest.importorskip("PIL")
    model = mindgap.load(run)
    assert model.classes == CLASSES and (model.channels, model.size) == (3, 16)
    for options in ([], ["--calibrated"]):
        model = mindgap.load(run, calibrated=bool(options))
        expected = predicted(mindgap_program, run, pictures, *options)
        for index, (answer, wanted) in enumerate(zip(model([str(path) for path in pictures]), expected, strict=True)):
            # Another program resizes: single pixels differ by one grey level.
            tolerance = 1e-6 if index < 3 else 2e-3
            assert answer.probabilities == pytest.approx(wanted, abs=tolerance), pictures[index]
            assert answer.name == max(answer.probabilities, key=answer.probabilities.__getitem__)
            assert answer.probability == answer.probabilities[answer.name]


def test_an_image_may_have_any_form(run: Path) -> None:
    model = mindgap.load(run / "model.pt")
    pixels = picture(1, 5)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    grey = pixels.mean(2).astype(np.uint8)
    assert model([]) == []
    assert torch.equal(model.prepare(pixels), tensor) and torch.equal(model.prepare(tensor), tensor)
    assert torch.equal(model.prepare(grey), model.prepare(np.repeat(grey[..., None], 3, 2)))

    expected = model(pixels)
    assert isinstance(expected, mindgap.Prediction) and sum(expected.probabilities.values()) == pytest.approx(1)
    for several in ([pixels, tensor], np.stack([pixels, pixels]), torch.stack([tensor, tensor])):
        # In a batch the sums have another order.
        assert [answer.probabilities for answer in model(several)] == [
            pytest.approx(expected.probabilities, abs=1e-6)
        ] * 2
    image = pytest.importorskip("PIL.Image")
    assert model(image.fromarray(pixels)) == expected


def test_what_is_not_clear_is_refused(run: Path, tmp_path: Path) -> None:
    model = mindgap.load(run)
    with pytest.raises(TypeError, match="pixels are bytes"):
        model(torch.rand(3, 16, 16))
    with pytest.raises(ValueError, match=r"shape \(16, 16, 3\)"):
        model(torch.from_numpy(picture(0, 1)))
    for empty in (np.zeros((0, 16, 3), np.uint8), torch.zeros(3, 16, 0, dtype=torch.uint8)):
        with pytest.raises(ValueError, match="a side of 0 pixels"):
            model(empty)
    with pytest.raises(FileNotFoundError, match="no run folder"):
        mindgap.load(tmp_path)
    (tmp_path / "epochs.jsonl").touch()
    with pytest.raises(FileNotFoundError, match="records another training loop"):
        mindgap.load(tmp_path)
    (tmp_path / "other.pt").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be loaded as TorchScript"):
        mindgap.load(tmp_path / "other.pt")


def test_a_device_that_is_missing_is_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device is cuda.*no CUDA"):
        mindgap.load(run, device="cuda")


def test_without_pillow_a_path_is_refused_and_pixels_are_not(
    run: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_pillow(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    model = mindgap.load(run)
    with pytest.raises(ImportError, match="pip install pillow"):
        model(pictures[0])
    assert model(picture(0, 1)).name in CLASSES


def test_grey_is_pillows() -> None:
    from mindgap._load import _in_channels

    for rgb, luma in [
        ((255, 0, 0), 76),
        ((0, 255, 0), 150),
        ((0, 0, 255), 29),
        ((10, 200, 30), 124),
        ((123, 45, 67), 71),
    ]:
        image = torch.tensor(rgb, dtype=torch.uint8)[:, None, None]
        assert _in_channels(image, 1).item() == luma
