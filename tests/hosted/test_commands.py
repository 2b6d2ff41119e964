# SPDX-License-Identifier: Apache-2.0
"""What docs/coming-from-u-boot.md says of U-Boot's commands is what `help` says."""
import re

import commands


def test_the_page_names_the_absent_commands(vireo):
    have = set(re.findall(r"^(\S+) +- ", vireo("help").output, re.MULTILINE))
    assert {"help", "virtio", "printenv"} <= have
    known = commands.known()
    absent = {name for name, (_, instead) in known.items() if instead}
    assert not absent & have, "these are commands now: take their words out of uboot_commands.txt, run commands.py"
    assert not known.keys() - absent - have, "these are no commands: say in uboot_commands.txt what to do instead, run commands.py"
