// SPDX-License-Identifier: Apache-2.0
#include "net/http.h"

#include "base/bulk_copy.h"
#include "base/parse.h"
#include "net/words.h"

namespace vireo::net {

namespace {

// Digits only: no sign, no blank, no 0x, and no more than 64 bits.
std::optional<u64> digits(std::string_view text, unsigned base) {
    bool are_digits = !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (base == 16 && lower(c) >= 'a' && lower(c) <= 'f');
    });
    auto number = are_digits ? parse_number(text, base) : error(ErrorCode::InvalidArgument, "");
    return number ? std::optional(*number) : std::nullopt;
}

Error corrupt(const char* what) { return error(ErrorCode::Corrupt, what); }

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

// Collects a line without its end; true when it is whole. What is longer than line_ is cut: most fields do not matter.
Result<bool> HttpResponse::take_line(Bytes& input) {
    auto end = std::ranges::find(input, std::byte{'\n'});
    usize length = static_cast<usize>(end - input.begin());
    line_.write(as_text(input.first(length)));
    bool is_whole = end != input.end();
    usize taken = length + (is_whole ? 1 : 0);
    input = input.subspan(taken);
    lines_bytes_ += taken;
    if (lines_bytes_ > max_header_bytes)
        return error(ErrorCode::TooLarge, "header of more than 65536 bytes");
    return is_whole;
}

Result<Bytes> HttpResponse::take(Bytes& input) {
    while (!input.empty() && part_ != Part::Done) {
        if (part_ == Part::Counted || part_ == Part::Chunk || part_ == Part::UntilEnd) {
            usize count = input.size();
            if (part_ != Part::UntilEnd) {
                count = static_cast<usize>(std::min<u64>(count, rest_));
                rest_ -= count;
                if (rest_ == 0)
                    part_ = part_ == Part::Chunk ? Part::ChunkEnd : Part::Done;
            }
            Bytes piece = input.first(count);
            input = input.subspan(count);
            return piece;
        }
        if (!VIREO_TRY(take_line(input)))
            break;
        bool had_header = has_header();
        VIREO_TRY(line());
        line_.clear();
        if (!had_header && has_header())
            break;
    }
    return Bytes();
}

Result<> HttpResponse::line() {
    std::string_view text = line_.view();
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    switch (part_) {
    case Part::StatusLine:
        return status_line(text);
    case Part::Fields:
        return text.empty() ? header_ends() : field(text);
    case Part::ChunkSize:
        return chunk_size(text);
    case Part::ChunkEnd:
        part_ = Part::ChunkSize;
        lines_bytes_ = 0;
        return text.empty() ? Result<>() : corrupt("a chunk that is longer than it says");
    default:
        if (text.empty()) // a trailer says nothing that we want to know
            part_ = Part::Done;
        return {};
    }
}

Result<> HttpResponse::status_line(std::string_view text) {
    auto status = text.size() >= 12 ? digits(text.substr(9, 3), 10) : std::nullopt;
    bool is_http = text.starts_with("HTTP/1.") && status && text[7] >= '0' && text[7] <= '9' &&
                   text[8] == ' ' && (text.size() == 12 || text[12] == ' ');
    if (!is_http)
        return corrupt("this is no HTTP server");
    header_ = {};
    is_weak_ = false;
    header_.status = static_cast<u16>(*status);
    header_.reason.write(text.substr(std::min<usize>(text.size(), 13)));
    part_ = Part::Fields;
    return {};
}

Result<> HttpResponse::field(std::string_view text) {
    usize colon = text.find(':');
    std::string_view name = text.substr(0, colon);
    // A blank here is either a folded line or a way to smuggle (RFC 9112, sections 5.1 and 5.2).
    if (colon == std::string_view::npos || name.find_first_of(" \t") != std::string_view::npos ||
        name.empty())
        return corrupt("a header line without a name");
    std::string_view value = trim(text.substr(colon + 1));
    // Of a number or a word that is cut off, what is there says something else.
    bool is_cut = line_.truncated();
    if (is_cut && (is_same_word(name, "content-length") || is_same_word(name, "content-range") ||
                   is_same_word(name, "transfer-encoding")))
        return error(ErrorCode::TooLarge, "header line");
    if (is_same_word(name, "content-length"))
        return content_length(value);
    if (is_same_word(name, "content-range"))
        return content_range(value);
    if (is_same_word(name, "transfer-encoding") && !is_same_word(value, "identity")) {
        if (!is_same_word(value, "chunked") || header_.is_chunked)
            return error(ErrorCode::NotSupported, "Transfer-Encoding");
        header_.is_chunked = true;
    }
    if (is_same_word(name, "location")) {
        header_.location.emplace();
        header_.location->write(value);
        if (is_cut || header_.location->truncated())
            return error(ErrorCode::TooLarge, "Location");
    }
    bool is_tag = is_same_word(name, "etag") && !value.starts_with("W/");
    bool is_date = is_same_word(name, "last-modified") && (is_weak_ || header_.validator.view().empty());
    bool is_clean = !is_cut && std::ranges::all_of(value, [](char c) { return c >= ' ' && c < 0x7f; });
    if ((is_tag || is_date) && is_clean) {
        header_.validator.clear();
        header_.validator.write(value);
        is_weak_ = is_date;
        if (header_.validator.truncated())
            header_.validator.clear(); // as if there were none
    }
    return {};
}

