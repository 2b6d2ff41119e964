// SPDX-License-Identifier: Apache-2.0
// vireo-hosted: the shell as a Linux program, on disks that are files behind a fake bus. The composition root
// that src/machine/firmware/main.cpp is for firmware.
#include "base/log.h"
#include "bus/pci/inspector.h"
#include "hosted/options.h"
#include "hosted/plan.h"
#include "hosted/vhost_user/vhost_user_transport.h"
#include "machine/firmware/stack.h"
#include "shell/shell.h"
#include "virtio/transport/mmio/mmio_source.h"
#include "virtio/transport/pci/pci_source.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace vireo::hosted {
namespace {

termios saved_terminal;

void restore_terminal() { tcsetattr(STDIN_FILENO, TCSANOW, &saved_terminal); }

void restore_terminal_and_die(int signal) {
    restore_terminal();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

// Every key as it comes, Ctrl-C included, as a serial line has it. False if standard input is no terminal.
bool make_terminal_raw() {
    if (tcgetattr(STDIN_FILENO, &saved_terminal) != 0)
        return false;
    termios raw = saved_terminal;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    std::atexit(restore_terminal);
    for (int signal : {SIGHUP, SIGTERM, SIGABRT, SIGSEGV})
        std::signal(signal, restore_terminal_and_die);
    return true;
}

// Standard input and output as the serial port. The end of the input is a line end and Ctrl-D for ever.
class Terminal final : public system::ConsolePort {
  public:
    enum class Mode { Raw, Plain, OutputOnly };
    explicit Terminal(Mode mode) : mode_(mode) {}

    void send(std::string_view bytes, Waiter*) override {
        for (char c : bytes)
            if (mode_ == Mode::Raw || c != '\r') // "\r\n" is for terminals and serial lines
                output_.push_back(c);
        if (output_.size() > 65536)
            flush();
    }
    std::optional<u8> receive() override {
        if (mode_ == Mode::OutputOnly)
            return std::nullopt;
        if (next_ == count_ && !fill())
            return std::nullopt;
        return input_[next_++];
    }
    bool may_interrupt() const override { return mode_ == Mode::Raw; }
    void flush() {
        std::string_view rest = output_;
        while (!rest.empty()) {
            ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
            if (written <= 0)
                std::_Exit(1); // nobody reads any more
            rest.remove_prefix(static_cast<usize>(written));
        }
        output_.clear();
    }

    void forget_output() { output_.clear(); }

  private:
    bool fill() {
        flush(); // whoever looks for input has shown what there is to see
        pollfd input{STDIN_FILENO, POLLIN, 0};
        if (poll(&input, 1, 0) <= 0)
            return false;
        ssize_t read_bytes = ::read(STDIN_FILENO, input_, sizeof(input_));
        next_ = 0;
        count_ = read_bytes > 0 ? static_cast<usize>(read_bytes) : 0;
        if (count_ == 0) {
            input_[count_++] = '\n';
            input_[count_++] = 0x04;
        }
        return true;
    }
    Mode mode_;
    std::string output_;
    u8 input_[4096];
    usize next_ = 0;
    usize count_ = 0;
};

// The devices of other programs, and the memory that is shared with them.
struct VhostUserDevices {
    std::unique_ptr<vhost_user::SharedPool> pool;
    std::optional<vhost_user::VhostUserSource> source;

    // False, with a one-line text in `problem`, if one does not answer.
    bool connect(std::span<const std::string> sockets, std::string& problem) {
        if (sockets.empty())
            return true;
        auto made = vhost_user::SharedPool::create();
        if (!made) {
            problem = made.error().what;
            return false;
        }
        pool = std::move(*made);
        source.emplace(*pool);
        for (const std::string& socket : sockets) {
            constexpr u32 block_device = 2;
            if (auto added = source->add(block_device, socket); !added) {
                problem = socket + ": " + added.error().what;
                return false;
            }
        }
        return true;
    }
};

int run(const Options& options) {
    std::string problem;
    auto demo = DemoMachine::create(options.devices, problem);
    VhostUserDevices remote;
    system::MemoryMap memory;
    std::unique_ptr<RamMachine> machine;
    std::unique_ptr<KernelFiles> files;
    if (!demo || !remote.connect(options.vhost_user_disks, problem) ||
        !(machine = RamMachine::create(options.machine, memory, problem)) ||
        (!options.kernel.kernel.empty() && !(files = KernelFiles::open(options.kernel, problem)))) {
        std::fprintf(stderr, "vireo-hosted: %s\n", problem.c_str());
        return 2;
    }
    bool is_unattended = options.commands || options.kernel.plans;
    Terminal terminal(is_unattended         ? Terminal::Mode::OutputOnly
                      : make_terminal_raw() ? Terminal::Mode::Raw
                                            : Terminal::Mode::Plain);
    machine->set_at_end([&] { terminal.flush(); });
    auto console = std::make_unique<system::Console>(terminal);
    set_log_writer(&console->errors());

    machine::Stack stack;
    virtio::DeviceManager& devices = stack.manager;
    std::vector<virtio::MmioSlot> slots;
    for (const io::Window& window : demo->mmio_slots())
        slots.push_back({window.base(), window.size()});
    virtio::MmioSource mmio(slots);
    std::optional<bus::pci::Host> host;
    std::optional<virtio::PciSource> pci;
    std::optional<bus::pci::Inspector> inspector;
    if (demo->pci()) {
        host.emplace(*demo->pci());
        devices.add_source(pci.emplace(*host));
        inspector.emplace(*host);
    } else {
        devices.add_source(mmio);
    }
    if (remote.source)
        devices.add_source(*remote.source);
    devices.start();

    auto context = std::make_unique<shell::Context>(stack.services({.console = *console,
                                                                    .memory = memory,
                                                                    .machine = *machine,
                                                                    .pci = inspector ? &*inspector : nullptr,
                                                                    .host_files = files.get()}),
                                                    true);
    if (options.kernel.plans)
        terminal.forget_output(); // about variables, which nobody asked for
    int status = options.kernel.plans ? print_boot_plan(*context, *files, options.kernel)
                 : options.commands   ? shell::run_line(*context, options.commands)
                                      : shell::interact(*context);
    (void)devices.quiesce_all(); // they are fakes of this process, which ends
    terminal.flush();
    set_log_writer(nullptr);
    return status;
}

} // namespace
} // namespace vireo::hosted

int main(int count, char** words) {
    auto options =
        vireo::hosted::parse_options(std::span(words, static_cast<vireo::usize>(count)).subspan(1));
    if (!options)
        return 2;
    if (options->wants_help) {
        std::fputs(vireo::hosted::usage, stdout);
        return 0;
    }
    return vireo::hosted::run(*options);
}
