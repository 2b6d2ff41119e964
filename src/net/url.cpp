// SPDX-License-Identifier: Apache-2.0
#include "net/url.h"

#include "base/parse.h"
#include "net/words.h"

namespace vireo::net {

namespace {

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

// The scheme with its colon, as far as it is one (RFC 3986, section 3.1).
std::string_view scheme_of(std::string_view text) {
    usize length = 0;
    while (length < text.size() && ((lower(text[length]) >= 'a' && lower(text[length]) <= 'z') ||
                                    (length > 0 && std::string_view("0123456789+-.").contains(text[length]))))
        ++length;
    return length > 0 && length < text.size() && text[length] == ':' ? text.substr(0, length + 1)
                                                                     : std::string_view();
}

Result<> parse_port(std::string_view text, u16& port) {
    u32 number = 0;
    for (char c : text) {
        number = number * 10 + static_cast<u32>(c - '0');
        if (c < '0' || c > '9' || number > 0xffff)
            return error(ErrorCode::InvalidArgument, "bad port");
    }
    // An empty port is the default one (RFC 3986, section 3.2.3).
    if (!text.empty() && number == 0)
        return error(ErrorCode::InvalidArgument, "bad port");
    port = text.empty() ? 80 : static_cast<u16>(number);
    return {};
}

// What stands between "//" and the path.
Result<> parse_authority(std::string_view text, Url& url) {
    if (text.contains('@'))
        return error(ErrorCode::NotSupported, "a user name in the URL");
    std::string_view host = text.substr(0, text.find(':'));
    std::string_view rest = text.substr(host.size());
    if (text.starts_with('[')) {
        usize end = text.find(']');
        if (end == std::string_view::npos)
            return error(ErrorCode::InvalidArgument, "'[' without ']'");
        host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    }
    auto address = IpAddress::parse(host);
    if (text.starts_with('[') && !(address && address->is_v6()))
        return error(ErrorCode::InvalidArgument, "no IPv6 address in brackets");
    if (host.empty())
        return error(ErrorCode::InvalidArgument, "no host in the URL");
    if (host.size() > Url::max_host_bytes)
        return error(ErrorCode::TooLarge, "host name");
    if (!rest.empty() && rest[0] != ':')
        return error(ErrorCode::InvalidArgument, "bad port");
    url.address = address.value_or(IpAddress());
    url.host.clear();
    url.host.write(host);
    return parse_port(rest.substr(std::min<usize>(rest.size(), 1)), url.port);
}

} // namespace

Result<> Url::set_target(std::string_view path) {
    path = path.substr(0, path.find('#'));
    if (!is_printable(path))
        return error(ErrorCode::InvalidArgument, "a blank or an unprintable character in the URL");
    StringBuffer<max_target_bytes> whole; // `path` may be a part of the present one
    if (!path.starts_with('/'))
        whole.write("/");
    whole.write(path);
    if (whole.truncated())
        return error(ErrorCode::TooLarge, "URL");
    target = whole;
    return {};
}

Result<Url> Url::parse(std::string_view text) {
    std::string_view scheme = scheme_of(text);
    if (!std::ranges::equal(scheme, std::string_view("http:"), {}, lower))
        return scheme.empty() ? error(ErrorCode::InvalidArgument, "a URL begins with http://")
                              : error(ErrorCode::NotSupported, "only http:// URLs can be fetched");
    return Url().resolve(text.substr(scheme.size()));
}

Result<Url> Url::resolve(std::string_view reference) const {
    if (!scheme_of(reference).empty())
        return parse(reference);
    Url result = *this;
    if (reference.starts_with("//")) {
        std::string_view rest = reference.substr(2);
        std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
        if (!is_printable(authority))
            return error(ErrorCode::InvalidArgument, "a blank or an unprintable character in the URL");
        VIREO_TRY(parse_authority(authority, result));
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
        return error(ErrorCode::TooLarge, "URL");
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
