// Tokens of a melody, as the server has them: 0 holds, 1 ends, p + 2 starts MIDI pitch p. Pure.

export const HOLD = 0, OFF = 1, ONSET = 2;
const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

export const pitchName = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
export const isBlack = (pitch) => [1, 3, 6, 8, 10].includes(((pitch % 12) + 12) % 12);

/** [{start, end, pitch}] of tokens. */
export function notesOf(tokens) {
  const notes = [];
  let open = null;
  tokens.forEach((token, step) => {
    if (token === HOLD) return;
    if (open) open.end = step;
    open = token >= ONSET ? { start: step, end: tokens.length, pitch: token - ONSET } : null;
    if (open) notes.push(open);
  });
  return notes;
}

/** Tokens of so many steps out of notes; a note ends where the next one starts. */
export function tokensOf(notes, steps) {
  const tokens = new Array(steps).fill(HOLD);
  for (const { start, end, pitch } of [...notes].sort((a, b) => a.start - b.start)) {
    if (start >= steps) continue;
    tokens[start] = pitch + ONSET;
    for (let step = start + 1; step < Math.min(end, steps); step++) tokens[step] = HOLD;
    if (end < steps) tokens[end] = OFF;
  }
  return tokens;
}

/** In words, for those who do not see the roll. */
export function describe(tokens, bar) {
  const notes = notesOf(tokens);
  if (!notes.length) return "silence";
  const names = notes.slice(0, 24).map((note) => pitchName(note.pitch)).join(" ");
  return `${tokens.length / bar} bars, ${notes.length} notes: ${names}${notes.length > 24 ? " …" : ""}`;
}

/** The voice that plays patterns, step by step; the same rules as the server's player. */
export class Sequencer {
  constructor() {
    this.pattern = null;
    this.waiting = null;
    this.sounding = null;
  }

  offer(pattern) {
    this.waiting = pattern;
  }

  isBoundary(step, follow) {
    if (!this.pattern) return true;
    if (this.waiting && this.waiting.turn !== this.pattern.turn) return step % this.pattern.tokens.length === 0; // another phrase
    const unit = { step: 1, beat: this.pattern.steps_per_beat, bar: this.pattern.steps_per_bar }[follow] ?? 1;
    return step % unit === 0;
  }

  /** What ends and starts at a step: [{pitch, on}]. */
  step(step, follow) {
    const swapped = this.waiting !== null && this.isBoundary(step, follow);
    if (swapped) [this.pattern, this.waiting] = [this.waiting, null];
    if (!this.pattern) return [];
    const { tokens } = this.pattern;
    const at = step % tokens.length;
    if (tokens[at] >= ONSET) {
      const changes = this.silence();
      this.sounding = tokens[at] - ONSET;
      return [...changes, { pitch: this.sounding, on: true }];
    }
    const rests = swapped && !notesOf(tokens).some((note) => note.start <= at && at < note.end);
    return tokens[at] === OFF || at === 0 || rests ? this.silence() : [];
  }

  silence() {
    if (this.sounding === null) return [];
    const ended = [{ pitch: this.sounding, on: false }];
    this.sounding = null;
    return ended;
  }
}
