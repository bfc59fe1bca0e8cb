// MIDI files <-> melodies on a grid of sixteenths. Simpler than `midi-vae`: one part, its highest notes, two bars.

const HOLD = 0, OFF = 1, ONSET = 2;

function barSteps([numerator, denominator]) { return (16 * numerator) / denominator; }

// (start, end, pitch) in sixteenths.
function notesOf(tokens) {
  const notes = [];
  let start = -1;
  tokens.forEach((token, at) => {
    if (token === HOLD) return;
    if (start >= 0) notes.push([start, at, tokens[start] - ONSET]);
    start = token >= ONSET ? at : -1;
  });
  if (start >= 0) notes.push([start, tokens.length, tokens[start] - ONSET]);
  return notes;
}

function writeMidi(tokens, metre, tempo) {
  const bytes = [], us = Math.round(6e7 / tempo);
  const delta = (n) => {
    const out = [n & 127];
    while ((n >>= 7)) out.unshift((n & 127) | 128);
    bytes.push(...out);
  };
  bytes.push(0, 0xff, 0x51, 3, us >> 16, (us >> 8) & 255, us & 255);
  bytes.push(0, 0xff, 0x58, 4, metre[0], Math.log2(metre[1]), 24, 8);
  const events = notesOf(tokens).flatMap(([start, end, pitch]) => [[start, 1, 0x90, pitch, 80], [end, 0, 0x80, pitch, 0]]);
  let now = 0;
  for (const [at, , ...message] of events.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    delta(120 * (at - now));
    bytes.push(...message);
    now = at;
  }
  delta(120 * (tokens.length - now));
  bytes.push(0xff, 0x2f, 0);
  const n = bytes.length, head = [77, 84, 104, 100, 0, 0, 0, 6, 0, 0, 0, 1, 480 >> 8, 480 & 255];
  return new Uint8Array([...head, 77, 84, 114, 107, n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255, ...bytes]);
}

// Two bars from where the melody starts; throws with one line for people.
function readMidi(buffer) {
  const d = new DataView(buffer), refuse = () => { throw new Error("expected a MIDI file, found something else"); };
  if (d.byteLength < 22 || d.getUint32(0) !== 0x4d546864) refuse();
  const ticks = d.getUint16(12);
  if (!ticks || ticks & 0x8000) refuse();
  const parts = new Map();
  let metre = null, tempo = null, at = 8 + d.getUint32(4);
  while (at + 8 <= d.byteLength) {
    const kind = d.getUint32(at), end = Math.min(at + 8 + d.getUint32(at + 4), d.byteLength);
    at += 8;
    if (kind !== 0x4d54726b) { at = end; continue; }
    const track = at, open = new Map();
    let now = 0, status = 0;
    const number = () => {
      let n = 0;
      for (let i = 0; i < 4 && at < end; i++) {
        const byte = d.getUint8(at++);
        n = (n << 7) | (byte & 127);
        if (byte < 128) break;
      }
      return n;
    };
    while (at < end) {
      now += number();
      if (at >= end) break;
      if (d.getUint8(at) & 128) status = d.getUint8(at++);
      if (status === 0xff && at < end) {
        const type = d.getUint8(at++), length = number();
        if (type === 0x51 && length === 3 && at + 3 <= end) tempo ??= 6e7 / ((d.getUint8(at) << 16) | d.getUint16(at + 1));
        if (type === 0x58 && length >= 2 && at + 2 <= end) metre ??= [d.getUint8(at), 2 ** d.getUint8(at + 1)];
        at += length;
      } else if (status === 0xf0 || status === 0xf7) {
        at += number();
      } else if (status >= 0x80 && status < 0xf0) {
        const high = status & 0xf0, size = high === 0xc0 || high === 0xd0 ? 1 : 2;
        if (at + size > end) break;
        const pitch = d.getUint8(at) & 127, velocity = size > 1 ? d.getUint8(at + 1) : 0, channel = status & 15;
        at += size;
        if ((high !== 0x90 && high !== 0x80) || channel === 9) continue;
        const key = 128 * channel + pitch, part = `${track}.${channel}`;
        if (open.has(key)) {
          const start = open.get(key);
          open.delete(key);
          if (!parts.has(part)) parts.set(part, []);
          parts.get(part).push([start, now, pitch]);
        }
        if (high === 0x90 && velocity) open.set(key, now);
      } else refuse();
    }
    at = end;
  }
  const mean = (notes) => notes.reduce((sum, note) => sum + note[2], 0) / notes.length;
  const best = [...parts.values()].sort((a, b) => mean(b) + 0.02 * b.length - mean(a) - 0.02 * a.length)[0];
  if (!best) throw new Error("expected notes, found none");
  metre = metre && barSteps(metre) % 1 === 0 && barSteps(metre) <= 32 ? metre : [4, 4];
  const bar = barSteps(metre), steps = (tick) => Math.round((4 * tick) / ticks);
  const first = Math.floor(Math.min(...best.map((note) => steps(note[0]))) / bar) * bar, tokens = new Array(2 * bar).fill(HOLD);
  for (const [, end] of best) if (steps(end) - first < tokens.length && steps(end) >= first) tokens[steps(end) - first] = OFF;
  for (const [start, , pitch] of best.sort((a, b) => a[2] - b[2])) { // the highest of those that start together
    if (steps(start) - first < tokens.length) tokens[steps(start) - first] = ONSET + pitch;
  }
  return { tokens, metre, tempo };
}
