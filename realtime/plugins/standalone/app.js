// The page: what is moved -> a melody -> roll, sound, files, link.

const $ = (id) => document.getElementById(id);
const KEYS = ["none", "auto", ..."C Db D Eb E F F# G Ab A Bb B".split(" ").map((k) => k + " major"),
  ..."C C# D Eb E F F# G G# A Bb B".split(" ").map((k) => k + " minor")];
const COLOURS = ["#e4572e", "#2e86ab", "#3b9c5c", "#a23b72"]; // of the melodies
const SLOTS = COLOURS.length;
const decoded = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
// What lies in the page, compressed, as base64.
const unpacked = async (id) => {
  const packed = new Blob([decoded($(id).textContent)]);
  return new Uint8Array(await new Response(packed.stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
};
const app = { x: 0.5, y: 0.5, slots: [], partners: [], tokens: [], playing: false, decodes: [] };

async function start() {
  const binary = await unpacked("engine"), weights = await unpacked("weights");
  app.engine = await Engine.create(binary, weights);
  app.seeker = seeker(binary, weights);
  document.title = $("name").textContent = app.engine.name;
  $("key").append(...KEYS.map((name, i) => new Option(name, i)));
  $("attributes").append(...app.engine.attributes.map((name) => slider(name)));
  app.slots = fromLink() ?? app.engine.melodies().slice(0, SLOTS);
  encode();
  for (const id of ["density", "octave", "key", "tempo", "variation"]) $(id).addEventListener("input", update);
  $("axes").addEventListener("input", seek);
  $("pad").addEventListener("pointerdown", drag);
  $("pad").addEventListener("pointermove", (event) => event.buttons && drag(event));
  $("pad").addEventListener("keydown", step);
  $("play").addEventListener("click", () => (app.playing ? stop() : play()));
  $("save").addEventListener("click", save);
  $("link").addEventListener("click", share);
  $("file").addEventListener("change", () => load([...$("file").files]));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); load([...event.dataTransfer.files]); });
  addEventListener("hashchange", () => { app.slots = fromLink() ?? app.slots; encode(); });
  document.body.dataset.ready = "yes";
}

function slider(name) {
  const label = document.createElement("label"), input = document.createElement("input");
  Object.assign(input, { type: "range", min: -3, max: 3, step: 0.1, value: 0 });
  input.addEventListener("input", update);
  label.append(name, input);
  return label;
}

// All melodies as partners of the first, two bars of its metre.
function encode() {
  app.metre = app.slots[0].metre;
  app.steps = 2 * barSteps(app.metre);
  app.partners = app.slots.map((slot) => app.engine.encode(slot, app.metre, app.steps));
  seek();
}

const crossed = () => $("axes").value === "1" && app.slots.length > 1;

// Shares of the melodies where the puck is; where the pad's sides are rhythm and pitch, of the first two.
function shares() {
  const second = (app.x + app.y) / 2;
  return crossed() ? app.slots.map((_, i) => [1 - second, second][i] ?? 0) : app.engine.shares(app.x, app.y, app.slots.length);
}

function seek() {
  app.found = {};
  app.job = (app.job ?? 0) + 1;
  const { job, metre, partners } = app;
  app.seeker.postMessage({ job, metre, isCrossed: crossed(), latents: partners.map((p) => p.latents), tokens: partners.map((p) => p.tokens) });
  update();
}

// A thread with an engine of its own, which finds the even way between two melodies, the chart of the plane among more, or that
// of rhythm and pitch; until it is there, the mix is straight.
function seeker(binary, weights) {
  const work = `const PLACES = ${PLACES}, SIDE = ${SIDE};\n${WasmModule}\n${Engine}\n${sought}\nlet engine;\nonmessage = async ({ data }) => {
    engine ??= Engine.create(data.binary, data.weights);
    if (data.job) postMessage({ job: data.job, found: sought(await engine, data) });
  };`;
  const thread = new Worker(URL.createObjectURL(new Blob([work], { type: "text/javascript" })));
  thread.onmessage = ({ data }) => {
    if (data.job !== app.job) return; // the melodies are others by now
    app.found = data.found;
    app.settled = data.job;
    update();
  };
  thread.postMessage({ binary, weights });
  return thread;
}

