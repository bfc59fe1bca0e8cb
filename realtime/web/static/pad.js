// The pad: melodies as points, a puck between them; for two melodies a line.

import { HUES, INKS, deepCss, mixCss } from "./colour.js";
import { track } from "./drag.js";
import { paintField } from "./field.js";
import { inFrame, setAttribute } from "./frame.js";

const INSET = 0.085; // of the pad's side, so that points at its edge can be seen
const STEP = 0.02, LEAP = 0.1; // of a melody by a key, and with shift
const PUCK_STEP = 0.05, PUCK_LEAP = 0.2; // of the puck: far enough to be heard
const NEAR = 0.022; // of the pad's side: that near, a hand means the melody itself
const SPOKEN = 120; // ms between two changes of what screen readers are told

const clamp = (value) => Math.min(1, Math.max(0, value));

export class Pad {
  /** `kind` is what lies on it, for people; `isFixed`: where it lies cannot be changed. */
  constructor(live, root, { kind = "melody", isFixed = false } = {}) {
    this._kind = kind;
    this._isFixed = isFixed;
    this._live = live;
    this._root = root;
    this._field = root.querySelector("#field");
    this._points = root.querySelector("#points");
    this._puck = root.querySelector("#puck");
    this._trail = root.querySelector("#trail polyline");
    this._drawn = null;
    this._drawing = false;
    this._buttons = new Map(); // hue -> element
    this._size = [0, 0]; // of the pad in pixels, and its box in the window while something is dragged: asking the
    this._box = null; // browser for them each time would have it lay out the page each time
    this._put = () => this._draw();
    root.addEventListener("pointerdown", (event) => this._down(event));
    this._puck.addEventListener("keydown", (event) => this._key(event, null));
    live.addEventListener("melodies", () => this._lay());
    live.addEventListener("state", () => (this.isCrossed === this._wasCrossed ? this.update() : this._lay()));
    live.addEventListener("melody", () => this.update());
    addEventListener("scroll", () => (this._box = null), { passive: true });
    new ResizeObserver(() => this._measure()).observe(root);
  }

  get isLine() {
    return this._live.melodies.length === 2 && !this.isCrossed;
  }

  /** Whether the sides are rhythm and pitch, of the first two melodies. */
  get isCrossed() {
    return this._live.values.axes === "rhythm-pitch";
  }

  /** Whether what lies on the pad can be moved. */
  get canMove() {
    return !this._isFixed && !this.isLine && !this.isCrossed;
  }

  /** Whether the next drag draws a path. */
  set drawing(on) {
    this._drawing = on;
    this._root.classList.toggle("drawing", on);
  }

  /** Where the puck is, both 0..1, y up. */
  get puck() {
    const { position, x, y } = this._live.values;
    if (this.isLine) return this._live.state.mode === "pad" ? { x: clamp(x ?? 0.5), y: 0.5 } : { x: position ?? 0, y: 0.5 };
    if (this.isCrossed && this._live.state.mode !== "pad") return { x: position ?? 0, y: position ?? 0 };
    if (this._live.state.mode !== "position") return { x: x ?? 0.5, y: y ?? 0.5 };
    return this.onPath(position ?? 0);
  }

  moveTo(x, y) {
    if (this.isLine) this._live.set({ position: clamp(x) });
    else this._live.set({ x: clamp(x), y: clamp(y) });
    this._live.state.mode = this.isLine ? "position" : "pad";
    this.update();
  }

  /** By keys: direction -1, 0 or 1 each. */
  nudge(dx, dy, far) {
    const { x, y } = this.puck, step = far ? PUCK_LEAP : PUCK_STEP;
    this.moveTo(x + dx * step, y + (this.isLine ? 0 : dy * step));
  }

  /** Show, in the next frame, what is so now. */
  update() {
    inFrame(this._put);
  }