Result<> HttpResponse::content_length(std::string_view value) {
    auto number = digits(value, 10);
    if (!number)
        return corrupt("Content-Length is no number");
    if (header_.content_length && *header_.content_length != *number)
        return corrupt("two different Content-Lengths");
    header_.content_length = *number;
    return {};
}

// "bytes 5-9/10", "bytes 5-9/*"; "bytes */10" goes with an error and does not matter.
Result<> HttpResponse::content_range(std::string_view value) {
    std::string_view unit = split_first(value, ' ');
    std::string_view numbers = split_first(value, '/');
    if (!is_same_word(unit, "bytes") || numbers == "*")
        return {};
    auto first = digits(split_first(numbers, '-'), 10);
    auto last = digits(numbers, 10);
    auto total = digits(value, 10);
    if (!first || !last || *last < *first || (!total && value != "*") || (total && *total <= *last))
        return corrupt("Content-Range makes no sense");
    header_.range = {*first, *last, total};
    return {};
}

Result<> HttpResponse::chunk_size(std::string_view text) {
    usize end = text.find(';');
    auto size = digits(trim(text.substr(0, end)), 16);
    if (!size || (line_.truncated() && end == text.npos))
        return corrupt("a chunk without a size");
    rest_ = *size;
    part_ = rest_ == 0 ? Part::Trailer : Part::Chunk;
    return {};
}

Result<> HttpResponse::header_ends() {
    if (header_.status / 100 == 1) { // the real one follows
        part_ = Part::StatusLine;
        return {};
    }
    if (header_.is_chunked && header_.content_length)
        return corrupt("chunked, and a Content-Length too");
    lines_bytes_ = 0;
    rest_ = header_.content_length.value_or(0);
    if (header_.status == 204 || header_.status == 304 || header_.content_length == 0)
        part_ = Part::Done;
    else if (header_.is_chunked)
        part_ = Part::ChunkSize;
    else
        part_ = header_.content_length ? Part::Counted : Part::UntilEnd;
    return {};
}

void HttpDownload::begin() {
    state_ = State::Running;
    response_ = HttpResponse();
    is_ranged_ = bytes_ > 0;
}

void HttpDownload::print_request(Writer& out) const {
    print(out, "GET {} HTTP/1.1\r\nHost: ", url_.target.view());
    url_.print_authority(out);
    out.write("\r\nUser-Agent: Vireo\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n");
    if (is_ranged_) {
        print(out, "Range: bytes={}-\r\n", bytes_);
        // Otherwise the server sends the whole of what it has now: two versions are never mixed.
        if (!validator_.view().empty())
            print(out, "If-Range: {}\r\n", validator_.view());
    }
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
        if (total_ && *total_ > memory_.size())
            fail(Failure::Kind::TooLarge);
        return;
    case 206:
        return rest_arrives(head);
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

// It must be exactly what is missing of the file that we know.
void HttpDownload::rest_arrives(const HttpHeader& head) {
    if (!is_ranged_ || !head.range || head.range->first != bytes_)
        return fail(ErrorCode::Corrupt, "a part of the file that was not asked for");
    const HttpHeader::Range& range = *head.range;
    bool is_all = !range.total || *range.total == range.last + 1;
    bool is_same = !range.total || !total_ || *range.total == *total_;
    bool is_consistent = !head.content_length || *head.content_length == range.last - range.first + 1;
    if (!is_all || !is_same || !is_consistent)
        return fail(ErrorCode::Corrupt, "Content-Range contradicts what was said before");
    if (!total_)
        total_ = range.total;
}

void HttpDownload::follow() {
    if (visited_.is_full())
        return fail(Failure::Kind::TooManyRedirects);
    auto next = url_.resolve(response_.header().location->view());
    if (!next)
        return fail(next.error().code, next.error().what);
    (void)visited_.try_push_back(Sum::of(url_));
    url_ = *next;
    state_ = State::Connect;
    if (std::ranges::find(visited_, Sum::of(url_)) != visited_.end())
        fail(Failure::Kind::RedirectLoop);
}

void HttpDownload::store(Bytes piece) {
    if (piece.size() > memory_.size() - bytes_)
        return fail(Failure::Kind::TooLarge);
    if (!piece.empty())
        bulk_copy(memory_.data() + bytes_, piece);
    bytes_ += piece.size();
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

void HttpDownload::fail(ErrorCode code, const char* what) {
    failure_.why = error(code, what);
    fail(Failure::Kind::Other);
}

void HttpDownload::fail(Failure::Kind kind) {
    failure_.kind = kind;
    state_ = State::Failed;
}

} // namespace vireo::net
