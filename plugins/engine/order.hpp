// Stable sorting that is compiled once for all kinds of rows: each `std::stable_sort` would be 5 kB more of the page without a
// server.
#pragma once
#include <cstddef>
#include <vector>

namespace latentmix {

using Order = std::vector<std::size_t>;

// Numbers from 0 on in the order of `is_before(rows, a, b)`; equal ones as they are.
Order ordered(std::size_t count, const void *rows, bool (*is_before)(const void *rows, std::size_t a, std::size_t b));

template <class Less> Order order_by(std::size_t count, const Less &less) {
    return ordered(count, &less, [](const void *given, std::size_t a, std::size_t b) { return (*static_cast<const Less *>(given))(a, b); });
}

template <class Row, class Less> void sort_rows(std::vector<Row> &rows, const Less &less) {
    const Order order = order_by(rows.size(), [&](std::size_t a, std::size_t b) { return less(rows[a], rows[b]); });
    std::vector<Row> out;
    out.reserve(rows.size());
    for (const std::size_t place : order) out.push_back(rows[place]);
    rows.swap(out);
}

template <class Value> void sort_values(std::vector<Value> &values) {
    sort_rows(values, [](const Value &a, const Value &b) { return a < b; });
}

} // namespace latentmix
