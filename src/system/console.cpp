// SPDX-License-Identifier: Apache-2.0
#include "system/console.h"

#include "base/parse.h"

namespace vireo::system {

static constexpr u8 ctrl_c = 0x03;

void TerminalWriter::write(std::string_view text) {
    if (is_quiet_)
        return;
    for (char byte : text) {
        if (byte == '\n')
            put('\r');
        put(byte);
    }
    if (text.ends_with('\n'))
        flush();
}

void TerminalWriter::put(char byte) {
    burst_[burst_bytes_++] = byte;
    if (burst_bytes_ == sizeof(burst_))
        flush();
}

void TerminalWriter::flush() {
    if (usize bytes = std::exchange(burst_bytes_, 0); bytes > 0)
        send({burst_, bytes});
}

Console::Console(ConsolePort& serial) : TerminalWriter(serial) {
    (void)ports_.try_push_back({serial_name, &serial}); // there is room
}

Result<> Console::add(std::string_view name, ConsolePort& port) {
    VIREO_ASSERT(!name.empty() && !name.contains(',') && !knows(name));
    if (!ports_.try_push_back({name, &port}))
        return error(ErrorCode::TooLarge, "too many consoles");
    return {};
}

std::optional<Console::PortSet> Console::find_ports(std::string_view names) const {
    PortSet found = 0;
    while (!names.empty()) {
        std::string_view name = split_first(names, ',');
        auto place = std::ranges::find(ports_, name, &Port::name);
        if (place == ports_.end())
            return std::nullopt;
        found |= PortSet{1} << (place - ports_.begin());
    }
    return found != 0 ? std::optional(found) : std::nullopt;
}

Result<> Console::choose(Stream stream, std::string_view names) {
    auto list = find_ports(names);
    if (!list)
        return error(ErrorCode::NotFound, "no such console");
    PortSet& current = stream == Stream::Input ? input_ : stream == Stream::Output ? output_ : errors_;
    if (current != *list)
        flush(); // what was written before is for the old list
    current = *list;
    return {};
}

void Console::print_port_names(Writer& out) const {
    for (const Port& port : ports_)
        print(out, "{}'{}'", &port == ports_.begin() ? "" : ", ", port.name);
}

// The ports of a list that work. Nothing is lost in silence, and the machine can still be talked to: if none
// works, it is the serial port.
Console::PortSet Console::usable_ports(PortSet list) const {
    for (usize i = 0; i < ports_.size(); ++i)
        if (!ports_[i].port->is_usable())
            list &= ~(PortSet{1} << i);
    return list != 0 ? list : serial_only;
}

// The serial port first: another one that is full delays what comes next, by no more than its own patience,
// and not this.
void Console::send(std::string_view burst) {
    if (output_ == serial_only) // as nearly everywhere: whoever has no other port pays for none
        return ports_[0].port->send(burst, this);
    for (PortSet left = usable_ports(output_); left != 0; left &= left - 1)
        ports_[static_cast<usize>(std::countr_zero(left))].port->send(burst, this);
}

void Console::write_error(std::string_view text) {
    PortSet list = errors_ | serial_only;
    if (list == output_)
        return write(text);
    flush();
    PortSet output = std::exchange(output_, list);
    write(text);
    flush();
    output_ = output;
}

void Console::poll() {
    flush();
    take_input(watching_);
}

bool Console::gives_up() {
    take_input(watching_);
    return is_interrupted_;
}

// Whose input has filled the buffer comes last at the next look: a flood at one port does not silence
// another.
void Console::take_input(bool reads_on) {
    if (input_ == serial_only)
        return take_from(ports_[0], reads_on);
    PortSet list = usable_ports(input_);
    for (PortSet part : {list & first_looked_at_, list & ~first_looked_at_})
        for (; part != 0; part &= part - 1) {
            bool had_room = count_ < type_ahead_bytes;
            take_from(ports_[static_cast<usize>(std::countr_zero(part))], reads_on);
            if (had_room && count_ == type_ahead_bytes)
                first_looked_at_ = ~(part & -part);
        }
}

// No more at once than the buffer holds: a sender that never stops does not stop who looks.
void Console::take_from(Port& from, bool reads_on) {
    reads_on = reads_on && from.port->may_interrupt();
    for (usize taken = 0; taken < type_ahead_bytes && (reads_on || count_ < type_ahead_bytes); ++taken) {
        auto byte = from.port->receive();
        if (!byte)
            return;
        take(from, *byte);
    }
}

void Console::take(Port& from, u8 byte) {
    // CR, LF and CR LF are one line end each.
    bool ends_cr_lf = byte == '\n' && from.last_was_cr;
    from.last_was_cr = byte == '\r';
    if (ends_cr_lf)
        return;
    if (byte == ctrl_c) {
        is_dropping_ = is_cutting_line_ = false;
        if (watching_) {
            count_ = 0;
            interrupt();
            return;
        }
    }
    keep(byte == '\r' ? '\n' : byte);
}

// Half a line may mean anything: one that does not fit is dropped from its start to its end, and
// so is all that follows.
void Console::keep(u8 byte) {
    if (count_ == type_ahead_bytes && !is_dropping_) {
        is_dropping_ = true;
        for (; count_ > 0 && kept(count_ - 1) != '\n'; --count_)
            ++dropped_;
    }
    if (is_dropping_ || is_cutting_line_) {
        ++dropped_;
        is_cutting_line_ = byte != '\n';
        return;
    }
    kept_interrupts_ += byte == ctrl_c ? 1 : 0;
    kept(count_++) = byte;
}

std::optional<u8> Console::read() {
    is_dropping_ = false;
    if (count_ == 0)
        poll();
    if (count_ == 0)
        return std::nullopt;
    u8 byte = kept(0);
    head_ = (head_ + 1) % type_ahead_bytes;
    --count_;
    kept_interrupts_ -= byte == ctrl_c ? 1 : 0;
    return byte;
}

void Console::interrupt() { is_interrupted_ = interrupt_is_news_ = true; }

void Console::watch_interrupt(bool on) {
    if (on && !watching_) {
        is_interrupted_ = false;
        glance();
        // A Ctrl-C that arrived in one burst with the command's own line is meant for that command, and so is
        // one behind other lines that have not run yet.
        while (kept_interrupts_ > 0)
            if (*read() == ctrl_c)
                interrupt();
    }
    watching_ = on;
    is_interrupted_ = is_interrupted_ && on;
    is_dropping_ = is_dropping_ && on;
}

} // namespace vireo::system
