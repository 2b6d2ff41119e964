# SPDX-License-Identifier: Apache-2.0
"""Breakages of what brings files into memory, and of the numbers of disks. As those of mutations.py."""
from mutations import broken

broken("src/load/memory.cpp", "LoadMemory*:LoadDisk*",
       ("load_free_memory_reaches_into_somebody_s",
        "        if (taken.base > address)",
        "        if (false)"),
       ("load_writes_memory_of_somebody",
        "    if (map.check_writable(address, bytes))",
        "    if (true)"))

broken("src/load/disk.cpp", "LoadDisk*:LoadVolume*",
       ("load_bootable_partition_is_like_others",
        "        if (part.bootable)",
        "        if (false)"),
       ("load_table_in_silence",
        "    watcher.found((*table)->findings);",
        ""))

broken("src/load/pieces.cpp", "Load*",
       ("load_position_behind_the_end",
        "    if (part.offset > file_bytes)",
        "    if (part.offset > file_bytes + 1)"),
       ("load_position_not_at_the_end",
        "    if (part.offset > file_bytes)",
        "    if (part.offset >= file_bytes)"),
       ("load_one_piece_too_many",
        "    if (pieces.size() > max_pieces)",
        "    if (pieces.size() > max_pieces + 1)"),
       ("load_pieces_share_memory",
        "            if (share_memory(pieces[i].memory, pieces[j].memory))",
        "            if (false)"),
       ("load_piece_beyond_the_file",
        "        if (!range_fits(pieces[i].offset, pieces[i].memory.size(), file_bytes))",
        "        if (!range_fits(pieces[i].offset, pieces[i].memory.size(), file_bytes + 1))"))

broken("src/device/registry.cpp", "Registry*",
       ("disk_of_any_interface",
        "disk->number() == number && disk->interface() == interface)",
        "disk->number() == number)"),
       ("disk_numbers_are_not_by_interface",
        "    disk.number_ = counts_[*kind]++;",
        "    disk.number_ = count() - 1;"))

broken("src/net/protocol/file_target.cpp", "FileTarget*:Load*",
       ("target_never_has_enough",
        "        enough_ = checked_add<u64>(offset, limit).value_or(all);",
        ""),
       ("target_has_no_end",
        "        room_ = end;",
        ""),
       ("target_stores_what_is_not_wanted",
        "        u64 from = std::max(at, piece.offset);",
        "        u64 from = at;"))

broken("src/load/stream.cpp", "Load*",
       ("load_stream_of_any_length",
        "    return net::FileTarget(*room, part.offset, part.limit);",
        "    return net::FileTarget(*room, part.offset, 0);"))

broken("src/load/tftp.cpp", "LoadTftp*:*NetCommands*",
       ("load_no_second_attempt",
        "        if (transferred || failure.kind != Kind::Silent || is_last)",
        "        if (true)"),
       ("load_attempts_for_ever",
        "        if (transferred || failure.kind != Kind::Silent || is_last)",
        "        if (transferred || failure.kind != Kind::Silent)"),
       ("load_a_name_too_long",
        "    if (place.name.size() > TftpSession::max_name_bytes)",
        "    if (place.name.size() > TftpSession::max_name_bytes + 1)"))
