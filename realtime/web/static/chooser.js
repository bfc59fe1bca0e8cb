// What is in a MIDI file: its tracks, to be looked at and heard, and the bars that are taken.

import { HUES } from "./colour.js";
import { pitchName, tokensOf } from "./notes.js";
import { Roll } from "./roll.js";

const $ = (id) => document.getElementById(id);
const MAX_BARS = 64, MAX_DRUM_BARS = 32;
const DRUMS = -1; // in the place of the number of a track
const ROWS = 9; // of drums

export class Chooser {
  constructor(live, audition) {
    this._live = live;
    this._audition = audition;
    this._came = new Set(); // hues of melodies that were taken from files here: they are not the first to make room
    this._roll = new Roll($("chooserroll"), { colour: () => HUES[this._hue ?? this._freeHue()] });
    $("tracks").addEventListener("change", (event) => this._chooseTrack(Number(event.target.value)));
    $("tracks").addEventListener("click", (event) => this._hearTrack(event.target.closest("button")?.value));
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
    this._given = hue;
    const isDrums = turn.drums !== undefined;
    if (isDrums && !found.tracks.some((track) => track.track === DRUMS)) return this._live.say(`${found.name}: expected drums, which are on channel 10, found none`), this.closed?.();
    $("choosertitle").textContent = turn.of > 1 ? `${found.name} · ${turn.number} of ${turn.of}` : found.name;
    this._steps = Math.max(...found.tracks.map(({ starts }) => starts.at(-1)));
    this._rows = found.tracks.map((track) => this._row(track));
    $("tracks").replaceChildren(...this._rows.map(({ row }) => row));
    this._track = null;
    $("where").onchange = () => ((this._hue = this._wanted()), this._draw());
    $("chooser").showModal();
    this._chooseTrack(isDrums ? DRUMS : found.chosen);
    const chosen = $("tracks").querySelector("input:checked");
    chosen?.focus();
    chosen?.closest("label").scrollIntoView({ block: "nearest" });
  }

  get _isDrums() {
    return this._track.track === DRUMS;
  }

  /** Where it can be put, and what there is to say of the file. */
  _offerPlaces() {
    const { melodies, grooves, hello } = this._live, { _turn: turn, _given: hue, _isDrums: isDrums, _found: found } = this;
    const there = isDrums ? grooves.map(({ name }, at) => [at, name || "drums"]) : melodies.map((melody) => [melody.hue, melody.name]);
    const most = isDrums ? hello.most_drums : hello.most, full = there.length >= most;
    this._grooves = grooves.length;
    $("where").replaceChildren(
      ...(full ? [] : [new Option(isDrums && there.length ? "beside the other drums" : isDrums ? "among the drums" : "beside the others", "new")]),
      ...there.map(([key, name], index) => new Option(`in place of ${index + 1} ${name}`, key)),
      ...(turn.of > 1 ? [new Option("nowhere: leave it out", "nowhere")] : []),
    );
    const remarks = found.remarks.length ? [`Read all the same: ${found.remarks.join("; ")}.`] : [];
    const wanted = isDrums ? (turn.drums ?? null) : hue;
    if (found.drums) remarks.push(`${found.drums} ${found.drums === 1 ? "track" : "tracks"} of drums left out.`);
    if (found.unlisted) remarks.push(`${found.unlisted} more tracks, less likely to be the melody, are not shown.`);
    if (full && wanted === null) remarks.push(`There are ${most} ${isDrums ? "drums" : "melodies"}, which is the most: this one takes the place of another.`);
    $("chooserremarks").textContent = remarks.join(" ");
    const others = there.filter(([key]) => isDrums || !turn.put.has(key)); // what came with this one stays
    const older = others.findLast(([key]) => isDrums || !this._came.has(key)) ?? others.at(-1);
    $("where").value = wanted ?? (full ? (older?.[0] ?? "nowhere") : "new");
    this._hue = this._wanted();
  }

  /** The hue of the melody, or the number of the drums, that makes room; null: none does. */
  _wanted() {
    const { value } = $("where");
    return /^\d+$/.test(value) ? Number(value) : null;
  }

  _freeHue() {
    return HUES.findIndex((_, hue) => !this._live.melodies.some((melody) => melody.hue === hue));
  }

