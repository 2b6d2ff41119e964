// SPDX-License-Identifier: Apache-2.0
#include "machine/firmware/fw_cfg_files.h"

namespace vireo::machine {

namespace {

constexpr bus::FwCfg::Part part_of(system::HostFiles::Part part) {
    using Part = system::HostFiles::Part;
    switch (part) {
    case Part::Setup:
        return bus::FwCfg::Part::Setup;
    case Part::Kernel:
        return bus::FwCfg::Part::Kernel;
    case Part::Initrd:
        return bus::FwCfg::Part::Initrd;
    case Part::CommandLine:
        return bus::FwCfg::Part::CommandLine;
    }
    return {};
}

// What is copied in some 10 ms, by the host at once or byte by byte by us.
constexpr usize piece_by_dma = 16 << 20;
constexpr usize piece_by_bytes = 16 << 10;

} // namespace

Result<OwnedArray<char>> FwCfgFiles::read(std::string_view name, usize most_bytes) {
    auto file = VIREO_TRY(device_.find(name));
    if (file.bytes > most_bytes)
        return error(ErrorCode::TooLarge, "fw_cfg file");
    auto contents = VIREO_TRY(OwnedArray<char>::create(file.bytes));
    VIREO_TRY(device_.read(file, std::as_writable_bytes(std::span(contents.data(), contents.size()))));
    return contents;
}

Result<> FwCfgFiles::for_each(Visitor& visitor) {
    struct Each final : bus::FwCfg::Visitor {
        explicit Each(FwCfgFiles::Visitor& whose) : visitor(whose) {}
        bool visit(std::string_view name, const bus::FwCfg::File& file) override {
            visitor.visit(name, file.bytes, file.selector);
            return true;
        }
        FwCfgFiles::Visitor& visitor;
    };
    Each each(visitor);
    return device_.for_each(each);
}

Result<u64> FwCfgFiles::bytes_of(Part part) { return VIREO_TRY(device_.part(part_of(part))).bytes; }

Result<> FwCfgFiles::read(Part part, MutableBytes into, Watcher& watcher) {
    auto file = VIREO_TRY(device_.part(part_of(part)));
    if (into.size() > file.bytes)
        return error(ErrorCode::OutOfRange, "fw_cfg part is too short");
    usize most = device_.has_dma() ? piece_by_dma : piece_by_bytes;
    MutableBytes piece = into.first(std::min(most, into.size()));
    VIREO_TRY(device_.read(file, piece));
    for (into = into.subspan(piece.size()); !into.empty(); into = into.subspan(piece.size())) {
        if (!watcher.goes_on())
            return error(ErrorCode::Interrupted, "Ctrl-C");
        piece = into.first(std::min(most, into.size()));
        VIREO_TRY(device_.read_on(piece));
    }
    return {};
}

Result<u32> FwCfgFiles::processors() { return VIREO_TRY(device_.processors()); }

} // namespace vireo::machine
