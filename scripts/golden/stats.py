#!/usr/bin/env python3
"""Golden numbers for src/stats, computed by numpy, scipy and statsmodels.

    python scripts/golden/stats.py > tests/golden/stats.json        (numpy 2, scipy 1, statsmodels 0.14)
"""

import json

import numpy as np
from scipy import optimize, special, stats
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20)
golden = {}

a, b = rng.normal(1.43, 1.1, 300), rng.normal(1.40, 0.9, 200)
golden |= {
    "a": a.tolist(),
    "b": b.tolist(),
    "mean_a": a.mean(),
    "sd_a": a.std(ddof=1),
    "sem_a": stats.sem(a),
    "difference": a.mean() - b.mean(),
    # Welch's t is the difference divided by its standard error.
    "difference_se": (a.mean() - b.mean()) / stats.ttest_ind(a, b, equal_var=False).statistic,
}

# An overconfident classifier: the labels are drawn from its own probabilities at temperature 2.
n, classes = 400, 7
logits = (2.0 * rng.normal(0.0, 2.0, (n, classes))).astype(np.float32)
labels = np.array([rng.choice(classes, p=special.softmax(row / 2.0)) for row in logits.astype(np.float64)])
halves = rng.permutation(n) < n // 2


def losses(rows, truth, temperature):
    log_probabilities = special.log_softmax(rows.astype(np.float64) / temperature, axis=1)
    return -log_probabilities[np.arange(len(truth)), truth]


def fit(rows, truth):
    rows = rows.astype(np.float64)

    def loss(log_temperature):
        return losses(rows, truth, np.exp(log_temperature)).mean()

    # The loss is flat at its minimum, so the zero of its slope is sharper: coarse bracket, then Brent's root.
    def slope(beta):
        return (special.softmax(beta * rows, axis=1) * rows).sum(1).mean() - rows[np.arange(len(truth)), truth].mean()

    coarse = np.exp(optimize.minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x)
    return 1 / optimize.brentq(slope, 0.5 / coarse, 2 / coarse, xtol=1e-15)


def calibration_error(rows, truth, bins=15):
    probabilities = special.softmax(rows.astype(np.float64), axis=1)
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == truth
    total, edges = 0.0, np.linspace(0, 1, bins + 1)
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return total


cross_scaled = np.concatenate([
    losses(logits[halves], labels[halves], fit(logits[~halves], labels[~halves])),
    losses(logits[~halves], labels[~halves], fit(logits[halves], labels[halves])),
])
golden |= {
    "classes": classes,
    "logits": logits.flatten().tolist(),
    "labels": labels.tolist(),
    "in_first_half": halves.astype(int).tolist(),
    "losses": losses(logits, labels, 1.0).tolist(),
    "losses_at_1.7": losses(logits, labels, 1.7).tolist(),
    "confidences": special.softmax(logits.astype(np.float64), axis=1).max(1).tolist(),
    "correct": (logits.argmax(1) == labels).astype(int).tolist(),
    "temperature": fit(logits, labels),
    "overconfidence": losses(logits, labels, 1.0).mean() - cross_scaled.mean(),
    "calibration_error": calibration_error(logits, labels),
}

half_losses = 1.2 + 0.1 * rng.normal(size=(50, 2))
first, second = half_losses.argmin(0)
golden |= {
    "half_losses": half_losses.flatten().tolist(),
    "cross_fitted_loss": (1795 * half_losses[second, 0] + 1794 * half_losses[first, 1]) / 3589,
}

for pairs in (3, 4, 10):
    differences = rng.normal(-0.03, 0.02, pairs)
    test = stats.ttest_1samp(differences, 0.0)
    interval = test.confidence_interval(0.95)
    golden |= {
        f"paired_{pairs}": differences.tolist(),
        f"paired_{pairs}_mean": differences.mean(),
        f"paired_{pairs}_low": interval.low,
        f"paired_{pairs}_high": interval.high,
        f"paired_{pairs}_p": test.pvalue,
    }

p_values = np.array([0.04, 0.001, 0.5, 0.03, 0.02, 0.9])
corrected = multipletests(p_values, method="holm")[1]
golden |= {"holm_p": p_values.tolist(), "holm_corrected": corrected.tolist()}

values = rng.exponential(0.5, 400) - 0.55
bootstrap = stats.bootstrap((values,), np.mean, n_resamples=20000, method="percentile", rng=rng).confidence_interval
golden |= {"bootstrap_values": values.tolist(), "bootstrap_interval": [bootstrap.low, bootstrap.high]}

print(json.dumps(golden))
