// Melodies on a grid of sixteenths -> MIDI files; these are read by the engine.

const HOLD = 0, ONSET = 2;

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
