// Recordings that the sound of the page is mixed of, as the melodies are: sent, listed, taken away.

import { RECORDINGS } from "./files.js";
import { setAttribute } from "./frame.js";
import { button } from "./groovelist.js";
import { OFFLINE, request } from "./live.js";

const $ = (id) => document.getElementById(id);
const MAX_BYTES = 32 * 2 ** 20;

export class Recordings {
  constructor(live, synth, sound, tell) {
    Object.assign(this, { _live: live, _synth: synth, _sound: sound, _tell: tell, _shown: "" });
    for (const kind of ["melodies", "melody", "state"]) live.addEventListener(kind, () => this._show());
    live.addEventListener("online", () => live.online && this._show());
    sound.addEventListener("choose", () => this._show());
    for (const id of ["voice", "voice2"]) $(id).addEventListener("change", () => this._explain());
    $("soundfollow").onclick = () => live.set({ "sound.follow": !live.values["sound.follow"] });
    $("soundposition").oninput = () => live.set({ "sound.follow": false, "sound.position": Number($("soundposition").value) });
    $("soundfile").accept = ["audio/*", ...RECORDINGS.map((suffix) => `.${suffix}`)].join();
    $("addsound").onclick = () => {
      $("soundfile").value = "";
      $("soundfile").click();
    };
    $("soundfile").onchange = () => this._addAll([...$("soundfile").files]);
    $("recordingsin").addEventListener("click", ({ target }) => {
      const at = target.closest("[data-at]")?.dataset.at;
      if (at !== undefined) this._remove(Number(at));
    });
  }

  /** Send a recording; a promise of what there is to say of it. What is wrong with it is thrown, for people. */
  async add(file) {
    if (file.size > MAX_BYTES) throw new Error(`${file.name}: expected a recording of at most 32 MB`);
    if (!this._live.online) throw new Error(OFFLINE);
    this._tell(`${file.name}: it is being listened to …`);
    const answer = await request(`./sounds?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    const found = await answer.json().catch(() => ({ error: `${file.name}: the mixer answered ${answer.status}` }));
    if (!answer.ok) throw new Error(found.error);
    this._sound.choose(this._synth.sung.own);
    return [`${found.name} is in the sound, as much as its melody is in the mix.`, ...found.remarks];
  }

  _explain() {
    if (this._synth.program === this._synth.sung.own && !this._live.sounds.length) this._tell("Choose or drop recordings to sing with; until then another sound stands in.");
  }

  async _addAll(files) {
    const wrong = [], said = [];
    for (const file of files) await this.add(file).then((lines) => said.push(...lines), (error) => wrong.push(error.message));
    this._live.say([...wrong, ...said].join("\n"), wrong.length ? "error" : "");
  }

  async _remove(at) {
    if (await this._live.try("remove-sound", { at, of: this._live.sounds.length })) this._tell("Taken away; Z brings it back.");
    if (document.activeElement === document.body) $("addsound").focus(); // what had the focus is gone
  }

  /** Where the timbre is: another one is asked for when that is another place. */
  _where() {
    const { melody, values } = this._live, rounded = (share) => share.toFixed(2);
    const own = ["position", "x", "y"].map((name) => values[`sound.${name}`] ?? 0), shares = Object.values(melody?.weights ?? {});
    return values["sound.follow"] === false ? ["own", values["sound.pad"], ...own.map(rounded)] : shares.map(rounded);
  }

  _showWay() {
    const { sounds, values } = this._live;
    for (const id of ["soundfollow", "soundway"]) $(id).hidden = sounds.length < 2;
    setAttribute($("soundfollow"), "aria-pressed", values["sound.follow"] !== false);
    if (Number($("soundposition").value) !== values["sound.position"]) $("soundposition").value = values["sound.position"];
  }

  _show() {
    const { sounds, hello } = this._live;
    if (!hello) return;
    const isChosen = this._synth.program === hello.sung.own;
    if (!sounds.length) this._synth.follow("");
    else if (isChosen) this._synth.follow(JSON.stringify([hello.instance, sounds.map(({ mark }) => mark), this._where()]));
    this._showWay();
    $("addsound").disabled = sounds.length >= hello.most;
    const names = sounds.map(({ name }, at) => name || `recording ${at + 1}`);
    if (this._shown === JSON.stringify(names)) return;
    this._shown = JSON.stringify(names);
    $("recordingsin").replaceChildren(...names.map((name, at) => {
      const chip = document.createElement("span");
      chip.className = "chip";
      chip.append(Object.assign(document.createElement("span"), { textContent: name }), button("remove", at, "×", `Take away ${name}`));
      return chip;
    }));
  }
}
