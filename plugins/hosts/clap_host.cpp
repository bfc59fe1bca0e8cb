// clap_host BINARY list
// clap_host BINARY parameters ID                                                       one line each: id name
// clap_host BINARY play ID BEATS [PARAMETER=VALUE ...] [tempo=T] [rate=R] [block=N] [state=FILE]    one line a note: frame on key velocity
// clap_host BINARY bounce ID BEATS [the same]           the left channel as float32, little-endian, on standard output
// clap_host BINARY save ID 0 [the same]                                                what the project keeps
// clap_host BINARY check ID [LOADS]                                                    one line a check, exit 1 if one fails
// clap_host BINARY loads ID LOADS                                                      only the loads and unloads of these
#include "clap_host.hpp"
#include "state_file.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#if defined(__linux__)
#include <malloc.h>
#endif
#include <map>
#include <thread>

namespace {

const uint32_t ODD[] = {1, 441, 1024, 64, 333, 17, 4096, 2};

std::map<std::string, clap_id> names(const Host &host) {
    std::map<std::string, clap_id> out;
    for (uint32_t i = 0; i < host.params->count(host.plugin); i++) {
        clap_param_info_t info;
        if (host.params->get_info(host.plugin, i, &info)) out[info.name] = info.id;
    }
    return out;
}

// Plays so many beats from the start in blocks of these sizes.
std::vector<Note> play(Host &host, double beats, const std::vector<uint32_t> &sizes, double tempo = 120.0, double ticks = 0.0) {
    host.plugin->reset(host.plugin); // else the end of a note of before comes first
    host.notes.clear();
    host.frame = 0;
    Song song;
    song.tempo = tempo;
    song.ticks = ticks;
    const long end = std::lround(beats * 60.0 / tempo * host.rate);
    for (std::size_t k = 0; host.frame < end; k++)
        host.block(song, static_cast<uint32_t>(std::min<long>(sizes[k % sizes.size()], end - host.frame)));
    return host.notes;
}

bool is_drums = false; // what is checked has a model of drums: a note sounds once at a time, rather than one note

// Each note on has its note off; `is_over`: at the end none sounds.
std::string hanging(const std::vector<Note> &notes, bool is_over) {
    std::map<int, bool> sounds;
    int count = 0;
    for (const Note &n : notes) {
        if (n.is_on && (sounds[n.key] || (!is_drums && count))) return "two notes at once at frame " + std::to_string(n.frame);
        if (!n.is_on && !sounds[n.key]) return "a note off of another note at frame " + std::to_string(n.frame);
        sounds[n.key] = n.is_on;
        count += n.is_on ? 1 : -1;
    }
    return is_over && count ? "a note that hangs" : "";
}

int count_on(const std::vector<Note> &notes) {
    return static_cast<int>(std::count_if(notes.begin(), notes.end(), [](const Note &n) { return n.is_on; }));
}

int failures = 0;
void check(const char *what, const std::string &problem) {
    std::printf("%s %s%s%s\n", problem.empty() ? "ok  " : "FAIL", what, problem.empty() ? "" : ": ", problem.c_str());
    failures += !problem.empty();
}
std::string unless(bool is_good, const char *problem) { return is_good ? "" : problem; }

long resident_kib() {
    std::ifstream file("/proc/self/statm");
    long size = 0, resident = 0;
    file >> size >> resident;
    return resident * 4;
}

// What the heap has given out: exact, so that few loads show what each one leaves behind. 0 where glibc does not say.
long given_out_kib() {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    const auto heap = mallinfo2();
    return static_cast<long>((heap.uordblks + heap.hblkhd) / 1024);
#else
    return 0;
#endif
}

void check_parameters(Host &host) {
    std::string problem;
    std::map<std::string, int> seen;
    for (uint32_t i = 0; i < host.params->count(host.plugin); i++) {
        clap_param_info_t info;
        char text[256];
        double value = 0, back = 0;
        if (!host.params->get_info(host.plugin, i, &info) || info.min_value > info.default_value ||
            info.default_value > info.max_value || !info.name[0] || seen[info.name]++)
            problem = "no sensible information about " + std::to_string(i);
        if (!host.params->get_value(host.plugin, info.id, &value) || value != info.default_value)
            problem = std::string("does not start at its default: ") + info.name;
        for (double share : {0.0, 0.25, 0.5, 1.0}) {
            double want = info.min_value + share * (info.max_value - info.min_value);
            if (info.flags & CLAP_PARAM_IS_STEPPED) want = std::floor(want);
            if (!host.params->value_to_text(host.plugin, info.id, want, text, sizeof text) ||
                !host.params->text_to_value(host.plugin, info.id, text, &back) || std::abs(back - want) > 1e-3)
                problem = std::string("text and value differ: ") + info.name + " " + text;
        }
        if (host.params->text_to_value(host.plugin, info.id, "no such thing", &back)) problem = "reads nonsense as a value";
    }
    check("parameters have names, ranges, defaults and texts both ways", problem);
    check("unknown parameters are refused", unless(!host.params->get_value(host.plugin, 9999, nullptr), "one is known"));
}

void check_flush(Host &host, std::map<std::string, clap_id> &id) {
    double value = 0;
    const char *name = is_drums ? "MIDI channel" : "Octave";
    const double wanted = is_drums ? 3.0 : -2.0, standard = is_drums ? 10.0 : 0.0, hardest = is_drums ? 2.0 : 127.0;
    host.parameter(id[name], wanted);
    host.parameter(id["Velocity"], 1e9);
    host.parameter(9999, 1.0);
    host.flush();
    host.params->get_value(host.plugin, id[name], &value);
    std::string problem = unless(value == wanted, "a flushed value is not there");
    host.params->get_value(host.plugin, id["Velocity"], &value);
    check("flush sets values, and moves them into their range", problem.empty() ? unless(value == hardest, "out of range") : problem);
    host.parameter(id[name], standard);
    host.parameter(id["Velocity"], is_drums ? 1.0 : 80.0);
    host.flush();
}

void check_blocks(Host &host, std::map<std::string, clap_id> &id) {
    host.activate();
    const std::vector<Note> whole = play(host, 16, {512});
    check("it plays", unless(whole.size() > 8, "few notes"));
    const std::vector<Note> odd = play(host, 16, {ODD, ODD + 8});
    check("blocks of odd sizes give the same notes at the same frames", unless(odd == whole, "others"));
    check("one frame at a time too", unless(play(host, 1, {1}) == play(host, 1, {48000}), "others"));
    for (double ticks : {1920.0, 960.0})
        check("a host that counts in ticks moves no note", unless(play(host, 16, {1024}, 120.0, ticks) == whole, "it does"));
    check("events are in order", unless(host.is_ordered, "one is not"));
    check("every note has its end", hanging(whole, false));
    host.deactivate();
    for (double rate : {22050.0, 44100.0, 96000.0, 192000.0}) {
        host.activate(rate);
        const std::vector<Note> other = play(host, 4, {ODD, ODD + 8}, 93.7);
        std::string problem = unless(!other.empty(), "silence");
        for (const Note &n : other) { // on a sixteenth, to the nearest frame, unless a drummer does as drummers do
            if (is_drums) break;
            const double step = n.frame / (rate * 15.0 / 93.7);
            if (std::abs(step - std::round(step)) * rate * 15.0 / 93.7 > 0.51) problem = "off the grid at " + std::to_string(n.frame);
        }
        check("notes stand on the nearest frame at another rate and tempo", problem);
        host.deactivate();
    }
    (void)id;
}

void check_transport(Host &host, std::map<std::string, clap_id> &id) {
    host.activate();
    host.notes.clear();
    host.frame = 0;
    Song song;
    for (int i = 0; i < 40; i++) host.block(song, 512);
    song.is_playing = false;
    host.block(song, 512);
    check("a stop ends the note, at its frame", hanging(host.notes, true));
    const std::size_t before = host.notes.size();
    for (int i = 0; i < 40; i++) host.block(song, 512);
    check("nothing plays while stopped", unless(host.notes.size() == before, "it does"));
    std::vector<long> starts;
    song = {};
    host.notes.clear();
    for (int round = 0; round < 3; round++) { // a loop of a beat that wraps inside a block
        for (int i = 0; i < 46; i++) host.block(song, 512);
        Song again;
        again.beat = 0.0;
        host.jump(again, 448);
        starts.push_back(host.frame + 448);
        host.block(song, 512);
        song.beat = 64.0 * 120.0 / (60.0 * 48000.0);
    }
    check("a loop's wrap inside a block ends the note", hanging(host.notes, false));
    std::string problem;
    for (long start : starts)
        if (std::none_of(host.notes.begin(), host.notes.end(), [&](const Note &n) { return n.is_on && n.frame >= start && n.frame <= start + (is_drums ? 1500 : 0); }))
            problem = "no note at " + std::to_string(start);
    check("and the loop's first note stands on its frame", problem);
    for (double beat : {-4.0, 1e6, 3.1, 0.0}) {
        song.beat = beat;
        for (int i = 0; i < 100; i++) host.block(song, 256);
    }
    check("seeking anywhere leaves no note behind", hanging(host.notes, false));
    for (double tempo : {1e30, 1e-30, 120.0}) {
        song = {1.0, tempo};
        host.block(song, 512);
    }
    check("a tempo that is none does no harm", hanging(host.notes, false));
    host.parameter(id["Bypass"], 1.0, 100);
    host.block(song, 512);
    check("bypass ends the note", hanging(host.notes, true));
    host.parameter(id["Bypass"], 0.0);
    song.beat = 0;
    for (int i = 0; i < 20; i++) host.block(song, 512);
    host.plugin->reset(host.plugin);
    host.notes.clear();
    song = {};
    for (int i = 0; i < 20; i++) host.block(song, 512);
    check("after a reset it starts anew", unless(!host.notes.empty() && host.notes[0].is_on && (is_drums || host.notes[0].frame % 512 == 0), "not so"));
    host.notes.clear();
    for (int i = 0; i < 50; i++) host.block(song, 512, false);
    check("without a transport it is silent", unless(!count_on(host.notes), "it plays"));
    host.parameter(id["Run"], 1.0);
    host.notes.clear();
    for (int i = 0; i < 400; i++) host.block(song, 512, false);
    check("unless it is told to run always", unless(host.notes.size() > 4, "silence"));
    host.parameter(id["Run"], 0.0);
    host.flush();
    host.deactivate();
}

void check_state(const Library &library, const std::string &id, Host &host, std::map<std::string, clap_id> &ids) {
    const std::vector<const char *> moved = is_drums ? std::vector<const char *>{"Position", "Humanise", "Variation"}
                                                     : std::vector<const char *>{"Position", "Octave", "More density"};
    host.parameter(ids[moved[0]], 0.375);
    host.parameter(ids[moved[1]], 1.0);
    host.parameter(ids[moved[2]], 1.5);
    host.flush();
    host.go_offline(); // so that it waits for what is decoded
    host.activate();
    const std::vector<Note> before = play(host, 16, {512});
    host.deactivate();
    const std::string text = host.save();
    Host other(library, id);
    other.go_offline();
    check("a state is taken by another instance", unless(other.restore(text), "refused"));
    other.activate();
    check("which then plays the same", unless(play(other, 16, {333}) == before, "something else"));
    other.deactivate();
    check("and saves the same state", unless(other.save() == text, "another one"));
    std::string problem;
    for (std::size_t cut = 0; cut + 5 < text.size(); cut += text.size() / 37 + 1)
        if (other.restore(text.substr(0, cut))) problem = "taken at " + std::to_string(cut) + " bytes";
    for (std::size_t at = 0; at < 600 && at < text.size(); at += 7) { // damaged ones are taken or not, and do no harm
        std::string bad = text;
        bad[at] = static_cast<char>(bad[at] ^ 21);
        other.restore(bad);
    }
    check("states that are cut off are refused", problem);
    if (!is_drums) { // of before the pad had axes to choose
        const std::size_t at = text.find("value axes");
        double axes = 1;
        other.parameter(ids["Pad axes"], 1.0);
        other.flush();
        const bool is_taken = at != std::string::npos && other.restore(text.substr(0, at) + text.substr(text.find('\n', at) + 1));
        other.params->get_value(other.plugin, ids["Pad axes"], &axes);
        check("a state of before a parameter came has it at its standard", unless(is_taken && axes == 0.0, "another value"));
    }
    other.restore(text);
    other.activate();
    check("and change nothing", unless(play(other, 16, {512}) == before, "they do"));
    other.deactivate();
    host.go_offline(false);
    for (const char *name : moved) host.parameter(ids[name], 0.0);
    host.flush();
}

void check_recording(Host &host, std::map<std::string, clap_id> &id) {
    const std::string before = host.save();
    host.dirty = 0;
    host.activate();
    host.parameter(id["Position"], 0.0);
    host.parameter(id["Record into"], 1.0);
    Song song;
    host.frame = 0;
    const int16_t notes[] = {60, 62, 64, 65, 67, 69, 71, 72}, drums[] = {36, 38, 42, 46, 43, 47, 50, 51};
    const int16_t *scale = is_drums ? drums : notes;
    const long late = is_drums ? 300 : 0; // frames, which drums keep
    for (int beat = 0; beat < 8; beat++) // a quarter note a beat, a little late, for two bars
        for (int part = 0; part < 8; part++) {
            if (part == 0) host.key(true, scale[beat], 300);
            if (part == 6) host.key(false, scale[beat], 10);
            host.block(song, 3000);
        }
    host.block(song, 3000);
    std::vector<Note> heard;
    for (int wait = 0; wait < 200; wait++) { // until the worker has encoded it
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        heard = play(host, 8, {512});
        if (!heard.empty() && heard[0].key == scale[0] && count_on(heard) == 8) break;
    }
    std::string problem = unless(heard.size() >= 16, "few notes");
    for (int i = 0, on = 0; problem.empty() && i < static_cast<int>(heard.size()); i++)
        if (heard[i].is_on && (heard[i].key != scale[on] || heard[i].frame != on * 24000 + late)) problem = "another one";
        else if (heard[i].is_on && is_drums && heard[i].velocity != 102) problem = "other velocities";
        else on += heard[i].is_on;
    check("two bars that come in become the first piece", problem);
    check("of which the host is told, once", unless(host.dirty == 1, "it is not"));
    host.parameter(id["Record into"], 0.0);
    host.deactivate();
    host.flush();
    host.restore(before);
}

void check_sound(Host &host) {
    host.activate();
    Song song;
    double most = 0, after = 0;
    bool is_finite = true;
    for (int i = 0; i < 100; i++) {
        host.block(song, 512);
        for (float v : host.sound) {
            is_finite &= std::isfinite(v);
            most = std::max(most, static_cast<double>(std::abs(v)));
        }
    }
    song.is_playing = false;
    for (int i = 0; i < 200; i++) host.block(song, 512);
    for (float v : host.sound) after = std::max(after, static_cast<double>(std::abs(v)));
    check("it sounds, below full scale", unless(is_finite && most > 0.01 && most < 1.0, "it does not"));
    check("and fades to exact silence", unless(after == 0.0, "it goes on"));
    host.deactivate();
}

void check_loads(const std::string &path, const std::string &id, int loads) {
    long first = 0, given = 0;
    for (int i = 0; i < loads; i++) {
        {
            Library library(path);
            Host host(library, id);
            host.activate();
            Song song;
            host.block(song, 64);
            host.deactivate();
        }
        if (i == loads / 4) first = resident_kib(), given = given_out_kib();
    }
    const long grown = resident_kib() - first, kept = given_out_kib() - given;
    check("loads and unloads leak nothing", grown < 2048 ? "" : std::to_string(grown) + " KiB in the last three quarters");
    check("nor does the heap keep anything", kept < 256 ? "" : std::to_string(kept) + " KiB in the last three quarters");
}

int run_checks(const std::string &path, const std::string &id, int loads) {
    {
        Library library(path);
        Host host(library, id);
        auto ids = names(host);
        is_drums = ids.count("Humanise");
        check_parameters(host);
        check_flush(host, ids);
        check_blocks(host, ids);
        check_transport(host, ids);
        check_state(library, id, host, ids);
        check_recording(host, ids);
        if (host.audio) check_sound(host);
        const auto *latency = host.extension<clap_plugin_latency_t>(CLAP_EXT_LATENCY);
        check("a latency of 0 is reported", unless(latency && latency->get(host.plugin) == 0, "it is not"));
        check("unknown extensions are none", unless(!host.plugin->get_extension(host.plugin, "no.such"), "one is there"));
        Host second(library, id), midi(library, id, true);
        for (Host *each : {&host, &second, &midi}) each->activate();
        if (is_drums) second.parameter(ids["Velocity"], 0.0);
        else second.parameter(ids["Octave"], 1.0);
        Song a, b;
        host.notes.clear();
        host.frame = 0;
        for (int i = 0; i < 200; i++) {
            host.block(a, 512);
            second.block(b, 512);
        }
        std::string problem = unless(is_drums ? host.notes.size() > 8 && second.notes.empty() : host.notes.size() == second.notes.size(), "other notes");
        for (std::size_t i = 0; !is_drums && problem.empty() && i < host.notes.size(); i++)
            if (host.notes[i].key + 12 != second.notes[i].key) problem = "they move each other";
        check("two instances do not know of one another", problem);
        check("a host of MIDI alone gets MIDI", unless(play(midi, 8, {512}) == play(host, 8, {512}), "other notes"));
        for (Host *each : {&host, &second, &midi}) each->deactivate();
    }
    check_loads(path, id, loads);
    return failures ? 1 : 0;
}

} // namespace

