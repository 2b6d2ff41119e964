// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "net/protocol/file_target.h"
#include "net/protocol/http_response.h"

namespace vireo::net {

// Fetches one file to where it is wanted: requests, redirections, one try to go on after the
// connection broke. All bytes are of one version of the file: the rest is asked for only where a
// validator tells versions apart, and taken only where the answer has the same one; otherwise all of
// it comes again. A machine without sockets: what a connection delivers goes in, and it says when the
// next connection is wanted.
class HttpDownload {
  public:
    static constexpr usize max_redirects = 10;

    // Done: the file has come, or all that is wanted of it.
    enum class State : u8 { Connect, Running, Done, Failed };
    struct Failure {
        enum class Kind : u8 {
            Status,           // the server refused: header().status
            TooLarge,         // more than the memory takes; total() if it said how many bytes
            TooManyRedirects, // more than max_redirects
            RedirectLoop,     // to url()
            TooSlow,          // `rate` bytes a second
            Other             // `why`
        };
        Kind kind = Kind::Other;
        Error why{ErrorCode::Io, ""};
        u64 rate = 0;
    };

    HttpDownload(const Url& url, const FileTarget& target) : url_(url), target_(target) {}

    // State Connect: a connection to here is wanted; connecting(), and once it is there begin()
    // and the request on it.
    const Url& url() const { return url_; }
    void connecting() { ++steps_; }
    void begin();
    void print_request(Writer& out) const;
    // State Running.
    void received(Bytes bytes);
    // Only so many bytes a second come, which is too few.
    void lose_patience(u64 rate);
    // The connection ended: success if the other side closed it in order, else why; also for one that stalls.
    // The state is never Running afterwards.
    void ended(Result<> how);

    State state() const { return state_; }
    const Failure& failure() const { return failure_; } // only when Failed
    const HttpHeader& header() const { return response_.header(); }
    u64 bytes() const { return bytes_; }
    std::optional<u64> total() const { return total_; }
    // What grows with all that is new: bytes of files, also of those that are thrown away, and connections.
    u64 progress() const { return arrived_ + steps_; }
    usize redirects() const { return visited_.size(); }
    bool is_resuming() const { return has_resumed_; }
    // What came over the second connection was no rest of what is there: a third one brings all of it.
    bool is_starting_anew() const { return is_starting_anew_; }

  private:
    void header_arrived();
    void follow();
    void rest_arrives(const HttpHeader& head);
    bool is_the_rest(const HttpHeader& head) const;
    void start_anew();
    void store(Bytes piece);
    void fail(ErrorCode code, const char* what);
    void fail(Failure::Kind kind);

    Url url_;
    const FileTarget target_;
    State state_ = State::Connect;
    Failure failure_;
    HttpResponse response_;
    u64 bytes_ = 0;
    u64 arrived_ = 0; // never less than before
    u64 steps_ = 0;
    std::optional<u64> total_;
    StringBuffer<128> validator_; // of the bytes that we have
    StringBuffer<32> encoding_;   // theirs
    bool has_resumed_ = false;
    bool is_starting_anew_ = false;
    bool is_ranged_ = false;                  // the present request asks for what is missing only
    FixedVector<u64, max_redirects> visited_; // sums of where we were sent away from
};

} // namespace vireo::net
