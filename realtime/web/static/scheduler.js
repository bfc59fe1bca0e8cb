// What is heard when: looks a little ahead of the clock and hands notes to the synthesizer and to MIDI ports in time.
// Every note is told as an event "latentmix:note" on the document (see docs/web.md).

import { Sequencer } from "./notes.js";

const AHEAD = 0.1; // s
const STILL_GOOD = 0.2; // s after its time that a step is still begun, when playing starts

export class Scheduler {
  constructor(live, synth) {
    this._live = live;
    this._synth = synth;
    this._sequencer = new Sequencer();
    this._next = null;
    this._end = null; // ends the note that sounds
    this._latest = 0; // time of the last note handed on, which may lie ahead
    this.drums = null; // told each step, and when to be silent (drums.js)
    this.outs = []; // of MIDI: {send(bytes, ms)}
    this.onstep = () => {}; // told each step with its time, as it is handed on
    this.muted = false;
    this._hushed = false; // while something else is to be heard in this page
    live.addEventListener("melody", () => this._sequencer.offer(live.melody));
    live.addEventListener("state", () => this._follow());
    this._ticker = new Worker("./ticker.js");
    this._ticker.onmessage = () => this.tick();
  }

  tick() {
    const { _live: live, _synth: synth } = this;
    const now = performance.now() / 1000;
    const step = live.stepAt(now);
    if (step === null) return;
    const latency = synth.ready ? Math.min(0.2, synth.context.outputLatency || 0.02) : 0;
    const whole = Math.floor(step);
    const ahead = AHEAD + latency;
    if (this._next === null || this._next < whole - 1 || live.timeOfStep(this._next) > now + ahead + 1)
      this._next = now - live.timeOfStep(whole) < STILL_GOOD ? whole : whole + 1;
    const length = live.melody?.tokens.length ?? 16;
    for (let at = live.timeOfStep(this._next); at < now + ahead; at = live.timeOfStep(this._next)) {
      if (!live.state.loop && this._next >= length) return this._sequencer.sounding !== null && this._apply(this._sequencer.silence(), at);
      this.onstep(this._next, at);
      this._apply(this._sequencer.step(this._next, live.values.follow), at);
      this.drums?.play(this._next);
      this._next++;
    }
  }

  _follow() {
    const { running } = this._live.state;
    if (running === this._runs) return;
    this._runs = running;
    this._ticker.postMessage(running);
    if (running) this.tick();
    else this._silence();
  }

  /** Be silent in this page, and go on. */
  hush(on) {
    this._hushed = on;
    if (on) this._end?.(0), this.drums?.silence();
  }

  /** Whether nothing is to be heard in this page. */
  get isQuiet() {
    return this.muted || this._hushed;
  }

  /** End all notes, also those that are not ours. */
  panic() {
    this._silence();
    for (const out of this.outs) for (const controller of [120, 123]) out.send([0xb0, controller, 0], 1000 * this._latest);
  }

  _silence() {
    this._next = null;
    this.drums?.silence();
    // What was handed to a MIDI port cannot be taken back: a note that is still to start must end after that.
    this._apply(this._sequencer.silence(), Math.max(performance.now() / 1000, this._latest));
    this._end?.(0);
    this._end = null;
  }

  _apply(changes, at) {
    if (changes.length) this._latest = at;
    for (const { pitch, on } of changes) {
      const velocity = this._live.values.velocity ?? 80;
      let heardAt = null;
      if (this._synth.ready) {
        heardAt = this._synth.audioTime(at);
        this._end?.(heardAt);
        this._end = on && !this.isQuiet ? this._synth.start(pitch, heardAt, velocity) : null;
      }
      for (const out of this.outs) out.send([on ? 0x90 : 0x80, pitch, on ? velocity : 0], at * 1000);
      const { version, turn } = this._sequencer.pattern ?? {};
      const detail = { pitch, on, velocity, time: at, audioTime: heardAt, step: this._next, version, turn };
      document.dispatchEvent(new CustomEvent("latentmix:note", { detail }));
    }
  }
}
