# SPDX-License-Identifier: Apache-2.0
"""How much longer than usual things take here, for the time limits of tests: no test fails because its machine is slow or busy."""
import os
import time

USUAL = 0.085  # processor seconds for the loop below where the limits were chosen


def _processor():
    """Of three tries the fastest: what else runs is the load's concern."""
    def once():
        started = time.process_time()
        total = 0
        for i in range(1_000_000):
            total += i * i & 3
        return time.process_time() - started
    return min(once() for _ in range(3)) / USUAL


_slowness = None


def factor():
    """1 or more. Where VIREO_SLOWNESS is set it is that; else the processor's speed, measured once, times the load by now."""
    global _slowness  # pylint: disable=global-statement
    if _slowness is None:
        _slowness = max(1.0, float(os.environ.get("VIREO_SLOWNESS") or _processor()))
    return _slowness * max(1.0, os.getloadavg()[0] / (2 * (os.cpu_count() or 1)))


def seconds(usual):
    """What takes at most `usual` seconds on an idle machine of the usual speed."""
    return usual * factor()
