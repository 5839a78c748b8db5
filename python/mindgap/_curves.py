"""Curves over epochs as inline SVG, for notebooks. Text and axes take the colour of the page, light or dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

Series = Sequence[tuple[int, "float | None"]]

_WIDTH, _HEIGHT = 360, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 26, 30
#: Blue and orange: two colours that people with any kind of colour vision tell apart.
_COLOURS = ("#4477aa", "#ee7733", "#228833", "#aa3377")


def chart(title: str, series: Mapping[str, Series]) -> str:
    """A chart with a line for each series; nothing where no series has a number. A missing number is a gap in its line."""
    known = {name: [(x, y) for x, y in points if _is_number(y)] for name, points in series.items()}
    all_points = [point for points in known.values() for point in points]
    if not all_points:
        return ""
    xs, ys = [float(x) for x, _ in all_points], [float(y) for _, y in all_points if y is not None]
    x_ticks, y_ticks = _ticks(min(xs), max(xs), whole=True), _ticks(min(ys), max(ys))
    x_range, y_range = (min(xs), max(max(xs), min(xs) + 1)), (min(*ys, y_ticks[0]), max(*ys, y_ticks[-1]))

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_range[0]) / (x_range[1] - x_range[0])
        up = (y - y_range[0]) / ((y_range[1] - y_range[0]) or 1)
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<text x="{_LEFT}" y="14" font-weight="bold">{escape(title)}</text>']
    for tick in y_ticks:
        _, y = at(x_range[0], tick)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" stroke-opacity=".2"/>')
        parts.append(f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        x, _ = at(tick, y_range[0])
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 2}" text-anchor="end">epoch</text>')
    legend = _WIDTH - _RIGHT
    for (name, points), colour in zip(reversed(known.items()), reversed(_COLOURS[: len(known)]), strict=True):
        parts.append(f'<text x="{legend}" y="14" text-anchor="end" fill="{colour}">{escape(name)}</text>')
        legend -= 7 * len(name) + 14
        for run in _unbroken(series[name]):
            path = "L".join(_place(at(x, y)) for x, y in run)
            parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            if len(run) == 1:
                x, y = at(*run[0])
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>')
    style = "font:11px system-ui,sans-serif;fill:currentColor;max-width:100%;height:auto"
    return (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" style="{style}">{"".join(parts)}</svg>'
    )


def _place(at: tuple[float, float]) -> str:
    return f"{at[0]:.1f} {at[1]:.1f}"


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _unbroken(points: Series) -> list[list[tuple[float, float]]]:
    """The pieces of a line between missing numbers."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None or not math.isfinite(y):
            runs.append([])
        else:
            runs[-1].append((float(x), y))
    return [run for run in runs if run]


def _ticks(low: float, high: float, whole: bool = False) -> list[float]:
    """Three to seven round numbers around low to high; inside them where the numbers are whole."""
    span = (high - low) or abs(high) or 1.0
    unit = 10.0 ** math.floor(math.log10(span / 4))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if span / (unit * factor) <= 5)
    if whole:
        step = max(1.0, round(step))
        first = math.ceil(low / step)
        return [step * number for number in range(first, math.floor(high / step) + 1)]
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * number, 12) for number in range(first, max(last, first + 1) + 1)]
