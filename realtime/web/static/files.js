// MIDI files: sent to the server as they are, which says what is in them; then track and bars are chosen here.

import { HUES } from "./colour.js";
import { Roll } from "./roll.js";
import { tokensOf } from "./notes.js";

const $ = (id) => document.getElementById(id);
const MOST_BYTES = 4 * 2 ** 20;

export class Files {
  constructor(live) {
    this._live = live;
    this._queue = [];
    this._roll = new Roll($("chooserroll"), { colour: () => HUES[this._hue ?? this._freeHue()] });
    $("file").onchange = () => this.add($("file").files, this._wanted ?? null);
    $("track").onchange = () => this._chooseTrack(Number($("track").value));
    $("bar").oninput = $("bars").oninput = () => this._draw();
    $("chooserroll").addEventListener("pointerdown", (event) => this._pick(event));
    $("take").onclick = () => this._take();
    $("chooser").addEventListener("close", () => setTimeout(() => this._nextFile()));
    this._listenForDrops();
  }

  /** Ask for a file, for the place of a melody or a new one. */
  ask(hue = null) {
    this._wanted = hue;
    $("file").value = "";
    $("file").click();
  }

  add(files, hue = null) {
    for (const file of files) this._queue.push([file, hue]);
    if (!$("chooser").open) this._nextFile();
  }

  _listenForDrops() {
    let depth = 0;
    const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const over = (event) => event.target.closest?.(".card");
    const mark = (card) => document.querySelectorAll(".card.over").forEach((each) => each !== card && each.classList.remove("over"));
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
      this.add(event.dataTransfer.files, card ? Number(card.dataset.hue) : null);
    });
  }

  async _nextFile() {
    const [file, hue] = this._queue.shift() ?? [];
    if (!file) return;
    if (file.name.endsWith(".json")) {
      this.dispatch?.(file);
      return this._nextFile();
    }
    try {
      if (file.size > MOST_BYTES) throw new Error(`${file.name}: expected a MIDI file of at most 4 MB`);
      const answer = await fetch(`./files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
      const found = await answer.json().catch(() => ({ error: `${file.name}: the mixer answered ${answer.status}` }));
      if (!answer.ok) throw new Error(found.error);
      this._open(found, hue);
    } catch (error) {
      this._live.say(error.message);
      this._nextFile();
    }
  }

  _freeHue() {
    return HUES.findIndex((_, hue) => !this._live.melodies.some((melody) => melody.hue === hue));
  }

  _open(found, hue) {
    this._found = found;
    const { melodies, hello } = this._live;
    const full = melodies.length >= hello.most;
    $("choosertitle").textContent = found.name;
    $("chooserwhy").textContent = `Track ${found.chosen} was taken as the melody: ${found.reason}.`;
    $("track").replaceChildren(...found.tracks.map((track) => new Option(`${track.track} ${track.name || "without a name"} · ${track.count} notes${track.chords > 0.2 ? ", chords" : ""}`, track.track)));
    $("where").replaceChildren(
      ...(full ? [] : [new Option("beside the others", "new")]),
      ...melodies.map((melody, index) => new Option(`for ${index + 1} ${melody.name}`, melody.hue)),
    );
    $("where").value = hue ?? (full ? melodies.at(-1).hue : "new");
    this._hue = hue;
    $("where").onchange = () => ((this._hue = $("where").value === "new" ? null : Number($("where").value)), this._draw());
    $("track").value = found.chosen;
    this._chooseTrack(found.chosen);
    $("chooser").showModal();
    this._draw();
  }

  _chooseTrack(number) {
    this._track = this._found.tracks.find((track) => track.track === number) ?? this._found.tracks[0];
    const { first, bars } = this._track;
    $("bar").max = bars;
    $("bar").value = first;
    $("bars").value = Math.min(2, bars - first + 1);
    this._draw();
  }

  /** Sixteen bars around the choice, the chosen ones framed. */
  _draw() {
    const { notes, starts, bars } = this._track;
    const [bar, count] = this._choice();
    this._left = Math.max(1, Math.min(bar - 2, bars - 15));
    const from = starts[this._left - 1] ?? 0, to = starts[Math.min(this._left + 15, starts.length - 1)] ?? from + 32;
    const shown = notes.filter(([start]) => start >= from && start < to).map(([start, end, pitch]) => ({ start: start - from, end: end - from, pitch }));
    const size = (starts[this._left] ?? from + 16) - from || 16;
    this._roll.show({ tokens: tokensOf(shown, Math.max(to - from, size)), bar: size, beat: 4 });
    const { low, high } = this._roll.range;
    this._from = from;
    const begin = (starts[bar - 1] ?? from) - from, end = (starts[Math.min(bar - 1 + count, starts.length - 1)] ?? to) - from;
    this._roll.cursor = { step: begin, pitch: high, length: Math.max(end - begin, 1), rows: high - low + 1 };
    this._roll.draw();
  }

  _choice() {
    const whole = (id, most) => Math.min(Math.max(Math.round(Number($(id).value)) || 1, 1), most);
    return [whole("bar", this._track.bars), whole("bars", 64)];
  }

  _pick(event) {
    const step = this._roll.place(event).step + this._from;
    const index = this._track.starts.findLastIndex((start) => start <= step);
    $("bar").value = Math.min(Math.max(index + 1, 1), this._track.bars);
    this._draw();
  }

  async _take() {
    const [bar, bars] = this._choice();
    const where = $("where").value;
    try {
      const hue = where === "new" ? null : Number(where);
      await this._live.do("take", { file: this._found.file, track: this._track.track, bar, bars, hue });
      $("chooser").close();
    } catch (error) {
      this._live.say(error.message);
    }
  }
}
