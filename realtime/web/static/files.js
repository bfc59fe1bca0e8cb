// MIDI files: sent to the server as they are, which says what is in them; then track and bars are chosen (chooser.js).

import { OFFLINE } from "./live.js";

const $ = (id) => document.getElementById(id);
const MAX_BYTES = 4 * 2 ** 20;
const RECORDING = /\.(wav|wave|w64|rf64|flac|ogg|oga|opus|mp3|m4a|mp4|aac|aiff?|aifc|caf|au|snd)$/i;

export class Files {
  constructor(live, chooser) {
    this._live = live;
    this._chooser = chooser;
    this._queue = [];
    $("file").onchange = () => this.add($("file").files, ...(this._wanted ?? []));
    chooser.closed = () => setTimeout(() => this._nextFile());
    this._listenForDrops();
  }

  /** Ask for a file, for the place of a melody or a new one; with {drums: number of a groove or null} for drums. */
  ask(hue = null, wish = {}) {
    this._wanted = [hue, wish];
    $("file").value = "";
    $("file").click();
  }

  add(files, hue = null, wish = {}) {
    const put = new Set(), of = files.length; // of files that come together each has a place of its own
    for (const [index, file] of [...files].entries()) this._queue.push([file, hue, { number: index + 1, of, put, ...wish }]);
    if (!$("chooser").open) this._nextFile();
  }

  _listenForDrops() {
    let depth = 0;
    const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const over = (event) => event.target.closest?.(".card, .drums");
    const mark = (card) => document.querySelectorAll(".over").forEach((each) => each !== card && each.classList.remove("over"));
    addEventListener("dragenter", (event) => hasFiles(event) && (depth++, ($("drop").hidden = false)));
    addEventListener("dragleave", (event) => hasFiles(event) && --depth <= 0 && ((depth = 0), ($("drop").hidden = true), mark(null)));
    addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      const card = over(event);
      mark(card);
      card?.classList.add("over");
    });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth = 0;
      $("drop").hidden = true;
      mark(null);
      const card = over(event);
      const isCard = card?.matches(".card");
      this.add(event.dataTransfer.files, isCard ? Number(card.dataset.hue) : null, card && !isCard ? { drums: null } : {});
    });
  }

  /** Open what can be read next; what cannot is said together, or one line would hide the other. */
  async _nextFile() {
    const wrong = [];
    for (let isOpen = false; !isOpen && this._queue.length; ) {
      const [file, hue, turn] = this._queue.shift();
      try {
        isOpen = await this._open(file, hue, turn);
      } catch (error) {
        wrong.push(error.message);
      }
    }
    if (wrong.length) this._live.say(wrong.join("\n"));
  }

  async _open(file, hue, turn) {
    if (file.name.endsWith(".json")) return this.dispatch?.(file), false;
    if (RECORDING.test(file.name)) return await this.record?.(file), false;
    if (file.size > MAX_BYTES) throw new Error(`${file.name}: expected a MIDI file of at most 4 MB`);
    if (!this._live.online) throw new Error(OFFLINE);
    const answer = await fetch(`./files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    const found = await answer.json().catch(() => ({ error: `${file.name}: the mixer answered ${answer.status}` }));
    if (!answer.ok) throw new Error(found.error);
    this._chooser.open(found, hue, turn);
    return true;
  }
}
