// SPDX-License-Identifier: Apache-2.0
#include "shell/line/file_completion.h"

#include "shell/disks.h"
#include "shell/line/character.h"

namespace vireo::shell {

namespace {

// More than that nobody reads; the last line says how many there are.
constexpr usize most_listed = 100;

// The console says nothing while this lives: Tab asks on the user's behalf, and what it does not
// find it does not offer.
class Quiet {
  public:
    explicit Quiet(system::Console& console) : console_(console) { console_.set_quiet(true); }
    ~Quiet() { console_.set_quiet(false); }

  private:
    system::Console& console_;
};

// Calls `visit(name, info)` for each entry that begins as `leaf` does.
template <typename Visit> class Matching final : public fs::DirectoryVisitor {
  public:
    Matching(Context& context, std::string_view leaf, Visit visit)
        : context_(context), leaf_(leaf), visit_(visit) {}

    bool entry(std::string_view name, const fs::FileInfo& info) override {
        bool is_hidden = name.starts_with('.') && (leaf_.empty() || name == "." || name == "..");
        if (name.starts_with(leaf_) && name.size() <= fs::max_name_bytes && !is_hidden &&
            harmless_bytes(name) == name.size())
            visit_(name, info);
        return ++count_ % 64 != 0 || !context_.interrupted();
    }

  private:
    Context& context_;
    std::string_view leaf_;
    Visit visit_;
    u32 count_ = 0;
};

} // namespace

std::unique_ptr<FileCompletion> FileCompletion::find(Context& context, std::string_view interface,
                                                     std::string_view spec, std::string_view path,
                                                     char quote) {
    auto made = make_owned<FileCompletion>();
    if (!made)
        return nullptr;
    FileCompletion& completion = **made;
    completion.quote_ = quote;
    completion.path_.write(path);
    completion.leaf_at_ = path.rfind('/') + 1; // npos + 1 is 0
    Quiet quiet(context.console);
    completion.files_ = open_file_system(context, interface, spec).release();
    if (completion.files_ && !completion.path_.truncated())
        completion.look(context);
    return std::move(*made);
}

void FileCompletion::look(Context& context) {
    char common[fs::max_name_bytes];
    usize common_bytes = 0;
    auto type = fs::FileType::Other;
    Matching first_look(context, leaf(), [&](std::string_view name, const fs::FileInfo& info) {
        if (matches_++ == 0) {
            std::memcpy(common, name.data(), common_bytes = name.size());
            type = info.type;
        }
        auto differs = std::ranges::mismatch(std::string_view(common, common_bytes), name).in1;
        common_bytes = static_cast<usize>(differs - common);
    });
    auto folder = files_->open(directory());
    if (!folder || !folder->list(first_look) || matches_ == 0) {
        matches_ = 0; // of a damaged directory nothing is made up
        return;
    }
    std::string_view whole(common, common_bytes);
    whole.remove_suffix(unfinished_bytes(whole));
    whole.remove_prefix(std::min(leaf().size(), whole.size()));
    if (matches_ == 1 && type == fs::FileType::SymbolicLink) {
        path_.write(whole);
        if (auto target = files_->open(path_.view()))
            type = target->info().type;
    }
    is_directory_ = type == fs::FileType::Directory;
    for (char c : whole)
        put_typed(c);
}

void FileCompletion::put_typed(char c) {
    if (quote_ == '\'' && c == '\'')
        return common_.write("'\\''"); // nothing stands for it inside: out, and in again
    std::string_view special = quote_ == 0 ? " \\'\"$;&|`#" : quote_ == '"' ? "\"\\$" : "";
    if (special.contains(c))
        common_.write("\\");
    common_.write({&c, 1});
}

void FileCompletion::list(Context& context) {
    usize listed = 0;
    Matching again(context, leaf(), [&](std::string_view name, const fs::FileInfo& info) {
        if (listed++ < most_listed)
            print(context.console, "  {}{}\n", name, info.type == fs::FileType::Directory ? "/" : "");
    });
    if (auto folder = files_->open(directory()))
        (void)folder->list(again).has_value(); // it went well a moment ago
    if (listed > most_listed)
        print(context.console, "  and {} more\n", listed - most_listed);
}

} // namespace vireo::shell
