// SPDX-License-Identifier: Apache-2.0
// An HTTP server. Input: bytes of memory (2), then for each connection: its end (bit 0: in order), the
// length of what it sends (2), and that. Everything is told twice, in one piece and in pieces of any size:
// both must come to the same.
#include "net/protocol/http.h"
#include "fuzz/support.h"

namespace vireo::fuzz {
namespace {

using net::HttpDownload;
using State = HttpDownload::State;

class Request final : public Writer {
  public:
    void write(std::string_view part) override { text += part; }
    std::string text;
};

// A request is a request, whatever a server has sent before.
void check_request(const HttpDownload& download) {
    Request request;
    download.print_request(request);
    require(request.text.starts_with("GET /") && request.text.ends_with("\r\n\r\n"),
            "a request has its form");
    require(request.text.size() <= net::Url::max_bytes + 512, "a request fits its buffer");
    usize lines = 0;
    bool is_blank_line = false;
    for (usize at = 0; at < request.text.size(); ++lines) {
        usize end = request.text.find("\r\n", at);
        is_blank_line = end == at;
        for (; at < end; ++at)
            require(request.text[at] >= ' ' && request.text[at] < 0x7f, "a request is printable");
        at += 2;
    }
    require(is_blank_line && lines <= 9, "nobody slips lines into a request");
    require((request.text.find("\r\nRange: ") == request.text.npos) ==
                (request.text.find("\r\nIf-Range: ") == request.text.npos),
            "a part is asked for only of a version that is known");
}

void hear(HttpDownload& download, Bytes bytes, u32 seed) {
    while (seed != 0 && !bytes.empty()) {
        seed = seed * 1664525 + 1013904223;
        usize count = std::min<usize>(bytes.size(), (seed >> 24) % 19);
        download.received(bytes.first(count));
        bytes = bytes.subspan(count);
    }
    download.received(bytes);
}

// The same server, told in pieces (seed not 0) or at once.
void run(HttpDownload& download, FuzzedData input, u64 memory_bytes, u32 seed) {
    usize connections = 0;
    std::string version; // of the bytes that are there
    u64 progress = 0;
    while (download.state() == State::Connect) {
        require(++connections <= HttpDownload::max_redirects + 3, "connections end");
        download.connecting();
        download.begin();
        check_request(download);
        bool is_orderly = input.flag();
        hear(download, input.take(input.number<u16>()), seed);
        require(download.bytes() <= memory_bytes, "the file lies in the memory");
        if (download.state() == State::Running)
            download.ended(is_orderly ? Result<>() : error(ErrorCode::Io, "reset"));
        require(download.state() != State::Running, "the end of a connection is an end");
        require(download.progress() > progress, "each connection is progress");
        progress = download.progress();
        const net::HttpHeader& head = download.header();
        if (download.state() == State::Done && head.status == 206)
            require(!version.empty() && head.validator.view() == version, "two versions are never joined");
        if (head.status == 200)
            version = head.validator.view();
    }
    if (download.state() == State::Done && download.total())
        require(*download.total() == download.bytes(), "all that was announced is there");
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    using fuzz::require;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    usize bytes = input.number<u16>();
    fuzz::Memory memory(bytes), other_memory(bytes); // ASan guards their ends
    net::Url url = VIREO_MUST(net::Url::parse("http://server/file"));
    net::HttpDownload whole(url, memory.bytes()), cut(url, other_memory.bytes());
    fuzz::run(whole, input, bytes, 0);
    fuzz::run(cut, input, bytes, 12345);
    require(whole.state() == cut.state() && whole.url() == cut.url(), "how it is cut does not matter");
    if (whole.state() == net::HttpDownload::State::Done) {
        require(whole.bytes() == cut.bytes(), "how it is cut does not matter to the size");
        require(std::memcmp(memory.bytes().data(), other_memory.bytes().data(),
                            static_cast<usize>(whole.bytes())) == 0,
                "nor to the content");
    } else {
        require(whole.failure().kind == cut.failure().kind, "nor to the failure");
    }
    return 0;
}
