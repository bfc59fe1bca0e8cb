// The sound of this page: which, how loud, and why nothing is heard. Kept in the browser, and part of the session.

import { inFrame, setText } from "./frame.js";
import { notesOf } from "./notes.js";

const $ = (id) => document.getElementById(id);
const KEPT_AT = "latentmix.sound"; // in localStorage
const TELL_AFTER = 400; // ms after the last move of the volume
const both = (id) => [$(id), $(`${id}2`)]; // beside the mute button, and elsewhere on a phone

export class Sound extends EventTarget {
  constructor(live, synth, scheduler, tell) {
    super();
    Object.assign(this, { _live: live, _synth: synth, _scheduler: scheduler, _tell: tell });
    this._restored = null;
    this._put = () => this._explain();
    live.addEventListener("hello", () => this._offer());
    live.addEventListener("state", () => (this._follow(), inFrame(this._put)));
    live.addEventListener("melody", () => inFrame(this._put));
    live.addEventListener("online", () => inFrame(this._put));
    synth.onstate = () => inFrame(this._put);
    // A browser lets sound begin only at a click or a key.
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => synth.ready || this.unlock(), { capture: true });
    for (const select of both("voice")) select.onchange = () => this._choose({ program: Number(select.value) });
    for (const slider of both("level")) slider.oninput = () => this._choose({ level: Number(slider.value) });
    $("mute").onclick = () => this.toggleMute();
    $("silence").onclick = () => this._mend();
  }

  /** {program, level}: what a session holds. */
  get setting() {
    return { program: this._synth.program, level: this._synth.level };
  }

  /** Sound as this program does. */
  choose(program) {
    this._choose({ program });
  }

  async unlock() {
    try {
      await this._synth.open();
    } catch (error) {
      this._tell(`This browser makes no sound here: ${error.message}`, "error");
    }
    inFrame(this._put);
  }

  /** Let a note be heard. */
  async preview(pitch) {
    await this.unlock();
    if (!this._synth.ready || this._scheduler.muted) return;
    const now = this._synth.context.currentTime;
    this._synth.start(pitch, now + 0.01, this._live.values.velocity)(now + 0.25);
  }

  toggleMute() {
    this._scheduler.muted = !this._scheduler.muted;
    $("mute").setAttribute("aria-pressed", this._scheduler.muted);
    $("mute").querySelector("use").setAttribute("href", this._scheduler.muted ? "#i-mute" : "#i-sound");
    inFrame(this._put);
  }

  _offer() {
    const { sounds, sung } = this._live.hello;
    this._synth.sung = sung;
    this._synth.sounds = new Map(sounds.map((each) => [each.program, each]));
    for (const select of both("voice")) select.replaceChildren(...sounds.map(({ name, program }) => new Option(name, program)));
    this._synth.prepare();
    this._show();
  }

  /** What the session says counts when it was opened, and on a page that has nothing of its own. */
  _follow() {
    const { sound, restored } = this._live.state;
    if (restored === undefined || restored === this._restored) return;
    const own = this._restored === null ? kept() : null;
    this._restored = restored;
    if (own ?? sound) this._set(own ?? sound);
  }

  _choose(changes) {
    this._set({ ...this.setting, ...changes });
    try {
      localStorage.setItem(KEPT_AT, JSON.stringify(this.setting));
    } catch { /* a browser that keeps nothing */ }
    clearTimeout(this._telling);
    this._telling = setTimeout(() => this._live.do("sound", { sound: this.setting }).catch(() => {}), TELL_AFTER);
    this.dispatch?.();
  }

  _set({ program, level }) {
    this._synth.program = program;
    this._synth.prepare();
    this._synth.setLevel(level);
    this.dispatchEvent(new Event("choose"));
    this._show();
    inFrame(this._put);
  }

  _show() {
    for (const select of both("voice")) select.value = this._synth.program;
    for (const slider of both("level")) slider.value = this._synth.level;
    this.dispatch?.();
  }

  /** Why is nothing heard? Said where somebody looks who waits for a sound. */
  _explain() {
    const { values, melody, online } = this._live, { muted } = this._scheduler;
    let text = "";
    if (this._live.hello && !online) text = "The mixer is not there, so nothing plays. Start livemix web again; your session is kept.";
    else if (values.play && melody && !notesOf(melody.tokens).length) text = "The mix has no notes: move the puck, or raise Notes kept.";
    else if (values.play && muted) text = "This page is muted. Click to hear it.";
    else if (values.play && this._synth.level === 0) text = "The volume is at zero. Click to hear it.";
    else if (values.play && !this._synth.ready) text = "It plays. Click to hear it in this page.";
    setText($("silence"), text);
    $("silence").hidden = !text;
  }

  _mend() {
    if (this._scheduler.muted) this.toggleMute();
    if (this._synth.level === 0) this._choose({ level: 0.8 });
    this.unlock();
  }
}

function kept() {
  try {
    const { program, level } = JSON.parse(localStorage.getItem(KEPT_AT));
    return Number.isInteger(program) && level >= 0 && level <= 1 ? { program, level } : null;
  } catch {
    return null;
  }
}
