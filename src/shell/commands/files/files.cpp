// SPDX-License-Identifier: Apache-2.0
// Files on disks: ls, load, size, fstype, fstypes, and their names of old.
#include "shell/arguments.h"
#include "shell/disks.h"

namespace vireo::shell {
namespace {

// "Failed to VERB 'PATH': cause (detail)"
int file_error(Context& context, std::string_view verb, std::string_view path, const Error& why) {
    print(context.console, "Failed to {} '{}': ", verb, path);
    print_error(context.console, why);
    return status_failed;
}

class Listing final : public fs::DirectoryVisitor {
  public:
    explicit Listing(Context& context) : context_(context) {}
    bool entry(std::string_view name, const fs::FileInfo& info) override {
        std::string_view tag = info.type == fs::FileType::Directory      ? "<DIR> "
                               : info.type == fs::FileType::SymbolicLink ? "<SYM> "
                                                                         : "      ";
        StringBuffer<fs::max_name_bytes + 32> line; // one write for each entry
        print(line, "{}{:10} ", tag, info.bytes);
        print_untrusted(line, name);
        line.write("\n");
        context_.console.write(line.view());
        return ++count_ % 64 != 0 || !context_.interrupted();
    }

  private:
    Context& context_;
    u32 count_ = 0;
};

int ls(Context& context, Arguments arguments) {
    auto files = open_file_system(context, arguments[1], arguments[2]);
    if (!files)
        return status_failed;
    std::string_view path = arguments.size() > 3 ? arguments[3] : "/";
    Listing listing(context);
    auto directory = files->open(path);
    Result<> listed = directory ? directory->list(listing) : Result<>(directory.error());
    return listed ? status_ok : file_error(context, "list", path, listed.error());
}

// The optional words of `load`.
struct LoadPlan {
    u64 address;
    std::string_view path;
    load::Part part;
};

std::optional<LoadPlan> plan_load(Context& context, Arguments arguments) {
    auto address = arguments.size() > 3
                       ? number_argument(context, arguments[3])
                       : number_argument(context, context.environment.get("loadaddr").value_or(""));
    auto limit = arguments.size() > 5 ? number_argument(context, arguments[5]) : std::optional<u64>(0);
    auto offset = arguments.size() > 6 ? number_argument(context, arguments[6]) : std::optional<u64>(0);
    if (!address || !limit || !offset)
        return std::nullopt;
    auto path = arguments.size() > 4 ? arguments[4] : context.environment.get("bootfile").value_or("");
    if (path.empty()) {
        context.console.write("** No boot file defined **\n");
        return std::nullopt;
    }
    return LoadPlan{*address, path, {.offset = *offset, .limit = *limit}};
}

void report_load(Writer& out, u64 bytes, event::Duration duration) {
    u64 milliseconds = duration.microseconds / 1000;
    print(out, "{} bytes read in {} ms", bytes, milliseconds);
    if (milliseconds > 0) {
        out.write(" (");
        print_size(out, bytes * 1000 / milliseconds);
        out.write("/s)");
    }
    out.write("\n");
}

int load_error(Context& context, std::string_view path, const load::Failure& failure) {
    if (failure.kind != load::Failure::Kind::Memory)
        return file_error(context, "load", path, failure.why);
    print_not_free(context.console, "Failed to load: ", failure.memory);
    return status_failed;
}

int set_size(Context& context, u64 bytes) {
    auto set = context.environment.set_hex("filesize", bytes);
    return set ? status_ok : fail(context, "filesize", set.error());
}

int load(Context& context, Arguments arguments) {
    if (refuse_absent_storage(context, arguments[1]))
        return status_failed; // whatever else is missing
    auto plan = plan_load(context, arguments);
    if (!plan)
        return status_failed;
    auto files = open_file_system(context, arguments[1], arguments[2]);
    if (!files) {
        context.console.write("Can't set block device\n");
        return status_failed;
    }
    auto start = event::now();
    load::NoWatcher watcher; // a disk is quick, or says so itself
    auto loaded = load::load(load::DiskFile{*files, plan->path},
                             {context.memory, context.machine, plan->address}, plan->part, watcher);
    if (!loaded)
        return load_error(context, plan->path, *loaded.error());
    report_load(context.console, loaded->bytes, event::now() - start);
    context.loaded.remember({plan->address, loaded->bytes}, plan->part.offset != 0);
    auto set = context.environment.set_hex("fileaddr", plan->address);
    return set ? set_size(context, loaded->bytes) : fail(context, "fileaddr", set.error());
}

int size(Context& context, Arguments arguments) {
    auto files = open_file_system(context, arguments[1], arguments[2]);
    if (!files)
        return status_failed;
    auto file = files->open(arguments[3]);
    return file ? set_size(context, file->info().bytes)
                : file_error(context, "size", arguments[3], file.error());
}

int fstype(Context& context, Arguments arguments) {
    auto files = open_file_system(context, arguments[1], arguments[2]);
    if (!files)
        return status_failed;
    if (arguments.size() > 3) {
        auto set = context.environment.set(arguments[3], files->type_name());
        return set ? status_ok : fail(context, arguments[3], set.error());
    }
    print(context.console, "{}\n", files->type_name());
    return status_ok;
}

int fstypes(Context& context, Arguments) {
    std::string_view lead = "Supported filesystems: ";
    for (const fs::FileSystemType& type : fs::file_system_types())
        print(context.console, "{}{}", std::exchange(lead, ", "), type.name);
    context.console.write("\n");
    return status_ok;
}

// U-Boot has these commands under several names; here they all try every file system.
constexpr Command ls_named(const char* name, const char* usage) {
    return {.name = name,
            .summary = "list a directory",
            .usage = usage,
            .run = ls,
            .min_words = 3,
            .max_words = 4,
            .file_word = 3,
            .has_interface = true};
}
constexpr Command load_named(const char* name, const char* usage) {
    return {.name = name,
            .summary = "read a file into memory",
            .usage = usage,
            .run = load,
            .min_words = 3,
            .max_words = 7,
            .file_word = 4,
            .has_interface = true};
}
constexpr Command size_named(const char* name, const char* usage) {
    return {.name = name,
            .summary = "find out how large a file is",
            .usage = usage,
            .run = size,
            .min_words = 4,
            .max_words = 4,
            .file_word = 3,
            .has_interface = true};
}

VIREO_COMMAND(ls_command) = ls_named(
    "ls",
    "ls interface dev[:part|#name] [directory] - list a directory (default /)\n"
    "     dev and part are hexadecimal; no part: the first bootable one, else 1; part 0: the whole disk");
VIREO_COMMAND(ext4ls_command) = ls_named("ext4ls",
                                         "ext4ls interface dev[:part] [directory] - the same as ls");
VIREO_COMMAND(ext2ls_command) = ls_named("ext2ls",
                                         "ext2ls interface dev[:part] [directory] - the same as ls");
VIREO_COMMAND(load_command) = load_named(
    "load",
    "load interface dev[:part|#name] [addr [file [bytes [pos]]]] - read 'file' to memory at 'addr'\n"
    "     bytes: at most so many; pos: from there on. All numbers are hexadecimal. Defaults: $loadaddr,\n"
    "     $bootfile. Sets $filesize and $fileaddr.");
VIREO_COMMAND(ext4load_command) =
    load_named("ext4load", "ext4load interface dev[:part] [addr [file [bytes [pos]]]] - the same as load");
VIREO_COMMAND(ext2load_command) =
    load_named("ext2load", "ext2load interface dev[:part] [addr [file [bytes [pos]]]] - the same as load");
VIREO_COMMAND(size_command) = size_named(
    "size", "size interface dev[:part|#name] file - set $filesize to the size of 'file', hexadecimal");
VIREO_COMMAND(ext4size_command) = size_named("ext4size",
                                             "ext4size interface dev[:part] file - the same as size");
VIREO_COMMAND(fstype_command) = {
    .name = "fstype",
    .summary = "find out what file system it is",
    .usage = "fstype interface dev[:part|#name] - print the type\n"
             "fstype interface dev[:part|#name] variable - set 'variable' to it",
    .run = fstype,
    .min_words = 3,
    .max_words = 4,
    .has_interface = true,
};
VIREO_COMMAND(fstypes_command) = {
    .name = "fstypes",
    .summary = "list the file systems that can be read",
    .usage = "fstypes - list the file systems that this build can read",
    .run = fstypes,
    .max_words = 1,
};

} // namespace
} // namespace vireo::shell
