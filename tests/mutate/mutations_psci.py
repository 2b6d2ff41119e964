# SPDX-License-Identifier: Apache-2.0
"""Breakages of what stays in the secure world, and of how a machine is described for it. As those of mutations.py."""
from mutations import broken

broken("src/arch/psci/service.h", "Psci*",
       ("psci_entry_at_the_end_of_ram",
        "entry < machine_.entries_end",
        "entry <= machine_.entries_end"),
       ("psci_entry_below_ram",
        "entry >= machine_.lowest_entry",
        "entry + 4 >= machine_.lowest_entry"),
       ("psci_entry_at_half_an_instruction",
        "entry % 4 == 0",
        "entry % 2 == 0"),
       ("psci_upper_halves_count",
        "argument = static_cast<u32>(argument);",
        "argument = argument + 0;"),
       ("psci_any_level_is_a_processor",
        "if (level != 0 || index == machine_.count)",
        "if (index == machine_.count)"),
       ("psci_reserved_bits_of_a_state",
        "reserved = 0xfcfe0000",
        "reserved = 0x7cfe0000"),
       ("psci_switches_off_without_a_line",
        "(machine_.power_off.controller != 0 ? bit(SystemOff) : 0)",
        "bit(SystemOff)"))

broken("src/arch/psci/processors.h", "Psci*",
       ("psci_starts_what_runs",
        "        if (before != State::Off)",
        "        if (before == State::OnPending)"),
       ("psci_starts_twice",
        "        store(processors_[own_].state, State::On);",
        ""))

broken("src/machine/virt/secure_world.cpp", "SecureWorld*",
       ("secure_ram_too_short",
        "VIREO_PSCI_BLOCK_BYTES, bank->bytes)",
        "VIREO_PSCI_BLOCK_BYTES - 1, bank->bytes)"),
       ("secure_ram_of_everybody",
        "|| node.is_enabled() ||",
        "||"),
       ("processors_beyond_the_room",
        "walk.next() && description.count != Description::max_processors;",
        "walk.next();"),
       ("affinities_of_any_bits",
        "affinity && (*affinity & ~affinity_fields) == 0",
        "affinity"))
