// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "load/memory.h"
#include "net/address.h"

namespace vireo::load {

// Why something was not loaded, as data: whoever speaks to a user finds the words. The members that a kind
// names are set. It is large, so it is not returned: who wants to know brings one, and it is filled in there.
struct Failure {
    enum class Kind : u8 {
        Error, // `why`: Ctrl-C, no memory, a broken card; what fits no other kind
        // Memory and pieces.
        Memory,     // `memory` is not free
        TooLarge,   // more than `room` bytes, which are free; the file has `announced` if that is known
        BadPieces,  // `why`: they overlap in memory, or there are none, or too many
        BeyondFile, // piece `piece` ends behind the file, which has `bytes`
        // Disks.
        BadPartition, // the text that names it means nothing
        Table,        // the partition table cannot be read: `why`
        NoTable,      // a partition is wanted, and there is no table
        NoPartition,  // the table has no such one
        Partition,    // it cannot be used: `why`
        Whole,        // the whole disk cannot be used: `why`
        UnknownFileSystem,
        Mount, // `why`
        File,  // it cannot be opened or read, or the position is beyond its end: `why`
        // Hosts and the way to them.
        NotAnAddress,  // the host looks like an address, and is none
        UnknownHost,   // nobody knows the name
        NoNameServer,  // there is nobody to ask
        NameServer,    // `why`
        NoIpv4Address, // we have none, and the host has
        NoWay,         // to `server`: `why`
        // Servers.
        CannotConnect,    // `why`
        NameTooLong,      // of the file, for TFTP
        Refused,          // by TFTP: `code` and `text`
        Silent,           // no answer; from `stranger` came what looks like one, if that is set
        Stuck,            // it answers, but block `block` does not come
        TooSlow,          // `rate` bytes a second
        WrongSize,        // it announced `announced` bytes and sent `bytes`
        Option,           // it answered with the option `text`: `what`
        Protocol,         // it sent `what`
        Status,           // of HTTP: `code` and `text`
        TooManyRedirects, // more than net::HttpDownload::max_redirects
        RedirectLoop      // to the place's URL
    };
    Kind kind = Kind::Error;
    Error why{ErrorCode::Io, ""};
    NotFree memory;
    std::optional<u64> announced;
    u64 room = 0;
    u64 bytes = 0;
    usize piece = 0;
    u64 block = 0;
    u64 rate = 0;
    u16 code = 0;
    const char* what = "";
    StringBuffer<128> text;   // from a server: any bytes
    bool is_text_cut = false; // there was more of it
    net::IpAddress server;
    net::IpAddress stranger;

    Failure(); // not inline, nor is what follows: all of it is used in many places
    // Becomes one of this kind, whose other members have been set, and is what an Outcome needs of it.
    const Failure* is(Kind its_kind);
    const Failure* is(Kind its_kind, const Error& its_why);
    const Failure* is(const NotFree& why_not); // Memory
};

// Either a T or the Failure that prevented it, which is the one that the caller brought.
template <typename T = void> using Outcome = Result<T, const Failure*>;

} // namespace vireo::load
