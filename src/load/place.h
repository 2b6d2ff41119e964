// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/file_system.h"
#include "net/stack/network.h"
#include "net/transfer/download.h"

namespace vireo::load {

// Places that a file can be brought from, with everything resolved that bringing it needs. What they refer to
// is the caller's and stays meanwhile. The network is open, with its addresses set.

struct DiskFile {
    fs::FileSystem& files;
    std::string_view path;
};

struct TftpFile {
    net::Network& network;
    net::IpAddress server;
    std::string_view name;
    net::TftpOptions options{};
    event::Budget budget = net::transfer_budget; // of each of two attempts
    u16 own_port = 0;                            // where answers go; 0: one that nobody guesses
};

struct HttpFile {
    net::Network& network;
    net::Url& url;         // follows redirections: afterwards the file, or the failure, was there
    bool has_ipv4 = false; // we have an address: asked for first, for names
    event::Budget budget = net::transfer_budget; // over all connections
};

using Place = std::variant<DiskFile, TftpFile, HttpFile>;

} // namespace vireo::load
