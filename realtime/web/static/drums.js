// Drums: what is struck as a grid, and each hit heard in its time; the same rules as the server's player (drum_layer.py).

import { inFrame, setAttribute, setText } from "./frame.js";

const $ = (id) => document.getElementById(id);
const SHOT = 1.2; // s of each drum in kit.wav, in the order of hello.drums
const GAIN = 0.8;
const HELD = 0.5; // sixteenths that a MIDI note is held
const FAINTEST = 0.22; // brightness of the softest hit
const SHORT = { kick: "BD", snare: "SD", closed_hat: "CH", open_hat: "OH", low_tom: "LT", mid_tom: "MT", high_tom: "HT", crash: "CC", ride: "RD" };
const HATS = ["closed_hat", "open_hat"];
const title = (name) => name.replaceAll("_", " ").replace("hat", "hi-hat");

/** Plans hits step by step: its own, and those of the next step that come before it. Pure. */
export class DrumLayer {
  constructor() {
    this.pattern = this.waiting = null;
    this._early = { step: -1, notes: [] };
  }

  offer(pattern) {
    this.waiting = pattern;
  }

  /** [{step, offset in sixteenths, note, velocity}] of what is to be planned at a step. */
  step(step, follow) {
    this.pattern = this._coming(step, follow);
    if (this.pattern === this.waiting) this.waiting = null;
    const planned = this._early.step === step ? this._early.notes : [];
    const own = at(this.pattern, step).filter(([note]) => !planned.includes(note));
    const early = at(this._coming(step + 1, follow), step + 1).filter(([, , offset]) => offset < 0);
    this._early = { step: step + 1, notes: early.map(([note]) => note) };
    return [
      ...own.map(([note, velocity, offset]) => ({ step, offset: Math.max(0, offset), note, velocity })),
      ...early.map(([note, velocity, offset]) => ({ step: step + 1, offset, note, velocity })),
    ];
  }

  forget() {
    this._early = { step: -1, notes: [] };
  }

  _coming(step, follow) {
    if (!this.waiting || !this.pattern) return this.waiting ?? this.pattern;
    const unit = { step: 1, beat: this.pattern.steps_per_beat, bar: this.pattern.steps_per_bar }[follow] ?? 1;
    return step % unit === 0 ? this.waiting : this.pattern;
  }
}

const at = (pattern, step) => pattern?.steps[step % pattern.steps.length] ?? [];

export class Drums {
  constructor(live, synth, scheduler) {
    Object.assign(this, { _live: live, _synth: synth, _scheduler: scheduler, _head: null });
    this._layer = new DrumLayer();
    this._planned = new Set(); // sources that may still be to come
    this._put = () => this._show();
    this.redraw = () => inFrame(this._put);
    scheduler.drums = this;
    live.addEventListener("hello", () => this._greet());
    live.addEventListener("melodies", () => this._offer());
    live.addEventListener("state", this.redraw);
    live.addEventListener("drums", () => (this._layer.offer(live.drums), this.redraw()));
    new ResizeObserver(this.redraw).observe($("drumgrid"));
    $("drumfollow").onclick = () => live.set({ "drums.follow": !live.values["drums.follow"] });
    $("drumposition").oninput = () => live.set({ "drums.follow": false, "drums.position": Number($("drumposition").value) });
    $("drumlevel").oninput = () => live.set({ "drums.level": Number($("drumlevel").value) });
  }

  /** Plan what is struck at a step of the song. */
  play(step) {
    const { _live: live } = this;
    if (!live.drums || !live.grooves.length) return;
    for (const hit of this._layer.step(step, live.values.follow)) {
      const sixteenth = 15 / live.state.tempo, time = live.timeOfStep(hit.step) + hit.offset * sixteenth;
      const audioTime = this._synth.ready ? this._synth.audioTime(time) : null;
      if (audioTime !== null && !this._scheduler.isQuiet) this.strike(live.hello.drums.findIndex((drum) => drum.note === hit.note), hit.velocity, audioTime);
      for (const out of this._scheduler.outs) {
        out.send([0x99, hit.note, hit.velocity], 1000 * time);
        out.send([0x89, hit.note, 0], 1000 * (time + HELD * sixteenth));
      }
      document.dispatchEvent(new CustomEvent("latentmix:drum", { detail: { ...hit, time, audioTime, version: this._layer.pattern.version } }));
    }
  }

