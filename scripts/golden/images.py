"""Writes tests/golden/images: small images, and the results of Pillow and torchvision for them.

Run from the checkout's root with numpy, Pillow and torchvision installed:

    python scripts/golden/images.py

The images are noise and ramps, drawn with a fixed seed. Written with Pillow 13.0.0 and torchvision for torch 2.13.0.
"""

from pathlib import Path

import numpy
from PIL import Image
from torchvision import transforms

FOLDER = Path("tests/golden/images")
FOLDER.mkdir(parents=True, exist_ok=True)
random = numpy.random.default_rng(0)


def ramps(width: int, height: int) -> Image.Image:
    """Three ramps with noise on them: smooth parts, edges and clipped values."""
    y, x = numpy.mgrid[0:height, 0:width]
    planes = numpy.stack([x * 400 / width, y * 400 / height, (x + y) * 20 % 256], axis=2)
    return Image.fromarray(numpy.clip(planes + random.normal(0, 40, planes.shape), 0, 255).astype(numpy.uint8))


# Resize and crop, smaller and larger, and grey.
photo = ramps(61, 44)
photo.save(FOLDER / "photo.png")
photo.convert("L").save(FOLDER / "photo_grey.png")
for size in (17, 64):
    fit = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size)])
    fit(photo).save(FOLDER / f"photo_{size}.png")

# Kinds of files, each beside the pixels that Pillow decodes.
small = ramps(16, 8)
palette = small.quantize(16)
palette.save(FOLDER / "palette.png")
palette.convert("RGB").save(FOLDER / "palette_rgb.png")

# Of one colour, since decoders differ in how they smooth the colours between.
cmyk = Image.new("CMYK", (16, 8), (200, 30, 90, 60))
cmyk.save(FOLDER / "cmyk.jpg", quality=95)
Image.open(FOLDER / "cmyk.jpg").convert("RGB").save(FOLDER / "cmyk_rgb.png")

frames = [small, small.transpose(Image.Transpose.ROTATE_180)]
frames[0].save(FOLDER / "animated.webp", save_all=True, append_images=frames[1:], lossless=True, duration=100)
frames[0].save(FOLDER / "animated.png", save_all=True, append_images=frames[1:], duration=100)
small.save(FOLDER / "animated_rgb.png")

# Orientation 6: the camera was held upright, the sensor's rows are the picture's columns.
exif = Image.Exif()
exif[0x0112] = 6
sideways = small.convert("L")
sideways.save(FOLDER / "sideways.png", exif=exif)
sideways.transpose(Image.Transpose.ROTATE_270).save(FOLDER / "sideways_grey.png")
