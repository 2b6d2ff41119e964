# SPDX-License-Identifier: Apache-2.0
"""Which rows of a wide table of tests are run: so many that every pair of values meets, and all in `./test --long`."""
import itertools
import os

LONG = bool(os.environ.get("VIREO_LONG"))


def only_long(*rows):
    """Rows of the long run alone."""
    return rows if LONG else ()


def pairs(*axes, allowed=lambda *row: True):
    """Rows of the product of `axes` that `allowed` lets pass, as tuples in its order: few of them, but wherever two values
    of different axes meet in an allowed row they meet in one of these. All rows in the long run."""
    rows = [row for row in itertools.product(*axes) if allowed(*row)]
    if LONG:
        return rows

    def pairs_of(row):
        return set(itertools.combinations(enumerate(row), 2))
    missing = set().union(*map(pairs_of, rows))
    chosen = []
    while missing:
        best = max(rows, key=lambda row: len(pairs_of(row) & missing))
        missing -= pairs_of(best)
        chosen.append(best)
    return sorted(chosen, key=rows.index)
