// A puck of the drums or of the timbre, on the pad of the melodies: there while they do not follow these.

import { track } from "./drag.js";
import { inFrame, setAttribute } from "./frame.js";

const STEP = 0.05, LEAP = 0.2; // by a key, and with shift

const clamp = (value) => Math.min(1, Math.max(0, value));

export class OwnPuck {
  /** `of`: what its parameters begin with; `count()`: how many are mixed by it. */
  constructor(live, pad, element, of, count) {
    Object.assign(this, { _live: live, _pad: pad, _puck: element, _of: of, _count: count });
    this._put = () => this._show();
    for (const kind of ["state", "melodies"]) live.addEventListener(kind, () => inFrame(this._put));
    new ResizeObserver(() => inFrame(this._put)).observe(element.parentElement);
    element.addEventListener("pointerdown", (event) => this._drag(event));
    element.addEventListener("keydown", (event) => this._key(event));
  }

  /** Where it is, both 0..1, y up. */
  get place() {
    const { position, pad, x, y } = Object.fromEntries(["position", "pad", "x", "y"].map((name) => [name, this._live.values[`${this._of}.${name}`]]));
    if (this._pad.isLine) return { x: (pad ? x : position) ?? 0, y: 0.5 };
    return pad ? { x, y } : this._pad.onPath(position ?? 0);
  }

  moveTo(x, y) {
    if (this._pad.isLine) this._set({ position: clamp(x), pad: false });
    else this._set({ x: clamp(x), y: clamp(y), pad: true });
    inFrame(this._put);
  }

  _set(moved) {
    this._live.set(Object.fromEntries(Object.entries(moved).map(([name, value]) => [`${this._of}.${name}`, value])));
  }

  _drag(event) {
    if (event.button > 0) return;
    event.stopPropagation();
    this._puck.focus({ preventScroll: true });
    track(this._puck, event, (moved) => this.moveTo(...this._pad.snapped(...this._pad.share(moved))));
  }

  _key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    const { x, y } = this.place, step = event.shiftKey ? LEAP : STEP;
    this.moveTo(x + way[0] * step, y + way[1] * step);
    event.preventDefault();
    event.stopPropagation();
  }

  _show() {
    this._puck.hidden = this._count() < 2 || this._live.values[`${this._of}.follow`] !== false;
    if (this._puck.hidden) return;
    const { x, y } = this.place;
    this._pad.put(this._puck, x, y);
    setAttribute(this._puck, "aria-valuenow", Math.round(100 * x));
    setAttribute(this._puck, "aria-valuetext", `${Math.round(100 * x)} % to the right${this._pad.isLine ? "" : `, ${Math.round(100 * y)} % up`}`);
  }
}
