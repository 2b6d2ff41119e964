// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// The vhost-user protocol as it lies on the socket: QEMU's docs/interop/vhost-user.rst. The host's byte
// order, which is little-endian here.
namespace vireo::hosted::vhost_user {

enum class Request : u32 {
    GET_FEATURES = 1,
    SET_FEATURES = 2,
    SET_OWNER = 3,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    GET_VRING_BASE = 11,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    SET_VRING_ERR = 14,
    GET_PROTOCOL_FEATURES = 15,
    SET_PROTOCOL_FEATURES = 16,
    GET_QUEUE_NUM = 17,
    SET_VRING_ENABLE = 18,
    GET_CONFIG = 24,
    SET_CONFIG = 25,
};

struct Header {
    Request request;
    u32 flags;
    u32 size; // of the payload that follows
};
static_assert(sizeof(Header) == 12);

constexpr u32 version = 1;
constexpr u32 version_mask = 3;
constexpr u32 flag_reply = 1 << 2;
constexpr u32 flag_need_reply = 1 << 3; // only with PROTOCOL_F_REPLY_ACK

// A bit among the VirtIO features, and what is not a VirtIO feature although it stands among them.
constexpr u64 F_LOG_ALL = u64{1} << 26;
constexpr u64 F_PROTOCOL_FEATURES = u64{1} << 30;

constexpr u64 PROTOCOL_F_MQ = u64{1} << 0;
constexpr u64 PROTOCOL_F_REPLY_ACK = u64{1} << 3;
constexpr u64 PROTOCOL_F_CONFIG = u64{1} << 9;

struct MemoryTable {
    u32 regions;
    u32 padding;
    struct Region {
        u64 guest_address;
        u64 bytes;
        u64 user_address;
        u64 mmap_offset;
    } region; // one is all that we have
};
static_assert(sizeof(MemoryTable) == 40);

struct VringState {
    u32 index;
    u32 value;
};

struct VringAddresses {
    u32 index;
    u32 flags;
    u64 descriptors; // these are addresses in the front end's own memory, not the guest's
    u64 used;
    u64 available;
    u64 log;
};
static_assert(sizeof(VringAddresses) == 40);

struct ConfigHeader { // GET_CONFIG and SET_CONFIG; `size` bytes follow
    u32 offset;
    u32 size;
    u32 flags;
};
constexpr u32 max_config_bytes = 256;

// SET_VRING_KICK, CALL and ERR carry the queue's number in eight bits.
constexpr u16 max_queues = 256;

} // namespace vireo::hosted::vhost_user
