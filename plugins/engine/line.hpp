// One line for people, put together in few bytes of code: for what stands in the way of a file.
#pragma once
#include <cstdint>
#include <string>

namespace latentmix {

class Line {
  public:
    explicit Line(const char *text) : text_(text) {}
    Line &add(const char *text);
    Line &add(std::uint64_t number);
    std::string text() const { return text_; }

  private:
    std::string text_;
};

} // namespace latentmix
