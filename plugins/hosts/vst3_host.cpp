// vst3_host BINARY list                                                               the name, and the parameters
// vst3_host BINARY play BEATS [PARAMETER=VALUE ...] [tempo=T] [rate=R] [block=N] [metre=N/D] [from=BEAT] [state=FILE]    a line a note: frame on key velocity
// vst3_host BINARY save 0 [the same]                                                  what the project keeps
// vst3_host BINARY check [LOADS]                                                      one line a check, exit 1 if one fails
#include "vst3_host.hpp"
#include "state_file.hpp"

#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

std::vector<Note> play(Host &host, double beats, const std::vector<int32_t> &sizes, Song song = {}) {
    Song still = song;
    still.is_playing = false;
    host.block(still, 64); // takes parameters, and ends what sounds
    host.notes.clear();
    host.sound.clear();
    host.frame = 0;
    const long end = std::lround(beats * 60.0 / song.tempo * host.rate);
    for (std::size_t k = 0; host.frame < end; k++)
        host.block(song, static_cast<int32_t>(std::min<long>(sizes[k % sizes.size()], end - host.frame)));
    return host.notes;
}

int failures = 0;
void check(const char *what, bool is_good) {
    std::printf("%s %s\n", is_good ? "ok  " : "FAIL", what);
    failures += !is_good;
}

bool is_ended(const std::vector<Note> &notes) {
    std::map<int, int> sounding;
    for (const Note &n : notes) {
        sounding[n.key] += n.is_on ? 1 : -1;
        if (sounding[n.key] < 0) return false;
    }
    for (const auto &[key, count] : sounding)
        if (count) return false;
    return !notes.empty();
}

void check_playing(Host &host) {
    host.activate(true);
    const std::vector<Note> whole = play(host, 16, {512});
    check("it plays", whole.size() > 8);
    check("blocks of odd sizes give the same notes at the same frames", play(host, 16, {1, 441, 1024, 64, 333, 17, 4096, 2}) == whole);
    Song song;
    song.is_playing = false;
    host.notes = whole;
    host.block(song, 512);
    check("a stop ends what sounds", is_ended(host.notes));
    host.notes.clear();
    for (double beat : {-4.0, 3.1, 1000.0, 0.0}) {
        song = {beat, 120.0, 4, 4, true};
        for (int i = 0; i < 100; i++) host.block(song, 256);
    }
    host.block(song, 256, false); // a host that says nothing of a song
    check("so do seeking, and a host that says nothing more", is_ended(host.notes));
    for (double wild : {1e300, -1e300, std::nan(""), HUGE_VAL}) {
        song = {wild, 120.0, 4, 4, true};
        host.block(song, 512);
        song = {0.0, wild, 0, 0, true};
        host.block(song, 512);
    }
    host.block(song, 512, false);
    check("numbers that are none do no harm", is_ended(host.notes));
    host.deactivate();
}

// What plays is the same in any metre, and 1,344 quarter notes later or sooner: whole rounds of any piece.
void check_metre(Host &host) {
    host.activate(true);
    auto from = [&](double beat, int numerator = 4, int denominator = 4) {
        return play(host, 8, {512}, {beat, 120.0, numerator, denominator, true});
    };
    const std::vector<Note> here = from(0.0), later = from(1344.0), sooner = from(-1344.0);
    auto ons = [](const std::vector<Note> &notes) { // that begin, but for the early hits of what comes after
        std::vector<Note> out;
        for (const Note &n : notes)
            if (n.is_on && n.frame > 3000 && n.frame < 180000) out.push_back(n);
        return out;
    };
    check("it is where the host is, late in the song too", ons(here) == ons(later) && !ons(here).empty());
    check("and before the song's start", ons(here) == ons(sooner));
    check("in 7/8, too", from(0.0, 7, 8) == here);
    check("in 3/16, too", from(0.0, 3, 16) == here);
    host.deactivate();
}

void check_state(const Library &library, Host &host) {
    host.parameter("Position", 0.375);
    host.parameter("Variation", 1.5);
    host.activate(true);
    const std::vector<Note> before = play(host, 16, {512});
    const std::string text = host.save();
    {
        Host other(library);
        check("a state is taken by another instance", other.restore(text));
        other.activate(true);
        check("which then plays the same", play(other, 16, {333}) == before);
        check("and saves the same state", other.save() == text);
        other.deactivate();
        check("taking a state tells the host of no change", !other.handler.dirty.told);
    }
    host.deactivate();
    host.parameter("Position", 0.0);
    host.parameter("Variation", 0.0);
}

