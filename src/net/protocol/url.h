// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "base/result.h"
#include "net/address.h"

namespace vireo::net {

// Where a file lies on an HTTP server. Every character in it is printable and no blank, so it can be sent
// and printed as it is.
struct Url {
    static constexpr usize max_host_bytes = 253; // RFC 1035
    static constexpr usize max_target_bytes = 2048;
    static constexpr usize max_bytes = max_target_bytes + max_host_bytes + 16; // as text

    StringBuffer<max_host_bytes> host; // a name or an address, without brackets
    IpAddress address;                 // if `host` is one
    u16 port = 80;
    StringBuffer<max_target_bytes> target; // "/path?query"

    // "http://host[:port][/path[?query]]"; an IPv6 address stands in brackets; what follows '#' is left
    // out. Errors: InvalidArgument, TooLarge, NotSupported (https and others).
    static Result<Url> parse(std::string_view text);
    // What `reference` (a whole URL or a path) means on a page that came from this one, RFC 3986 section 5.2.
    Result<Url> resolve(std::string_view reference) const;
    // Sets the path and the query: "dir/file" or "/dir/file". "." and ".." in the path are
    // followed (section 5.2.4).
    Result<> set_target(std::string_view path);
    // Sets host, address and port: what stands between "//" and the path.
    Result<> set_authority(std::string_view text, u16 default_port);

    void print(Writer& out) const;
    // "host", "host:8080", "[fe80::1]:8080"
    void print_authority(Writer& out) const;
    bool operator==(const Url& other) const;
};

// "http" of "http://..."; empty if `text` is no URL.
std::string_view url_scheme(std::string_view text);

} // namespace vireo::net
