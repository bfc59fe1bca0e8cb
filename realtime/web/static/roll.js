// A piano roll on a canvas: notes that move into place when the melody changes, and a playhead.

import { inFrame } from "./frame.js";
import { isBlack, notesOf, pitchName } from "./notes.js";

const MORPH = 50; // ms in which notes reach their new place
const AHEAD = 10; // ms: the first picture of a new melody has its notes half-way there
const MIN_SPAN = 15; // semitones

export class Roll {
  /** options: big (names, bar numbers), colour() -> CSS colour, bare: somebody else shows the playhead, drawn(is it in place) after each picture. */
  constructor(canvas, { big = false, bare = false, colour, drawn } = {}) {
    this.canvas = canvas;
    this._bare = bare;
    this._drawn = drawn;
    this._put = () => this._draw();
    this._context = canvas.getContext("2d");
    this._paper = null; // what lies behind the notes, drawn once
    this._big = big;
    this.colour = colour;
    this._notes = []; // {start, end, pitch, alpha} from -> to
    this._range = { low: 60, high: 76 };
    this._from = { low: 60, high: 76 };
    this._began = -Infinity;
    this._share = 1;
    this.steps = 32;
    this.bar = 16;
    this.beat = 4;
    this.playhead = null; // in steps
    this.cursor = null; // {step, pitch} of an editor
    this.window = null; // {from, steps}: of a long melody only these are shown
    this._size = [0, 0]; // in CSS pixels
    new ResizeObserver(() => this._measure()).observe(canvas);
  }

  /** Another melody, or notes of several voices; `range` holds {low, high} still. */
  show({ tokens, bar, beat, notes = notesOf(tokens) }, range = null) {
    const before = this._notes.filter((note) => note.to.alpha > 0).map((note) => this._at(note));
    const left = new Set(before);
    this._from = this._span();
    this._notes = notes.map((note) => {
      let nearest = null, distance = 12;
      for (const old of left) {
        const d = 1.5 * Math.abs(old.start - note.start) + 0.5 * Math.abs(old.pitch - note.pitch);
        if (d < distance) [nearest, distance] = [old, d];
      }
      left.delete(nearest);
      return { from: nearest ?? { ...note, end: note.start + 0.3, alpha: 0 }, to: { ...note, alpha: 1 } };
    });
    for (const old of left) this._notes.push({ from: old, to: { ...old, alpha: 0 } });
    this._range = range ?? rangeOf(notes, this._range);
    [this.steps, this.bar, this.beat] = [tokens.length, bar, beat];
    this._began = performance.now() - AHEAD;
    this._share = 0; // nothing of it is seen yet
    this.draw();
  }

  /** Draw in the next frame. */
  draw() {
    inFrame(this._put);
  }

  get range() {
    return this._range;
  }

  /** Where the playhead is, in pixels from the left of the canvas; null where there is none. */
  get playheadX() {
    if (this.playhead === null) return null;
    const { left, width } = this._area(...this._size);
    const { from, steps } = this._view;
    const at = (this.playhead % this.steps) - from;
    return at < 0 || at > steps ? null : left + (at / steps) * width;
  }

  /** The steps that are shown. */
  get _view() {
    const { from, steps } = this.window ?? { from: 0, steps: this.steps };
    return from < this.steps ? { from, steps: Math.min(steps, this.steps - from) } : { from: 0, steps: this.steps };
  }

  /** The note that sounds at the playhead. */
  get sounding() {
    const head = this.playhead === null ? -1 : this.playhead % this.steps;
    return head < 0 ? null : this._notes.find(({ to }) => to.alpha && to.start <= head && head < to.end) ?? "rest";
  }

  /** {step, pitch} under a pointer. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const { left, top, width, height } = this._area(box.width, box.height);
    const { low, high } = this._range;
    return {
      step: this._view.from + ((event.clientX - box.left - left) / width) * this._view.steps,
      pitch: Math.round(high + 0.5 - ((event.clientY - box.top - top) / height) * (high - low + 1)),
    };
  }

  _measure() {
    this._size = [this.canvas.clientWidth, this.canvas.clientHeight];
    this.draw();
  }

  _draw() {
    const { canvas, _context: g } = this;
    const scale = devicePixelRatio || 1;
    const [width, height] = this._size;
    if (!width || !height) return;
    this._style = this._colours();
    const now = performance.now() - this._began;
    this._share = now < MORPH ? 1 - Math.exp((-3.5 * now) / MORPH) : 1; // of the way; one figure for the whole picture
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, wide, high);
    g.drawImage(this._drawnPaper(wide, high, scale), 0, 0);
    g.setTransform(scale, 0, 0, scale, 0, 0);
    this._drawNotes(g, width, height);
    if (this._share < 1) this.draw();
    this._drawn?.(this._share === 1);
  }

  _colours() {
    const { theme } = document.documentElement.dataset;
    if (this._style?.theme === theme) return this._style;
    const style = getComputedStyle(this.canvas);
    return { theme, ...Object.fromEntries(["line", "faint", "muted", "ink"].map((name) => [name, style.getPropertyValue(`--${name}`)])) };
  }

  /** Where notes are. */
  _area(width, height) {
    const left = this._big ? 38 : 6, top = this._big ? 20 : 6;
    return { left, top, width: width - left - (this._big ? 12 : 6), height: height - top - (this._big ? 12 : 6) };
  }

