// MIDI files: sent to the server as they are, which says what is in them; then track and bars are chosen (chooser.js).

import { OFFLINE, request } from "./live.js";

const $ = (id) => document.getElementById(id);
const MAX_BYTES = 4 * 2 ** 20;
const MIDI = /\.(midi?|kar|rmi|smf)$/i;
/** Suffixes of recordings, all that `audiovq` reads. */
export const RECORDINGS = (
  "wav wave bwf rf64 bw64 w64 flac ogg oga opus mp3 mp2 mpga aif aiff aifc au snd caf sph nist voc sf ircam paf avr 8svx gsm" +
  " m4a m4b mp4 mov 3gp aac webm weba mka mkv wma amr ac3 eac3 wv tta ape mpc spx avi flv mpg mpeg vob mts m2ts"
).split(" ");
/** Whether a file is a recording: by its suffix, or by what the browser takes it for. */
const isRecording = ({ name, type }) => !MIDI.test(name) && (RECORDINGS.includes(name.toLowerCase().split(".").at(-1)) || /^(audio|video)\//.test(type));

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

  /** Open what can be read next; what there is to say is said together, or one line would hide the other. */
  async _nextFile() {
    const wrong = [], said = [];
    for (let isOpen = false; !isOpen && this._queue.length; ) {
      const [file, hue, turn] = this._queue.shift();
      try {
        isOpen = await this._open(file, hue, turn, said);
      } catch (error) {
        wrong.push(error.message);
      }
    }
    if (wrong.length || said.length) this._live.say([...wrong, ...said].join("\n"), wrong.length ? "error" : "");
  }

  async _open(file, hue, turn, said) {
    if (/\.json$/i.test(file.name)) return await this.dispatch?.(file), false;
    if (isRecording(file)) return said.push(...(await this.record(file))), false;
    if (file.size > MAX_BYTES) throw new Error(`${file.name}: expected a MIDI file of at most 4 MB`);
    if (!this._live.online) throw new Error(OFFLINE);
    const answer = await request(`./files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    const found = await answer.json().catch(() => ({ error: `${file.name}: the mixer answered ${answer.status}` }));
    if (!answer.ok) throw new Error(found.error);
    this._chooser.open(found, hue, turn);
    return true;
  }
}
