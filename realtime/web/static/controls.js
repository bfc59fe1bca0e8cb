// Sliders, choices and the transport: each is one of the engine's parameters, under the name that controllers use too.

import { inFrame, setAttribute, setText } from "./frame.js";
import { makeSlider, stepByKeys } from "./sliders.js";

const NAMES = {
  temperature: "Surprise", harmonicity: "Tone", "attribute.density": "Busy", "attribute.height": "Height", "attribute.range": "Range",
  "attribute.syncopation": "Off-beat", "attribute.legato": "Legato", density: "Notes kept", octave: "Octave", velocity: "Loudness", swing: "Swing",
  position: "Along the melodies", x: "Puck, left to right", y: "Puck, down to up", axes: "Sides of the pad", "drums.follow": "Drums follow", "drums.position": "Along the drums", "drums.x": "Drums' puck, left to right", "drums.y": "Drums' puck, down to up", "drums.pad": "Drums by their puck", "drums.level": "Level of the drums", "sound.follow": "Timbre follows", "sound.position": "Along the recordings", "sound.x": "Timbre's puck, left to right", "sound.y": "Timbre's puck, down to up", "sound.pad": "Timbre by its puck", phrase: "Phrase", next: "Next phrase", panic: "All notes off", tap: "Tap the tempo",
};
const SHOWN = ["temperature", ...["density", "height", "range", "syncopation", "legato"].map((name) => `attribute.${name}`), "octave", "density", "velocity", "swing"];

const $ = (id) => document.getElementById(id);

export function title(name) {
  const words = NAMES[name] ?? name.replace("attribute.", "").replace(/^weight\./, "share of melody ");
  return words.replace(/^./, (c) => c.toUpperCase());
}

export class Controls {
  constructor(live, metronome) {
    this._live = live;
    this.metronome = metronome;
    this._sliders = new Map();
    this._put = () => this._show();
    live.addEventListener("hello", () => this._build());
    live.addEventListener("state", () => this.update());
    this._buttons();
  }

  update() {
    inFrame(this._put);
  }

  _show() {
    const { values, state } = this._live;
    for (const [name, { input, output }] of this._sliders) {
      if (Number(input.value) !== values[name]) input.value = values[name];
      setText(output, this._words(name, values[name]));
    }
    const press = (id, on) => setAttribute($(id), "aria-pressed", Boolean(on));
    press("play", values.play);
    setAttribute($("play").querySelector("use"), "href", values.play ? "#i-stop" : "#i-play");
    if (!this.metronome.isCounting) setText($("play").querySelector("span"), values.play ? "Stop" : "Play");
    press("record", values.record);
    press("hold", values.hold);
    setText($("next").querySelector("span"), values.phrase ? `Next phrase · ${values.phrase}` : "Next phrase");
    press("loop", state.loop);
    const tempo = Math.round((state.source === "internal" ? values.tempo ?? state.tempo : state.tempo) * 10) / 10;
    if (document.activeElement !== $("tempo") && Number($("tempo").value) !== tempo) $("tempo").value = tempo;
    $("tempo").disabled = state.source !== undefined && state.source !== "internal";
    if (state.source && $("clock").value !== state.source && document.activeElement !== $("clock")) $("clock").value = state.source;
    const follow = document.querySelector(`#follow input[value="${values.follow}"]`);
    if (follow && !follow.checked) follow.checked = true;
    if ($("key").value !== values.key) $("key").value = values.key;
  }

  async togglePlay() {
    const { values } = this._live, { metronome } = this;
    if (metronome.isCounting) return metronome.stopCounting(), this.update();
    if (!values.play && values.record && metronome.on && this._live.online) {
      if (!(await metronome.countIn((left) => setText($("play").querySelector("span"), `${left} …`)))) return this.update();
    }
    this._live.set({ play: !this._live.values.play });
  }

  toggleMetronome() {
    this.metronome.on = !this.metronome.on;
    setAttribute($("click"), "aria-pressed", this.metronome.on);
  }

  toggle(name) {
    this._live.set({ [name]: !this._live.values[name] });
  }

  toggleLoop() {
    this._live.try("loop", { on: !this._live.state.loop });
  }

  changeTempo(by) {
    this._live.set({ tempo: Math.min(400, Math.max(20, Math.round(this._live.values.tempo) + by)) });
    this.update();
  }

  async _followClock() {
    const clock = $("clock");
    clock.blur(); // from now on it shows what the server says
    if ((await this._live.try("clock", { clock: clock.value })) === null) clock.value = this._live.state.source;
  }

  /** The phrase after the one that is mixed, or the one before it. */
  turnOver(by) {
    const last = this._live.hello?.parameters.phrase.high ?? 0;
    this._live.set({ phrase: Math.min(last, Math.max(0, (this._live.values.phrase ?? 0) + by)) });
  }

  tap() {
    this._live.set({ tap: true });
  }

  _buttons() {
    addEventListener("keydown", stepByKeys, { capture: true });
    $("record").onclick = () => this.toggle("record");
    $("click").onclick = () => this.toggleMetronome();
    $("next").onclick = () => this.turnOver(1);
    $("hold").onclick = () => this.toggle("hold");
    $("loop").onclick = () => this.toggleLoop();
    $("slower").onclick = () => this.changeTempo(-2);
    $("faster").onclick = () => this.changeTempo(2);
    $("tap").onclick = () => this.tap();
    $("clock").onchange = () => this._followClock();
    $("tempo").onchange = () => {
      const tempo = Number($("tempo").value);
      if (tempo >= 20 && tempo <= 400) this._live.set({ tempo });
      else this._live.say("expected a tempo from 20 to 400 quarter notes a minute");
      $("tempo").blur();
      this.update();
    };
    $("follow").onchange = (event) => this._live.set({ follow: event.target.value });
    $("key").onchange = () => this._live.set({ key: $("key").value });
    $("reset").onclick = () => {
      const { parameters } = this._live.hello ?? {};
      if (parameters) this._live.set(Object.fromEntries([...this._sliders.keys(), "key"].map((name) => [name, parameters[name].default])));
    };
  }

  _build() {
    const { parameters } = this._live.hello;
    const root = $("sliders");
    root.replaceChildren();
    this._sliders.clear();
    const own = Object.keys(parameters).filter((name) => name.startsWith("attribute.") && !SHOWN.includes(name));
    for (const name of [...SHOWN, ...own].filter((name) => parameters[name])) root.append(this._slider(parameters[name]));
    $("key").replaceChildren(...parameters.key.choices.map((key) => new Option({ none: "As it is", auto: "Of melody 1" }[key] ?? key.replace(":maj", " major").replace(":min", " minor"), key)));
    this.update();
  }

  _slider(parameter) {
    const { label, ...slider } = makeSlider(this._live, parameter, title(parameter.name), parameter.whole ? 1 : 0.01);
    this._sliders.set(parameter.name, slider);
    return label;
  }

  _words(name, value) {
    if (value === undefined) return "";
    if (name === "density" || name === "swing") return `${Math.round(100 * value)} %`;
    if (name.startsWith("attribute.") || name === "octave") return value > 0 ? `+${round(value)}` : `${round(value)}`.replace("-", "−");
    return `${round(value)}`;
  }
}

const round = (value) => Math.round(value * 100) / 100;
