// What the name of a track says of its part, as `midi_vae/midi/names.py` has it. Names come as the bytes of the file: UTF-8,
// UTF-16, Latin-1 and Cyrillic of Windows are read, and words of music in the encodings of Japan, Korea and China.
#pragma once
#include <string>
#include <vector>

namespace latentmix {

// How strongly a track of this name is meant as the melody: 0 says nothing, below 0 that it is another part.
double melody_claim(const std::string &name, bool may_be_title);

bool are_parts(const std::vector<std::string> &names); // whether they number the parts of a score

int part_number(const std::string &name); // -1 without one

bool is_blank(const std::string &name); // whether nothing of it can be read

} // namespace latentmix
