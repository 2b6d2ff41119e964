// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/http_response.h"

#include "base/parse.h"
#include "net/protocol/words.h"

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

// Letters, digits, and exactly these separators: what is taken goes back to the server as it is.
bool has_form_of_date(std::string_view text) {
    constexpr std::string_view form = "aaa, 00 aaa 0000 00:00:00 GMT";
    auto fits = [](char wanted, char c) {
        bool is_digit = c >= '0' && c <= '9';
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        return wanted == 'a' ? is_letter : wanted == '0' ? is_digit : c == wanted;
    };
    return std::ranges::equal(form, text, fits);
}

// A date as servers write it, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7), in seconds from some
// year on. The two obsolete forms count as none.
std::optional<u64> seconds_of_date(std::string_view text) {
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (!has_form_of_date(text))
        return std::nullopt;
    usize place = months.find(text.substr(8, 3));
    usize month = place % 3 == 0 ? place / 3 : 12;
    auto day = digits(text.substr(5, 2), 10), year = digits(text.substr(12, 4), 10);
    auto hour = digits(text.substr(17, 2), 10), minute = digits(text.substr(20, 2), 10);
    auto second = digits(text.substr(23, 2), 10);
    if (month >= 12 || !day || !year || !hour || !minute || !second)
        return std::nullopt;
    // Years that begin in March have their odd day at the end.
    u64 years = *year - (month < 2 && *year > 0 ? 1 : 0);
    u64 days =
        years * 365 + years / 4 - years / 100 + years / 400 + (153 * ((month + 10) % 12) + 2) / 5 + *day;
    return ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
}

// How much older than the answer a date of change must be, so that no other version has the same one: clocks
// count in seconds, and two of them may differ (RFC 9110, section 8.8.2.2).
constexpr u64 seconds_for_certain = 60;

constexpr const char* line_too_long = "a header line of more than 2560 bytes";
constexpr const char* location_too_long = "a Location of more than 2317 bytes";
static_assert(HttpResponse::max_line_bytes == 2560 && Url::max_bytes == 2317, "messages name the limits");
static_assert(HttpResponse::max_line_bytes > Url::max_bytes + 64, "a line takes a Location");

} // namespace

// Collects a line without its end; true when it is whole. What is longer than line_ is cut: most
// fields do not matter.
Result<bool> HttpResponse::take_line(Bytes& input) {
    auto end = std::ranges::find(input, std::byte{'\n'});
    usize length = static_cast<usize>(end - input.begin());
    std::string_view text = as_text(input.first(length));
    bool is_whole = end != input.end();
    if (!text.empty()) {
        if (has_return_)
            line_.write("\r"); // in the middle of a line it is a byte like others
        has_return_ = text.ends_with('\r');
        line_.write(text.substr(0, text.size() - (has_return_ ? 1 : 0)));
    }
    if (is_whole)
        has_return_ = false;
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
        if (holds_field_)
            VIREO_TRY(go_on_with_field(input[0]));
        if (!VIREO_TRY(take_line(input)))
            break;
        bool had_header = has_header();
        VIREO_TRY(line());
        if (!holds_field_)
            line_.clear();
        if (!had_header && has_header())
            break;
    }
    return Bytes();
}

// A line that begins with a blank goes on with the field before it, and the blank stands for the line's end
// (RFC 9112, section 5.2).
Result<> HttpResponse::go_on_with_field(std::byte next) {
    holds_field_ = false;
    if (next == std::byte{' '} || next == std::byte{'\t'})
        return {};
    VIREO_TRY(field(line_.view()));
    line_.clear();
    return {};
}

Result<> HttpResponse::line() {
    std::string_view text = line_.view();
    switch (part_) {
    case Part::StatusLine:
        return status_line(text);
    case Part::Fields:
        if (text.empty())
            return header_ends();
        holds_field_ = true;
        return {};
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
    has_tag_ = false;
    modified_.reset();
    sent_.reset();
    header_.status = static_cast<u16>(*status);
    header_.reason.write(text.substr(std::min<usize>(text.size(), 13)));
    part_ = Part::Fields;
    return {};
}

Result<> HttpResponse::field(std::string_view text) {
    usize colon = text.find(':');
    std::string_view name = text.substr(0, colon);
    // A blank here is either a folded line with nothing before it or a way to smuggle (RFC 9112,
    // sections 5.1 and 5.2).
    if (colon == std::string_view::npos || name.find_first_of(" \t") != std::string_view::npos ||
        name.empty())
        return corrupt("a header line without a name");
    std::string_view value = trim(text.substr(colon + 1));
    // Of a number or a word that is cut off, what is there says something else.
    bool is_cut = line_.truncated();
    if (is_cut && (is_same_word(name, "content-length") || is_same_word(name, "content-range") ||
                   is_same_word(name, "transfer-encoding")))
        return error(ErrorCode::TooLarge, line_too_long);
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
            return error(ErrorCode::TooLarge, location_too_long);
    }
    if (is_same_word(name, "content-encoding") && !is_same_word(value, "identity"))
        header_.encoding.write(value);
    constexpr std::string_view multipart = "multipart/byteranges";
    if (is_same_word(name, "content-type"))
        header_.is_multipart = is_same_word(value.substr(0, multipart.size()), multipart);
    if (is_same_word(name, "etag"))
        entity_tag(value, is_cut);
    if (is_same_word(name, "date"))
        sent_ = seconds_of_date(value);
    if (is_same_word(name, "last-modified")) {
        modified_ = seconds_of_date(value);
        modified_text_.clear();
        modified_text_.write(value);
    }
    return {};
}

// A strong one, in its whole form; what is none (RFC 9110, section 8.8.3) must not be sent back. The
// second of two leaves none.
void HttpResponse::entity_tag(std::string_view value, bool is_cut) {
    bool is_quoted = value.size() >= 2 && value.starts_with('"') && value.ends_with('"');
    std::string_view inside = is_quoted ? value.substr(1, value.size() - 2) : value;
    bool is_clean = std::ranges::all_of(inside, [](char c) { return c > ' ' && c < 0x7f && c != '"'; });
    header_.validator.clear();
    if (!std::exchange(has_tag_, true) && is_quoted && is_clean && !is_cut)
        header_.validator.write(value);
    if (header_.validator.truncated())
        header_.validator.clear(); // as if there were none
}

// A date of change counts only where there is no tag (section 13.1.5), and where the file has rested since.
void HttpResponse::choose_validator() {
    if (!has_tag_ && modified_ && sent_ && *sent_ >= *modified_ + seconds_for_certain)
        header_.validator.write(modified_text_.view());
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
    if (header_.range)
        return corrupt("two Content-Ranges");
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
    choose_validator();
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

} // namespace vireo::net