function sought(engine, { metre, isCrossed, latents, tokens }) {
  const chart = isCrossed ? engine.plane(tokens[0], tokens[1], metre, latents[0].length / engine.size) : latents.length > 2 ? engine.chart(latents) : null;
  return chart ? { chart } : latents.length === 2 ? { way: engine.travel(...latents) } : {};
}

function update() {
  const amounts = [...$("attributes").querySelectorAll("input")].map((input) => Number(input.value));
  const began = performance.now(), engine = app.engine;
  const parts = shares(), variation = Number($("variation").value);
  // where one melody alone is heard, unchanged, it is that melody rather than what the model makes of it
  const alone = variation || amounts.some((a) => a) ? -1 : parts.indexOf(1);
  const mixed = engine.mix(app.partners.map((each) => each.latents), parts, amounts, { x: app.x, y: app.y, ...app.found });
  const raw = alone >= 0 ? app.partners[alone].tokens : engine.decode(mixed, app.metre, app.steps, variation, 0);
  app.decodes.push(performance.now() - began);
  const key = Number($("key").value);
  app.tokens = engine.shape(raw, app.metre, Number($("density").value), key === 1 ? -1 : Math.max(0, key - 1),
    Number($("octave").value), app.slots[0].tokens);
  draw();
}

function places() {
  if (crossed()) return [[0, 0], [1, 1]];
  return [[[0.5, 0.5]], [[0, 0.5], [1, 0.5]], [[0.5, 1], [0.933, 0.25], [0.067, 0.25]], [[0, 0], [1, 0], [0, 1], [1, 1]]][app.slots.length - 1];
}

function draw() {
  const pad = $("pad"), p = pad.getContext("2d"), size = pad.width, inset = 24, room = size - 2 * inset;
  const at = ([x, y]) => [inset + x * room, inset + (1 - y) * room];
  p.clearRect(0, 0, size, size);
  places().forEach((place, i) => {
    const [x, y] = at(place), glow = p.createRadialGradient(x, y, 0, x, y, size * 0.8);
    glow.addColorStop(0, COLOURS[i] + "66");
    glow.addColorStop(1, COLOURS[i] + "00");
    p.fillStyle = glow;
    p.fillRect(0, 0, size, size);
    p.fillStyle = COLOURS[i];
    p.beginPath();
    p.arc(x, y, 10, 0, 7);
    p.fill();
  });
  p.lineWidth = 4;
  p.strokeStyle = getComputedStyle(document.body).color;
  p.beginPath();
  p.arc(...at([app.x, app.y]), 16, 0, 7);
  p.stroke();
  const roll = $("roll"), r = roll.getContext("2d"), notes = notesOf(app.tokens), pitches = notes.map((n) => n[2]);
  const low = Math.min(60, ...pitches) - 2, high = Math.max(72, ...pitches) + 2, w = roll.width / app.steps, h = roll.height / (high - low);
  r.clearRect(0, 0, roll.width, roll.height);
  for (let s = 0; s < app.steps; s += 4) {
    r.fillStyle = s % barSteps(app.metre) ? "#8883" : "#888a";
    r.fillRect(s * w, 0, 1, roll.height);
  }
  r.fillStyle = COLOURS[1];
  for (const [start, end, pitch] of notes) r.fillRect(start * w + 1, (high - pitch - 1) * h, (end - start) * w - 2, Math.max(3, h - 1));
}

function drag(event) {
  const box = $("pad").getBoundingClientRect(), inset = (24 / $("pad").width) * box.width;
  const unit = (v) => Math.min(1, Math.max(0, v));
  app.x = unit((event.clientX - box.left - inset) / (box.width - 2 * inset));
  app.y = unit(1 - (event.clientY - box.top - inset) / (box.height - 2 * inset));
  update();
}

