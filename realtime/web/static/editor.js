// Drawing and editing a melody in its roll, by pointer or by keys.

import { HUES } from "./colour.js";
import { describe, notesOf, pitchName, tokensOf } from "./notes.js";
import { Roll } from "./roll.js";

const $ = (id) => document.getElementById(id);
const PAGE_BARS = 8; // that are shown of a longer melody
const MARGIN = 5; // semitones above and below what is there

export class Editor {
  /** say(text) speaks; play(pitch) lets a note be heard. */
  constructor(live, audition, { say, play }) {
    this._live = live;
    this._say = say;
    this._play = play;
    this._roll = new Roll($("editroll"), { big: true, colour: () => HUES[this._hue ?? 0] });
    const canvas = $("editroll");
    canvas.addEventListener("pointerdown", (event) => this._down(event));
    canvas.addEventListener("keydown", (event) => this._key(event));
    $("editclear").onclick = () => (this._remember(), this._change([]));
    $("editup").onclick = () => this._octave(12);
    $("editdown").onclick = () => this._octave(-12);
    $("editbars").onchange = () => this._resize(Number($("editbars").value));
    $("editdone").onclick = () => this._done();
    $("editclose").onclick = () => this._leave();
    $("editor").addEventListener("click", ({ target: { id } }) => {
      if (id === "editkeep") this._done();
      else if (id === "editdiscard") this._close();
      else if (id === "editback") this._ask(false);
    });
    $("editundo").onclick = () => this._step(this._past, this._future);
    $("editredo").onclick = () => this._step(this._future, this._past);
    $("edithear").onclick = () => audition.toggle("editor", this._notes, this._melody.tempo);
    audition.addEventListener("change", () => {
      const on = audition.key === "editor";
      $("edithear").setAttribute("aria-pressed", on);
      $("edithear").querySelector("use").setAttribute("href", on ? "#i-stop" : "#i-play");
    });
    this._audition = audition;
    $("editor").addEventListener("cancel", (event) => (event.preventDefault(), this._leave()));
    $("editor").addEventListener("keydown", (event) => this._command(event));
    addEventListener("beforeunload", (event) => this._isChanged && event.preventDefault());
  }

  /** Edit a melody; hue null adds a new one. */
  open(melody, hue) {
    this._hue = hue;
    this._melody = melody;
    this._length = 2;
    this._page = 0;
    this._notes = notesOf(melody.tokens);
    [this._past, this._future] = [[], []];
    this._ask(false);
    $("editortitle").textContent = hue === null ? "Draw a melody" : `Edit ${melody.name || "melody"}`;
    $("editname").value = melody.name ?? "";
    const bars = melody.tokens.length / melody.bar;
    if (![...$("editbars").options].some((option) => Number(option.value) === bars)) $("editbars").add(new Option(bars, bars));
    $("editbars").value = bars;
    this._fitRange();
    this._roll.cursor = null;
    this._show();
    this._before = this._now;
    this._showSteps();
    $("editor").showModal();
    this._roll.draw();
    $("editroll").focus();
  }

  get _now() {
    return JSON.stringify([this._tokens, $("editname").value]);
  }

  get _isChanged() {
    return $("editor").open && this._now !== this._before;
  }

  /** Before a change: what it was. */
  _remember() {
    this._past.push({ notes: this._notes.map((note) => ({ ...note })), melody: this._melody, range: this._range });
    this._future = [];
    this._showSteps();
  }

  /** One step back or on: from one pile to the other. */
  _step(from, to) {
    const then = from.pop();
    if (!then) return;
    to.push({ notes: this._notes, melody: this._melody, range: this._range });
    Object.assign(this, { _notes: then.notes, _melody: then.melody, _range: then.range });
    $("editbars").value = this._melody.tokens.length / this._melody.bar;
    this._showSteps();
    this._show();
  }

  _showSteps() {
    $("editundo").disabled = !this._past.length;
    $("editredo").disabled = !this._future.length;
  }

