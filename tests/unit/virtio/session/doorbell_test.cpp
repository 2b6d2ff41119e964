// SPDX-License-Identifier: Apache-2.0
// Where and how the driver notifies (sections 4.1.4.4, 4.1.5.2, 4.2.3.3). The fakes report a notification of
// the wrong width, value or place.
#include "hosted/access_trace.h"
#include "io/access.h"
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

using State = virtio::Session::State;
using fake::Blk;
using fake::VirtioPci;

bool reads(Machine& machine) {
    auto bytes = bytes_of(4 * 512);
    return machine.disk() && machine.disk()->read(5, bytes) && has_pattern(bytes, 5);
}

// Offers the notification structure anew, with this multiplier and offset.
void set_notify(VirtioPci& function, u32 multiplier, u16 offset, u32 length) {
    function.notify_multiplier = multiplier;
    function.notify_offset = [=](u16) { return offset; };
    for (auto& capability : function.capabilities)
        if (capability.cfg_type == VirtioPci::notify_cfg) {
            capability.extra = {multiplier};
            capability.length = length;
        }
    function.build_config_space();
}

// defects-seen.txt; covers: pci.modern.44, pci.modern.46, pci.modern.51
TEST(Doorbell, doorbell_uses_queue_notify_off) {
    struct {
        u32 multiplier;
        u16 offset;
    } cases[] = {{0, 0}, {0, 7}, {2, 0}, {2, 5}, {4, 3}, {4, 1023}, {4096, 0}, {2048, 1}};
    for (auto each : cases) {
        Machine machine(Bus::Pci);
        Blk& disk = machine.plug_disk();
        set_notify(machine.function(), each.multiplier, each.offset, 0x1000);
        machine.start();
        EXPECT_TRUE(reads(machine)) << each.multiplier << " * " << each.offset;
        EXPECT_GT(disk.queue(0).notifications, 0u);
    }
}