function step(event) {
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!by) return;
  event.preventDefault();
  app.x = Math.min(1, Math.max(0, app.x + by[0] / 16));
  app.y = Math.min(1, Math.max(0, app.y + by[1] / 16));
  update();
}

// Sound: a tenth of a second ahead of the clock, a step at a time, from the melody as it is then.
function play() {
  app.audio ??= new AudioContext();
  app.audio.resume();
  Object.assign(app, { playing: true, next: app.audio.currentTime + 0.05, at: 0 });
  $("play").textContent = "Stop";
  app.timer = setInterval(() => {
    while (app.next < app.audio.currentTime + 0.1) {
      const sixteenth = 15 / Number($("tempo").value), token = app.tokens[app.at % app.tokens.length];
      if (token !== HOLD || app.at % app.tokens.length === 0) silence(app.next);
      if (token >= ONSET) sound(token - ONSET, app.next);
      app.next += sixteenth;
      app.at++;
    }
  }, 25);
}

function stop() {
  clearInterval(app.timer);
  silence(app.audio.currentTime);
  app.playing = false;
  $("play").textContent = "Play";
}

function sound(pitch, time) {
  const tone = app.audio.createOscillator(), gain = app.audio.createGain();
  tone.type = "triangle";
  tone.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
  gain.gain.setValueAtTime(0, time);
  gain.gain.linearRampToValueAtTime(0.25, time + 0.01);
  tone.connect(gain).connect(app.audio.destination);
  tone.start(time);
  app.sounding = { tone, gain };
}

function silence(time) {
  if (!app.sounding) return;
  app.sounding.gain.gain.setTargetAtTime(0, time, 0.03);
  app.sounding.tone.stop(time + 0.3);
  app.sounding = null;
}

function save() {
  const file = new Blob([writeMidi(app.tokens, app.metre, Number($("tempo").value))], { type: "audio/midi" });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: "mix.mid" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Files take the places of the melodies nearest to the puck, one after another.
async function load(files) {
  const order = shares().map((share, i) => [share, i]).sort((a, b) => b[0] - a[0]);
  for (const [n, file] of files.slice(0, order.length).entries()) {
    try {
      const reader = await (app.reader ??= unpacked("reader").then((binary) => Reader.load(binary)));
      app.slots[order[n][1]] = reader.read(new Uint8Array(await file.arrayBuffer()));
      say(`${file.name} is melody ${order[n][1] + 1}`);
    } catch (error) {
      say(`${file.name}: ${error.message}`);
    }
  }
  encode();
}

function say(text) { $("said").textContent = text; }

// The melodies and the place in the link, a byte each: 1, or 2 where the pad's sides are rhythm and pitch, x, y, then of each
// melody metre, length and tokens.
function share() {
  const bytes = app.slots.flatMap((slot) => [...slot.metre, slot.tokens.length, ...slot.tokens]);
  const text = btoa(String.fromCharCode(crossed() ? 2 : 1, Math.round(app.x * 255), Math.round(app.y * 255), ...bytes));
  history.replaceState(null, "", "#" + text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
  navigator.clipboard?.writeText(location.href).catch(() => {});
  say("the link in the address bar holds these melodies");
}

function fromLink() {
  try {
    const b = decoded(location.hash.slice(1).replaceAll("-", "+").replaceAll("_", "/")), slots = [];
    if (b[0] !== 1 && b[0] !== 2) return null;
    for (let at = 3; at + 3 <= b.length && slots.length < SLOTS; ) {
      const metre = [b[at], b[at + 1]], steps = b[at + 2], tokens = [...b.slice(at + 3, at + 3 + steps)];
      const bar = barSteps(metre);
      if (!(bar > 0) || bar % 1 || bar > 32 || tokens.length !== steps || !steps || steps % bar || tokens.some((t) => t > 129)) return null;
      slots.push({ metre, tokens });
      at += 3 + steps;
    }
    if (!slots.length) return null;
    [app.x, app.y, $("axes").value] = [b[1] / 255, b[2] / 255, b[0] - 1];
    return slots;
  } catch {
    return null;
  }
}

start().catch((error) => say("this page cannot start: " + error.message));
