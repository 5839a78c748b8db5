#!/usr/bin/env python3
"""Golden numbers of classes and shares for src/stats, computed by scikit-learn and scipy.

    python scripts/golden/classes.py > tests/golden/classes.json        (scikit-learn 1.9, scipy 1.17)
"""

import json
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics

warnings.simplefilter("ignore")
rng = np.random.default_rng(6)
classes = 7
golden = {"classes": classes}

labels = rng.integers(0, classes, 300)
given = np.where(rng.random(300) < 0.6, labels, rng.integers(0, classes, 300))
cases = {
    "all": (labels, given),
    "never_given": (labels, np.where(given == 2, 3, given)),
    "without_images": (labels[labels != 4], given[labels != 4]),
    "absent": (labels[(labels != 4) & (given != 4)], given[(labels != 4) & (given != 4)]),
}
for name, (truth, answer) in cases.items():
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, answer, labels=range(classes), zero_division=0
    )
    golden |= {
        f"{name}_labels": truth.tolist(),
        f"{name}_given": answer.tolist(),
        f"{name}_confusion": metrics.confusion_matrix(truth, answer, labels=range(classes)).flatten().tolist(),
        f"{name}_precision": precision.tolist(),
        f"{name}_recall": recall.tolist(),
        f"{name}_f1": f1.tolist(),
        f"{name}_support": support.tolist(),
        f"{name}_macro_f1": metrics.f1_score(truth, answer, average="macro"),
        f"{name}_balanced_accuracy": metrics.balanced_accuracy_score(truth, answer),
    }

logits = rng.normal(0.0, 2.0, (120, classes)).astype(np.float32)
logit_labels = rng.integers(0, classes, 120)
golden |= {"logits": logits.flatten().tolist(), "logit_labels": logit_labels.tolist()}
for k in (1, 2, 5):
    golden[f"top_{k}"] = metrics.top_k_accuracy_score(logit_labels, logits, k=k, labels=range(classes))

for hits, n in ((0, 10), (10, 10), (1, 3), (1894, 3589), (7, 8)):
    interval = stats.binomtest(hits, n).proportion_ci(method="wilson")
    golden[f"wilson_{hits}_{n}"] = [interval.low, interval.high]

print(json.dumps(golden))