  _draw() {
    const { x, y } = this.puck;
    this.put(this._puck, x, y);
    const pairs = this._live.pairs.filter(([hue]) => HUES[hue]);
    if (pairs.length) {
      const colour = mixCss(pairs);
      if (colour !== this._colour) {
        this._puck.style.setProperty("--mix", colour);
        document.getElementById("play")?.style.setProperty("--mix", deepCss(pairs));
      }
      this._colour = colour;
    }
    const weights = this._live.melody?.weights ?? {};
    for (const [hue, button] of this._buttons) button.style.setProperty("--size", (0.85 + 0.5 * (weights[hue] ?? 0)).toFixed(2));
    this._describing ??= setTimeout(() => this._describe(), SPOKEN);
    const points = this._drawn ?? this._live.state.path.points;
    setAttribute(this._trail, "points", points.map(([px, py]) => this._pixels(px, py).join(",")).join(" "));
  }

  _measure() {
    this._size = [this._root.clientWidth, this._root.clientHeight];
    this._box = null;
    for (const [index, melody] of this._live.melodies.entries()) this.put(this._buttons.get(melody.hue), ...this._placeOf(melody, index));
    this.update();
  }

  _lay() {
    const { melodies } = this._live;
    if (this._root.classList.toggle("line", this.isLine) !== this._wasLine) this._size = [this._root.clientWidth, this._root.clientHeight];
    this._wasLine = this.isLine;
    this._wasCrossed = this.isCrossed;
    this._root.classList.toggle("crossed", this.isCrossed);
    const hues = new Set(melodies.map((melody) => melody.hue));
    for (const [hue, button] of this._buttons) {
      if (hues.has(hue)) continue;
      button.remove();
      this._buttons.delete(hue);
    }
    melodies.forEach((melody, index) => {
      let button = this._buttons.get(melody.hue);
      if (!button) {
        button = document.createElement("button");
        button.className = "point";
        button.append(document.createElement("b"));
        button.dataset.hue = melody.hue;
        button.style.setProperty("--hue", HUES[melody.hue]);
        button.style.setProperty("--ink-on-hue", INKS[melody.hue]);
        button.addEventListener("keydown", (event) => this._key(event, melody.hue));
        this._buttons.set(melody.hue, button);
      }
      button.hidden = this.isCrossed && index > 1;
      const there = this._points.children[index]; // to be moved takes the focus from a button
      if (there !== button) this._points.insertBefore(button, there ?? null);
      button.firstChild.textContent = index + 1;
      button.setAttribute("aria-label", `Place of ${this._kind} ${index + 1}, ${melody.name}; ${this._isFixed ? "" : "arrows move it, "}Enter goes there`);
      if (this._dragged !== melody.hue) this.put(button, ...this._placeOf(melody, index));
    });
    this._paint();
    this.update();
  }

  _placeOf(melody, index) {
    if (this.isCrossed) return [index, index]; // corners
    return this.isLine ? [index, 0.5] : [melody.x, melody.y];
  }