  _command(event) {
    const isText = event.target === $("editname"); // which has an undo of its own
    if (event.key === "Escape") this._asked ? this._ask(false) : this._leave();
    else if ((event.ctrlKey || event.metaKey) && /^[zy]$/i.test(event.key) && !isText)
      event.shiftKey || event.key.toLowerCase() === "y" ? this._step(this._future, this._past) : this._step(this._past, this._future);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Nothing that was drawn goes without a word. */
  _leave() {
    if (this._isChanged) this._ask(true);
    else this._close();
  }

  _ask(on) {
    this._asked?.remove();
    this._asked = on ? $("editask").content.firstElementChild.cloneNode(true) : null;
    if (on) {
      $("editask").after(this._asked);
      $("editkeep").focus();
    }
    else if ($("editor").open) $("editroll").focus();
  }

  _close() {
    this._audition.stop();
    $("editor").close();
  }

  get _tokens() {
    return tokensOf(this._notes, this._melody.tokens.length);
  }

  _fitRange() {
    const pitches = this._notes.map((note) => note.pitch);
    const low = pitches.length ? Math.min(...pitches) : 60, high = pitches.length ? Math.max(...pitches) : 76;
    this._range = { low: Math.max(0, low - MARGIN), high: Math.min(127, Math.max(high + MARGIN, low + 17)) };
  }

  /** Eight bars of a longer melody, and a way to the others. */
  _turnTo(page) {
    const { tokens, bar } = this._melody, bars = tokens.length / bar, last = Math.ceil(bars / PAGE_BARS) - 1;
    this._page = Math.min(Math.max(page, 0), last);
    const from = this._page * PAGE_BARS;
    this._roll.window = last > 0 ? { from: from * bar, steps: PAGE_BARS * bar } : null;
    const turn = (text, by, label) => Object.assign(document.createElement("button"), { className: "step", textContent: text, ariaLabel: label, onclick: () => (this._turnTo(this._page + by), this._roll.draw()) });
    const words = document.createElement("span");
    words.textContent = `bars ${from + 1} to ${Math.min(from + PAGE_BARS, bars)} of ${bars}`;
    $("editpages").replaceChildren(...(last > 0 ? [turn("‹", -1, "Bars before"), words, turn("›", 1, "Bars after")] : []));
  }

  _show() {
    this._turnTo(this._page);
    this._roll.show({ ...this._melody, tokens: this._tokens }, this._range);
    $("editroll").setAttribute("aria-label", `Editor of notes: ${describe(this._tokens, this._melody.bar)}`);
  }

  _change(notes) {
    this._notes = notesOf(tokensOf(notes, this._melody.tokens.length));
    this._show();
  }

  _resize(bars) {
    this._remember();
    this._melody = { ...this._melody, tokens: new Array(bars * this._melody.bar).fill(0) };
    this._change(this._notes.filter((note) => note.start < this._melody.tokens.length));
  }

  _octave(by) {
    if (this._notes.some((note) => note.pitch + by < 0 || note.pitch + by > 127)) return;
    this._remember();
    for (const note of this._notes) note.pitch += by;
    this._range = { low: Math.max(0, this._range.low + by), high: Math.min(127, this._range.high + by) };
    this._show();
  }

  _noteAt(step, pitch) {
    return this._notes.find((note) => note.start <= step && step < note.end && note.pitch === pitch);
  }

  _down(event) {
    event.preventDefault();
    this._remember();
    const canvas = $("editroll");
    canvas.focus();
    canvas.setPointerCapture(event.pointerId);
    const at = this._roll.place(event);
    const start = Math.min(Math.max(Math.floor(at.step), 0), this._melody.tokens.length - 1);
    const old = this._noteAt(start, at.pitch);
    const rest = this._notes.filter((note) => note !== old);
    const atEnd = old && old.end - at.step < Math.min(0.6, (old.end - old.start) / 3);
    let moved = false, note = old ?? { start, end: start + this._length, pitch: at.pitch };
    const draw = (now) => {
      const to = this._roll.place(now);
      const steps = Math.floor(to.step) - start;
      if (old && !atEnd) {
        const begin = Math.min(Math.max(old.start + steps, 0), this._melody.tokens.length - 1);
        note = { start: begin, end: begin + old.end - old.start, pitch: Math.min(127, Math.max(0, old.pitch + to.pitch - at.pitch)) };
        moved ||= steps !== 0 || to.pitch !== at.pitch;
      } else {
        const end = Math.max(note.start + 1, Math.round(to.step + 0.3));
        moved ||= Boolean(old) || end > note.start + this._length;
        note = { ...note, end: moved ? Math.min(end, this._melody.tokens.length) : note.end };
      }
      this._change([...rest, note]);
    };
    const up = () => {
      canvas.removeEventListener("pointermove", draw);
      canvas.removeEventListener("pointerup", up);
      canvas.removeEventListener("pointercancel", up);
      if (old && !moved) this._change(rest);
      else this._length = note.end - note.start;
    };
    canvas.addEventListener("pointermove", draw);
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    if (!old) this._change([...rest, note]);
    if (!old) this._play(at.pitch);
  }

  _key(event) {
    const cursor = (this._roll.cursor ??= { step: 0, pitch: this._notes[0]?.pitch ?? 67, length: 1 });
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const under = this._noteAt(cursor.step, cursor.pitch);
    if (moves[event.key]) {
      const [dx, dy] = moves[event.key];
      cursor.step = Math.min(Math.max(cursor.step + dx * (event.shiftKey ? this._melody.beat : 1), 0), this._melody.tokens.length - 1);
      cursor.pitch = Math.min(Math.max(cursor.pitch + dy * (event.shiftKey ? 12 : 1), 0), 127);
      this._page = Math.floor(cursor.step / (PAGE_BARS * this._melody.bar));
      const { low, high } = this._range;
      const shift = Math.min(0, cursor.pitch - low) + Math.max(0, cursor.pitch - high);
      this._range = { low: low + shift, high: high + shift };
      this._show();
    } else if (event.key === "Enter" || event.key === " ") {
      this._remember();
      if (under) this._change(this._notes.filter((note) => note !== under));
      else this._change([...this._notes, { start: cursor.step, end: cursor.step + this._length, pitch: cursor.pitch }]);
      if (!under) this._play(cursor.pitch);
    } else if ((event.key === "+" || event.key === "-") && under) {
      this._remember();
      under.end = Math.max(under.start + 1, under.end + (event.key === "+" ? 1 : -1));
      this._change(this._notes);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    const now = this._noteAt(cursor.step, cursor.pitch);
    this._say(`step ${cursor.step + 1}, ${pitchName(cursor.pitch)}${now ? `, note of ${now.end - now.start}` : ", empty"}`);
  }

  async _done() {
    const { metre, tempo, program } = this._melody;
    const melody = { tokens: this._tokens, metre, tempo, program, name: $("editname").value.trim() };
    try {
      await this._live.do("put", { hue: this._hue, melody });
      this._close();
    } catch (error) {
      this._live.say(error.message); // and what was drawn stays here
    }
  }
}
