// [latentmix FILE]: melodies in a latent space, in Pure Data; the C interface of the engine behind messages.
//
//   set SLOT TOKENS...   the melody of a slot, 0 to 7: one window of 32 tokens (0 hold, 1 note off, 2 + p onset of pitch p)
//   mix SHARE...         one share for each melody that is set, in order: their mix comes out
//   apart SHARE...       so many shares again behind these: the rhythm is mixed by the former, the pitches by the latter
//   FLOAT                a position 0..1 along the melodies that are set
//   travel               finds the even ways between the melodies that are set, which mixes go from then on; before, and
//                        after a melody is set anew, they go straight. About 40 ms for each two melodies: for a pause
//   attribute NAME AMOUNT, variation AMOUNT [SEED], key N, octave N, density SHARE   for what comes out from then on
//   names                the attributes of the model, out of the right outlet
//
// Out of the left outlet comes a list of 32 tokens. A mix is about a millisecond of computing, in Pd's own thread.
#include <m_pd.h>

#include <cstring>
#include <string>
#include <vector>

#include "../engine/latentmix.h"

namespace {

constexpr int MAX_SLOTS = 8, BAR_TOP = 4, BAR_BOTTOM = 4;
t_class *latentmix_class;

struct Melodies {
    lm_model *model = nullptr;
    lm_network *network = nullptr;
    std::vector<float> latents[MAX_SLOTS], amounts;
    std::vector<float> ways[MAX_SLOTS][MAX_SLOTS]; // from the lower to the higher slot; empty: straight
    float variation = 0.0f, density = 1.0f;
    unsigned seed = 0;
    int key = 0, octave = 0;
};

struct t_latentmix {
    t_object object;
    t_outlet *tokens, *names;
    Melodies *melodies;
};

bool is_ready(t_latentmix *x) {
    if (!x->melodies->model) pd_error(x, "latentmix: no weights; name a file that midi-vae export plugin wrote");
    return x->melodies->model;
}

std::vector<float> set_latents(const Melodies &m, int &count) {
    std::vector<float> all;
    count = 0;
    for (const auto &each : m.latents)
        if (!each.empty()) {
            all.insert(all.end(), each.begin(), each.end());
            count++;
        }
    return all;
}

// A straight mix goes over to the even ways, where there are some.
void go_the_ways(const Melodies &m, const std::vector<double> &shares, std::vector<float> &z) {
    std::vector<int> slots;
    for (int slot = 0; slot < MAX_SLOTS; slot++)
        if (!m.latents[slot].empty()) slots.push_back(slot);
    double sum = 0.0;
    for (double share : shares) sum += share;
    for (std::size_t i = 0; i < slots.size(); i++)
        for (std::size_t j = i + 1; j < slots.size(); j++)
            if (const auto &way = m.ways[slots[i]][slots[j]]; !way.empty())
                lm_aside(way.data(), static_cast<int>(z.size()), shares[i] / sum, shares[j] / sum, z.data());
}

// The mix of the melodies that are set; empty where the shares are none of them.
std::vector<float> mixed(t_latentmix *x, const std::vector<double> &shares) {
    const Melodies &m = *x->melodies;
    int count;
    const std::vector<float> all = set_latents(m, count);
    std::vector<float> z(lm_model_latent_size(m.model));
    if (!count || static_cast<int>(shares.size()) != count ||
        !lm_mix(all.data(), count, static_cast<int>(z.size()), shares.data(), 0, z.data())) {
        pd_error(x, "latentmix: expected a share of at least 0 for each of %d melodies, one above 0", count);
        return {};
    }
    go_the_ways(m, shares, z);
    return z;
}

void send(t_latentmix *x, std::vector<float> z) {
    if (z.empty()) return;
    Melodies &m = *x->melodies;
    int tokens[LM_STEPS], size = static_cast<int>(z.size());
    std::vector<float> shift(size);
    lm_shift(m.model, m.amounts.data(), shift.data());
    for (int i = 0; i < size; i++) z[i] += shift[i];
    lm_decode(m.network, z.data(), 1, tokens, m.variation, m.seed);
    lm_thin(tokens, LM_STEPS, BAR_TOP, BAR_BOTTOM, m.density);
    lm_key(tokens, LM_STEPS, m.key);
    lm_octave(tokens, LM_STEPS, m.octave);
    t_atom out[LM_STEPS];
    for (int i = 0; i < LM_STEPS; i++) SETFLOAT(out + i, static_cast<t_float>(tokens[i]));
    outlet_list(x->tokens, &s_list, LM_STEPS, out);
}

void on_float(t_latentmix *x, t_floatarg position) {
    if (!is_ready(x)) return;
    int count;
    set_latents(*x->melodies, count);
    if (!count) {
        pd_error(x, "latentmix: no melody is set");
        return;
    }
    std::vector<double> shares(count);
    lm_path(position, count, shares.data());
    send(x, mixed(x, shares));
}

void on_mix(t_latentmix *x, t_symbol *, int count, t_atom *atoms) {
    if (!is_ready(x)) return;
    std::vector<double> shares;
    for (int i = 0; i < count; i++) shares.push_back(atom_getfloat(atoms + i));
    send(x, mixed(x, shares));
}

void on_apart(t_latentmix *x, t_symbol *, int count, t_atom *atoms) {
    if (!is_ready(x)) return;
    std::vector<double> parts[2];
    for (int i = 0; i < count; i++) parts[i >= count / 2].push_back(atom_getfloat(atoms + i));
    std::vector<float> rhythm = mixed(x, parts[0]);
    const std::vector<float> pitch = rhythm.empty() ? rhythm : mixed(x, parts[1]);
    if (pitch.empty()) return;
    if (lm_join(x->melodies->network, rhythm.data(), pitch.data(), 1, rhythm.data())) return send(x, rhythm);
    pd_error(x, "latentmix: expected melodies with notes, found a rhythm or a pitch line without one");
}

void on_set(t_latentmix *x, t_symbol *, int count, t_atom *atoms) {
    if (!is_ready(x)) return;
    int tokens[LM_STEPS];
    const int slot = count ? static_cast<int>(atom_getfloat(atoms)) : -1;
    bool is_good = count == LM_STEPS + 1 && slot >= 0 && slot < MAX_SLOTS;
    for (int i = 0; is_good && i < LM_STEPS; i++) {
        tokens[i] = static_cast<int>(atom_getfloat(atoms + i + 1));
        is_good = tokens[i] >= 0 && tokens[i] < 130;
    }
    if (!is_good) {
        pd_error(x, "latentmix: expected set SLOT (0 to 7) and 32 tokens (0 to 129)");
        return;
    }
    auto &latents = x->melodies->latents[slot];
    latents.resize(lm_model_latent_size(x->melodies->model));
    lm_invert(x->melodies->network, tokens, 1, latents.data());
    for (int other = 0; other < MAX_SLOTS; other++) x->melodies->ways[slot][other] = x->melodies->ways[other][slot] = {};
}

void on_travel(t_latentmix *x) {
    if (!is_ready(x)) return;
    Melodies &m = *x->melodies;
    for (int i = 0; i < MAX_SLOTS; i++)
        for (int j = i + 1; j < MAX_SLOTS; j++) {
            if (m.latents[i].empty() || m.latents[j].empty() || !m.ways[i][j].empty()) continue;
            m.ways[i][j].resize(LM_PLACES * m.latents[i].size());
            lm_travel(m.network, m.latents[i].data(), m.latents[j].data(), 1, m.ways[i][j].data());
        }
}

void on_attribute(t_latentmix *x, t_symbol *name, t_floatarg amount) {
    if (!is_ready(x)) return;
    Melodies &m = *x->melodies;
    for (int i = 0; i < lm_model_attributes(m.model); i++)
        if (!std::strcmp(lm_model_attribute(m.model, i), name->s_name)) {
            m.amounts[i] = amount;
            return;
        }
    pd_error(x, "latentmix: no attribute %s; the message names tells which there are", name->s_name);
}

void on_variation(t_latentmix *x, t_floatarg amount, t_floatarg seed) {
    x->melodies->variation = amount > 0 ? amount : 0;
    x->melodies->seed = seed > 0 ? static_cast<unsigned>(seed) : 0;
}
void on_key(t_latentmix *x, t_floatarg key) { x->melodies->key = static_cast<int>(key); }
void on_octave(t_latentmix *x, t_floatarg octave) { x->melodies->octave = static_cast<int>(octave); }
void on_density(t_latentmix *x, t_floatarg density) { x->melodies->density = density; }

void on_names(t_latentmix *x) {
    if (!is_ready(x)) return;
    std::vector<t_atom> out(lm_model_attributes(x->melodies->model));
    for (std::size_t i = 0; i < out.size(); i++)
        SETSYMBOL(&out[i], gensym(lm_model_attribute(x->melodies->model, static_cast<int>(i))));
    outlet_list(x->names, &s_list, static_cast<int>(out.size()), out.data());
}

void *make(t_symbol *file) {
    auto *x = reinterpret_cast<t_latentmix *>(pd_new(latentmix_class));
    x->tokens = outlet_new(&x->object, &s_list);
    x->names = outlet_new(&x->object, &s_list);
    x->melodies = new Melodies;
    char problem[256] = "", folder[MAXPDSTRING], *name = nullptr;
    // beside the patch or on Pd's search path
    const int found = open_via_path(canvas_getcurrentdir()->s_name, file->s_name, "", folder, &name, sizeof folder, 1);
    std::string path = file->s_name;
    if (found >= 0) {
        sys_close(found);
        path = std::string(folder) + "/" + name;
    }
    x->melodies->model = lm_model_read(path.c_str(), nullptr, problem, sizeof problem);
    if (!x->melodies->model) {
        pd_error(x, "latentmix: %s", problem);
        return x;
    }
    x->melodies->network = lm_network_new(x->melodies->model);
    x->melodies->amounts.resize(lm_model_attributes(x->melodies->model));
    return x;
}

void drop(t_latentmix *x) {
    if (x->melodies->network) lm_network_free(x->melodies->network);
    if (x->melodies->model) lm_model_free(x->melodies->model);
    delete x->melodies;
}

template <typename F> t_method method(F f) { return reinterpret_cast<t_method>(f); }

} // namespace

