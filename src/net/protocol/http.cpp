// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/http.h"

namespace vireo::net {

namespace {

// FNV-1a, to know an address again; 64 bits, so that two different ones hardly ever look the same.
class Sum final : public Writer {
  public:
    void write(std::string_view text) override {
        for (char c : text)
            value_ = (value_ ^ static_cast<u8>(c)) * 0x100000001b3;
    }
    static u64 of(const Url& url) {
        Sum sum;
        url.print(sum);
        return sum.value_;
    }

  private:
    u64 value_ = 0xcbf29ce484222325;
};

} // namespace

void HttpDownload::begin() {
    state_ = State::Running;
    ++steps_;
    response_ = HttpResponse();
    is_ranged_ = bytes_ > 0 && !validator_.view().empty();
    if (is_ranged_)
        return;
    bytes_ = 0; // nobody could tell whether the rest belongs to it
    total_.reset();
}

void HttpDownload::print_request(Writer& out) const {
    print(out, "GET {} HTTP/1.1\r\nHost: ", url_.target.view());
    url_.print_authority(out);
    out.write("\r\nUser-Agent: Vireo\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n");
    if (is_ranged_) // of another version the server sends the whole
        print(out, "Range: bytes={}-\r\nIf-Range: {}\r\n", bytes_, validator_.view());
    out.write("\r\n");
}

void HttpDownload::received(Bytes bytes) {
    while (!bytes.empty() && state_ == State::Running) {
        bool had_header = response_.has_header();
        auto piece = response_.take(bytes);
        if (!piece)
            return fail(piece.error().code, piece.error().what);
        if (!had_header && response_.has_header())
            header_arrived();
        if (state_ == State::Running)
            store(*piece);
        if (state_ != State::Running || !response_.is_done())
            continue;
        if (total_ && bytes_ != *total_)
            return fail(ErrorCode::Corrupt, "less than was announced");
        state_ = State::Done;
    }
}

void HttpDownload::header_arrived() {
    const HttpHeader& head = response_.header();
    switch (head.status) {
    case 200:
        bytes_ = 0; // all of it, also if only the rest was asked for
        total_ = head.content_length;
        validator_ = head.validator;
        encoding_ = head.encoding;
        if (total_ && *total_ > target_.room())
            fail(Failure::Kind::TooLarge);
        return;
    case 206:
        return rest_arrives(head);
    case 412:
    case 416:
        return is_ranged_ ? start_anew() : fail(Failure::Kind::Status);
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        if (head.location)
            return follow();
        [[fallthrough]];
    default:
        fail(Failure::Kind::Status);
    }
}

void HttpDownload::rest_arrives(const HttpHeader& head) {
    if (!is_ranged_)
        return fail(ErrorCode::Corrupt, "a part of the file that was not asked for");
    if (!is_the_rest(head))
        return start_anew();
    total_ = head.range->last + 1;
    if (*total_ > target_.room())
        fail(Failure::Kind::TooLarge);
}

// Whether it is exactly what is missing of the file that we know, and of the same version: it says so itself.
// A server that does not look at If-Range sends the rest of whatever it has.
bool HttpDownload::is_the_rest(const HttpHeader& head) const {
    if (!head.range || head.is_multipart || head.range->first != bytes_)
        return false;
    const HttpHeader::Range& range = *head.range;
    auto total = range.total ? range.total : total_;
    bool is_all = total && *total == range.last + 1;
    bool is_consistent = !head.content_length || *head.content_length == range.last - range.first + 1;
    bool is_same = head.validator.view() == validator_.view() && head.encoding.view() == encoding_.view();
    return is_all && is_consistent && is_same && (!total_ || *total_ == *total);
}

// Once at most: what is there is thrown away, and whoever has nothing asks for no part.
void HttpDownload::start_anew() {
    bytes_ = 0;
    is_starting_anew_ = true;
    state_ = State::Connect;
}

void HttpDownload::follow() {
    if (visited_.is_full())
        return fail(Failure::Kind::TooManyRedirects);
    auto next = url_.resolve(response_.header().location->view());
    if (!next)
        return fail(next.error().code, next.error().what);
    (void)visited_.try_push_back(Sum::of(url_));
    url_ = *next;
    bytes_ = 0; // of another place: the same validator means nothing there
    state_ = State::Connect;
    if (std::ranges::find(visited_, Sum::of(url_)) != visited_.end())
        fail(Failure::Kind::RedirectLoop);
}

void HttpDownload::store(Bytes piece) {
    if (piece.size() > target_.room() - bytes_)
        return fail(Failure::Kind::TooLarge);
    target_.store(bytes_, piece);
    bytes_ += piece.size();
    arrived_ += piece.size();
    if (target_.is_enough(bytes_))
        state_ = State::Done;
}

void HttpDownload::ended(Result<> how) {
    if (state_ != State::Running)
        return;
    if (how && response_.ends_with_connection() && (!total_ || *total_ == bytes_)) {
        state_ = State::Done;
        return;
    }
    if (!std::exchange(has_resumed_, true)) {
        state_ = State::Connect;
        return;
    }
    if (how)
        fail(ErrorCode::Io, "the server closed the connection too early");
    else
        fail(how.error().code, how.error().what);
}

void HttpDownload::lose_patience(u64 rate) {
    failure_.rate = rate;
    fail(Failure::Kind::TooSlow);
}

void HttpDownload::fail(ErrorCode code, const char* what) {
    failure_.why = error(code, what);
    fail(Failure::Kind::Other);
}

void HttpDownload::fail(Failure::Kind kind) {
    failure_.kind = kind;
    state_ = State::Failed;
}

} // namespace vireo::net
