#!/usr/bin/env python3
"""Golden numbers for src/stats/mcnemar.rs, computed by statsmodels and scipy.

    python scripts/golden/mcnemar.py > tests/golden/mcnemar.json        (scipy 1, statsmodels 0.14)
"""

import json

from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar

counts = [(0, 1), (0, 2), (0, 5), (1, 5), (3, 3), (2, 9), (5, 21), (12, 25), (25, 12), (30, 31), (60, 100), (100, 100)]
counts += [(0, 40), (250, 300), (480, 520), (1000, 1100), (900, 1100), (5000, 5200), (20000, 20500), (50000, 50001)]
counts += [(7, 6), (17, 40), (1, 90)]

golden = []
for first_only, second_only in counts:
    table = [[10, first_only], [second_only, 10]]
    golden.append({
        "first_only": first_only,
        "second_only": second_only,
        "statsmodels": float(mcnemar(table, exact=True).pvalue),
        "scipy": float(binomtest(first_only, first_only + second_only).pvalue),
    })

print(json.dumps(golden, indent=0))
