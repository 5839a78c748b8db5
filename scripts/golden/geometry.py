#!/usr/bin/env python3
"""Golden images for tests/golden/geometry.json, made by torchvision's functional transforms.

    python3 -m venv venv && venv/bin/pip install torch==2.13.0 torchvision==0.28.0
    venv/bin/python scripts/golden/geometry.py > tests/golden/geometry.json

The image is a function of the position, so that both programs compute the same one: pixel i of [c, 10, 12] is
0.5 + 0.5 sin(0.61803398875 i + 0.002 i^2 mod 2 pi). torchvision's affine has no reflecting border, so the image is
padded far beyond what the map reaches, and the middle of the result is kept.
"""
import json
import math

import torch
import torchvision.transforms.v2.functional as F
from torchvision.transforms import InterpolationMode

HEIGHT, WIDTH = 10, 12


def image(channels):
    i = torch.arange(channels * HEIGHT * WIDTH, dtype=torch.float64)
    pixels = 0.5 + 0.5 * torch.sin((0.61803398875 * i + 0.002 * i * i) % (2 * math.pi))
    return pixels.reshape(1, channels, HEIGHT, WIDTH).float()


def affine(pixels, flip, angle, shift, zoom, border):
    pixels = F.hflip(pixels) if flip else pixels
    margin = 0 if border == "zero" else min(HEIGHT, WIDTH)
    # Twice, since one symmetric padding reaches no further than the image itself.
    for _ in range(2 if margin else 0):
        pixels = F.pad(pixels, [margin] * 4, padding_mode="symmetric")
    moved = F.affine(pixels, angle, shift, zoom, [0.0, 0.0], interpolation=InterpolationMode.BILINEAR)
    return F.center_crop(moved, [HEIGHT, WIDTH])


def shear(pixels, shear):
    degrees = [math.degrees(math.atan(number)) for number in shear]
    return F.affine(pixels, 0.0, [0, 0], 1.0, degrees, interpolation=InterpolationMode.BILINEAR)


def resized_crop(pixels, left, top, width, height):
    return F.resized_crop(pixels, top, left, height, width, [HEIGHT, WIDTH])


def pad_crop(pixels, flip, left, top, border):
    pixels = F.hflip(pixels) if flip else pixels
    padded = F.pad(pixels, [4] * 4, padding_mode="symmetric" if border == "reflect" else "constant")
    return F.crop(padded, top + 4, left + 4, HEIGHT, WIDTH)


def colour(pixels, brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0):
    pixels = F.adjust_brightness(pixels, brightness)
    pixels = F.adjust_contrast(pixels, contrast)
    pixels = F.adjust_saturation(pixels, saturation)
    return F.adjust_hue(pixels, hue)


def blur(pixels, sigma):
    return F.gaussian_blur(pixels, [5, 5], [sigma, sigma])


def sharpness(pixels, factor):
    return F.adjust_sharpness(pixels, factor)


def in_bytes(change, pixels):
    """Of a change that takes bytes."""
    return change((pixels * 255).round().to(torch.uint8)).float() / 255


def posterize(pixels, bits):
    return in_bytes(lambda pixels: F.posterize(pixels, bits), pixels)


def solarize(pixels, threshold):
    return F.solarize(pixels, threshold)


def autocontrast(pixels, low, high):
    """Of the image squeezed between two values."""
    return F.autocontrast(low + (high - low) * pixels)


def equalize(pixels, times):
    """Of the image so many times beside itself, since a small one has too few pixels: the first of them."""
    return in_bytes(F.equalize, pixels.repeat(1, 1, 1, times))[..., :WIDTH]


CASES = [
    (affine, dict(flip=flip, angle=angle, shift=shift, zoom=zoom, border=border))
    for border in ("zero", "reflect")
    for flip, angle, shift, zoom in [
        (True, 0.0, [0.0, 0.0], 1.0),
        (False, 30.0, [0.0, 0.0], 1.0),
        (False, -100.0, [0.0, 0.0], 1.0),
        (False, 0.0, [2.5, -1.25], 1.0),
        (False, 0.0, [0.0, 0.0], 1.4),
        (False, 0.0, [0.0, 0.0], 0.6),
        (False, -12.0, [-3.0, 2.2], 1.15),
        (True, 45.0, [1.7, 3.1], 0.8),
    ]
] + [
    (resized_crop, dict(zip(("left", "top", "width", "height"), box)))
    for box in [(0, 0, 12, 10), (3, 2, 5, 6), (7, 0, 5, 3), (11, 9, 1, 1), (0, 4, 12, 6)]
] + [
    (pad_crop, dict(flip=flip, left=left, top=top, border=border))
    for border in ("zero", "reflect")
    for flip, left, top in [(False, -4, 3), (True, 0, 0), (True, 2, -4)]
] + [
    (colour, factors)
    for factors in [
        dict(brightness=0.3), dict(brightness=1.7), dict(contrast=0.2), dict(contrast=1.8),
        dict(saturation=0.0), dict(saturation=1.9), dict(hue=0.1), dict(hue=-0.37), dict(hue=0.5),
        dict(brightness=1.3, contrast=0.7, saturation=1.4, hue=-0.05),
    ]
] + [(blur, dict(sigma=sigma)) for sigma in (0.1, 0.6, 1.0)] + [
    (shear, dict(shear=numbers)) for numbers in ([0.4, 0.0], [-0.99, 0.0], [0.0, 0.3], [0.0, -0.7])
] + [
    (sharpness, dict(factor=factor)) for factor in (0.0, 0.5, 1.9)
] + [
    (posterize, dict(bits=bits)) for bits in (1, 2, 4, 7)
] + [
    (solarize, dict(threshold=threshold)) for threshold in (0.0, 0.3, 0.8)
] + [
    (autocontrast, dict(low=0.2, high=0.7)),
    (equalize, dict(times=1)),
    (equalize, dict(times=9)),
]


def case(change, numbers, channels):
    pixels = change(image(channels), **numbers)
    # Saturation and hue are no matter of grey images, which torchvision leaves alone too.
    return {"change": {"kind": change.__name__, **numbers}, "channels": channels,
            "pixels": [round(pixel, 6) for pixel in pixels.flatten().tolist()]}


def main():
    torch.set_num_threads(1)
    cases = [case(change, numbers, channels) for change, numbers in CASES for channels in (1, 3)]
    print("[" + ",\n ".join(json.dumps(case) for case in cases) + "]")


if __name__ == "__main__":
    main()
