// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/math.h"
#include "base/result.h"

namespace vireo {

// A heap array of value-initialised T whose size is fixed at creation; running out of memory is an Error.
template <typename T> class OwnedArray {
  public:
    OwnedArray() = default;
    static Result<OwnedArray> create(usize count) {
        if (!checked_multiply<usize>(count, sizeof(T)))
            return error(ErrorCode::NoMemory, "array too large");
        OwnedArray array;
        array.items_.reset(new (std::nothrow) T[count]());
        if (!array.items_)
            return error(ErrorCode::NoMemory, "heap exhausted");
        array.size_ = count;
        return array;
    }
    OwnedArray(OwnedArray&& other) noexcept
        : items_(std::move(other.items_)), size_(std::exchange(other.size_, 0)) {}
    OwnedArray& operator=(OwnedArray&& other) noexcept {
        items_ = std::move(other.items_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    T* data() { return items_.get(); }
    const T* data() const { return items_.get(); }
    usize size() const { return size_; }
    bool is_empty() const { return size_ == 0; }
    T& operator[](usize index) { return items_[index]; }
    const T& operator[](usize index) const { return items_[index]; }
    T* begin() { return data(); }
    T* end() { return data() + size_; }
    const T* begin() const { return data(); }
    const T* end() const { return data() + size_; }
    operator std::span<T>() { return {data(), size_}; }
    operator std::span<const T>() const { return {data(), size_}; }

  private:
    std::unique_ptr<T[]> items_;
    usize size_ = 0;
};

// A heap object, or an Error when memory is short.
template <typename T, typename... A> Result<std::unique_ptr<T>> make_owned(A&&... arguments) {
    std::unique_ptr<T> object(new (std::nothrow) T(std::forward<A>(arguments)...));
    if (!object)
        return error(ErrorCode::NoMemory, "heap exhausted");
    return object;
}

} // namespace vireo
