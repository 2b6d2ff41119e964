// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::net {

// True if lwIP may read an IPv6 packet whose first piece is `packet`, which begins with the fixed header. It
// reads some things before it looks whether they are there, so these are: every extension header that it will
// walk through (RFC 8200, 4) lies whole in the first piece, and so does a neighbour discovery message, which
// has options of some length that end where it does, and is no fragment (RFC 4861, 6.1 and 7.1; RFC 6980). A
// first fragment has all headers up to that of ICMP (RFC 7112), and is no "packet too big".
bool ipv6_can_be_read(Bytes packet);

// What of an ICMP message lies in the first piece of a packet that can be read; empty if it has
// none, or is a fragment.
Bytes ipv6_icmp_message(Bytes packet);

} // namespace vireo::net
