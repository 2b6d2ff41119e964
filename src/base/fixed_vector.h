// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// Up to N values in place: a vector that never allocates. Adding to a full one is refused, not undefined.
template <typename T, usize N> class FixedVector {
  public:
    constexpr FixedVector() = default;
    FixedVector(const FixedVector&) = delete;
    FixedVector& operator=(const FixedVector&) = delete;
    ~FixedVector() { clear(); }

    template <typename... A> [[nodiscard]] bool try_emplace_back(A&&... arguments) {
        if (size_ == N)
            return false;
        new (storage_ + size_ * sizeof(T)) T(std::forward<A>(arguments)...);
        ++size_;
        return true;
    }
    [[nodiscard]] bool try_push_back(T value) { return try_emplace_back(std::move(value)); }
    void pop_back() { std::destroy_at(data() + --size_); }
    void clear() {
        while (size_ > 0)
            pop_back();
    }
    // Removes the element at `index`, keeping the order of the others.
    void erase(usize index) {
        for (usize i = index; i + 1 < size_; ++i)
            data()[i] = std::move(data()[i + 1]);
        pop_back();
    }

    T* data() { return std::launder(reinterpret_cast<T*>(storage_)); }
    const T* data() const { return std::launder(reinterpret_cast<const T*>(storage_)); }
    T* begin() { return data(); }
    T* end() { return data() + size_; }
    const T* begin() const { return data(); }
    const T* end() const { return data() + size_; }
    T& operator[](usize index) { return data()[index]; }
    const T& operator[](usize index) const { return data()[index]; }
    T& back() { return data()[size_ - 1]; }
    usize size() const { return size_; }
    bool is_empty() const { return size_ == 0; }
    bool is_full() const { return size_ == N; }
    static constexpr usize capacity() { return N; }

  private:
    alignas(T) std::byte storage_[N * sizeof(T)];
    usize size_ = 0;
};

} // namespace vireo
