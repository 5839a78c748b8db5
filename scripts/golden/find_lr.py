#!/usr/bin/env python3
"""Results of fastai's learning-rate finder on constructed curves, for the tests of src/stats/lr_suggestion.rs.

    python scripts/golden/find_lr.py > tests/golden/find_lr.json        (numpy 2)

Rewritten with numpy after fastai 2.3 (`fastai/callback/schedule.py`: `lr_find`, `valley`, `steep`;
`fastai/learner.py`: `AvgSmoothLoss`), without torch, so that the numbers are doubles.
"""

import json

import numpy as np

BETA = 0.98


def smooth(losses):
    """The exponential mean of the losses, each divided by the weight that it has received so far."""
    weights = (1 - BETA) * BETA ** np.arange(len(losses))[::-1]
    sums = [weights[-count:] @ losses[:count] for count in range(1, len(losses) + 1)]
    return np.array(sums) / (1 - BETA ** np.arange(1, len(losses) + 1))


def valley(losses):
    """The middle of the longest falling subsequence, each member's length found from all members before it."""
    lengths = np.ones(len(losses), int)
    for i in range(1, len(losses)):
        higher = losses[:i] > losses[i]
        if higher.any():
            lengths[i] = 1 + lengths[:i][higher].max()
    end = int(lengths.argmax())
    if lengths[end] == 1:
        return 0
    start = end - lengths[end]
    sections = (end - start) / 3
    return start + int(sections) + int(sections / 2)


def steep(rates, losses):
    return int((np.diff(losses) / np.diff(np.log(rates))).argmin())


def record(name, loss, planned=100, met=None):
    rates = 10 ** np.linspace(-7, 1, planned)[:met]
    losses = np.array([loss(x) for x in np.log10(rates)])
    smoothed = smooth(losses)
    # lr_find leaves out the first tenth of the planned steps and the last five that were made.
    read = slice(planned // 10, -5)
    return {
        "name": name,
        "planned": planned,
        "rates": rates.tolist(),
        "losses": losses.tolist(),
        "smoothed": smoothed.tolist(),
        "valley": rates[read][valley(smoothed[read])],
        "steep": rates[read][steep(rates[read], smoothed[read])],
    }


rng = np.random.default_rng(5)


def ideal(x):
    """Rises a little before it falls: a level beginning would be a matter of the last bits."""
    return 2 + 0.001 * x - np.clip((x + 4) / 3, 0, 1) + 20 * max(x + 1, 0) ** 2


records = [
    record("an ideal valley", ideal, met=97),
    record("a noisy valley", lambda x: ideal(x) + rng.normal(0, 0.1), met=97),
    record("a very noisy valley", lambda x: ideal(x) + rng.normal(0, 0.5), met=95),
    record("noise alone", lambda x: rng.normal(2, 0.1)),
    record("rising", lambda x: 2 + 0.1 * x),
    record("falling to the end", lambda x: 2 - 0.1 * x),
    record("two falls", lambda x: 3 + np.sin(2 * x) + rng.normal(0, 0.05), planned=203),
    record("few steps", lambda x: ideal(x) + rng.normal(0, 0.05), planned=25, met=23),
]
# One record a line.
print("[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]")