  /** Nothing that was planned is struck any more. */
  silence() {
    this._layer.forget();
    for (const { source } of this._planned) source.stop();
    this._planned.clear();
  }

  /** Where in the song it is, in steps; null: it stands. */
  setPlayhead(step) {
    const head = step === null ? null : Math.floor(step);
    if (head === this._head) return;
    this._head = head;
    this._show();
  }

  _greet() {
    const { drums } = this._live.hello;
    if (!drums || $("drumnames").children.length) return;
    for (const { name } of [...drums].reverse()) {
      const row = document.createElement("span");
      [row.textContent, row.title] = [SHORT[name] ?? name.slice(0, 2), title(name)];
      $("drumnames").append(row);
    }
  }

  /** They are seen and heard as soon as there are some. */
  _offer() {
    const { grooves } = this._live;
    $("drums").hidden = !grooves.length;
    $("drumway").hidden = grooves.length < 2;
    if (grooves.length) this.load();
    this.redraw();
  }

  /** Fetch the kit, once; resolved when it can be struck. */
  load() {
    return (this._loading ??= (async () => {
      const data = await (await fetch("./kit.wav")).arrayBuffer();
      this._kit = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(data);
    })().catch(() => (this._loading = null))); // the server was away: another time
  }

  /** Strike a drum by its number in hello.drums at an audio time. */
  strike(index, velocity, time) {
    if (!(this._kit instanceof AudioBuffer) || index < 0) return;
    const { context } = this._synth, start = Math.max(time, context.currentTime);
    const gain = new GainNode(context, { gain: GAIN * (velocity / 127) ** 1.5 });
    const source = new AudioBufferSourceNode(context, { buffer: this._kit });
    const isHat = HATS.includes(this._live.hello.drums[index].name);
    if (isHat) for (const each of this._planned) if (each.isHat) each.gain.gain.setTargetAtTime(0, start, 0.004);
    const planned = { source, gain, isHat };
    this._planned.add(planned);
    source.onended = () => (this._planned.delete(planned), gain.disconnect());
    source.connect(gain);
    this._synth.connect(gain);
    source.start(start, index * SHOT, SHOT);
  }

  _show() {
    const { drums: pattern, hello, values } = this._live, canvas = $("drumgrid");
    if (!pattern || !hello?.drums) return;
    setAttribute($("drumfollow"), "aria-pressed", Boolean(values["drums.follow"]));
    for (const id of ["position", "level"])
      if (Number($(`drum${id}`).value) !== values[`drums.${id}`]) $(`drum${id}`).value = values[`drums.${id}`];
    const scale = devicePixelRatio || 1, wide = Math.round(canvas.clientWidth * scale), high = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    const pen = canvas.getContext("2d"), style = getComputedStyle(canvas), rows = hello.drums.length;
    const { steps, steps_per_beat: beat } = pattern, cell = wide / steps.length, row = high / rows;
    pen.clearRect(0, 0, wide, high);
    pen.fillStyle = style.getPropertyValue("--faint");
    steps.forEach((_, step) => Math.floor(step / beat) % 2 || pen.fillRect(step * cell, 0, cell, high));
    pen.fillStyle = style.getPropertyValue("--line");
    if (this._head !== null) pen.fillRect((this._head % steps.length) * cell, 0, cell, high);
    pen.fillStyle = style.color;
    const counts = new Array(rows).fill(0);
    steps.forEach((hits, step) => {
      for (const [note, velocity, offset] of hits) {
        const index = hello.drums.findIndex((drum) => drum.note === note);
        counts[index]++;
        pen.globalAlpha = FAINTEST + ((1 - FAINTEST) * velocity) / 127;
        pen.fillRect((step + offset + 0.12) * cell, (rows - 1 - index + 0.14) * row, 0.76 * cell, 0.72 * row);
      }
    });
    pen.globalAlpha = 1;
    const said = hello.drums.map(({ name }, index) => counts[index] && `${title(name)} ${counts[index]}`).filter(Boolean);
    setAttribute(canvas, "aria-label", `Drums of the mix: ${said.join(", ") || "silence"}`);
    setText($("drumrows"), said.join(" · "));
  }
}
