// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/device.h"
#include "hosted/fakes/pci_bus.h"

namespace vireo::fake {

// A VirtIO device as a PCI function, section 4.1: legacy (registers in I/O BAR 0), modern (structures that
// capabilities point to), or transitional (both). Numbers that a driver must read and not assume (where
// structures lie, which BAR, notification offsets) are chosen so that guesses fail.
class VirtioPci final : public PciFunction {
  public:
    enum class Flavour { Legacy, Transitional, Modern };

    // One virtio capability (4.1.4), as it is written into configuration space.
    struct Capability {
        u8 cfg_type = 0;
        u8 bar = 0;
        u8 id = 0;
        u32 offset = 0;
        u32 length = 0;
        std::vector<u32> extra; // words behind the common part: notify_off_multiplier, offset_hi, length_hi
        int cap_len = -1;       // -1: the right one
    };
    // The structures' types.
    static constexpr u8 common_cfg = 1;
    static constexpr u8 notify_cfg = 2;
    static constexpr u8 isr_cfg = 3;
    static constexpr u8 device_cfg = 4;
    static constexpr u8 pci_cfg = 5;
    static constexpr u8 shared_memory_cfg = 8;
    static constexpr u8 vendor_cfg = 9;
    // The memory BAR that holds the structures.
    static constexpr unsigned modern_bar = 4;

    VirtioPci(Device& device, Flavour flavour);

    // What the device shows; a test changes them and calls build_config_space().
    std::vector<Capability> capabilities;
    u32 notify_multiplier = 4;
    std::function<u16(u16 queue)> notify_offset; // queue_notify_off
    std::function<u16(u16 queue)> notify_data;   // queue_notif_config_data
    u8 first_capability = 0x40;
    bool has_msix = true;
    bool msix_enabled_before = false; // by an earlier owner
    bool has_config_access = false; // expects PCI_CFG to be used; if not, a use is reported as pci.modern.16
    u64 config_accesses = 0;        // of pci_cfg_data
    bool queue_stuck = false;       // queue_enable reads as 1 after reset
    void build_config_space();
    // The length of the common configuration structure that its capability says: 0x38 before there was a
    // queue_notif_config_data, 0x3c before there were administration queues. Accesses beyond it are reported.
    void set_common_length(u32 bytes);
    // Offset in configuration space of the first capability of this type, 0 if there is none.
    u32 find_capability(u8 cfg_type) const;

    Device& device() const { return device_; }
    u64 legacy_accesses() const { return legacy_accesses_; }

    bool is_gone() const override { return device_.faults.gone; }
    u32 read_bar(unsigned index, u64 offset, u8 width) override;
    void write_bar(unsigned index, u64 offset, u8 width, u32 value) override;

  private:
    struct Field {
        u32 offset;
        u8 width;  // of one access
        u8 halves; // 2 for 64-bit fields
        bool writable;
        const char* write_rule; // broken by a write to a read-only field
    };
    static const Field* find_common_field(u64 offset);

    struct Target {
        const Capability* structure;
        u32 offset; // in it
    };

    bool write_capability(u32 offset, u8 width, u32 value) override;
    std::optional<u32> read_capability(u32 offset, u8 width) override;
    std::optional<Target> config_window(u8 width);
    void command_changed() override { device_.may_access_memory = is_bus_master(); }
    bool msix_is_enabled() const { return msix_ != 0 && (config8_at(msix_ + 3) & 0x80); }
    u8 config8_at(u32 offset) const { return static_cast<u8>(config16(offset)); }

    const Capability* structure_at(unsigned bar, u64 offset, u8 width) const;
    u32 read_structure(const Capability& structure, u64 offset, u8 width);
    void write_structure(const Capability& structure, u64 offset, u8 width, u32 value);
    u32 read_common(u64 offset, u8 width);
    void require(unsigned bit, u64 offset) const;
    void write_common(u64 offset, u8 width, u32 value);
    void write_queue_field(u64 offset, u32 value);
    void write_notify(u64 offset, u8 width, u32 value);
    u32 read_legacy(u64 offset, u8 width);
    void write_legacy(u64 offset, u8 width, u32 value);
    void place_legacy_queue(u32 page_number);
    void use(bool legacy);
    u32 legacy_header_bytes() const { return msix_is_enabled() ? 24 : 20; }
    u32 read_isr();

    Device& device_;
    Flavour flavour_;
    u32 msix_ = 0; // offset of the MSI-X capability
    u64 legacy_accesses_ = 0;
    u32 device_feature_select_ = 0;
    u32 driver_feature_select_ = 0;
    u16 queue_select_ = 0;
    u16 config_vector_ = 0xffff;
    u32 legacy_page_ = 0;
};

} // namespace vireo::fake
