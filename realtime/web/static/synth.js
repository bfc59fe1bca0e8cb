// The built-in synthesizer: the same sums of partials as the server's (midi_vae/audio/synthesizer.py), in a little room.

const GAIN = 0.5; // of a note at full velocity
const BREATH = 100; // ms between two mixes of recordings that are asked for, at least
const FADE = 0.04; // s in which a note of a recording falls to a third once it has ended

export class Synth {
  constructor() {
    this.sounds = new Map(); // General MIDI program -> {partials, decays, attack, release}, as the server has it
    this.sung = null; // of the sounds that are recordings: {notes, seconds, loop}, as the server makes them
    this._banks = new Map(); // program -> AudioBuffer, null while it is on its way
    this.program = 12;
    this.level = 0.8;
    this.context = null;
    this.onstate = () => {};
    this._waves = new Map();
    this._gap = null; // context seconds less performance seconds, as heard
  }

  get ready() {
    return this.context?.state === "running";
  }

  /** Begin to sound; to be called from a click or a key, or the browser stays silent. */
  async open() {
    if (!this.context) {
      const context = (this.context = new AudioContext({ latencyHint: "interactive" }));
      context.onstatechange = () => this.onstate();
      this._master = new GainNode(context, { gain: this.level });
      const limit = new DynamicsCompressorNode(context, { threshold: -14, ratio: 5, attack: 0.003, release: 0.12 });
      const room = new ConvolverNode(context, { buffer: impulse(context, 1.5) });
      const send = new GainNode(context, { gain: 0.16 });
      this._master.connect(limit).connect(context.destination);
      this._master.connect(send).connect(room).connect(limit);
    }
    if (this.context.state !== "running") await this.context.resume();
  }

  /** Fetch the notes of the sound that is chosen, if it is one of recordings; until they are there partials sound. */
  async prepare() {
    const { program } = this;
    if (!this.sounds.get(program)?.sung || program === this.sung.own || this._banks.has(program)) return;
    this._banks.set(program, null);
    if (!(await this._fetch(program))) this._banks.delete(program); // the next choice tries again
  }

  /** The notes of the recordings are to be those of another mix, or none (""): fetched again and again while it moves. */
  async follow(mix) {
    this._mix = mix;
    if (!this.sung || this._following) return;
    this._following = true;
    const { own } = this.sung;
    while (this._made !== this._mix) {
      const wanted = this._mix;
      if (!wanted) this._banks.delete(own);
      else if (!(await this._fetch(own))) break; // the next mix tries again
      this._made = wanted;
      await new Promise((go) => setTimeout(go, BREATH)); // the server has other things to do
    }
    this._following = false;
  }

  async _fetch(program) {
    try {
      const answer = await fetch(`./sung/${program}.flac`);
      if (!answer.ok) throw new Error(answer.status);
      this._banks.set(program, await new OfflineAudioContext(1, 1, 48000).decodeAudioData(await answer.arrayBuffer()));
      document.dispatchEvent(new CustomEvent("latentmix:sung", { detail: { program, seconds: this._banks.get(program).duration } }));
      return true;
    } catch {
      return false;
    }
  }

  setLevel(level) {
    this.level = level;
    if (this.context) this._master.gain.setTargetAtTime(level, this.context.currentTime, 0.02);
  }

  /** Audio time of a time of performance.now(), both in seconds: when it is to be scheduled to be heard then. */
  audioTime(seconds) {
    const context = this.context;
    const stamp = context.getOutputTimestamp?.();
    const heard = stamp?.performanceTime > 0 ? stamp.contextTime - stamp.performanceTime / 1000 : null;
    const gap = heard ?? context.currentTime - performance.now() / 1000;
    const off = this._gap === null ? Infinity : Math.abs(gap - this._gap);
    this._gap = off > 0.03 ? gap : this._gap + 0.02 * (gap - this._gap); // the raw figure comes in blocks of 128
    return seconds + this._gap;
  }

  /** Let something else be heard as the notes are. */
  connect(node) {
    node.connect(this._master);
  }