int main(int count, char **words) {
#if defined(_WIN32)
    _setmode(_fileno(stdout), _O_BINARY); // what is bounced, and no carriage returns in the lines
#endif
    try {
        if (count < 3) throw std::runtime_error("usage: clap_host BINARY list | play ID BEATS [NAME=VALUE ...] | check ID");
        const std::string path = words[1], what = words[2];
        if (what == "check") return run_checks(path, words[3], count > 4 ? std::atoi(words[4]) : 200);
        if (what == "loads" && count > 4) {
            check_loads(path, words[3], std::atoi(words[4]));
            return failures ? 1 : 0;
        }
        Library library(path);
        if (what == "list") {
            for (uint32_t i = 0; i < library.factory->get_plugin_count(library.factory); i++) {
                const auto *d = library.factory->get_plugin_descriptor(library.factory, i);
                std::printf("%s\t%s\t%s\n", d->id, d->name, d->features[0]);
            }
            return 0;
        }
        Host host(library, words[3]);
        host.go_offline();
        auto ids = names(host);
        if (what == "parameters") {
            for (const auto &[name, id] : ids) std::printf("%u %s\n", id, name.c_str());
            return 0;
        }
        double tempo = 120, rate = 48000, block = 512;
        for (int i = 5; i < count; i++) {
            const std::string word = words[i], name = word.substr(0, word.find('='));
            const double value = std::atof(word.c_str() + word.find('=') + 1);
            if (name == "tempo") tempo = value;
            else if (name == "rate") rate = value;
            else if (name == "block") block = value;
            else if (name == "state") restore(host, word.substr(6));
            else if (ids.count(name)) host.parameter(ids[name], value);
            else throw std::runtime_error("no parameter " + name);
        }
        host.flush();
        host.activate(rate);
        if (what == "save") {
            std::fputs(host.save().c_str(), stdout);
            host.deactivate();
            return 0;
        }
        if (what == "bounce") {
            Song song;
            song.tempo = tempo;
            const long end = std::lround(std::atof(words[4]) * 60.0 / tempo * rate);
            while (host.frame < end) {
                const auto frames = static_cast<uint32_t>(std::min<long>(static_cast<long>(block), end - host.frame));
                host.block(song, frames);
                std::fwrite(host.sound.data(), sizeof(float), frames, stdout);
            }
            host.deactivate();
            return 0;
        }
        for (const Note &n : play(host, std::atof(words[4]), {static_cast<uint32_t>(block)}, tempo))
            std::printf("%ld %d %d %d\n", n.frame, n.is_on, n.key, n.velocity);
        host.deactivate();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "clap_host: %s\n", error.what());
        return 2;
    }
}
