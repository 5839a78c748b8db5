#!/usr/bin/env python3
"""Golden numbers for src/stats/label_errors: cleanlab's confident joint, and the method written again in numpy.

    python scripts/golden/label_errors.py > tests/golden/label_errors.json        (cleanlab 2.9, numpy 2)
"""

import json

import numpy as np
from cleanlab.count import compute_confident_joint

PRIOR, TOLERANCE, ITERATIONS = 30.0, 1e-4, 300
FACTOR, STANDARD_ERRORS = 2.0, 2.0
CONFIDENT_ERRORS, SAME_CLASS = 0.05, 0.9


def softmax(rows):
    exponentials = np.exp(rows - rows.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def posteriors(probabilities, transition, labels):
    joint = probabilities * transition[:, labels].T
    return joint / joint.sum(1, keepdims=True)


def counts_of(posterior, labels):
    counts = np.zeros((posterior.shape[1],) * 2)
    np.add.at(counts.T, labels, posterior)
    return counts


def spread(sizes):
    others = np.tile(sizes + 1.0, (len(sizes), 1))
    np.fill_diagonal(others, 0)
    return others / others.sum(1, keepdims=True)


def smoothed(counts):
    wrong = 1 - np.trace(counts) / counts.sum()
    share = (1 - wrong) * np.eye(len(counts)) + wrong * spread(counts.sum(0))
    return (counts + PRIOR * share) / (counts.sum(1, keepdims=True) + PRIOR)


def fit(logits, labels, joint):
    sizes = np.bincount(labels, minlength=len(joint))
    transition = smoothed((joint / joint.sum(1, keepdims=True) * sizes[:, None]).T)
    beta, bias = 1.0, np.zeros(len(joint))
    centred = logits - logits[np.arange(len(labels)), labels][:, None]
    for _ in range(ITERATIONS):
        predicted = softmax(beta * logits + bias)
        posterior = posteriors(predicted, transition, labels)
        counts = counts_of(posterior, labels)
        change = np.abs(smoothed(counts) - transition).max()
        transition = smoothed(counts)
        bias = bias + np.log((counts.sum(1) + 1) / (predicted.sum(0) + 1))
        mean = (predicted * centred).sum(1)
        slope = (mean - (posterior * centred).sum(1)).sum()
        curvature = ((predicted * centred**2).sum(1) - mean**2).sum()
        step = np.clip(beta - slope / curvature, max(beta / 2, 0.05), min(beta * 2, 20.0))
        change, beta = max(change, abs(step / beta - 1)), step
        if change < TOLERANCE:
            break
    return softmax(beta * logits + bias), transition, 1 / beta


def without_learnt_noise(rows, anchors):
    result = rows.copy()
    for _ in range(20):
        result = result * ((rows / (result @ anchors)) @ anchors.T)
    return result / result.sum(1, keepdims=True)


def robust(counts):
    sizes, off = counts.sum(1), counts - np.diag(np.diag(counts))
    surplus = np.maximum(0, off - FACTOR * off.T - STANDARD_ERRORS * np.sqrt(off + off.T))
    others = off.sum(1) - surplus.sum(1)
    rate = 0.5 * others / sizes + 0.5 * others.sum() / sizes.sum()
    transition = surplus / sizes[:, None] + rate[:, None] * spread(counts.sum(0))
    np.fill_diagonal(transition, 0)
    return transition + np.diag(1 - transition.sum(1))


def estimate(logits, labels, joint):
    learnt, fitted, temperature = fit(logits, labels, joint)
    anchors = learnt[learnt.argmax(0)]
    rows = without_learnt_noise(learnt, anchors)
    counts = counts_of(posteriors(rows, anchors @ fitted, labels), labels)
    transition, shares = robust(counts), counts.sum(1) / counts.sum()
    lapse = CONFIDENT_ERRORS * (1 - rows.max(1)).mean()
    return (1 - lapse) * rows + lapse * shares, transition, shares, temperature


# A network that has learnt some of the noise: a third of class 0 are labelled 1, 6 % of all are labelled at random.
rng = np.random.default_rng(21)
n, classes = 500, 4
truth = rng.integers(0, classes, n)
features = rng.normal(0, 1, (n, classes)) + 2.2 * np.eye(classes)[truth]
noise = 0.06 / (classes - 1) * (1 - np.eye(classes)) + 0.94 * np.eye(classes)
noise[0] = [0.64, 0.32, 0.02, 0.02]
labels = np.array([rng.choice(classes, p=noise[k]) for k in truth])
logits = np.log(softmax(2.2 * features) @ (0.5 * noise + 0.5 * np.eye(classes)) + 1e-4)
logits = (1.4 * (logits + rng.normal(0, 0.3, logits.shape))).astype(np.float32)

exact = logits.astype(np.float64)
joint = compute_confident_joint(labels, softmax(exact), calibrate=False)
probabilities, transition, shares, temperature = estimate(exact, labels, joint)
posterior = posteriors(probabilities, transition, labels)

# Image 0 with images 1 and 2 as near-duplicates.
weights = probabilities[0] * transition[:, labels[0]]
weights *= np.mean([SAME_CLASS * transition[:, j] + (1 - SAME_CLASS) * (shares @ transition[:, j]) for j in labels[1:3]], 0)

print(json.dumps({
    "classes": classes,
    "logits": logits.flatten().tolist(),
    "labels": labels.tolist(),
    "confident_joint": joint.flatten().tolist(),
    "temperature": temperature,
    "transition": transition.flatten().tolist(),
    "posterior": posterior.flatten().tolist(),
    "noise": 1 - posterior[np.arange(n), labels].mean(),
    "with_near_duplicates": (weights / weights.sum()).tolist(),
}))
