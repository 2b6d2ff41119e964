# SPDX-License-Identifier: Apache-2.0
"""What an operating system finds on a PC: ACPI tables, SMBIOS, interrupt lines. `acpi list` has them made, as a boot does."""

import re

import pytest

import acpi
import images
import qmp
import vm

BOARDS = ("qemu-x86", "qemu-x86_64")
PC, Q35, MICROVM = "-machine pc", "-machine q35", "-machine microvm"
PCS = pytest.mark.parametrize("name", BOARDS)


def start(machines, monitor, name, arguments):
    return machines.boot(vm.BOARDS[name], [*monitor.arguments, *arguments.split()])


def root(machine):
    """Where the root pointer lies, as `acpi list` says; none of the tables is broken."""
    listing = machine.command("acpi list")
    assert machine.status() == 0 and "wrong" not in listing and "do not" not in listing, listing
    return int(re.search(r"^RSDP  ([0-9a-f]{8}) ", listing, re.M).group(1), 16)


@PCS
@pytest.mark.parametrize("arguments", [PC, Q35, f"{PC} -m 4G -smp 4", f"{Q35} -m 6G -smp 4 -device pcie-root-port,id=rp0",
                                       f"{PC} -m 32M -global fw_cfg.dma_enabled=off",
                                       f"{Q35} -device vmgenid,guid=324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"])
def test_tables_are_whole_and_lie_where_they_are_looked_for(name, arguments, machines):
    with qmp.Monitor() as monitor:
        machine = start(machines, monitor, name, arguments)
        place = root(machine)
        assert "table-loader" not in machine.transcript
        memory = acpi.Memory(monitor)
        assert acpi.find_root(memory) == [place]
        tables = acpi.tables(memory, place)
        fixed = tables["FACP"]
        # Event, control and timer registers of power management: QEMU read them from the chip set
        # when it made the table.
        assert [fixed.number(at, 4) for at in (56, 64, 76)] == [0x600, 0x604, 0x608]
        assert {"APIC", "HPET", "WAET"} <= set(tables)
        processors = re.search(r"-smp (\d)", arguments)
        entries = tables["APIC"].data[44:]
        kinds = []
        while entries:
            kinds.append(entries[0])
            entries = entries[entries[1]:]
        assert kinds.count(0) == int(processors.group(1) if processors else 1)
        if "q35" in arguments:
            window = tables["MCFG"]
            assert (window.number(44, 8), window.data[54], window.data[55]) == (0xE0000000, 0, 255)
            # That is where configuration space is: the host bridge's identity.
            assert memory.read(window.number(44, 8), 4).hex() == "8680c029"
        assert ("SSDT" in tables) == ("vmgenid" in arguments)

        structures = acpi.smbios(memory)
        assert [kind for kind, _ in structures].count(0) == 1 and structures[-1][0] == 127
        assert structures[0][1][0] == "Vireo"


@PCS
def test_tables_of_a_microvm(name, machines):
    with qmp.Monitor() as monitor:
        machine = start(machines, monitor, name, MICROVM)
        memory = acpi.Memory(monitor)
        tables = acpi.tables(memory, root(machine))
        assert tables["FACP"].number(112, 4) >> 20 & 1, "hardware-reduced"
        assert {"XSDT", "APIC", "DSDT"} <= set(tables)
        assert acpi.find_root(memory) == [], "its ROM is left alone"


@PCS
@pytest.mark.parametrize("arguments", ["-machine pc,acpi=off", "-machine microvm,acpi=off"])
def test_machines_without_tables(name, arguments, machines):
    with qmp.Monitor() as monitor:
        machine = start(machines, monitor, name, arguments)
        assert machine.command("acpi list") == "This machine has no ACPI tables\n"
        assert machine.status() == 1


@PCS
@pytest.mark.parametrize("arguments", [PC, Q35])
def test_the_host_s_word_on_smbios_stands(name, arguments, machines):
    with qmp.Monitor() as monitor:
        machine = start(machines, monitor, name, f"{arguments} -smbios type=0,vendor=Somebody")
        root(machine)
        structures = acpi.smbios(acpi.Memory(monitor))
        assert [strings[0] for kind, strings in structures if kind == 0] == ["Somebody"]


@PCS
@pytest.mark.parametrize("arguments", [PC, Q35, MICROVM])
def test_they_are_made_once_and_anew_after_a_reset(name, arguments, machines):
    with qmp.Monitor() as monitor:
        machine = start(machines, monitor, name, arguments)
        first = machine.command("acpi list")
        owners = machine.command("bdinfo")
        assert machine.command("acpi list") == first
        assert machine.command("bdinfo") == owners
        machine.send("reset\r")
        machine.expect("Vireo")
        machine.boot()
        assert machine.command("acpi list") == first
        root(machine)
        listing = machine.command("acpi dump apic")
        assert re.match(r"APIC @ [0-9a-f]{8}\n00000000: 41 50 49 43 ", listing), listing


@PCS
@pytest.mark.parametrize("chip_set", [PC, Q35])
def test_interrupt_lines_are_those_that_devices_raise(chip_set, name, tmp_path, machines):
    """A disk that changes its size raises an interrupt: the controller gets it at the line that the device's register says."""
    places = ["addr=3", "addr=4", "addr=5", "addr=6", "bus=bridge,addr=1", "bus=bridge,addr=6"]
    arguments = ["-device", "pci-bridge,id=bridge,chassis_nr=1,addr=7"]
    if chip_set == Q35:
        places += ["addr=1a", "addr=19.0,multifunction=on", "bus=rp0,addr=0"]
        arguments += ["-device", "pcie-root-port,id=rp0,chassis=2,addr=8"]
    for number, place in enumerate(places):
        image = images.blank(tmp_path / f"{number}.img", images.MIB)
        arguments += vm.disk(number, image, device=f",{place}")
    with qmp.Monitor() as monitor:
        machine = machines.boot(vm.BOARDS[name], [*monitor.arguments, *chip_set.split(), *arguments])
        root(machine)
        lines = []
        for place in re.findall(r"^([0-9a-f.]{8})   0x1af4 ", machine.command("pci"), re.M):
            header = machine.command(f"pci header {place}")
            assert re.search(r"interrupt pin = +0x01", header), header
            lines.append(int(re.search(r"interrupt line = +0x(\w\w)", header).group(1), 16))
        assert len(lines) == len(places) and set(lines) == {10, 11}

        def raised():
            text = monitor.command("human-monitor-command", **{"command-line": "info pic"})
            second = re.search(r"pic1: irr=(\w\w) .* elcr=(\w\w)", text)
            assert int(second.group(2), 16) & 0x0C == 0x0C, text
            return {line for line in (10, 11) if int(second.group(1), 16) >> line - 8 & 1}

        sizes(machine)  # what was raised at the start is over
        for number, place in enumerate(places):
            assert raised() == set()
            monitor.command("block_resize", device=f"hd{number}", size=(number + 2) * images.MIB)
            now = raised()
            # By its size a disk is found in the order of the bus.
            assert now == {lines[sizes(machine).index(f"{(number + 2) * 2048} x 512")]}, place


def sizes(machine):
    """How large the disks are, in the order of the bus. Asking has Vireo see what they raise, which ends it."""
    return re.findall(r"\((\d+ x 512)\)", machine.command("virtio info"))