  /** A track of the list: what it is, why or why not, how it looks, and a button to hear it by. */
  _row(track) {
    const row = document.createElement("label"), input = document.createElement("input"), words = document.createElement("span");
    const [name, what, why, empty] = ["b", "small", "small", "small"].map((kind) => document.createElement(kind));
    Object.assign(input, { type: "radio", name: "track", value: track.track });
    const isDrums = track.track === DRUMS;
    name.textContent = isDrums ? track.name : `${track.track}  ${track.name || "without a name"}`;
    const range = track.low === track.high ? pitchName(track.low) : `${pitchName(track.low)} to ${pitchName(track.high)}`;
    const bars = track.first === track.bars ? `bar ${track.bars}` : `bars ${track.first} to ${track.bars}`;
    what.textContent = isDrums ? `${track.count} hit${track.count === 1 ? "" : "s"} · ${bars}` : `${track.instrument} · ${range} · ${track.count} note${track.count === 1 ? "" : "s"} · ${bars}${track.chords > 0.2 ? " · chords" : ""}`;
    const isChosen = track.track === this._found.chosen;
    why.textContent = isChosen || !track.place ? track.reason : `${track.place}. choice: ${track.reason}`;
    empty.className = "wrong";
    words.append(name, what, why, empty);
    const hear = document.createElement("button"), picture = document.createElement("canvas");
    Object.assign(hear, { type: "button", className: "icon", value: track.track, title: "Hear it", innerHTML: '<svg><use href="#i-play"/></svg>' });
    hear.setAttribute("aria-label", isDrums ? "Hear the drums" : `Hear track ${track.track}`);
    [picture.width, picture.height] = [320, 48];
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", `Notes of ${track.name || "the track"}`);
    row.className = "track";
    row.append(input, words, picture, hear);
    return { row, input, empty, hear, picture, track };
  }

  /** Take a track into view, at the bars that were chosen where it has notes there. */
  _chooseTrack(number) {
    const before = this._track;
    this._track = this._found.tracks.find((track) => track.track === number) ?? this._found.tracks[0];
    if (before?.track === DRUMS !== this._isDrums || !before) this._offerPlaces();
    for (const { input, track } of this._rows) input.checked = track === this._track;
    const { first, bars } = this._track;
    $("bar").max = bars;
    if (!this._found.tracks.includes(before) || Number($("bar").value) > bars || !this._passage().length) {
      $("bar").value = first;
      $("bars").value = Math.min(2, bars - first + 1);
    }
    this._draw();
    if (this._audition.key === "file") this._hear();
  }

  /** The button of a row: that track is heard, or silent again. */
  _hearTrack(value) {
    if (value === undefined) return;
    const isSame = this._audition.key === "file" && Number(value) === this._track.track;
    if (!isSame) {
      this._audition.stop();
      this._chooseTrack(Number(value));
    }
    this._hear(true);
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
    const length = Math.max(to - from, size);
    if (this._isDrums) this._roll.show({ tokens: new Array(length).fill(0), notes: shown, bar: size, beat: 4 }, { low: 0, high: ROWS - 1 });
    else this._roll.show({ tokens: tokensOf(shown, length), bar: size, beat: 4 });
    const { low, high } = this._roll.range;
    this._from = from;
    const [begin, end] = this._span();
    this._roll.cursor = { step: begin - from, pitch: high, length: Math.max(end - begin, 1), rows: high - low + 1 };
    this._roll.draw();
    const lost = this._track.dropped.filter((step) => step >= begin && step < end).length;
    const without = lost ? ` ${lost} more ${lost === 1 ? "has" : "have"} no place on the grid of sixteenths.` : "";
    const count_ = this._passage().length, last = Math.min(bar + count - 1, bars);
    const where = count === 1 ? `Bar ${bar}` : `Bars ${bar} to ${last}`;
    const noun = this._isDrums ? "hit" : "note";
    $("chooserwhy").textContent = count_
      ? `${where} of ${bars}: ${count_} ${noun}${count_ === 1 ? "" : "s"}.${without} Up to ${this._mostBars} bars can be mixed; click the roll to begin elsewhere.`
      : `${where} of ${bars}: no ${noun} of this track starts there. Choose other bars, or another track.`;
    $("chooserwhy").classList.toggle("wrong", !count_);
    $("take").disabled = $("hear").disabled = !count_;
    for (const each of this._rows) {
      const isEmpty = !this._passage(each.track).length;
      each.empty.textContent = isEmpty ? `no ${each.track.track === DRUMS ? "hit" : "note"} in ${count === 1 ? `bar ${bar}` : `bars ${bar} to ${bar + count - 1}`}` : "";
      drawSmall(each.picture, each.track, this._steps, this._span(each.track));
    }
  }

