# SPDX-License-Identifier: Apache-2.0
"""Modules that tests of all kinds share."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/vm"))
