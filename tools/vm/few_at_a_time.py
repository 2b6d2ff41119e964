# SPDX-License-Identifier: Apache-2.0
"""How pytest-xdist hands out tests: a few at a time, the longest first. On its own it gives each worker hundreds in advance, and at the end
of a run one of them is busy alone for minutes."""
try:
    from xdist.scheduler import LoadScheduling
except ImportError:  # without it there is one worker
    LoadScheduling = object

AT_ONCE = 4


class FewAtATime(LoadScheduling):
    """The usual order, in small portions."""

    def _send_tests(self, node, num):
        super()._send_tests(node, min(num, AT_ONCE))


def longest_first(items, names):
    """Sorts pytest's items: those of the files `names` stand first, in that order; the rest stays as it is."""
    ranks = {name: rank for rank, name in enumerate(names)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))
