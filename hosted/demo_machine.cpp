// SPDX-License-Identifier: Apache-2.0
#include "hosted/demo_machine.h"

#include "hosted/clock.h"
#include "hosted/fakes/blk.h"
#include "hosted/fakes/mmio.h"
#include "hosted/fakes/rng.h"
#include "hosted/fakes/virtio_pci.h"
#include "hosted/report.h"

#include <cstdio>

namespace vireo::hosted {
namespace {

constexpr u64 mmio_base = 0x0a00'0000;
constexpr usize fewest_slots = 8;

void print_report(void*, std::string_view rule, std::string_view text) {
    std::fprintf(stderr, "referee: %.*s: %.*s\n", static_cast<int>(rule.size()), rule.data(),
                 static_cast<int>(text.size()), text.data());
}

class Demo final : public DemoMachine {
  public:
    bool build(const DemoOptions& options, std::string& problem) {
        for (const std::string& path : options.disks) {
            auto disk = fake::FileDisk::open(path, problem);
            if (!disk)
                return false;
            auto blk = std::make_unique<fake::Blk>("disk " + path, std::move(disk));
            blk->serial = "hosted" + std::to_string(devices_.size());
            devices_.push_back(std::move(blk));
        }
        if (options.entropy)
            devices_.push_back(std::make_unique<fake::Rng>("entropy", true));
        options.bus == DemoOptions::Bus::Mmio ? plug_into_mmio(options.legacy)
                                              : plug_into_pci(options.legacy);
        return true;
    }

    std::span<const io::Window> mmio_slots() const override { return windows_; }
    const bus::pci::HostDescription* pci() const override { return bus_ ? &bus_->host() : nullptr; }

  private:
    void plug_into_mmio(bool legacy) {
        for (usize i = 0; i < std::max(devices_.size(), fewest_slots); ++i) {
            fake::Device* device = i < devices_.size() ? devices_[i].get() : nullptr;
            u64 base = mmio_base + i * fake::MmioSlot::bytes;
            slots_.push_back(std::make_unique<fake::MmioSlot>(base, legacy ? 1 : 2, device));
            windows_.push_back(slots_.back()->window());
        }
    }
    void plug_into_pci(bool legacy) {
        bus_ = std::make_unique<fake::PciBus>(fake::PciBus::virt_host());
        using Flavour = fake::VirtioPci::Flavour;
        for (usize i = 0; i < devices_.size(); ++i) {
            functions_.push_back(
                std::make_unique<fake::VirtioPci>(*devices_[i], legacy ? Flavour::Legacy : Flavour::Modern));
            // 31 devices, then further functions of them.
            bus_->plug(static_cast<unsigned>(1 + i % 31), static_cast<unsigned>(i / 31 % 8),
                       *functions_.back());
        }
    }

    std::vector<std::unique_ptr<fake::Device>> devices_;
    std::vector<std::unique_ptr<fake::MmioSlot>> slots_;
    std::vector<io::Window> windows_;
    std::vector<std::unique_ptr<fake::VirtioPci>> functions_;
    std::unique_ptr<fake::PciBus> bus_;
};

} // namespace

std::unique_ptr<DemoMachine> DemoMachine::create(const DemoOptions& options, std::string& problem) {
    use_real_clock();
    set_reporter(print_report, nullptr);
    if (options.disks.size() > 200) {
        problem = "more than 200 disks";
        return nullptr;
    }
    auto machine = std::make_unique<Demo>();
    if (!machine->build(options, problem))
        return nullptr;
    return machine;
}

} // namespace vireo::hosted
