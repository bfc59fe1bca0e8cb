// A module of WebAssembly and its memory.

class WasmModule {
  constructor(exports) { this.c = exports; }

  static async load(binary) {
    const { instance } = await WebAssembly.instantiate(binary);
    instance.exports._initialize();
    return new this(instance.exports);
  }

  bytes(at, count) { return new Uint8Array(this.c.memory.buffer, at, count); }
  ints(at, count) { return new Int32Array(this.c.memory.buffer, at, count); }
  floats(at, count) { return new Float32Array(this.c.memory.buffer, at, count); }
  doubles(at, count) { return new Float64Array(this.c.memory.buffer, at, count); }
  text(at) {
    const all = new Uint8Array(this.c.memory.buffer, at);
    return new TextDecoder().decode(all.slice(0, all.indexOf(0)));
  }
}
