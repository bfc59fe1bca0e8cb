// What is in a MIDI file: its tracks, to be looked at and heard, and the bars that are taken.

import { HUES } from "./colour.js";
import { pitchName, tokensOf } from "./notes.js";
import { Roll } from "./roll.js";

const $ = (id) => document.getElementById(id);
const MAX_BARS = 64;

export class Chooser {
  constructor(live, audition) {
    this._live = live;
    this._audition = audition;
    this._roll = new Roll($("chooserroll"), { colour: () => HUES[this._hue ?? this._freeHue()] });
    $("tracks").addEventListener("change", (event) => this._chooseTrack(Number(event.target.value)));
    $("bar").oninput = $("bars").oninput = () => this._draw();
    $("bar").onchange = $("bars").onchange = () => ([$("bar").value, $("bars").value] = this._choice()); // what is taken
    $("chooserroll").addEventListener("pointerdown", (event) => this._pick(event));
    $("take").onclick = () => this._take();
    $("hear").onclick = () => this._hear(true);
    $("chooser").addEventListener("close", () => (audition.stop(), this.closed?.()));
    audition.addEventListener("change", () => this._showHearing());
  }

  /** Show what the server has found in a file, for the place of a melody or a new one. */
  open(found, hue, turn = { number: 1, of: 1, put: new Set() }) {
    this._found = found;
    this._turn = turn;
    const { melodies, hello } = this._live;
    const full = melodies.length >= hello.most;
    $("choosertitle").textContent = turn.of > 1 ? `${found.name} · ${turn.number} of ${turn.of}` : found.name;
    $("tracks").replaceChildren(...found.tracks.map((track) => this._row(track)));
    $("where").replaceChildren(
      ...(full ? [] : [new Option("beside the others", "new")]),
      ...melodies.map((melody, index) => new Option(`in place of ${index + 1} ${melody.name}`, melody.hue)),
      ...(turn.of > 1 ? [new Option("nowhere: leave it out", "nowhere")] : []),
    );
    const remarks = found.remarks.length ? [`Read all the same: ${found.remarks.join("; ")}.`] : [];
    if (full && hue === null) remarks.push(`There are ${hello.most} melodies, which is the most: this one takes the place of another.`);
    $("chooserremarks").textContent = remarks.join(" ");
    const older = melodies.findLast((melody) => !turn.put.has(melody.hue)); // what came with this one stays
    $("where").value = hue ?? (full ? (older?.hue ?? "nowhere") : "new");
    this._hue = this._wanted();
    $("where").onchange = () => ((this._hue = this._wanted()), this._draw());
    $("chooser").showModal();
    this._chooseTrack(found.chosen);
    const chosen = $("tracks").querySelector("input:checked");
    chosen?.focus();
    chosen?.closest("label").scrollIntoView({ block: "nearest" });
  }

  /** The hue of the melody that makes room; null: none does. */
  _wanted() {
    const { value } = $("where");
    return /^\d+$/.test(value) ? Number(value) : null;
  }

  _freeHue() {
    return HUES.findIndex((_, hue) => !this._live.melodies.some((melody) => melody.hue === hue));
  }

  _row(track) {
    const row = document.createElement("label"), input = document.createElement("input"), words = document.createElement("span");
    Object.assign(input, { type: "radio", name: "track", value: track.track });
    const name = document.createElement("b"), what = document.createElement("small");
    name.textContent = `${track.track}  ${track.name || "without a name"}`;
    const range = track.low === track.high ? pitchName(track.low) : `${pitchName(track.low)} to ${pitchName(track.high)}`;
    const reason = track.track === this._found.chosen && track.reason ? ` · ${track.reason}` : "";
    what.textContent = `${track.instrument} · ${range} · ${track.count} note${track.count === 1 ? "" : "s"}${track.chords > 0.2 ? ", chords" : ""}${reason}`;
    words.append(name, what);
    row.className = "track";
    row.append(input, words, picture(track));
    return row;
  }

  _chooseTrack(number) {
    this._track = this._found.tracks.find((track) => track.track === number) ?? this._found.tracks[0];
    for (const input of $("tracks").querySelectorAll("input")) input.checked = Number(input.value) === this._track.track;
    const { first, bars } = this._track;
    $("bar").max = bars;
    $("bar").value = first;
    $("bars").value = Math.min(2, bars - first + 1);
    this._draw();
    if (this._audition.key === "file") this._hear();
  }