// Two bars that come in are kept; the host hears of it when it next speaks to the controller.
void check_telling(const Library &library, bool has_dirty) {
    Host host(library);
    host.handler.has_dirty = has_dirty;
    host.activate(false);
    host.parameter("Record into", 1.0);
    Song song;
    for (int beat = 0; beat < 9; beat++)
        for (int part = 0; part < 8; part++) {
            if (part == 0) host.key(true, 36, 100);
            if (part == 6) host.key(false, 36, 10);
            host.block(song, 3000);
        }
    const int restarts = host.handler.restarts;
    auto told = [&] { return has_dirty ? host.handler.dirty.told : host.handler.restarts - restarts; };
    for (int wait = 0; wait < 3000 && !told(); wait++) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        host.follow("Velocity", 0.5);
    }
    host.follow("Velocity", 0.5);
    check(has_dirty ? "a recording makes the host's project dirty, once" : "a host without IComponentHandler2 is asked to look again", told() == 1);
    host.deactivate();
}

void check_loads(const std::string &path, int loads) {
    std::size_t given = 0;
    for (int i = 0; i < loads; i++) {
        {
            Library library(path);
            Host host(library);
            host.activate(false);
            Song song;
            host.block(song, 64);
            host.deactivate();
        }
        if (i == loads / 4) given = mallinfo2().uordblks + mallinfo2().hblkhd;
    }
    const std::size_t now = mallinfo2().uordblks + mallinfo2().hblkhd;
    check("loads and unloads leave nothing in the heap", now < given + 256 * 1024);
}

int run_checks(const std::string &path, int loads) {
    {
        Library library(path);
        Host host(library);
        check_playing(host);
        check_metre(host);
        check_state(library, host);
        check_telling(library, true);
        check_telling(library, false);
        Host second(library);
        host.activate(true);
        second.activate(true);
        const std::vector<Note> alone = play(host, 8, {512});
        second.parameter("Position", 1.0);
        const std::vector<Note> moved = play(second, 8, {512});
        check("two instances do not know of one another", play(host, 8, {512}) == alone && !(moved == alone));
        host.deactivate();
        second.deactivate();
    }
    check_loads(path, loads);
    return failures ? 1 : 0;
}

} // namespace

int main(int count, char **words) {
    try {
        if (count < 3) throw std::runtime_error("usage: vst3_host BINARY list | play BEATS [NAME=VALUE ...] | check [LOADS] | loads LOADS");
        const std::string path = words[1], what = words[2];
        if (what == "check") return run_checks(path, count > 3 ? std::atoi(words[3]) : 200);
        if (what == "loads" && count > 3) {
            check_loads(path, std::atoi(words[3]));
            return failures ? 1 : 0;
        }
        Library library(path);
        Host host(library);
        if (what == "list") {
            std::printf("%s\n", host.name.c_str());
            for (const auto &[title, id] : host.parameters) std::printf("%u %s\n", id, title.c_str());
            return 0;
        }
        Song song;
        double rate = 48000.0;
        int block = 512;
        for (int i = 4; i < count; i++) {
            const std::string word = words[i], name = word.substr(0, word.find('=')), text = word.substr(word.find('=') + 1);
            const double value = std::atof(text.c_str());
            if (name == "tempo") song.tempo = value;
            else if (name == "rate") rate = value;
            else if (name == "block") block = static_cast<int>(value);
            else if (name == "from") song.beat = value;
            else if (name == "state") restore(host, text);
            else if (name == "metre") std::sscanf(text.c_str(), "%d/%d", &song.numerator, &song.denominator);
            else host.parameter(name, value);
        }
        host.activate(true, rate);
        if (what == "save") {
            song.is_playing = false;
            host.block(song, 64); // takes parameters
            const std::string kept = host.save();
            std::fwrite(kept.data(), 1, kept.size(), stdout);
            host.deactivate();
            return 0;
        }
        for (const Note &n : play(host, std::atof(words[3]), {block}, song)) std::printf("%ld %d %d %d\n", n.frame, n.is_on, n.key, n.velocity);
        host.deactivate();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "vst3_host: %s\n", error.what());
        return 2;
    }
}
