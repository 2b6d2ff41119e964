// SPDX-License-Identifier: Apache-2.0
#include "hosted/options.h"

#include "base/math.h"
#include "base/parse.h"

#include <cstdio>

namespace vireo::hosted {

const char* const usage =
    "usage: vireo-hosted [option ...]\n"
    "Vireo's shell as a Linux program: VirtIO devices are fakes, disks are files, or other programs' "
    "devices.\n"
    "  --blk FILE     a disk (may be repeated; virtio 0 is the first)\n"
    "  --rng          an entropy source\n"
    "  --vhost-user-blk SOCKET\n"
    "                 a disk that another program serves, qemu-storage-daemon for instance (may be repeated; "
    "these\n"
    "                 disks come after those of --blk)\n"
    "  --cmd TEXT     run these commands, print what they print, and leave with the last one's status\n"
    "  --pci, --mmio  the bus that the fake devices are on (default: pci)\n"
    "  --legacy       fake devices as before VirtIO 1.0\n"
    "\n"
    "A machine that kernels are for, none of which is ever entered:\n"
    "  --machine ISA  arm, arm64, riscv32, riscv64, x86 or x86_64, or a board's name\n"
    "  --ram BASE:BYTES\n"
    "                 RAM there (may be repeated; without it: that of --dtb, or 512 MiB where the machine "
    "has "
    "it).\n"
    "                 Numbers are decimal or 0x..., with K, M or G behind\n"
    "  --reserve BASE:BYTES[:OWNER]\n"
    "                 somebody has that (may be repeated)\n"
    "  --dtb FILE     the machine's device tree; what it reserves is taken\n"
    "  --kernel FILE, --initrd FILE, --append TEXT\n"
    "                 an operating system, as QEMU gives one: what 'qfw' loads\n"
    "  --at KERNEL[,INITRD]\n"
    "                 plan with the files at these addresses, not where they run\n"
    "  --plan         print what would lie where if that were booted, and leave: with 0, or 1 and the line "
    "why "
    "not\n"
    "\n"
    "  --help         this text\n"
    "Without --cmd and --plan: a prompt; Ctrl-D or `exit` ends it.\n";

namespace {

struct IsaName {
    std::string_view name;
    system::Isa isa;
};
constexpr IsaName isas[] = {
    {"arm", system::Isa::Arm},         {"arm64", system::Isa::Arm64}, {"riscv32", system::Isa::Riscv32},
    {"riscv64", system::Isa::Riscv64}, {"x86", system::Isa::X86},     {"x86_64", system::Isa::X86_64},
};

// By its name, or by that of the board: qemu_arm64, qemu-x86_64.
std::optional<system::Isa> isa_of(std::string_view name) {
    if (name.starts_with("qemu_") || name.starts_with("qemu-"))
        name.remove_prefix(5);
    for (const IsaName& entry : isas)
        if (entry.name == name)
            return entry.isa;
    return std::nullopt;
}

// "512M", "0x40000000".
std::optional<u64> number_of(std::string_view text) {
    u64 unit = 1;
    constexpr std::string_view units = "KMG";
    if (usize at = text.empty() ? text.npos : units.find(text.back()); at != units.npos) {
        unit = u64{1} << (10 * (at + 1));
        text.remove_suffix(1);
    }
    auto number = parse_number(text, 10);
    return number ? checked_multiply<u64>(*number, unit) : std::nullopt;
}

// "BASE:BYTES[:OWNER]"; what is left of `text` is the owner.
std::optional<Range> range_of(std::string_view& text) {
    auto base = number_of(split_first(text, ':'));
    auto bytes = number_of(split_first(text, ':'));
    if (!base || !bytes || *bytes == 0 || !checked_add(*base, *bytes))
        return std::nullopt;
    return Range{*base, *bytes};
}

std::optional<KernelOptions::Places> places_of(std::string_view text) {
    bool has_initrd = text.contains(',');
    auto kernel = number_of(split_first(text, ','));
    auto initrd = has_initrd ? number_of(text) : std::nullopt;
    if (!kernel || (has_initrd && !initrd))
        return std::nullopt;
    return KernelOptions::Places{*kernel, initrd};
}

class Parser {
  public:
    explicit Parser(std::span<const char* const> words) : words_(words) { options_.devices.entropy = false; }