// covers: pci.modern.52
// A doorbell outside the structure: the device is refused; nothing is written there (the fake
// would report it).
TEST(Doorbell, a_doorbell_outside_its_structure_is_refused) {
    struct {
        u32 multiplier;
        u16 offset;
        u32 length;
    } cases[] = {{4, 1024, 0x1000},     {4, 0xffff, 0x1000},      {0xffff'ffff, 0xffff, 0x1000},
                 {0x1'0000, 1, 0x1000}, {0x8000'0000, 2, 0x1000}, {0, 0, 1}};
    for (auto each : cases) {
        Machine machine(Bus::Pci);
        Blk& disk = machine.plug_disk();
        machine.plug_disk();
        set_notify(machine.function(), each.multiplier, each.offset, each.length);
        machine.start();
        EXPECT_EQ(disk.queue(0).notifications, 0u);
        EXPECT_FALSE(machine.complaints.log().empty()) << each.multiplier << " * " << each.offset;
        auto bytes = bytes_of(512);
        ASSERT_TRUE(machine.disk(0)); // the other disk
        EXPECT_TRUE(machine.disk(0)->read(1, bytes));
    }
}

class DoorbellOnBus : public OnBus {};
INSTANTIATE_TEST_SUITE_P(All, DoorbellOnBus, on(all_buses), bus_name);

// defects-seen.txt; covers: mmio.37
TEST_P(DoorbellOnBus, notify_does_not_depend_on_selected_queue) {
    Blk& disk = machine.plug_disk(std::make_unique<fake::MemoryDisk>(8192, true), 3);
    machine.start();
    ASSERT_TRUE(reads(machine));
    for (u16 selected : {2, 1, 0, 7}) {
        if (is_mmio(GetParam()))
            io::raw::write32(Machine::mmio_base + 0x30, selected);
        else if (GetParam() == Bus::PciLegacy)
            io::raw::port_write16(static_cast<u16>(machine.function().bar_base(0) + 14), selected);
        else
            io::raw::write16(machine.function().bar_base(VirtioPci::modern_bar) + 0x0800 + 0x16, selected);
        EXPECT_TRUE(reads(machine)) << selected;
    }
    EXPECT_EQ(disk.queue(1).notifications + disk.queue(2).notifications, 0u);
}

// One store (or port write) for each batch, and nothing else of the transport in the hot path:
// polling reads memory.
TEST_P(DoorbellOnBus, a_read_costs_one_register_access) {
    machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    hosted::start_trace();
    ASSERT_TRUE(reads(machine));
    unsigned accesses = 0;
    for (const auto& access : hosted::stop_trace())
        accesses += access.kind != hosted::Access::Kind::Barrier;
    EXPECT_EQ(accesses, 1u);
}

// covers: gen.resbits.08
// Device-grade barriers, whether ORDER_PLATFORM was negotiated or not: release before publishing, full before
// the suppression word and before the doorbell, acquire before the used entry.
TEST_P(DoorbellOnBus, barriers_are_those_for_devices) {
    Blk& disk = machine.plug_disk();
    disk.offered.set(fake::feature::order_platform, !is_legacy(GetParam()));
    machine.start();
    ASSERT_TRUE(reads(machine));
    hosted::start_trace();
    ASSERT_TRUE(reads(machine));
    std::string order;
    for (const auto& access : hosted::stop_trace())
        order += access.kind == hosted::Access::Kind::Write   ? 'w'
                 : access.kind == hosted::Access::Kind::Read  ? 'r'
                 : access.barrier == hosted::Barrier::Full    ? 'F'
                 : access.barrier == hosted::Barrier::Release ? 'R'
                                                              : 'A';
    EXPECT_EQ(order, "RFFwA");
}

// A device may prefer its doorbell in I/O space (the note in 4.1.4); so does this one, and
// also has it in memory.
// covers: pci.modern.10, pci.modern.51
TEST(Doorbell, a_doorbell_in_io_space_is_used) {
    Machine machine(Bus::Pci);
    Blk& disk = machine.plug_disk();
    VirtioPci& function = machine.function();
    using Bar = fake::PciFunction::Bar;
    function.set_bar(2, {Bar::Kind::Io, 0x100, false});
    function.capabilities.insert(function.capabilities.begin(),
                                 {VirtioPci::notify_cfg, 2, 0, 0x10, 0x40, {4}});
    function.build_config_space();
    hosted::start_trace();
    machine.start();
    ASSERT_TRUE(reads(machine));
    EXPECT_GT(disk.queue(0).notifications, 0u);
    u64 window = machine.pci_bus().host().io.cpu - machine.pci_bus().host().io.bus;
    unsigned rung = 0;
    for (const auto& access : hosted::stop_trace())
        rung += access.kind == hosted::Access::Kind::Write && access.width == 2 &&
                access.address == window + function.bar_base(2) + 0x10 + 12; // queue_notify_off 3 times 4
    EXPECT_EQ(rung, disk.queue(0).notifications);
}

// covers: gen.init.04, gen.suspend.01
// covers by not using: gen.suspend.02, gen.suspend.03, gen.suspend.04, gen.suspend.05, gen.suspend.06
TEST_P(DoorbellOnBus, features_come_before_queues_and_suspend_is_never_set) {
    Blk& disk = machine.plug_disk();
    disk.offered.set(fake::feature::suspend, !is_legacy(GetParam()));
    machine.start();
    EXPECT_EQ(machine.state(), State::Running); // the referee has watched the order
    for (u8 value : disk.status_log())
        EXPECT_FALSE(value & fake::status::suspend);
    EXPECT_FALSE(disk.accepted().has(fake::feature::suspend));
}

// A driver that fills its queue while the device is being set up, as drivers of receive queues do.
class Eager final : public virtio::Driver {
  public:
    explicit Eager(virtio::Session& session) : session_(session) {}
    Result<> start() override {
        auto chain = session_.queue(0).begin(1);
        if (!chain)
            return error(ErrorCode::NoMemory, "test");
        VIREO_TRY(chain->add(VIREO_TRY(dma::share_from_device(bytes_))));
        session_.queue(0).submit(std::move(*chain), 0);
        session_.commit(0); // must not ring yet
        return {};
    }
    bool harvest() override {
        auto done = session_.queue(0).harvest();
        received += done ? done->written : 0;
        return done.has_value();
    }
    Result<u16> queue_count() override { return u16{1}; }
    void stop(Error, virtio::InFlight) override {}
    void queue_stopped(usize, Error) override {}
    Result<> announce(device::Registry&) override { return {}; }
    void print_name(Writer& out) const override { out.write("eager"); }
    u32 received = 0;

  private:
    virtio::Session& session_;
    std::byte bytes_[16];
};

constexpr virtio::QueueSpec eager_queues[] = {{.name = "requestq"}};
constexpr virtio::DriverManifest eager_manifest{
    "eager",
    4,
    {},
    {},
    {},
    eager_queues,
    [](virtio::Session& session) -> Result<std::unique_ptr<virtio::Driver>> {
        return std::unique_ptr<virtio::Driver>(new Eager(session));
    }};
constexpr const virtio::DriverManifest* eager_drivers[] = {&eager_manifest};

class DoorbellOnBusEach : public testing::TestWithParam<Bus> {};
INSTANTIATE_TEST_SUITE_P(All, DoorbellOnBusEach, on(all_buses), bus_name);

// covers: gen.init.14, gen.init.10
// What start() put into a queue is announced once, after DRIVER_OK; the referee reports an
// earlier notification.
TEST_P(DoorbellOnBusEach, buffers_of_the_set_up_are_announced_after_driver_ok) {
    Machine machine(GetParam(), eager_drivers);
    fake::Rng& rng = machine.plug_rng();
    machine.start();
    ASSERT_EQ(machine.state(), State::Running);
    EXPECT_EQ(rng.queue(0).notifications, 1u);
    auto& driver = static_cast<Eager&>(*machine.session().driver());
    ASSERT_TRUE(machine.loop.wait_until(event::Deadline::after(event::Duration::seconds(1)),
                                        [&] { return driver.received > 0; }));
    EXPECT_EQ(driver.received, 16u);
}

} // namespace
} // namespace vireo::test
