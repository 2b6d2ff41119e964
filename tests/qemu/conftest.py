# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a board, machines that show their console when a test fails, and disk images."""

import os
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "payload"))
sys.path.insert(0, os.path.join(TOP, "tools", "vm"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import few_at_a_time  # noqa: E402
import slowness  # noqa: E402
import vm  # noqa: E402

os.environ["PATH"] += ":/usr/sbin:/sbin"  # mke2fs, sgdisk and friends


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return few_at_a_time.FewAtATime(config, log)


def pytest_collection_modifyitems(items):
    few_at_a_time.longest_first(items, ["test_slow_disks.py", "test_net_absent.py", "test_net_http.py", "test_faults.py", "test_linux.py"])


def build_folder(board):
    """Where ./test has built this board."""
    return os.path.join(os.environ.get("VIREO_BOARDS", os.path.join(TOP, "build", "test", "boards")), board.name)


@pytest.fixture(params=list(vm.BOARDS.values()), ids=lambda board: board.name)
def board(request):
    return request.param


# Seconds that a console may stay silent before a test fails. Generous: a busy host is no failure.
PATIENCE = float(os.environ.get("VIREO_PATIENCE", "60"))


class Machine(vm.Vm):
    """A machine on which a command that floods the console is a defect, whatever it says. On a slow host it has more time."""

    def expect(self, pattern, timeout=None, at_end=False):
        return super().expect(pattern, slowness.seconds(timeout or self.timeout), at_end)

    def command(self, line, timeout=None, most_lines=300):
        text = super().command(line, timeout)
        if text.count("\n") > most_lines:
            raise vm.ConsoleError(f"{line}: {text.count(chr(10))} lines, more than {most_lines}\n{self.report()}")
        return text


class Machines:
    """Starts machines for one test; ends them after it."""

    def __init__(self):
        self.started = []

    def start(self, command, timeout=PATIENCE):
        machine = Machine(command, timeout=timeout)
        self.started.append(machine)
        return machine

    def boot(self, board, arguments=(), nic="none", timeout=PATIENCE):
        """A machine at its first prompt, with no NIC unless `arguments` bring one and `nic` is None."""
        arguments = [*arguments, *(["-nic", nic] if nic else [])]
        machine = self.start(board.command(build_folder(board), arguments), timeout)
        machine.banner = machine.boot()
        return machine


@pytest.fixture
def machines(request):
    collection = Machines()
    request.node.machines = collection
    yield collection
    for machine in collection.started:
        machine.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test shows what its consoles said."""
    report = (yield).get_result()
    if report.failed and hasattr(item, "machines"):
        for number, machine in enumerate(item.machines.started):
            report.sections.append((f"console {number}", machine.report()))
