// The page: its parts, and how they are wired to the engine. docs/web.md describes it.

import { Audition } from "./audition.js";
import { Axes } from "./axes.js";
import { Cards } from "./cards.js";
import { Chooser } from "./chooser.js";
import { HUES, barCss, mixCss } from "./colour.js";
import { Controls, title } from "./controls.js";
import { Drums } from "./drums.js";
import { Editor } from "./editor.js";
import { Files } from "./files.js";
import { inFrame, setAttribute, setText } from "./frame.js";
import { GrooveList } from "./groovelist.js";
import { KeptMixes } from "./kept.js";
import { listen, padKeys } from "./keys.js";
import { melodySession, setUp as setUpLinks } from "./links.js";
import { Live } from "./live.js";
import { describe, notesOf } from "./notes.js";
import { Metronome } from "./metronome.js";
import { OwnPuck } from "./ownpuck.js";
import { Pad } from "./pad.js";
import { Recordings } from "./recordings.js";
import { Roll } from "./roll.js";
import { Scheduler } from "./scheduler.js";
import { setUp as setUpSession } from "./session.js";
import { setUp as setUpShell, toast } from "./shell.js";
import { Sound } from "./sound.js";
import { Synth } from "./synth.js";
import { setUpMelodies as setUpMelodiesHome, setUp as setUpTakeHome } from "./takehome.js";
import { setUp as setUpTheme } from "./theme.js";
import { WebMidi } from "./webmidi.js";

const $ = (id) => document.getElementById(id);
const CLOSE_BARS = 8; // that the roll shows of a longer melody
const live = new Live();
const synth = new Synth();
const scheduler = new Scheduler(live, synth);
const pad = new Pad(live, $("pad"));
const drums = new Drums(live, synth, scheduler);
const metronome = new Metronome(live, synth, scheduler);
const controls = new Controls(live, metronome);
const cards = new Cards(live, $("cards"));
const roll = new Roll($("roll"), { big: true, bare: true, drawn: tellDrawn, colour: () => (live.pairs.length ? mixCss(live.pairs) : HUES[0]) });
const sound = new Sound(live, synth, scheduler, toast);
const audition = new Audition(live, sound, synth, scheduler, drums);
const files = new Files(live, new Chooser(live, audition));
const editor = new Editor(live, audition, { say, play: (pitch) => sound.preview(pitch) });
const recordings = new Recordings(live, synth, sound, toast);
files.record = (file) => recordings.add(file);
const keptMixes = new KeptMixes(live);
new WebMidi(live, scheduler);
new GrooveList(live, files, toast);
new OwnPuck(live, pad, $("drumpuck"), "drums", () => live.grooves.length);
new OwnPuck(live, pad, $("soundpuck"), "sound", () => live.sounds.length);
new Axes(live, pad);
setUpShell(live, title);
const kind = melodySession(live, sound);
const session = setUpSession(live, kind, toast);
files.dispatch = session.open;
setUpLinks(live, kind, session.restore, toast);
const queryHome = setUpMelodiesHome(live, sound);
sound.dispatch = () => (queryHome(), session.keepSoon());

// What is shown.

live.addEventListener("melodies", () => {
  const full = live.melodies.length >= live.hello.most;
  for (const id of ["addfile", "addrandom", "adddraw"])
    Object.assign($(id), { disabled: full, title: full ? `${live.hello.most} melodies are the most: take one away, or put another in its place` : "" });
});

live.addEventListener("melody", () => {
  const { tokens, steps_per_bar: bar, steps_per_beat: beat } = live.melody;
  roll.window = windowOf(roll.playhead);
  roll.show({ tokens, bar, beat });
  inFrame(drawBlend);
  describeSoon();
});

function drawBlend() {
  $("blend").style.backgroundImage = barCss(live.melodies, live.melody.weights);
}

let told = null;
/** The roll has a new picture: of a new melody, or of one on its way to its place. */
function tellDrawn(isInPlace) {
  const { melody } = live;
  if (!melody) return;
  const { version, at, tokens, received } = melody;
  const tell = (kind, more) => document.dispatchEvent(new CustomEvent(`latentmix:${kind}`, { detail: { version, ...more, drawn: performance.now() } }));
  if (melody !== told) tell("melody", { at, tokens, received });
  else if (isInPlace) tell("inplace");
  told = melody;
}

function showState() {
  const { state } = live;
  setAttribute($("run"), "aria-pressed", state.path.runs);
  setText($("run").querySelector("span"), state.path.runs ? "Stop" : "Run");
  setAttribute($("run").querySelector("use"), "href", state.path.runs ? "#i-stop" : "#i-play");
  if (document.activeElement !== $("pathbars")) $("pathbars").value = state.path.bars;
  setAttribute($("pathback"), "aria-pressed", state.path.back);
  setText($("ports"), state.ports?.length ? `The engine plays through ${state.ports.join(", ")}.` : "");
  setText($("taken"), live.values.record ? "recording …" : state.recorded ? "ready to take" : "nothing recorded yet");
  animate();
}
live.addEventListener("state", () => inFrame(showState));

