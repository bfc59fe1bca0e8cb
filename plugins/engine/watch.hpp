// Who looks on while something is searched for a while.
#pragma once

namespace latentmix {

class Watch {
  public:
    virtual bool goes_on() = 0; // asked every few milliseconds, on the thread that searches; false ends the search

  protected:
    ~Watch() = default;
};

inline bool is_ended(Watch *watch) { return watch && !watch->goes_on(); }

} // namespace latentmix