extern "C" __attribute__((visibility("default"))) void latentmix_setup() {
    latentmix_class = class_new(gensym("latentmix"), reinterpret_cast<t_newmethod>(make), method(drop),
                                sizeof(t_latentmix), CLASS_DEFAULT, A_SYMBOL, A_NULL);
    class_addfloat(latentmix_class, method(on_float));
    class_addmethod(latentmix_class, method(on_mix), gensym("mix"), A_GIMME, A_NULL);
    class_addmethod(latentmix_class, method(on_apart), gensym("apart"), A_GIMME, A_NULL);
    class_addmethod(latentmix_class, method(on_set), gensym("set"), A_GIMME, A_NULL);
    class_addmethod(latentmix_class, method(on_travel), gensym("travel"), A_NULL);
    class_addmethod(latentmix_class, method(on_attribute), gensym("attribute"), A_SYMBOL, A_FLOAT, A_NULL);
    class_addmethod(latentmix_class, method(on_variation), gensym("variation"), A_FLOAT, A_DEFFLOAT, A_NULL);
    class_addmethod(latentmix_class, method(on_key), gensym("key"), A_FLOAT, A_NULL);
    class_addmethod(latentmix_class, method(on_octave), gensym("octave"), A_FLOAT, A_NULL);
    class_addmethod(latentmix_class, method(on_density), gensym("density"), A_FLOAT, A_NULL);
    class_addmethod(latentmix_class, method(on_names), gensym("names"), A_NULL);
}
