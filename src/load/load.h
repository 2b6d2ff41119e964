// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/failure.h"
#include "load/pieces.h"
#include "load/place.h"

namespace vireo::load {

struct Loaded {
    u64 bytes = 0;                   // that went to memory
    std::optional<u64> file_bytes{}; // that the file has, if that is known
    StringBuffer<32> encoding{};     // as HTTP sent it ("gzip"; any bytes); empty: as it is
};

// Who shows how it goes, all of which is optional to hear, and keeps why it failed.
class Watcher : public net::TransferWatcher {
  public:
    void moved(u64, std::optional<u64>) override {}
    void waited() override {}
    // What reading a partition table brought to light; also when nothing comes of it afterwards.
    virtual void found(const block::Findings&) {}
    // An attempt to talk to a server begins. HTTP says where, once more after each redirection; of
    // TFTP the caller knows it.
    struct Connection {
        const net::Url& url;
        const net::IpAddress& server;
        const net::Network::Route& way;
    };
    virtual void begins(const Connection*) {}
    // The attempt is over, and there will be another one: why.
    enum class Again : u8 {
        Silent,     // TFTP: nobody answered
        Redirected, // to the place's URL
        Changed,    // what came is no rest of the same file: all of it comes again
        Lost        // the connection, after `bytes` bytes
    };
    virtual void again(Again, u64 /*bytes*/) {}

    // Why it came to nothing, where an Outcome leads; until the next operation.
    Failure failure;

  protected:
    ~Watcher() = default;
};

// Who needs to hear nothing.
class NoWatcher final : public Watcher {};

// Brings a part of a file into free memory: what memory it takes is checked before a byte is written, or is
// all that is free there. The offset may be the file's end (nothing is loaded), not more. A network's file
// comes from its beginning, whatever the part is, and no further than needed.
Outcome<Loaded> load(const DiskFile& place, const FreeMemory& memory, const Part& part, Watcher& watcher);
Outcome<Loaded> load(const TftpFile& place, const FreeMemory& memory, const Part& part, Watcher& watcher);
Outcome<Loaded> load(const HttpFile& place, const FreeMemory& memory, const Part& part, Watcher& watcher);
Outcome<Loaded> load(const Place& place, const FreeMemory& memory, const Part& part, Watcher& watcher);

// Brings pieces of a file, each whole and straight to its place; whose memory that is, the caller has
// checked. They may lie in any order and overlap in the file, not in memory. A disk is asked for nothing if
// one of them is not in the file.
Outcome<Loaded> load(const DiskFile& place, std::span<const FilePiece> pieces, Watcher& watcher);
Outcome<Loaded> load(const TftpFile& place, std::span<const FilePiece> pieces, Watcher& watcher);
Outcome<Loaded> load(const HttpFile& place, std::span<const FilePiece> pieces, Watcher& watcher);
Outcome<Loaded> load(const Place& place, std::span<const FilePiece> pieces, Watcher& watcher);

// The other way: writes `content` to a file on a TFTP server. The count of bytes that the server has.
Outcome<u64> save(const TftpFile& place, Bytes content, Watcher& watcher);

} // namespace vireo::load
