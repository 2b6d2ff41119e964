// SPDX-License-Identifier: Apache-2.0

// What the compiler and libc++'s headers expect of a run-time library, for the firmware only.

#include "base/heap.h"
#include "base/result.h"

namespace vireo {

static constinit Heap heap_;
Heap& firmware_heap() { return heap_; }

} // namespace vireo

// A tag without content; libc++'s headers only declare it. With LTO no reference to it is left,
// without LTO there is.
const std::nothrow_t std::nothrow{};

// The throwing forms cannot throw here: code that may run out of memory uses std::nothrow
// (base/owned_array.h).
static void* allocate_or_panic(std::size_t bytes, std::size_t alignment) {
    void* memory = vireo::firmware_heap().allocate(bytes, alignment);
    if (!memory)
        vireo::panic("out of memory");
    return memory;
}

void* operator new(std::size_t bytes) { return allocate_or_panic(bytes, 16); }
void* operator new[](std::size_t bytes) { return allocate_or_panic(bytes, 16); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return allocate_or_panic(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return vireo::firmware_heap().allocate(bytes, 16);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
    return vireo::firmware_heap().allocate(bytes, 16);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return vireo::firmware_heap().allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return vireo::firmware_heap().allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { vireo::firmware_heap().free(memory); }
void operator delete[](void* memory) noexcept { vireo::firmware_heap().free(memory); }
void operator delete(void* memory, std::size_t) noexcept { vireo::firmware_heap().free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { vireo::firmware_heap().free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { vireo::firmware_heap().free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { vireo::firmware_heap().free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    vireo::firmware_heap().free(memory);
}

extern "C" {
void* __dso_handle = nullptr;
[[noreturn]] void __cxa_pure_virtual() { vireo::panic("pure virtual function called"); }
// Objects with static storage are never destroyed: firmware does not exit.
int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
[[noreturn]] void abort() { vireo::panic("abort"); }
// lib/cxx/__assertion_handler
[[noreturn, gnu::cold]] void vireo_library_check_failed(const char* message) { vireo::panic(message); }
}

_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) { vireo::panic(format); }
_LIBCPP_END_NAMESPACE_STD
