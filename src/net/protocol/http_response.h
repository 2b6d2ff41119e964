// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/protocol/url.h"

namespace vireo::net {

// What matters of the header of a response.
struct HttpHeader {
    u16 status = 0;
    StringBuffer<64> reason; // any bytes
    std::optional<u64> content_length;
    bool is_chunked = false;
    bool is_multipart = false; // several parts of a file, with lines between them
    std::optional<StringBuffer<Url::max_bytes>> location;
    StringBuffer<32> encoding; // Content-Encoding, any bytes; empty: the file as it is
    // Which version of the file it is: where two answers from one URL say the same, their bytes
    // are of one version (a strong validator, RFC 9110, section 8.8). Empty: the server does not
    // say, or not for certain.
    StringBuffer<128> validator;
    struct Range {
        u64 first;
        u64 last;
        std::optional<u64> total; // of the whole file
    };
    std::optional<Range> range; // Content-Range
};

// Takes a response of HTTP/1.x apart (RFC 9112): bytes of the stream go in, pieces of the body come out,
// where they lay. What contradicts itself is an error, not a guess.
class HttpResponse {
  public:
    // Of a header or a trailer, in all.
    static constexpr usize max_header_bytes = 65536;
    // Of a line that means something to us; of others the rest is passed over.
    static constexpr usize max_line_bytes = 2560;

    // Takes bytes off `input`. Gives the next piece of the body, or nothing as long as there is none;
    // stops once behind the header, so that its reader can decide before the body. Call it until `input`
    // is empty or is_done().
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
    Result<> go_on_with_field(std::byte next);
    Result<> line();
    Result<> status_line(std::string_view text);
    Result<> field(std::string_view text);
    Result<> content_length(std::string_view value);
    Result<> content_range(std::string_view value);
    void entity_tag(std::string_view value, bool is_cut);
    Result<> chunk_size(std::string_view text);
    Result<> header_ends();
    void choose_validator();

    HttpHeader header_;
    Part part_ = Part::StatusLine;
    bool has_tag_ = false;               // an ETag of any kind
    std::optional<u64> modified_, sent_; // Last-Modified and Date, in seconds
    StringBuffer<32> modified_text_;
    u64 rest_ = 0;
    usize lines_bytes_ = 0;             // of header or trailer
    StringBuffer<max_line_bytes> line_; // what is there of a line, without its end
    bool has_return_ = false;           // a carriage return came, which may belong to the line's end
    bool holds_field_ = false;          // line_ is a whole field, unless the next line goes on with it
};

} // namespace vireo::net