  /** Start a note at an audio time; what comes back ends it: end(time). */
  start(pitch, at, velocity = 80) {
    const { context } = this;
    const bank = this._banks.get(this.program);
    if (bank) return this._sing(bank, pitch, at, velocity);
    const { partials, decays, attack, release } = this.sounds.get(this.program) ?? this.sounds.values().next().value;
    const time = Math.max(at, context.currentTime);
    const frequency = 440 * 2 ** ((pitch - 69) / 12);
    const out = new GainNode(context, { gain: 0 });
    out.gain.setValueAtTime(0, time);
    out.gain.linearRampToValueAtTime(GAIN * (velocity / 127) ** 1.5, time + attack);
    const pan = new StereoPannerNode(context, { pan: Math.max(-0.5, Math.min(0.5, (pitch - 64) / 64)) });
    const sources = this._wavesOf(partials, decays).map(({ wave, decay }) => {
      const source = new OscillatorNode(context, { type: "custom", periodicWave: wave, frequency });
      const level = new GainNode(context, { gain: 1 });
      if (decay) level.gain.setTargetAtTime(0, time, 1 / decay);
      source.connect(level).connect(out);
      source.start(time);
      return source;
    });
    out.connect(pan).connect(this._master);
    return (end) => {
      const stop = Math.max(end, time + attack, context.currentTime);
      out.gain.setTargetAtTime(0, stop, release);
      for (const source of sources) source.stop(stop + 7 * release);
      sources[0].onended = () => pan.disconnect();
    };
  }

  /** As `start`, by the nearest note of those that were made, which goes round while it is held. */
  _sing(buffer, pitch, at, velocity) {
    const { context, sung: { notes, seconds, loop } } = this, time = Math.max(at, context.currentTime);
    const index = notes.reduce((best, note, i) => (Math.abs(note - pitch) < Math.abs(notes[best] - pitch) ? i : best), 0);
    const [loopStart, loopEnd] = loop.map((place) => index * seconds + place);
    const source = new AudioBufferSourceNode(context, { buffer, playbackRate: 2 ** ((pitch - notes[index]) / 12), loop: true, loopStart, loopEnd });
    const out = new GainNode(context, { gain: GAIN * (velocity / 127) ** 1.5 });
    const pan = new StereoPannerNode(context, { pan: Math.max(-0.5, Math.min(0.5, (pitch - 64) / 64)) });
    source.connect(out).connect(pan).connect(this._master);
    source.onended = () => pan.disconnect();
    source.start(time, index * seconds);
    return (end) => {
      const stop = Math.max(end, time + 0.01, context.currentTime);
      out.gain.setTargetAtTime(0, stop, FADE);
      source.stop(stop + 8 * FADE);
    };
  }

  /** Partials that die away at one rate are one wave: [{wave, decay in 1/s}]; their amplitudes add up to 1. */
  _wavesOf(partials, decays) {
    const known = this._waves.get(partials);
    if (known) return known;
    const sum = partials.reduce((a, b) => a + b, 0);
    const made = [...new Set(decays)].map((decay) => {
      const imag = [0, ...partials.map((amplitude, index) => (decays[index] === decay ? amplitude / sum : 0))];
      return imag.some(Boolean) && { decay, wave: new PeriodicWave(this.context, { imag, disableNormalization: true }) };
    }).filter(Boolean);
    this._waves.set(partials, made);
    return made;
  }
}

/** A room that is not there: noise that dies away. */
function impulse(context, seconds) {
  const buffer = new AudioBuffer({ numberOfChannels: 2, length: context.sampleRate * seconds, sampleRate: context.sampleRate });
  for (let channel = 0; channel < 2; channel++) {
    const data = buffer.getChannelData(channel);
    let low = 0;
    for (let i = 0; i < data.length; i++) {
      low += 0.35 * ((Math.random() * 2 - 1) * (1 - i / data.length) ** 3.2 - low);
      data[i] = low;
    }
  }
  return buffer;
}