  /** Lines, keys and names, which stay as they are while notes move. */
  _drawnPaper(wide, high, scale) {
    const { low, high: top } = this._span();
    const drawn = [wide, high, scale, low, top, this.steps, ...Object.values(this._view), this.bar, this.beat, this._style.theme].join();
    if (this._paper?.drawn === drawn) return this._paper.canvas;
    const canvas = this._paper?.canvas ?? document.createElement("canvas");
    [canvas.width, canvas.height] = [wide, high];
    const g = canvas.getContext("2d");
    g.setTransform(scale, 0, 0, scale, 0, 0);
    this._drawPaper(g, ...this._size);
    this._paper = { canvas, drawn };
    return canvas;
  }

  _drawPaper(g, width, height) {
    const paper = this._area(width, height), { line, faint, muted } = this._style;
    const { low, high } = this._span(), { from, steps } = this._view;
    const row = paper.height / (high - low + 1), column = paper.width / steps;
    const y = (pitch) => paper.top + (high - pitch) * row;
    if (this._big) {
      g.fillStyle = faint;
      for (let pitch = Math.ceil(low); pitch <= high; pitch++)
        if (isBlack(pitch)) g.fillRect(paper.left, y(pitch), paper.width, row);
    }
    const isFine = this._big && !this._bare && column > 5; // an editor, where notes are put on every step
    for (let step = 0; step <= steps; step += isFine ? 1 : this.beat) {
      const isBar = (from + step) % this.bar === 0;
      if (!this._big && !isBar) continue;
      g.fillStyle = isBar || (isFine && step % this.beat === 0) ? line : faint;
      const x = Math.round(paper.left + step * column);
      if (step < steps || this._big) g.fillRect(x, paper.top, isBar && this._big ? 1.5 : 1, paper.height);
    }
    if (this._big) {
      g.fillStyle = muted;
      g.font = "500 11px system-ui, sans-serif";
      g.textBaseline = "middle";
      for (let step = 0, bar = 1 + Math.floor(from / this.bar); step < steps; step += this.bar, bar++)
        if (column * this.bar > 22 || bar % 4 === 1) g.fillText(bar, paper.left + step * column + 5, 11);
      g.textAlign = "right";
      for (let pitch = Math.ceil(low); pitch <= high; pitch++)
        if (pitch % 12 === 0 || (row > 13 && pitch % 12 === 7)) g.fillText(pitchName(pitch), paper.left - 7, y(pitch) + row / 2);
    }
  }

  _drawNotes(g, width, height) {
    const paper = this._area(width, height);
    const { low, high } = this._span(), { from, steps } = this._view;
    const row = paper.height / (high - low + 1), column = paper.width / steps;
    const inset = this._big ? 1.5 : 0.75;
    const colour = this.colour();
    const head = this.playhead === null ? -1 : this.playhead % this.steps;
    g.save();
    if (this.window) {
      g.beginPath();
      g.rect(paper.left, 0, paper.width, height);
      g.clip();
    }
    for (const note of this._notes) {
      const { start, end, pitch, alpha } = this._at(note);
      if (alpha < 0.01 || end <= from || start >= from + steps) continue;
      const x = paper.left + (start - from) * column + inset, w = Math.max((end - start) * column - 2 * inset, 2);
      const y = paper.top + (high - pitch) * row + (this._big ? 1 : 0), h = Math.max(row - (this._big ? 2 : 0), 3);
      const sounds = head >= start && head < end;
      g.globalAlpha = alpha * (this._big && !sounds && head >= 0 ? 0.82 : 1);
      g.fillStyle = colour;
      if (sounds && this._big) halo(g, x, y, w, h);
      g.beginPath();
      g.roundRect(x, y, w, h, Math.min(h / 2, this._big ? 6 : 2.5));
      g.fill();
    }
    g.globalAlpha = 1;
    if (head >= 0 && !this._bare) {
      g.fillStyle = this._style.ink;
      g.globalAlpha = this._big ? 0.8 : 0.35;
      g.fillRect(paper.left + (head - from) * column - 0.75, paper.top - (this._big ? 6 : 0), 1.5, paper.height + (this._big ? 6 : 0));
    }
    if (this.cursor) {
      g.globalAlpha = 1;
      g.strokeStyle = this._style.ink;
      g.lineWidth = 2;
      const length = this.cursor.length ?? 1;
      g.strokeRect(paper.left + (this.cursor.step - from) * column + 1, paper.top + (high - this.cursor.pitch) * row + 1, column * length - 2, row * (this.cursor.rows ?? 1) - 2);
    }
    g.restore();
  }

  _at({ from, to }) {
    const p = this._share;
    if (p === 1) return to;
    const go = (name) => from[name] + p * (to[name] - from[name]);
    return { start: go("start"), end: go("end"), pitch: go("pitch"), alpha: go("alpha") };
  }

  _span() {
    const p = this._share, { low, high } = this._range;
    return { low: this._from.low + p * (low - this._from.low), high: this._from.high + p * (high - this._from.high) };
  }
}

/** A glow around a note that sounds; a blurred shadow would cost many times as much. */
function halo(g, x, y, w, h) {
  const alpha = g.globalAlpha;
  for (const [size, share] of [[9, 0.1], [6, 0.14], [3, 0.2]]) {
    g.globalAlpha = alpha * share;
    g.beginPath();
    g.roundRect(x - size, y - size, w + 2 * size, h + 2 * size, h / 2 + size);
    g.fill();
  }
  g.globalAlpha = alpha;
}

/** Pitches to show: with room around the notes; no smaller than before if that fits nearly as well. */
function rangeOf(notes, before) {
  if (!notes.length) return before;
  const pitches = notes.map((note) => note.pitch);
  let low = Math.min(...pitches) - 2, high = Math.max(...pitches) + 2;
  if (before.low <= low && before.high >= high && before.high - before.low < high - low + 8) return before;
  while (high - low < MIN_SPAN) [low, high] = [low - 1, high + 1];
  return { low, high };
}
