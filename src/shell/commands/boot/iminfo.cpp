// SPDX-License-Identifier: Apache-2.0
#include "boot/image/image.h"
#include "boot/image/uimage.h"
#include "load/memory.h"
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

void print_bytes(Writer& out, u64 bytes) {
    print(out, "{} Bytes = ", bytes);
    print_size(out, bytes);
    out.write("\n");
}

// Nothing, and a line, if it is no uImage that is in order.
int show(Context& context, Bytes file) {
    Writer& out = context.console;
    auto kind = boot::recognise(file.first(std::min(file.size(), boot::recognised_by_bytes)));
    if (kind != boot::ImageKind::UImage) {
        out.write("   Unknown image format!\n");
        if (kind)
            print(out, "   It is {}.\n", boot::name_of(*kind));
        return status_failed;
    }
    out.write("   Legacy image found\n");
    auto image = boot::UImage::read(file);
    if (!image) {
        out.write("   Bad Header Checksum\n");
        return status_failed;
    }
    out.write("   Image Name:   ");
    print_untrusted(out, image->name());
    print(out, "\n   Image Type:   {} {} {} ({})\n   Data Size:    ", image->architecture_name(),
          image->os_name(), image->type_name(), image->compression_name());
    print_bytes(out, image->data_bytes);
    print(out, "   Load Address: {:08x}\n   Entry Point:  {:08x}\n", image->load, image->entry);
    if (image->type == boot::UImage::Type::Multi) {
        auto parts = boot::UImageParts::read(*image, file);
        if (!parts)
            return fail(context, "   Contents", parts.error());
        out.write("   Contents:\n");
        for (usize i = 0; i < parts->count; ++i) {
            print(out, "      Image {}: ", i);
            print_bytes(out, parts->ranges[i].bytes);
        }
    }
    out.write("   Verifying Checksum ... ");
    if (!image->verify(file)) {
        out.write("   Bad Data CRC\n");
        return status_failed;
    }
    out.write("OK\n");
    return status_ok;
}

int iminfo(Context& context, Arguments arguments) {
    int status = status_ok;
    for (usize i = 1; i < std::max<usize>(arguments.size(), 2); ++i) {
        auto address = number_argument(
            context, i < arguments.size() ? arguments[i] : context.environment.get("loadaddr").value_or(""));
        if (!address)
            return status_failed;
        print(context.console, "\n## Checking Image at {:08x} ...\n", *address);
        auto file = load::free_memory_from(context.memory, context.machine, *address);
        if (!file) {
            print_not_free(context.console, "   ", file.error());
            status = status_failed;
        } else if (show(context, *file) != status_ok) {
            status = status_failed;
        }
    }
    return status;
}

VIREO_COMMAND(iminfo_command) = {
    .name = "iminfo",
    .summary = "show and check a uImage",
    .usage = "iminfo [address ...] - show the header of the uImage at each address (default $loadaddr), and "
             "check\n"
             "     its checksums.",
    .run = iminfo,
    .max_words = 16,
};

} // namespace
} // namespace vireo::shell
