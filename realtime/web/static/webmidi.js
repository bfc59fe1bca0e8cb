// Web MIDI: controllers in, with learning; notes out to synthesizers. Only where the browser has it.

import { title } from "./controls.js";

const $ = (id) => document.getElementById(id);
const KEPT_AT = "latentmix.midi"; // in localStorage: what knobs move

export class WebMidi {
  constructor(live, scheduler) {
    this._live = live;
    this._scheduler = scheduler;
    this._learning = false;
    this._bound = kept();
    $("midion").onclick = () => this._open();
    $("midiout").onchange = () => this._chooseOut();
    $("learn").onclick = () => this._learn(!this._learning);
    if (!navigator.requestMIDIAccess) {
      $("midion").disabled = true;
      $("midistate").textContent = "This browser has no Web MIDI. Chrome, Edge and Firefox have; or start livemix web with --in and --out.";
    }
  }

  async _open() {
    try {
      this._access = await navigator.requestMIDIAccess();
    } catch {
      $("midistate").textContent = "The browser did not allow MIDI; allow it beside the address, then try again.";
      return;
    }
    $("midion").hidden = true;
    $("learnbox").hidden = $("outlabel").hidden = false;
    const parameters = Object.values(this._live.hello.parameters).filter((parameter) => parameter.name !== "preset" && !parameter.name.startsWith("weight."));
    const weights = Object.values(this._live.hello.parameters).filter((parameter) => parameter.name.startsWith("weight."));
    $("learnwhat").replaceChildren(...[...parameters, ...weights].map((parameter) => new Option(title(parameter.name), parameter.name)));
    this._access.onstatechange = () => this._list();
    addEventListener("pagehide", () => this._scheduler.panic()); // or the synthesizer would hold the last note
    this._list();
    this._showBound();
  }

  _list() {
    const ins = [...this._access.inputs.values()], outs = [...this._access.outputs.values()];
    for (const port of ins) port.onmidimessage = (event) => this.message(event.data);
    const chosen = $("midiout").value;
    $("midiout").replaceChildren(new Option("nothing", ""), ...outs.map((port) => new Option(port.name, port.id)));
    $("midiout").value = outs.some((port) => port.id === chosen) ? chosen : "";
    this._chooseOut();
    $("midistate").textContent = ins.length ? `Listening to ${ins.map((port) => port.name).join(", ")}.` : "No MIDI controller is connected; one that comes is heard at once.";
  }

  _chooseOut() {
    const port = this._access?.outputs.get($("midiout").value);
    if (port === this._scheduler.outs[0]) return;
    this._scheduler.panic(); // nobody else would end what sounds there
    this._scheduler.outs = port ? [port] : [];
  }

  /** Bytes from a controller: learn them, or do what they are bound to. */
  message(data) {
    const [status, first, second] = data;
    const kind = status & 0xf0;
    if (kind !== 0xb0 && kind !== 0xe0 && kind !== 0x90) return;
    const key = kind === 0xe0 ? `bend ${(status & 15) + 1}` : `${kind === 0xb0 ? "CC" : "note"} ${first}, channel ${(status & 15) + 1}`;
    if (this._learning) {
      this._bound[key] = $("learnwhat").value;
      this._learn(false);
      this._showBound();
    }
    const parameter = this._live.hello?.parameters[this._bound[key]];
    if (!parameter) return;
    const share = kind === 0xe0 ? ((second << 7) | first) / 16383 : second / 127;
    if (parameter.kind === "continuous") this._live.set({ [parameter.name]: parameter.low + share * (parameter.high - parameter.low) });
    else if (parameter.kind === "choice") this._live.set({ [parameter.name]: parameter.choices[Math.round(share * parameter.high)] });
    else if (parameter.kind === "trigger") share > 0 && this._live.set({ [parameter.name]: true });
    else if (kind === 0x90) share > 0 && this._live.set({ [parameter.name]: !this._live.values[parameter.name] });
    else this._live.set({ [parameter.name]: share >= 0.5 });
  }

  _learn(on) {
    this._learning = on;
    $("learn").setAttribute("aria-pressed", on);
    $("learn").textContent = on ? "Waiting for a knob …" : "Move a knob …";
  }

  _showBound() {
    try {
      localStorage.setItem(KEPT_AT, JSON.stringify(this._bound));
    } catch { /* a browser that keeps nothing */ }
    $("bound").replaceChildren(...Object.entries(this._bound).map(([key, name]) => {
      const row = document.createElement("li"), away = document.createElement("button");
      row.append(`${key} → ${title(name)}`);
      Object.assign(away, { className: "plain", textContent: "forget", onclick: () => (delete this._bound[key], this._showBound()) });
      away.setAttribute("aria-label", `Forget ${key}`);
      row.append(away);
      return row;
    }));
  }
}

function kept() {
  try {
    return { ...JSON.parse(localStorage.getItem(KEPT_AT) ?? "{}") };
  } catch {
    return {};
  }
}
