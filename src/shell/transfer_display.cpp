// SPDX-License-Identifier: Apache-2.0
#include "shell/transfer_display.h"

#include "shell/arguments.h"

namespace vireo::shell {

namespace {

u64 per_second(u64 bytes, event::Duration time) {
    // In milliseconds once it takes long: a terabyte times a million would not fit.
    u64 milliseconds = time.microseconds / 1000;
    return milliseconds >= 1000 ? bytes * 1000 / milliseconds
                                : bytes * 1'000'000 / std::max<u64>(time.microseconds, 1);
}

} // namespace

void TransferDisplay::begins(const Connection*) {
    start_ = event::now();
    next_ = start_ + interval;
    drawn_ = 0;
    width_ = 0;
    if (!is_patient_)
        begin_line();
}

void TransferDisplay::begin_line() {
    if (!std::exchange(has_line_, true))
        print(out_, "{}: ", verb_);
}

void TransferDisplay::draw(std::string_view text) {
    has_line_ = true;
    StringBuffer<128> line; // one write, so that the terminal shows it at once
    print(line, "\r{}: {}", verb_, text);
    for (usize i = text.size(); i < width_; ++i)
        line.write(" ");
    out_.write(line.view());
    width_ = text.size();
}

void TransferDisplay::moved(u64 bytes, std::optional<u64> total) {
    event::Instant now = event::now();
    if (now < next_ || bytes == drawn_) // while nothing comes, the T's are what there is to see
        return;
    next_ = now + interval;
    drawn_ = bytes;
    u64 rate = per_second(bytes, now - start_);
    StringBuffer<96> text;
    print_size(text, bytes);
    if (total) {
        text.write(" of ");
        print_size(text, *total);
    }
    text.write(", ");
    print_size(text, rate);
    text.write("/s");
    if (total && rate > 0 && bytes <= *total)
        print(text, ", {} s left", (*total - bytes + rate - 1) / rate);
    draw(text.view());
}

void TransferDisplay::waited() {
    begin_line();
    out_.write("T ");
    width_ += 2;
}

void TransferDisplay::again(Again why, u64 bytes) {
    end_line();
    if (why == Again::Silent)
        out_.write("Retry count exceeded; starting again\n");
    else if (why == Again::Changed)
        out_.write("What came is no rest of the same file; starting from its beginning\n");
    else if (why == Again::Lost)
        print(out_, "Connection lost after {} bytes; trying again\n", bytes);
}

void TransferDisplay::finish(u64 bytes) {
    event::Duration time = event::now() - start_;
    StringBuffer<32> size;
    print_size(size, bytes);
    begin_line();
    if (width_ > 0)
        draw(size.view());
    else
        out_.write(size.view());
    out_.write("\n\t ");
    print_size(out_, per_second(bytes, time));
    print(out_, "/s\ndone\nBytes transferred = {} ({:x} hex)\n", bytes, bytes);
}

void TransferDisplay::end_line() {
    if (std::exchange(has_line_, false))
        out_.write("\n");
}

} // namespace vireo::shell
