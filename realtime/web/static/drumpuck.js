// The puck of the drums, on the pad of the melodies: there while the drums do not follow these.

import { track } from "./drag.js";
import { inFrame, setAttribute } from "./frame.js";

const STEP = 0.05, LEAP = 0.2; // by a key, and with shift

const clamp = (value) => Math.min(1, Math.max(0, value));

export class DrumPuck {
  constructor(live, pad, element) {
    Object.assign(this, { _live: live, _pad: pad, _puck: element });
    this._put = () => this._show();
    for (const kind of ["state", "melodies"]) live.addEventListener(kind, () => inFrame(this._put));
    new ResizeObserver(() => inFrame(this._put)).observe(element.parentElement);
    element.addEventListener("pointerdown", (event) => this._drag(event));
    element.addEventListener("keydown", (event) => this._key(event));
  }

  /** Where it is, both 0..1, y up. */
  get place() {
    const { position, pad, x, y } = Object.fromEntries(["position", "pad", "x", "y"].map((name) => [name, this._live.values[`drums.${name}`]]));
    if (this._pad.isLine) return { x: (pad ? x : position) ?? 0, y: 0.5 };
    return pad ? { x, y } : this._pad.onPath(position ?? 0);
  }

  moveTo(x, y) {
    if (this._pad.isLine) this._live.set({ "drums.position": clamp(x), "drums.pad": false });
    else this._live.set({ "drums.x": clamp(x), "drums.y": clamp(y), "drums.pad": true });
    inFrame(this._put);
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
    const { values, grooves } = this._live;
    this._puck.hidden = grooves.length < 2 || values["drums.follow"] !== false;
    if (this._puck.hidden) return;
    const { x, y } = this.place;
    this._pad.put(this._puck, x, y);
    setAttribute(this._puck, "aria-valuenow", Math.round(100 * x));
    setAttribute(this._puck, "aria-valuetext", `${Math.round(100 * x)} % to the right${this._pad.isLine ? "" : `, ${Math.round(100 * y)} % up`}`);
  }
}
