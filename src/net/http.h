// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "net/url.h"

namespace vireo::net {

// What matters of the header of a response.
struct HttpHeader {
    u16 status = 0;
    StringBuffer<64> reason; // any bytes
    std::optional<u64> content_length;
    bool is_chunked = false;
    std::optional<StringBuffer<Url::max_target_bytes + Url::max_host_bytes + 16>> location;
    // Which version of the file it is: a strong ETag, or else Last-Modified. Empty: the server did not say.
    StringBuffer<128> validator;
    struct Range {
        u64 first;
        u64 last;
        std::optional<u64> total; // of the whole file
    };
    std::optional<Range> range; // Content-Range
};

// Takes a response of HTTP/1.x apart (RFC 9112): bytes of the stream go in, pieces of the body come out, where they lay.
// What contradicts itself is an error, not a guess.
class HttpResponse {
  public:
    // Of a header or a trailer, in all.
    static constexpr usize max_header_bytes = 65536;

    // Takes bytes off `input`. Gives the next piece of the body, or nothing as long as there is none; stops once behind
    // the header, so that its reader can decide before the body. Call it until `input` is empty or is_done().
    // Errors: Corrupt, TooLarge, NotSupported.
    Result<Bytes> take(Bytes& input);
    bool has_header() const { return part_ > Part::Fields; }
    bool is_done() const { return part_ == Part::Done; }
    // The body has no announced end: the connection's end is the body's, and success.
    bool ends_with_connection() const { return part_ == Part::UntilEnd; }
    const HttpHeader& header() const { return header_; }

  private:
    enum class Part : u8 {
        StatusLine,
        Fields,
        Counted, // rest_ bytes of body
        ChunkSize,
        Chunk, // rest_ bytes of it
        ChunkEnd,
        Trailer,
        UntilEnd,
        Done
    };
    Result<bool> take_line(Bytes& input);
    Result<> line();
    Result<> status_line(std::string_view text);
    Result<> field(std::string_view text);
    Result<> content_length(std::string_view value);
    Result<> content_range(std::string_view value);
    Result<> chunk_size(std::string_view text);
    Result<> header_ends();

    HttpHeader header_;
    Part part_ = Part::StatusLine;
    bool is_weak_ = false; // header_.validator is Last-Modified
    u64 rest_ = 0;
    usize lines_bytes_ = 0;   // of header or trailer
    StringBuffer<2048> line_; // what is there of a line
};

// Fetches one file into memory: requests, redirections, one try to go on after the connection broke. A machine without
// sockets: what a connection delivers goes in, and it says when the next connection is wanted.
class HttpDownload {
  public:
    static constexpr usize max_redirects = 10;

    enum class State : u8 { Connect, Running, Done, Failed };
    struct Failure {
        enum class Kind : u8 {
            Status,           // the server refused: header().status
            TooLarge,         // more than the memory takes; total() if it said how many bytes
            TooManyRedirects, // more than max_redirects
            RedirectLoop,     // to url()
            Other             // `why`
        };
        Kind kind = Kind::Other;
        Error why{ErrorCode::Io, ""};
    };

    HttpDownload(const Url& url, MutableBytes memory) : url_(url), memory_(memory) {}

    // State Connect: a connection to here is wanted, and then begin() and the request on it.
    const Url& url() const { return url_; }
    void begin();
    void print_request(Writer& out) const;
    // State Running.
    void received(Bytes bytes);
    // The connection ended: success if the other side closed it in order, else why; also for one that stalls. The state
    // is never Running afterwards.
    void ended(Result<> how);

    State state() const { return state_; }
    const Failure& failure() const { return failure_; } // only when Failed
    const HttpHeader& header() const { return response_.header(); }
    u64 bytes() const { return bytes_; }
    std::optional<u64> total() const { return total_; }
    usize redirects() const { return visited_.size(); }
    bool is_resuming() const { return has_resumed_; }

  private:
    void header_arrived();
    void follow();
    void rest_arrives(const HttpHeader& head);
    void store(Bytes piece);
    void fail(ErrorCode code, const char* what);
    void fail(Failure::Kind kind);

    Url url_;
    MutableBytes memory_;
    State state_ = State::Connect;
    Failure failure_;
    HttpResponse response_;
    u64 bytes_ = 0;
    std::optional<u64> total_;
    StringBuffer<128> validator_; // of the bytes that we have
    bool has_resumed_ = false;
    bool is_ranged_ = false;                  // the present request asks for what is missing only
    FixedVector<u64, max_redirects> visited_; // sums of where we were sent away from
};

} // namespace vireo::net
