// A click on every beat, in time with what is heard, and a bar of clicks before a recording begins.

const SECONDS = 0.04; // of a click
const FIRST = 0.06; // s from now to the first click of a count-in

export class Metronome {
  constructor(live, synth, scheduler) {
    Object.assign(this, { _live: live, _synth: synth, on: false });
    scheduler.onstep = (step, at) => this._step(step, at);
  }

  /** Count a bar in; a promise of whether nobody has stopped it. `tell` is called with the beats that are left. */
  async countIn(tell) {
    const { steps_per_bar: bar = 16, steps_per_beat: beat = 4 } = this._live.melody ?? {};
    const seconds = (beat * 15) / (this._live.values.tempo ?? 120), beats = Math.round(bar / beat);
    const began = performance.now() / 1000 + FIRST;
    const run = (this._counting = {});
    for (let at = 0; at < beats; at++) if (this._synth.ready) this._click(this._synth.audioTime(began + at * seconds), at === 0);
    for (let at = 0; at < beats; at++) {
      tell(beats - at);
      await new Promise((go) => setTimeout(go, 1000 * (began + (at + 1) * seconds) - performance.now()));
      if (this._counting !== run) return false;
    }
    this._counting = null;
    return true;
  }

  get isCounting() {
    return Boolean(this._counting);
  }

  stopCounting() {
    this._counting = null;
  }

  _step(step, at) {
    const { steps_per_bar: bar, steps_per_beat: beat } = this._live.melody ?? {};
    if (!this.on || !this._synth.ready || step % beat) return;
    this._click(this._synth.audioTime(at), step % bar === 0);
  }

  _click(at, isFirst) {
    const { context } = this._synth, time = Math.max(at, context.currentTime);
    const source = new OscillatorNode(context, { frequency: isFirst ? 1760 : 1175 });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0.22 * this._synth.level, time);
    gain.gain.setTargetAtTime(0, time, SECONDS / 4);
    source.connect(gain).connect(context.destination);
    source.start(time);
    source.stop(time + 2 * SECONDS);
    document.dispatchEvent(new CustomEvent("latentmix:click", { detail: { audioTime: time, isFirst } }));
  }
}