  /** The place of a position along the melodies. */
  onPath(position) {
    const { melodies } = this._live;
    if (!melodies.length) return { x: 0.5, y: 0.5 };
    const at = position * (melodies.length - 1), index = Math.min(Math.floor(at), melodies.length - 2), t = at - index;
    const [a, b] = [melodies[index], melodies[index + 1]];
    return { x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) };
  }

  _pixels(x, y) {
    const [w, h] = this._size;
    const inset = INSET * Math.min(w, h) + (this.isLine ? 12 : 0);
    return [inset + x * (w - 2 * inset), h - inset - y * (h - 2 * inset)];
  }

  /** Where on the pad a pointer is, [x, y] from 0 to 1. */
  share(event) {
    const box = (this._box ??= this._root.getBoundingClientRect());
    const inset = INSET * Math.min(box.width, box.height) + (this.isLine ? 12 : 0);
    return [
      clamp((event.clientX - box.left - inset) / (box.width - 2 * inset)),
      clamp(1 - (event.clientY - box.top - inset) / (box.height - 2 * inset)),
    ];
  }

  /** Put an element at a place of the pad. */
  put(element, x, y) {
    const [left, top] = this._pixels(x, y);
    const scale = devicePixelRatio || 1, whole = (pixels) => Math.round(pixels * scale) / scale; // sharp edges
    element.style.transform = `translate(${whole(left)}px, ${whole(top)}px)`;
  }

  _down(event) {
    if (event.button > 0 || event.target.closest(".puck.own")) return;
    this._box = null;
    const point = event.target.closest(".point");
    if (this._drawing) this._drawPath(event);
    else if (point && this.canMove) this._dragPoint(event, point);
    else this._dragPuck(event, point);
  }

  _dragPuck(event, point) {
    this._puck.focus({ preventScroll: true });
    const go = (moved) => this.moveTo(...this.snapped(...this.share(moved)));
    if (point) this._goTo(Number(point.dataset.hue));
    else if (!event.target.closest("#puck")) go(event);
    track(this._root, event, go);
  }

  _dragPoint(event, button) {
    const hue = Number(button.dataset.hue), start = [event.clientX, event.clientY];
    let wanted = null, busy = false, moved = false;
    const send = async () => {
      if (busy || !wanted) return;
      busy = true;
      const place = wanted;
      wanted = null;
      await this._live.try("place", { hue, ...place });
      busy = false;
      send();
    };
    this._dragged = hue;
    button.focus({ preventScroll: true });
    track(this._root, event, (now) => {
      if (!moved && Math.hypot(now.clientX - start[0], now.clientY - start[1]) < 4) return;
      moved = true;
      const [x, y] = this.share(now);
      this.put(button, x, y);
      const melody = this._live.melodies.find((each) => each.hue === hue);
      if (melody) Object.assign(melody, { x, y });
      this._paint();
      wanted = { x, y };
      send();
    }, () => {
      this._dragged = null;
      if (!moved) this._goTo(hue);
    });
  }

  /** That of a melody, where one is near. */
  snapped(x, y) {
    const places = this._live.melodies.map((melody, index) => this._placeOf(melody, index));
    return places.slice(0, this.isCrossed ? 2 : undefined).find(([px, py]) => Math.hypot(px - x, this.isLine ? 0 : py - y) < NEAR) ?? [x, y];
  }

  _goTo(hue) {
    const index = this._live.melodies.findIndex((melody) => melody.hue === hue);
    if (index >= 0) this.moveTo(...this._placeOf(this._live.melodies[index], index));
  }

  /** To a melody by its number, from 0. */
  goToIndex(index) {
    const melody = this._live.melodies[index];
    if (melody) this._goTo(melody.hue);
  }

  _drawPath(event) {
    this._drawn = [this.share(event)];
    track(this._root, event, (moved) => {
      const point = this.share(moved), last = this._drawn.at(-1);
      if (Math.hypot(point[0] - last[0], point[1] - last[1]) > 0.012 && this._drawn.length < 500) this._drawn.push(point);
      this.update();
    }, () => {
      const points = this._drawn;
      this._drawn = null;
      this._root.dispatchEvent(new CustomEvent("path", { detail: points }));
    });
  }

  _key(event, hue) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (hue !== null && (event.key === "Enter" || event.key === " ")) {
      this._goTo(hue);
    } else if (steps && hue !== null && this.canMove) {
      const melody = this._live.melodies.find((each) => each.hue === hue);
      const far = event.shiftKey ? LEAP : STEP;
      this._live.try("place", { hue, x: clamp(melody.x + steps[0] * far), y: clamp(melody.y + steps[1] * far) });
    } else if (steps) {
      this.nudge(...steps, event.shiftKey);
    } else if (hue === null && event.key === "Home") {
      this.goToIndex(0);
    } else if (hue === null && event.key === "End") {
      this.goToIndex(this._live.melodies.length - 1);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  _describe() {
    this._describing = undefined;
    const weights = this._live.melody?.weights ?? {};
    const words = this._live.melodies
      .map((melody, index) => [Math.round(100 * (weights[melody.hue] ?? 0)), `${melody.name || index + 1}`])
      .filter(([share]) => share > 0)
      .sort((a, b) => b[0] - a[0])
      .map(([share, name]) => `${name} ${share} %`);
    setAttribute(this._puck, "aria-valuetext", words.slice(0, 4).join(", "));
    setAttribute(this._puck, "aria-valuenow", Math.round(100 * this.puck.x));
  }

  /** The field behind. */
  _paint() {
    const shown = this.isCrossed ? this._live.melodies.slice(0, 2) : this._live.melodies;
    const places = shown.map((melody, index) => [...this._placeOf(melody, index), melody.hue]);
    paintField(this._field, places, this.isLine, INSET);
  }
}