/** Of a long melody eight bars, those that are heard; all of it when that is asked for. */
let showsAll = false;
function windowOf(head) {
  const { tokens, steps_per_bar: bar } = live.melody ?? { tokens: [], steps_per_bar: 16 };
  const bars = Math.ceil(tokens.length / bar), isLong = bars > CLOSE_BARS;
  $("zoom").hidden = !isLong;
  if (!isLong) return null;
  const page = Math.floor(((head ?? 0) % tokens.length) / (CLOSE_BARS * bar)), first = page * CLOSE_BARS + 1;
  setText($("zoom"), showsAll ? `${bars} bars · look closer` : `Bars ${first} to ${Math.min(first + CLOSE_BARS - 1, bars)} of ${bars} · show all`);
  return showsAll ? null : { from: page * CLOSE_BARS * bar, steps: CLOSE_BARS * bar };
}
$("zoom").onclick = () => {
  showsAll = !showsAll;
  roll.window = windowOf(roll.playhead);
  roll.draw();
};

let sounding = null, lastCards = 0, lastStep = null;
function animate() {
  const step = live.stepAt(performance.now() / 1000);
  const length = live.melody?.tokens.length ?? 16;
  roll.playhead = step === null || (!live.state.loop && step >= length) ? null : Math.max(0, step);
  const view = windowOf(roll.playhead);
  if (view?.from !== roll.window?.from) (roll.window = view), roll.draw();
  movePlayhead();
  drums.setPlayhead(roll.playhead);
  $("puck").classList.toggle("beat", step !== null && step % (live.melody?.steps_per_beat ?? 4) < 0.7);
  drawCards(performance.now(), roll.playhead);
  if (step !== null && !document.hidden) inFrame(animate);
}
document.addEventListener("visibilitychange", () => inFrame(animate));

function movePlayhead() {
  const x = roll.playheadX;
  $("playhead").hidden = x === null;
  if (x !== null) $("playhead").style.transform = `translateX(${x.toFixed(1)}px)`;
  if (roll.sounding !== sounding) roll.draw(); // the roll itself is drawn only where something in it changes
  sounding = roll.sounding;
}

function drawCards(time, step) {
  if (step === null && lastStep === null) return;
  if (step !== null && time - lastCards < 80) return; // eight small rolls need not follow every frame
  [lastCards, lastStep] = [time, step];
  cards.setPlayhead(step);
}

let describing = 0;
function describeSoon() {
  clearTimeout(describing);
  describing = setTimeout(() => {
    const text = describe(live.melody.tokens, live.melody.steps_per_bar);
    $("roll").setAttribute("aria-label", `Piano roll of the mix: ${text}`);
    $("blend").setAttribute("aria-label", `Shares of the melodies: ${$("puck").getAttribute("aria-valuetext")}`);
  }, 400);
}

// What is said.

function say(text) {
  $("said").textContent = text;
}

$("play").onclick = async () => {
  await Promise.race([sound.unlock(), new Promise((go) => setTimeout(go, 300))]); // ports and other pages need no sound here
  controls.togglePlay();
};

// Melodies.

const melodyOf = (hue) => live.melodies.find((melody) => melody.hue === hue);
cards.addEventListener("edit", (event) => editor.open(melodyOf(event.detail), event.detail));
cards.addEventListener("hear", ({ detail: hue }) => {
  const melody = melodyOf(hue);
  audition.toggle(hue, notesOf(melody.tokens), live.values.tempo ?? melody.tempo);
});
audition.addEventListener("change", () => cards.showHearing(audition.key));
cards.addEventListener("vary", (event) => live.try("vary", { hue: event.detail, amount: Number($("amount").value) }));
cards.addEventListener("random", (event) => live.try("random", { hue: event.detail }));
cards.addEventListener("file", (event) => files.ask(event.detail));
cards.addEventListener("remove", async (event) => {
  if (await live.try("remove", { hue: event.detail })) toast("Taken away; Z brings it back.");
  if (document.activeElement === document.body) $("undo").focus(); // what had the focus is gone
});
$("addfile").onclick = () => files.ask();
$("addrandom").onclick = () => live.try("random");
$("adddraw").onclick = () => {
  const { metre, tempo, program, bar, beat } = live.melodies[0];
  editor.open({ tokens: new Array(2 * bar).fill(0), metre, tempo, program, bar, beat, name: "" }, null);
};

// The path of the puck.

function setDrawing(on) {
  pad.drawing = on;
  $("draw").setAttribute("aria-pressed", on);
}
const path = (changes) => live.try("path", { path: { ...live.state.path, ...changes } });
$("draw").onclick = () => setDrawing($("draw").getAttribute("aria-pressed") !== "true");
$("pad").addEventListener("path", (event) => {
  setDrawing(false);
  path({ points: event.detail.length > 1 ? event.detail : [], runs: event.detail.length > 1 });
});
$("run").onclick = () => path({ runs: !live.state.path.runs });
$("pathbars").onchange = () => path({ bars: Number($("pathbars").value) });
$("pathback").onclick = () => path({ back: !live.state.path.back });

// Keys.

listen(
  {
    " ": () => $("play").click(),
    r: () => controls.toggle("record"),
    l: () => controls.toggleLoop(),
    h: () => controls.toggle("hold"),
    n: (back) => controls.turnOver(back ? -1 : 1),
    t: () => controls.tap(),
    p: () => $("draw").disabled || $("draw").click(),
    c: () => controls.toggleMetronome(),
    k: () => keptMixes.keep(),
    m: () => sound.toggleMute(),
    "?": () => $("help").showModal(),
    Escape: () => (audition.stop(), live.set({ panic: true }), scheduler.panic()),
    ...padKeys(pad),
  },
  (index, shift) => (shift ? keptMixes.recall(index) : pad.goToIndex(index)),
);
$("keys").onclick = () => $("help").showModal();

setUpTakeHome($("takes"), toast);
setUpTheme(() => (roll.draw(), cards.redraw(), drums.redraw()));
live.connect();