  /** Sixteen bars around the choice, the chosen ones framed; all of a longer choice. */
  _draw() {
    const { notes, starts, bars } = this._track;
    const [bar, count] = this._choice();
    const wide = Math.max(16, count + 2);
    this._left = Math.max(1, Math.min(bar - 2, bars - wide + 1));
    const from = starts[this._left - 1] ?? 0, to = starts[Math.min(this._left + wide - 1, starts.length - 1)] ?? from + 32;
    const shown = notes.filter(([start]) => start >= from && start < to).map(([start, end, pitch]) => ({ start: start - from, end: end - from, pitch }));
    const size = (starts[this._left] ?? from + 16) - from || 16;
    this._roll.show({ tokens: tokensOf(shown, Math.max(to - from, size)), bar: size, beat: 4 });
    const { low, high } = this._roll.range;
    this._from = from;
    const [begin, end] = this._span();
    this._roll.cursor = { step: begin - from, pitch: high, length: Math.max(end - begin, 1), rows: high - low + 1 };
    this._roll.draw();
    const lost = this._track.dropped.filter((step) => step >= begin && step < end).length;
    const without = lost ? ` ${lost} more ${lost === 1 ? "has" : "have"} no place on the grid of sixteenths.` : "";
    const count_ = this._passage().length, last = Math.min(bar + count - 1, bars);
    const where = count === 1 ? `Bar ${bar}` : `Bars ${bar} to ${last}`;
    $("chooserwhy").textContent = count_
      ? `${where} of ${bars}: ${count_} note${count_ === 1 ? "" : "s"}.${without} Up to ${MAX_BARS} bars can be mixed; click the roll to begin elsewhere.`
      : `${where} of ${bars}: no note of this track starts there. Choose other bars, or another track.`;
    $("chooserwhy").classList.toggle("wrong", !count_);
    $("take").disabled = $("hear").disabled = !count_;
  }

  _choice() {
    const whole = (id, most) => Math.min(Math.max(Math.round(Number($(id).value)) || 1, 1), most);
    const bar = whole("bar", this._track.bars);
    return [bar, Math.min(whole("bars", MAX_BARS), this._track.bars - bar + 1)];
  }

  /** First and last step of what is chosen. */
  _span() {
    const { starts } = this._track, [bar, count] = this._choice();
    return [starts[bar - 1] ?? 0, starts[Math.min(bar - 1 + count, starts.length - 1)] ?? 0];
  }

  _passage() {
    const [begin, end] = this._span();
    return this._track.notes.filter(([start]) => start >= begin && start < end).map(([start, stop, pitch]) => ({ start, end: Math.min(stop, end), pitch }));
  }

  _pick(event) {
    const step = this._roll.place(event).step + this._from;
    const index = this._track.starts.findLastIndex((start) => start <= step);
    $("bar").value = Math.min(Math.max(index + 1, 1), this._track.bars);
    this._draw();
  }

  _hear(toggles = false) {
    if (!toggles) this._audition.stop();
    this._audition.toggle("file", this._passage(), this._found.tempo);
  }

  _showHearing() {
    const on = this._audition.key === "file";
    $("hear").setAttribute("aria-pressed", on);
    $("hear").querySelector("use").setAttribute("href", on ? "#i-stop" : "#i-play");
  }

  async _take() {
    const [bar, bars] = this._choice();
    try {
      if ($("where").value !== "nowhere") {
        const { hue } = await this._live.do("take", { file: this._found.file, track: this._track.track, bar, bars, hue: this._wanted() });
        this._turn.put.add(hue);
      }
      $("chooser").close();
    } catch (error) {
      this._live.say(error.message);
    }
  }
}

/** All of a track, small. */
function picture({ notes, starts, low, high, name }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 48];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Notes of ${name || "the track"}`);
  const g = canvas.getContext("2d"), length = starts.at(-1) || 1, rows = Math.max(high - low, 11) + 1;
  g.fillStyle = "#8a8391";
  for (const [start, end, pitch] of notes)
    g.fillRect((320 * start) / length, 2 + (44 * (high - pitch)) / rows, Math.max((320 * (end - start)) / length - 0.5, 1.2), Math.max(44 / rows, 2.5));
  return canvas;
}
