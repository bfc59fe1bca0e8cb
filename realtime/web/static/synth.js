// The built-in synthesizer: voices of a few oscillators, a filter that closes, a little room around them.

const VOICES = {
  // partials: [waveform, ratio, gain, decay in s (0 holds)]
  mallet: { partials: [["sine", 1, 0.9, 0.9], ["sine", 3.99, 0.22, 0.18], ["triangle", 1, 0.18, 0.5]], attack: 0.003, release: 0.22, cutoff: 5200 },
  keys: { partials: [["triangle", 1, 0.7, 1.6], ["sine", 2, 0.28, 0.8], ["sine", 0.5, 0.16, 0]], attack: 0.006, release: 0.14, cutoff: 3600 },
  reed: { partials: [["sawtooth", 1, 0.24, 0], ["square", 1, 0.1, 0], ["sine", 1, 0.35, 0]], attack: 0.03, release: 0.09, cutoff: 2200 },
  air: { partials: [["triangle", 1, 0.5, 0], ["triangle", 1.004, 0.4, 0], ["sine", 2, 0.12, 0]], attack: 0.08, release: 0.35, cutoff: 2600 },
};
export const VOICE_NAMES = { mallet: "Soft mallet", keys: "Warm keys", reed: "Reed", air: "Air" };

export class Synth {
  constructor() {
    this.voice = "mallet";
    this.level = 0.8;
    this.context = null;
    this._gap = null; // context seconds less performance seconds, as heard
  }

  get ready() {
    return this.context?.state === "running";
  }

  /** Begin to sound; to be called from a click or a key, or the browser stays silent. */
  async open() {
    if (!this.context) {
      const context = (this.context = new AudioContext({ latencyHint: "interactive" }));
      this._master = new GainNode(context, { gain: this.level });
      const limit = new DynamicsCompressorNode(context, { threshold: -14, ratio: 5, attack: 0.003, release: 0.12 });
      const room = new ConvolverNode(context, { buffer: impulse(context, 1.5) });
      const send = new GainNode(context, { gain: 0.16 });
      this._master.connect(limit).connect(context.destination);
      this._master.connect(send).connect(room).connect(limit);
    }
    if (this.context.state !== "running") await this.context.resume();
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

  /** Start a note at an audio time; what comes back ends it: end(time). */
  start(pitch, at, velocity = 80) {
    const { context } = this;
    const { partials, attack, release, cutoff } = VOICES[this.voice] ?? VOICES.mallet;
    const time = Math.max(at, context.currentTime);
    const frequency = 440 * 2 ** ((pitch - 69) / 12);
    const loud = 0.5 * (velocity / 127) ** 1.4;
    const out = new GainNode(context, { gain: 0 });
    out.gain.setValueAtTime(0, time);
    out.gain.linearRampToValueAtTime(loud, time + attack);
    const filter = new BiquadFilterNode(context, { type: "lowpass", frequency: cutoff, Q: 0.4 });
    filter.frequency.setValueAtTime(Math.min(cutoff * 2, 14000), time);
    filter.frequency.setTargetAtTime(Math.max(cutoff / 2, frequency * 2), time, 0.25);
    const pan = new StereoPannerNode(context, { pan: Math.max(-0.5, Math.min(0.5, (pitch - 66) / 48)) });
    const sources = partials.map(([type, ratio, gain, decay]) => {
      const source = new OscillatorNode(context, { type, frequency: frequency * ratio });
      const level = new GainNode(context, { gain });
      if (decay) level.gain.setTargetAtTime(0, time + attack, decay);
      source.connect(level).connect(filter);
      source.start(time);
      return source;
    });
    filter.connect(out).connect(pan).connect(this._master);
    return (end) => {
      const stop = Math.max(end, time + attack, context.currentTime);
      out.gain.setTargetAtTime(0, stop, release / 3);
      for (const source of sources) source.stop(stop + release * 2.5);
      sources[0].onended = () => pan.disconnect();
    };
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
