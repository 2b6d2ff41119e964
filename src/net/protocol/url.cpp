// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/url.h"

#include "base/parse.h"
#include "net/protocol/words.h"

namespace vireo::net {

namespace {

constexpr const char* too_long = "a path of more than 2048 bytes in the URL";
static_assert(Url::max_target_bytes == 2048 && Url::max_host_bytes == 253, "messages name the limits");

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

// The scheme with its colon, as far as it is one (RFC 3986, section 3.1).
std::string_view scheme_with_colon(std::string_view text) {
    usize length = 0;
    while (length < text.size() && ((lower(text[length]) >= 'a' && lower(text[length]) <= 'z') ||
                                    (length > 0 && std::string_view("0123456789+-.").contains(text[length]))))
        ++length;
    return length > 0 && length < text.size() && text[length] == ':' ? text.substr(0, length + 1)
                                                                     : std::string_view();
}

Result<> parse_port(std::string_view text, u16 otherwise, u16& port) {
    u32 number = 0;
    for (char c : text) {
        number = number * 10 + static_cast<u32>(c - '0');
        if (c < '0' || c > '9' || number > 0xffff)
            return error(ErrorCode::InvalidArgument, "bad port");
    }
    // An empty port is the default one (RFC 3986, section 3.2.3).
    if (!text.empty() && number == 0)
        return error(ErrorCode::InvalidArgument, "bad port");
    port = text.empty() ? otherwise : static_cast<u16>(number);
    return {};
}

// RFC 3986, section 5.2.4. A slash at the start may be missing; an empty segment is one too.
void write_without_dots(StringBuffer<Url::max_target_bytes>& out, std::string_view path) {
    while (!path.empty()) {
        if (path.starts_with('/'))
            path.remove_prefix(1);
        std::string_view segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size());
        bool goes_up = segment == "..";
        if (goes_up)
            out.shorten(
                std::min(out.view().rfind('/'), out.view().size())); // above the root there is nothing
        if (goes_up || segment == ".") {
            if (path.empty())
                out.write("/");
            continue;
        }
        out.write("/");
        out.write(segment);
    }
    if (out.view().empty())
        out.write("/");
}

} // namespace

std::string_view url_scheme(std::string_view text) {
    std::string_view scheme = scheme_with_colon(text);
    if (scheme.empty() || !text.substr(scheme.size()).starts_with("//"))
        return {};
    return scheme.substr(0, scheme.size() - 1);
}

Result<> Url::set_authority(std::string_view text, u16 default_port) {
    if (!is_printable(text))
        return error(ErrorCode::InvalidArgument, "a blank or an unprintable character in the URL");
    if (text.contains('@'))
        return error(ErrorCode::NotSupported, "a user name in the URL");
    std::string_view name = text.substr(0, text.find(':'));
    std::string_view rest = text.substr(name.size());
    if (text.starts_with('[')) {
        usize end = text.find(']');
        if (end == std::string_view::npos)
            return error(ErrorCode::InvalidArgument, "'[' without ']'");
        name = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    }
    auto literal = IpAddress::parse(name);
    if (text.starts_with('[') && !(literal && literal->is_v6()))
        return error(ErrorCode::InvalidArgument, "no IPv6 address in brackets");
    if (name.empty())
        return error(ErrorCode::InvalidArgument, "no host in the URL");
    if (name.size() > Url::max_host_bytes)
        return error(ErrorCode::TooLarge, "a host name of more than 253 bytes");
    if (!rest.empty() && rest[0] != ':')
        return error(ErrorCode::InvalidArgument, "bad port");
    address = literal.value_or(IpAddress());
    host.clear();
    host.write(name);
    return parse_port(rest.substr(std::min<usize>(rest.size(), 1)), default_port, port);
}

Result<> Url::set_target(std::string_view path) {
    path = path.substr(0, path.find('#'));
    if (!is_printable(path))
        return error(ErrorCode::InvalidArgument, "a blank or an unprintable character in the URL");
    StringBuffer<max_target_bytes> plain; // `path` may be a part of the present one
    std::string_view hierarchy = path.substr(0, path.find('?'));
    write_without_dots(plain, hierarchy);
    plain.write(path.substr(hierarchy.size()));
    if (plain.truncated())
        return error(ErrorCode::TooLarge, too_long);
    target = plain;
    return {};
}

Result<Url> Url::parse(std::string_view text) {
    std::string_view scheme = scheme_with_colon(text);
    if (!std::ranges::equal(scheme, std::string_view("http:"), {}, lower))
        return scheme.empty() ? error(ErrorCode::InvalidArgument, "a URL begins with http://")
                              : error(ErrorCode::NotSupported, "only http:// URLs can be fetched");
    return Url().resolve(text.substr(scheme.size()));
}

Result<Url> Url::resolve(std::string_view reference) const {
    if (!scheme_with_colon(reference).empty())
        return parse(reference);
    Url result = *this;
    if (reference.starts_with("//")) {
        std::string_view rest = reference.substr(2);
        std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
        VIREO_TRY(result.set_authority(authority, 80));
        VIREO_TRY(result.set_target(rest.substr(authority.size())));
        return result;
    }
    if (host.view().empty())
        return error(ErrorCode::InvalidArgument, "a URL begins with http://");
    if (reference.starts_with('/')) {
        VIREO_TRY(result.set_target(reference));
        return result;
    }
    // A query replaces the query, a name what follows the last slash, a fragment nothing.
    std::string_view path = target.view().substr(0, target.view().find('?'));
    if (reference.empty() || reference[0] == '#')
        path = target.view();
    else if (reference[0] != '?')
        path = path.substr(0, path.rfind('/') + 1);
    StringBuffer<max_target_bytes> joined;
    joined.write(path);
    joined.write(reference.substr(0, reference.find('#')));
    if (joined.truncated())
        return error(ErrorCode::TooLarge, too_long);
    VIREO_TRY(result.set_target(joined.view()));
    return result;
}

void Url::print_authority(Writer& out) const {
    if (address.is_v6())
        vireo::print(out, "[{}]", host.view());
    else
        out.write(host.view());
    if (port != 80)
        vireo::print(out, ":{}", port);
}

void Url::print(Writer& out) const {
    out.write("http://");
    print_authority(out);
    out.write(target.view());
}

bool Url::operator==(const Url& other) const {
    return host.view() == other.host.view() && port == other.port && target.view() == other.target.view();
}

} // namespace vireo::net
