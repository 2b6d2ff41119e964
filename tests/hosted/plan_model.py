# SPDX-License-Identifier: Apache-2.0
"""Where a kernel, its initrd and what it is told may lie, written from the boot protocols and from docs/using.md: a second opinion on
`vireo-hosted --plan`. It shares no code and no method with `src/boot`: here a map is a list of free intervals, and a place one of the
candidates at their ends.

`Model(machine).check(case, status, output)` raises AssertionError if the program broke a rule, or refused without a reason."""
import dataclasses
import re

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PAGE = 4 * KIB
EVERYWHERE = 1 << 64


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Where a part may lie: at `skew` above a multiple of `alignment`, from `low` to below `high`."""
    alignment: int = PAGE
    skew: int = 0
    low: int = 0
    high: int = EVERYWHERE

    def hold(self, base, size):
        return (base - self.skew) % self.alignment == 0 and self.low <= base and base + size <= self.high


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a protocol says of one kernel. `whole`: the bytes that its file must have, `size`: that it takes from its first byte on."""
    name: str
    kernel: Bounds
    size: int
    initrd: Bounds = Bounds()
    block: int = 2 * MIB  # what the kernel is told lies in one of these,
    told: Bounds = Bounds(1)
    window: int = 0  # the kernel and its initrd in one of these, in whole GiB
    unpacks: tuple = (0, 0)
    skipped: int = 0  # x86's first sectors
    whole: int = 0
    from_head: "Rules" = None  # what is known of it before the end of its file has been read, if that is less


def overlap(a, b):
    """Of two (base, end)."""
    return max(a[0], b[0]) < min(a[1], b[1])


def without(free, taken):
    """Intervals less others."""
    for start, end in taken:
        free = [piece for low, high in free for piece in ((low, min(high, start)), (max(low, end), high)) if piece[0] < piece[1]]
    return free


def merged(intervals):
    result = []
    for start, end in sorted(intervals):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def places(free, size, bounds):
    """The lowest and the highest place in each free interval that has one."""
    for start, end in free:
        start, end = max(start, bounds.low), min(end, bounds.high)
        lowest = start + (bounds.skew - start) % bounds.alignment
        highest = end - size - (end - size - bounds.skew) % bounds.alignment
        if lowest <= highest and lowest + size <= end:
            yield lowest, highest


def lowest(free, size, bounds):
    return min((low for low, _ in places(free, size, bounds)), default=None)


def highest(free, size, bounds):
    return max((high for _, high in places(free, size, bounds)), default=None)