  get _mostBars() {
    return this._isDrums ? MAX_DRUM_BARS : MAX_BARS;
  }

  _choice() {
    const whole = (id, most) => Math.min(Math.max(Math.round(Number($(id).value)) || 1, 1), most);
    const bar = whole("bar", this._track.bars);
    return [bar, Math.min(whole("bars", this._mostBars), this._track.bars - bar + 1)];
  }

  /** First and last step of what is chosen, in a track. */
  _span({ starts } = this._track) {
    const [bar, count] = this._choice(), last = starts.length - 1;
    return [starts[Math.min(bar - 1, last)], starts[Math.min(bar - 1 + count, last)]];
  }

  /** The chosen bars of a track. */
  _passage(track = this._track) {
    const [begin, end] = this._span(track);
    return track.notes.filter(([start]) => start >= begin && start < end).map(([start, stop, pitch]) => ({ start, end: Math.min(stop, end), pitch }));
  }

  _pick(event) {
    const step = this._roll.place(event).step + this._from;
    const index = this._track.starts.findLastIndex((start) => start <= step);
    $("bar").value = Math.min(Math.max(index + 1, 1), this._track.bars);
    this._draw();
  }

  _hear(toggles = false) {
    if (!toggles) this._audition.stop();
    const passage = this._passage(), drums = passage.map(({ start, end, pitch }) => ({ start, end, drum: pitch }));
    this._audition.toggle("file", this._isDrums ? drums : passage, tempoOf(this._track.tempi, passage));
  }

  _showHearing() {
    const on = this._audition.key === "file";
    $("hear").setAttribute("aria-pressed", on);
    $("hear").querySelector("use").setAttribute("href", on ? "#i-stop" : "#i-play");
    for (const { hear, track } of this._rows ?? []) {
      const isHeard = on && track === this._track;
      hear.setAttribute("aria-pressed", isHeard);
      hear.querySelector("use").setAttribute("href", isHeard ? "#i-stop" : "#i-play");
    }
  }

  async _take() {
    const [bar, bars] = this._choice();
    try {
      if ($("where").value !== "nowhere") {
        const passage = { file: this._found.file, bar, bars };
        const at = this._wanted();
        if (this._isDrums) await this._live.do("take-drums", { ...passage, at, of: at === null ? null : this._grooves });
        else {
          const { hue } = await this._live.do("take", { ...passage, track: this._track.track, hue: at });
          for (const hues of [this._turn.put, this._came]) hues.add(hue);
        }
      }
      $("chooser").close();
    } catch (error) {
      this._live.say(error.message);
    }
  }
}

/** The tempo at which most of some notes sounds, out of [step, quarters a minute]. */
function tempoOf(tempi, notes) {
  const times = new Map();
  tempi.forEach(([from, tempo], index) => {
    const to = tempi[index + 1]?.[0] ?? Infinity;
    const time = notes.reduce((sum, { start, end }) => sum + Math.max(Math.min(end, to) - Math.max(start, index ? from : -Infinity), 0), 0);
    times.set(tempo, (times.get(tempo) ?? 0) + time);
  });
  return [...times].reduce((most, each) => (each[1] > most[1] ? each : most))[0];
}

/** All of a track, small, on as many steps as the longest one has; the chosen ones on a lighter ground. */
function drawSmall(canvas, { notes, low, high }, steps, [begin, end]) {
  const { width, height } = canvas;
  const g = canvas.getContext("2d"), x = width / (steps || 1), rows = Math.max(high - low, 11) + 1, tall = height - 4;
  g.clearRect(0, 0, width, height);
  g.fillStyle = "#8a839140";
  g.fillRect(begin * x, 0, Math.max((end - begin) * x, 2), height);
  g.fillStyle = "#8a8391";
  for (const [start, stop, pitch] of notes)
    g.fillRect(start * x, 2 + (tall * (high - pitch)) / rows, Math.max((stop - start) * x - 0.5, 1.2), Math.max(tall / rows, 2.5));
}