    std::optional<Options> parse() {
        while (!words_.empty()) {
            const char* word = words_.front();
            words_ = words_.subspan(1);
            if (!take_flag(word) && !take_value(word)) {
                std::fprintf(
                    stderr, "vireo-hosted: %s: unknown option, or its value is missing (see --help)\n", word);
                return std::nullopt;
            }
            if (wrong_) {
                std::fprintf(stderr, "vireo-hosted: %s %s: %s (see --help)\n", word, value_, wrong_);
                return std::nullopt;
            }
        }
        if (const char* why = contradiction()) {
            std::fprintf(stderr, "vireo-hosted: %s (see --help)\n", why);
            return std::nullopt;
        }
        return options_;
    }

  private:
    bool take_flag(std::string_view word) {
        if (word == "--rng")
            options_.devices.entropy = true;
        else if (word == "--pci")
            options_.devices.bus = DemoOptions::Bus::Pci;
        else if (word == "--mmio")
            options_.devices.bus = DemoOptions::Bus::Mmio;
        else if (word == "--legacy")
            options_.devices.legacy = true;
        else if (word == "--plan")
            options_.kernel.plans = true;
        else if (word == "--help")
            options_.wants_help = true;
        else
            return false;
        return true;
    }

    bool take_value(std::string_view word) {
        if (words_.empty())
            return false;
        value_ = words_.front();
        if (word == "--blk")
            options_.devices.disks.push_back(value_);
        else if (word == "--vhost-user-blk")
            options_.vhost_user_disks.push_back(value_);
        else if (word == "--cmd")
            options_.commands = value_;
        else if (word == "--kernel")
            options_.kernel.kernel = value_;
        else if (word == "--initrd")
            options_.kernel.initrd = value_;
        else if (word == "--append")
            options_.kernel.command_line = value_;
        else if (word == "--dtb")
            options_.machine.tree = value_;
        else if (!take_numbers(word))
            return false;
        words_ = words_.subspan(1);
        return true;
    }

    // What may be wrong, and is said then.
    bool take_numbers(std::string_view word) {
        std::string_view text = value_;
        if (word == "--machine") {
            options_.machine.isa = isa_of(text);
            wrong_ = options_.machine.isa ? nullptr : "no machine of this name";
        } else if (word == "--ram" || word == "--reserve") {
            auto range = range_of(text);
            if (!range)
                wrong_ = "no range BASE:BYTES of addresses";
            else if (word == "--reserve")
                options_.machine.reserved.push_back({*range, std::string(text.empty() ? "somebody" : text)});
            else if (!text.empty())
                wrong_ = "RAM has no owner";
            else
                options_.machine.ram.push_back(*range);
        } else if (word == "--at") {
            options_.kernel.places = places_of(text);
            wrong_ = options_.kernel.places ? nullptr : "no address, or two with a comma between";
        } else {
            return false;
        }
        return true;
    }

    // nullptr: all options go together.
    const char* contradiction() const {
        const KernelOptions& kernel = options_.kernel;
        bool has_map = !options_.machine.ram.empty() || !options_.machine.reserved.empty() ||
                       !options_.machine.tree.empty();
        if (options_.wants_help)
            return nullptr;
        if (has_map && !options_.machine.isa)
            return "--ram, --reserve and --dtb take a --machine";
        if (kernel.plans && (!options_.machine.isa || kernel.kernel.empty()))
            return "--plan takes a --machine and a --kernel";
        if (kernel.plans && options_.commands)
            return "--plan runs no --cmd";
        if (kernel.places && !kernel.plans)
            return "--at is for --plan";
        if (kernel.places && !kernel.initrd.empty() && !kernel.places->initrd)
            return "--at says nothing of the --initrd";
        if (kernel.kernel.empty() && (!kernel.initrd.empty() || !kernel.command_line.empty()))
            return "--initrd and --append take a --kernel";
        return nullptr;
    }

    std::span<const char* const> words_;
    Options options_;
    const char* value_ = "";
    const char* wrong_ = nullptr; // about `value_`
};

} // namespace

std::optional<Options> parse_options(std::span<const char* const> words) { return Parser(words).parse(); }

} // namespace vireo::hosted