class Machine:
    """RAM, and whose it is: `owners` has (base, end, name)."""

    def __init__(self, ram, owners, tree_bytes):
        self.ram = merged((base, base + size) for base, size in ram)
        self.owners = list(owners)
        self._take(MIB, "Vireo")
        if tree_bytes:
            self._take(-(-tree_bytes // PAGE) * PAGE, "device tree")

    def _take(self, size, name):
        base = highest(self.free(), size, Bounds(high=4 * GIB))
        if base is None:
            base = highest(self.free(), size, Bounds())
        self.owners.append((base, base + size, name))

    def free(self, *taken):
        return without(without(self.ram, [(start, end) for start, end, _ in self.owners]), taken)

    def is_ram(self, start, end):
        return any(low <= start and end <= high for low, high in self.ram)

    def is_free(self, start, end):
        return any(low <= start and end <= high for low, high in self.free())


RANGE = r"0x([0-9a-f]+)\.\.0x([0-9a-f]+)"
PLAN = re.compile(rf"\A   kernel       {RANGE}(?:, moved from 0x([0-9a-f]+))?, ([^\n]*)\n"
                  rf"(?:   initrd       {RANGE}(?:, moved from 0x([0-9a-f]+))?\n)?"
                  rf"   (device tree|boot_params)  {RANGE}\n"
                  r"   command line ([^\n]*)\n\Z")
NOT_FREE = re.compile(rf"\ACannot boot: the (kernel|initrd) at {RANGE} is not free: {RANGE} belongs to ([^\n]*)\n\Z")
NOT_RAM = re.compile(rf"\ACannot boot: the (kernel|initrd) at {RANGE} is not in RAM\n\Z")
NO_ROOM = re.compile(r"\ACannot boot: no free RAM that fits the (kernel|initrd|device tree|set of boot parameters): it takes 0x([0-9a-f]+) bytes\n\Z")


@dataclasses.dataclass(frozen=True)
class Case:
    """One run. `kernel` and `initrd` are sizes of files; `at` is what --at says: addresses of both."""
    rules: Rules
    kernel: int
    initrd: int = 0
    at: tuple = ()
    line: str = ""
    is_wrapped: bool = False


class Model:
    def __init__(self, machine):
        self.machine = machine

    # What is expected: ("plan", kernel's base, initrd's base) or ("refused", part).

    def expected(self, case):
        kernel = max(case.rules.size, case.kernel - case.rules.skipped)
        if case.at:
            return self._expected_at(case, kernel)
        loaded = self._expected_where_it_runs(case, case.rules.from_head or case.rules, kernel)
        if loaded[0] == "refused" or not case.rules.from_head:
            return loaded
        return self._expected_at(dataclasses.replace(case, at=loaded[1:]), kernel)

    def _expected_where_it_runs(self, case, rules, size):
        machine = self.machine
        if rules.unpacks[1] and not machine.is_ram(*rules.unpacks):
            return "refused", "kernel"
        low = rules.kernel
        if rules.skipped:  # the first sectors are loaded as well, right before it
            low = Bounds(low.alignment, (low.skew - rules.skipped) % low.alignment, max(0, low.low - rules.skipped), low.high)
        base = lowest(machine.free(rules.unpacks), rules.skipped + size, low)
        if base is None:
            return "refused", "kernel"
        kernel = (base + rules.skipped, base + rules.skipped + size)
        taken = [(base, kernel[1]), rules.unpacks]
        return self._with_initrd(dataclasses.replace(case, rules=rules), kernel, taken, None)

    def _expected_at(self, case, size):
        rules, machine = case.rules, self.machine
        file = (case.at[0], case.at[0] + case.kernel)
        if not machine.is_free(*file):
            return "refused", "kernel"
        initrd = None
        if case.initrd:
            initrd = (case.at[1], case.at[1] + case.initrd)
            if not machine.is_free(*initrd) or overlap(initrd, file):
                return "refused", "initrd"
        if rules.unpacks[1] and not machine.is_ram(*rules.unpacks):
            return "refused", "kernel"
        now = (file[0] + rules.skipped, file[1])
        kernel = (now[0], now[0] + size)
        if not (machine.is_free(*kernel) and rules.kernel.hold(kernel[0], size) and not overlap(kernel, rules.unpacks)):
            base = lowest(machine.free(rules.unpacks, *([initrd] if initrd else [])), size, rules.kernel)
            if base is None:
                return "refused", "kernel"
            kernel = (base, base + size)
        return self._with_initrd(case, kernel, [now, kernel, rules.unpacks], initrd)

    def _with_initrd(self, case, kernel, taken, now):
        if not case.initrd:
            return "plan", kernel[0], None
        if now and not overlap(now, kernel) and not overlap(now, case.rules.unpacks) and self._initrd_may_lie(case.rules, kernel, now):
            return "plan", kernel[0], now[0]
        base = highest(self.machine.free(*taken), case.initrd, self._initrd_bounds(case.rules, kernel))
        return ("refused", "initrd") if base is None else ("plan", kernel[0], base)

    @staticmethod
    def _initrd_bounds(rules, kernel):
        low, high = rules.initrd.low, rules.initrd.high
        if rules.window:
            low = max(low, (kernel[1] - 1) // GIB * GIB + GIB - rules.window)
            high = min(high, kernel[0] // GIB * GIB + rules.window)
        return Bounds(rules.initrd.alignment, 0, low, high)

    def _initrd_may_lie(self, rules, kernel, initrd):
        bounds = self._initrd_bounds(rules, kernel)
        return bounds.low <= initrd[0] and initrd[1] <= bounds.high

    # What was said.

    def check(self, case, status, output):
        plan = PLAN.match(output)
        assert (status == 0) == bool(plan) and status in (0, 1), f"status {status} of this output"
        assert output.count("\n") == 1 or plan, "a refusal is one line"
        if plan:
            self._check_plan(case, plan)
        else:
            self._check_refusal(case, output)

    def _check_plan(self, case, plan):
        numbers = [None if text is None else int(text, 16) for text in plan.group(1, 2, 3, 5, 6, 7, 9, 10)]
        rules, machine = case.rules, self.machine
        kernel = (numbers[0], numbers[1] + 1)
        told = (numbers[6], numbers[7] + 1)
        initrd = None if numbers[3] is None else (numbers[3], numbers[4] + 1)
        assert plan.group(4).startswith(rules.name) and plan.group(4).endswith(rules.name) != case.is_wrapped, "the kind of kernel"
        assert plan.group(11) == (case.line or (plan.group(11) if plan.group(8) == "device tree" else "")), "the command line"

        parts = [kernel, told, *([initrd] if initrd else [])]
        for part in parts:
            assert machine.is_free(*part), f"{part[0]:x}..{part[1]:x} is not all free RAM"
            assert not overlap(part, rules.unpacks), f"{part[0]:x}..{part[1]:x}: the kernel unpacks itself there"
        assert not any(overlap(a, b) for a in parts for b in parts if a is not b), "two parts overlap"
        assert rules.kernel.hold(kernel[0], kernel[1] - kernel[0]), "the kernel's bounds"
        assert rules.told.low <= told[0] and told[1] <= rules.told.high and told[0] % 8 == 0, "the bounds of what it is told"
        assert told[0] // rules.block == (told[1] - 1) // rules.block, f"what it is told crosses a block of {rules.block:x}"
        assert not rules.unpacks[1] or machine.is_ram(*rules.unpacks), "it unpacks itself to no RAM"
        assert bool(initrd) == bool(case.initrd), "the initrd"
        if initrd:
            assert initrd[1] - initrd[0] == case.initrd, "the initrd's size"
            assert self._initrd_may_lie(rules, kernel, initrd), "the initrd's bounds"
        if case.is_wrapped:
            return
        assert kernel[1] - kernel[0] == max(rules.size, case.kernel - rules.skipped), "the kernel's size"
        if case.at:
            was = case.at[0] + rules.skipped, case.at[1] if initrd else None
        elif rules.from_head:
            was = self._expected_where_it_runs(case, rules.from_head, kernel[1] - kernel[0])[1:]
        else:
            was = kernel[0], initrd and initrd[0]
        assert numbers[2] == (None if was[0] == kernel[0] else was[0]), "'moved from' of the kernel"
        assert not initrd or numbers[5] == (None if was[1] == initrd[0] else was[1]), "'moved from' of the initrd"
        assert self.expected(case) == ("plan", kernel[0], initrd and initrd[0])

    def _check_refusal(self, case, output):
        if found := NOT_FREE.match(output):
            part, (low, last, owner_low, owner_last) = found.group(1), [int(text, 16) for text in found.group(2, 3, 4, 5)]
            name = found.group(6)
            assert overlap((low, last + 1), (owner_low, owner_last + 1)), "the owner has nothing of that range"
            if name != "the kernel":
                inside = sorted((base, end, owner) for base, end, owner in self.machine.owners if overlap((base, end), (low, last + 1)))
                assert (owner_low, owner_last + 1, name) in inside, f"there is no such owner, but {inside}"
                assert owner_low == inside[0][0], "not the lowest owner"
        elif found := NOT_RAM.match(output):
            part, (low, last) = found.group(1), [int(text, 16) for text in found.group(2, 3)]
            assert not self.machine.is_ram(low, last + 1), "it is all RAM"
        elif found := NO_ROOM.match(output):
            part, size = found.group(1), int(found.group(2), 16)
            if part not in ("kernel", "initrd"):
                return self._check_no_room_to_tell(case, size)
            assert part != "initrd" or size == case.initrd, "the initrd's size"
        else:
            raise AssertionError("no refusal of a known form")
        if not case.is_wrapped:
            assert self.expected(case) == ("refused", part)
        return None

    def _check_no_room_to_tell(self, case, size):
        """It is not known here how much it takes to tell a kernel of its machine; that there is no room for so much is."""
        rules = case.rules
        assert size <= 64 * KIB + len(case.line), "that much?"
        if case.is_wrapped:
            return
        found = self.expected(case)
        assert found[0] == "plan", f"what was wrong first: {found}"
        if rules.from_head:
            return
        kernel = (found[1], found[1] + max(rules.size, case.kernel - rules.skipped))
        taken = [kernel, rules.unpacks]
        if found[2] is not None:
            taken.append((found[2], found[2] + case.initrd))
        if case.at:
            taken += [(case.at[0] + rules.skipped, case.at[0] + case.kernel)]
            if case.initrd:
                taken.append((case.at[1], case.at[1] + case.initrd))
        place = highest(self.machine.free(*taken), size, Bounds(rules.block, 0, rules.told.low, rules.told.high))
        assert place is None, f"there is room at {place:x}"
