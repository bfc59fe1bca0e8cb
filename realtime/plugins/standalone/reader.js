// The plugins' reader of MIDI files in WebAssembly, which takes no memory until somebody opens one.

const MOST_BYTES = 16 << 20; // of a MIDI file

class Reader extends WasmModule {
  // Two bars of a MIDI file from where its melody starts, as the plugins take them; throws with one line for people.
  read(whole) {
    const file = whole.subarray(0, MOST_BYTES + 1); // of more the reader says that it is too much
    const at = this.c.malloc(file.length || 1), found = this.c.malloc(4 * 4096 + 16), metre = found + 4 * 4096, problem = this.c.malloc(256);
    this.bytes(at, file.length).set(file);
    const steps = this.c.lm_read_midi(at, BigInt(file.length), found, 4096, metre, metre + 8, problem, 256);
    const said = steps ? "" : this.text(problem);
    const melody = { tokens: [...this.ints(found, steps)], metre: [...this.ints(metre, 2)], tempo: this.doubles(metre + 8, 1)[0] };
    for (const each of [at, found, problem]) this.c.free(each);
    if (!steps) throw new Error(said);
    return melody;
  }
}
