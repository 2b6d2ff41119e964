// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/virtio_pci.h"
#include "unit/virtio/transport/fixture.h"
#include "virtio/transport/pci/pci_source.h"

namespace vireo::virtio {

using fake::PciBus;
using fake::VirtioPci;
using test::Finds;
using test::PlainDevice;
using Flavour = VirtioPci::Flavour;
using Capability = VirtioPci::Capability;

// One VirtIO function, 00:02.0, on a fake PCI bus.
class PciTransport : public test::TransportTest {
  protected:
    void plug(Flavour flavour, bus::pci::HostDescription description = PciBus::virt_host()) {
        bus.emplace(description);
        card.emplace(device, flavour);
        bus->plug(2, 0, *card);
        host.emplace(bus->host());
    }
    // What a source finds, with the capability list as the test changed it.
    std::unique_ptr<Transport> find() {
        card->build_config_space();
        Finds finds;
        PciSource(*host).enumerate(finds);
        EXPECT_LE(finds.all.size(), 1u);
        return finds.all.empty() ? nullptr : std::move(finds.all[0]);
    }
    std::unique_ptr<Transport> find(Flavour flavour) {
        plug(flavour);
        return find();
    }
    Capability& capability(u8 cfg_type) {
        for (Capability& entry : card->capabilities)
            if (entry.cfg_type == cfg_type)
                return entry;
        ADD_FAILURE() << "no capability of type " << int{cfg_type};
        return card->capabilities[0];
    }
    void put_first(const Capability& entry) { card->capabilities.insert(card->capabilities.begin(), entry); }
    // The device is found through its modern structures and comes up.
    void expect_works() {
        auto transport = find();
        ASSERT_TRUE(transport);
        EXPECT_EQ(transport->kind(), "PCI modern");
        negotiate(*transport);
        EXPECT_EQ(transport->queue_count(), 2);
        EXPECT_EQ(transport->read_config(8, 4).value(), 0xaabb'ccddu);
        reset(*transport);
    }
    void expect_refused(const char* why) {
        EXPECT_EQ(find(), nullptr);
        EXPECT_EQ(take_warnings(),
                  "warning: pci 00:02.0: VirtIO device that cannot be driven: " + std::string(why) + "\n");
    }

    PlainDevice device;
    std::optional<PciBus> bus;
    std::optional<VirtioPci> card;
    std::optional<bus::pci::Host> host;
};

} // namespace vireo::virtio
