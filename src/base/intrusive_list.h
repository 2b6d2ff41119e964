// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// Membership in at most one IntrusiveList at a time. The object must leave the list before it dies.
struct ListNode {
    ListNode() = default;
    ListNode(const ListNode&) = delete;
    ListNode& operator=(const ListNode&) = delete;
    bool is_linked() const { return next_ != nullptr; }

  private:
    template <typename T> friend class IntrusiveList;
    ListNode* previous_ = nullptr;
    ListNode* next_ = nullptr;
};

// A doubly linked list of objects that it does not own. T derives from ListNode. No allocation; O(1)
// everywhere. Elements hold pointers to the list: a list never moves.
template <typename T> class IntrusiveList {
  public:
    constexpr IntrusiveList() { head_.previous_ = head_.next_ = &head_; }

    bool is_empty() const { return head_.next_ == &head_; }
    T* front() { return is_empty() ? nullptr : static_cast<T*>(head_.next_); }

    void push_back(T& item) { insert_before(nullptr, item); }
    // In front of an element of this list; nullptr: at the end.
    void insert_before(T* place, T& item) {
        ListNode& node = item;
        ListNode& after = place ? static_cast<ListNode&>(*place) : head_;
        node.previous_ = after.previous_;
        node.next_ = &after;
        after.previous_->next_ = &node;
        after.previous_ = &node;
    }
    T* pop_front() {
        T* first = front();
        if (first)
            remove(*first);
        return first;
    }
    static void remove(T& item) {
        ListNode& node = item;
        node.previous_->next_ = node.next_;
        node.next_->previous_ = node.previous_;
        node.previous_ = node.next_ = nullptr;
    }
    // The element after `item`, or nullptr. Fetch it before removing `item`.
    T* next(T& item) {
        ListNode* node = static_cast<ListNode&>(item).next_;
        return node == &head_ ? nullptr : static_cast<T*>(node);
    }

  private:
    ListNode head_;
};

} // namespace vireo
