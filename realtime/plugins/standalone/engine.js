// The plugins' engine in WebAssembly: melodies as arrays of tokens in, arrays of tokens out.

const PLACES = 9; // of a way, and on a side of the plane of rhythm and pitch
const SIDE = 13; // places on a side of a chart, as of the live engine's

class Engine extends WasmModule {
  static async create(binary, weights) {
    const engine = await this.load(binary), c = engine.c;
    const data = c.malloc(weights.length), problem = c.malloc(256);
    engine.bytes(data, weights.length).set(weights);
    engine.model = c.lm_model_parse(data, BigInt(weights.length), 0, problem, 256);
    if (!engine.model) throw new Error(engine.text(problem));
    c.free(data);
    engine.network = c.lm_network_new(engine.model);
    engine.size = c.lm_model_latent_size(engine.model);
    engine.name = engine.text(c.lm_model_name(engine.model));
    engine.attributes = Array.from({ length: c.lm_model_attributes(engine.model) },
      (_, i) => engine.text(c.lm_model_attribute(engine.model, i)));
    engine.a = c.malloc(1 << 16);
    engine.b = c.malloc(1 << 18);
    return engine;
  }

  // The melodies that came with the model.
  melodies() {
    const out = [];
    for (let i = 0; i < this.c.lm_model_melodies(this.model); i++) {
      const steps = this.c.lm_model_melody(this.model, i, this.b, 4096, this.a, this.a + 4);
      out.push({ tokens: [...this.ints(this.b, steps)], metre: [...this.ints(this.a, 2)] });
    }
    return out;
  }

  // A melody as a partner of another one -> its tokens there, and its latents, one array for all windows.
  encode(melody, metre, steps) {
    this.ints(this.a, melody.tokens.length).set(melody.tokens);
    const windows = this.c.lm_windows(this.a, melody.tokens.length, ...melody.metre, ...metre, steps, this.b, 64);
    if (windows < 1) throw new Error("expected bars that fit a window");
    const out = this.c.malloc(4 * windows * this.size);
    this.c.lm_invert(this.network, this.b, windows, out);
    const latents = this.floats(out, windows * this.size).slice();
    this.c.free(out);
    this.c.lm_melody(this.b, windows, ...metre, this.a, steps);
    return { latents, tokens: [...this.ints(this.a, steps)] };
  }

  // Latents of one melody -> tokens, likeliest or, at a temperature, drawn.
  decode(latents, metre, steps, temperature = 0, seed = 0) {
    const windows = latents.length / this.size, z = this.c.malloc(4 * latents.length);
    this.floats(z, latents.length).set(latents);
    this.c.lm_decode(this.network, z, windows, this.a, temperature, seed);
    this.c.free(z);
    this.c.lm_melody(this.a, windows, ...metre, this.b, steps);
    return [...this.ints(this.b, steps)];
  }

  // Shares of so many melodies at a place on the pad.
  shares(x, y, count) {
    this.c.lm_pad(x, y, count, this.a);
    return [...this.doubles(this.a, count)];
  }

  // The even way between the latents of two melodies: takes a tenth of a second a window, so not for the page's own thread.
  travel(from, to) {
    const size = from.length, ends = this.c.malloc(8 * size), out = this.c.malloc(4 * PLACES * size);
    this.floats(ends, size).set(from);
    this.floats(ends + 4 * size, size).set(to);
    this.c.lm_travel(this.network, ends, ends + 4 * size, size / this.size, out);
    const way = this.floats(out, PLACES * size).slice();
    this.c.free(ends);
    this.c.free(out);
    return way;
  }

  // The chart of the pad among the latents of melodies, on which they change evenly; takes a second, as `travel`.
  chart(all) {
    const size = all[0].length, from = this.copied(all), places = SIDE * SIDE, out = this.c.malloc(4 * places * size);
    const at = (i) => (i === SIDE - 1 ? 1 : i * (1 / (SIDE - 1))), shares = [];
    for (let p = 0; p < places; p++) shares.push(...this.shares(at(p % SIDE), at(Math.floor(p / SIDE)), all.length));
    this.floats(this.b, shares.length).set(shares);
    this.c.lm_chart(this.network, from, all.length, size / this.size, this.b, places, out);
    const grid = this.floats(out, places * size).slice();
    this.c.free(from);
    this.c.free(out);
    return grid;
  }

  // The plane whose sides are rhythm and pitch, between two partners' tokens; null where one has no note.
  plane(a, b, metre, windows) {
    const steps = a.length, length = PLACES * PLACES * windows * this.size, out = this.c.malloc(4 * length);
    this.ints(this.a, 2 * steps).set([...a, ...b]);
    const found = this.c.lm_plane(this.network, this.a, this.a + 4 * steps, steps, ...metre, out);
    const grid = found ? this.floats(out, length).slice() : null;
    this.c.free(out);
    return grid;
  }

  // Arrays of one length, one after another in the engine's memory.
  copied(all) {
    const size = all[0].length, at = this.c.malloc(4 * size * all.length);
    all.forEach((each, i) => this.floats(at + 4 * size * i, size).set(each));
    return at;
  }

  // The mix of latents by shares, moved along the attributes by amounts; at the place x, y of a chart where there is one, or,
  // of two melodies, on the way between them.
  mix(all, shares, amounts, { x, y, way, chart } = {}) {
    const size = all[0].length, known = chart ?? way, from = this.copied(all), out = this.c.malloc(4 * size);
    const found = known ? this.copied([known]) : 0, side = Math.round(Math.sqrt((chart?.length ?? 0) / size));
    this.doubles(this.a, shares.length).set(shares);
    if (chart) this.c.lm_on_grid(found, side, side, size, x, y, out);
    else this.c.lm_mix(from, all.length, size, this.a, 0, out);
    if (way && !chart) this.c.lm_aside(found, size, shares[0], shares[1], out);
    if (found) this.c.free(found);
    const mixed = this.floats(out, size).slice();
    this.floats(this.a, this.attributes.length).set(amounts);
    this.c.lm_shift(this.model, this.a, this.b);
    const shift = this.floats(this.b, this.size);
    for (let i = 0; i < size; i++) mixed[i] += shift[i % this.size];
    this.c.free(from);
    this.c.free(out);
    return mixed;
  }

  // Fewer notes, a key (0 none, 1.. as of `lm_key`, -1 that of a melody), an octave.
  shape(tokens, metre, share, key, octave, first) {
    const steps = tokens.length;
    if (key < 0) {
      this.ints(this.a, first.length).set(first);
      key = this.c.lm_key_of(this.a, first.length);
    }
    this.ints(this.a, steps).set(tokens);
    this.c.lm_thin(this.a, steps, ...metre, share);
    this.c.lm_key(this.a, steps, key);
    this.c.lm_octave(this.a, steps, octave);
    return [...this.ints(this.a, steps)];
  }
}
