// The page of sounds that play (livemix sound --page): their puck and their parameters, here and wherever else they move.

import { HUES, barCss } from "./colour.js";
import { title } from "./controls.js";
import { inFrame, setAttribute, setText } from "./frame.js";
import { KeptMixes } from "./kept.js";
import { listen, padKeys } from "./keys.js";
import { Live } from "./live.js";
import { Pad } from "./pad.js";
import { setUp as setUpSession, shapeOf } from "./session.js";
import { setUp as setUpShell, toast } from "./shell.js";
import { makeSlider, stepByKeys } from "./sliders.js";
import { setUp as setUpTakeHome } from "./takehome.js";
import { setUp as setUpTheme } from "./theme.js";

const UNITS = { pitch: "st", loudness: "dB", harmonicity: "dB", brightness: "dB" }; // of those that have a slider
const $ = (id) => document.getElementById(id);

const live = new Live();
const pad = new Pad(live, $("pad"), { kind: "sound", isFixed: true });
const sliders = new Map(); // parameter -> { input, output }
const keptMixes = new KeptMixes(live);
setUpShell(live, title);
setUpTheme(() => inFrame(show));
setUpTakeHome($("takes"), toast);
const session = setUpSession(live, {
  format: "latentmix.sounds", // sound_session.py
  expected: "a session of sounds, as the page of livemix sound",
  keptAt: "latentmix.sounds",
  of: () => live.hello && { format: "latentmix.sounds", version: 1, sounds: live.hello.names, ...shapeOf(live) },
}, toast);

live.addEventListener("hello", () => {
  $("mode").hidden = !live.hello.transfers;
  sliders.clear();
  $("sliders").replaceChildren(...Object.keys(UNITS).map((name) => {
    const { label, ...slider } = makeSlider(live, live.hello.parameters[name], title(name), 0.1);
    sliders.set(name, slider);
    return label;
  }));
});
for (const kind of ["state", "melody", "melodies"]) live.addEventListener(kind, () => inFrame(show));

const toggle = (name) => live.set({ [name]: !live.values[name] });
for (const name of ["hold", "record"]) $(name).onclick = () => toggle(name);
$("mode").onchange = (event) => live.set({ mode: event.target.value });
$("reset").onclick = () => live.hello && live.set(Object.fromEntries(Object.keys(UNITS).map((name) => [name, live.hello.parameters[name].default])));
addEventListener("keydown", stepByKeys, { capture: true });
listen(
  { h: () => toggle("hold"), r: () => toggle("record"), k: () => keptMixes.keep(), ...padKeys(pad) },
  (index, shift) => (shift ? keptMixes.recall(index) : pad.goToIndex(index)),
);
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  for (const file of event.dataTransfer?.files ?? []) session.open(file).catch((error) => live.say(error.message));
});

/** What is so now; with a hand on it a slider does not move. */
function show() {
  const { values, melodies, state } = live, weights = live.melody?.weights ?? {};
  for (const [name, { input, output }] of sliders) {
    const value = values[name] ?? 0;
    if (Number(input.value) !== value) input.value = value;
    setText(output, `${value > 0 ? "+" : ""}${Math.round(10 * value) / 10}`.replace("-", "−") + ` ${UNITS[name]}`);
  }
  for (const name of ["hold", "record"]) setAttribute($(name), "aria-pressed", Boolean(values[name]));
  setText($("taken"), values.record ? "recording …" : state.recordings?.length ? "" : "nothing recorded yet");
  for (const radio of $("mode").querySelectorAll("input")) radio.checked = radio.value === values.mode;
  $("blend").style.backgroundImage = barCss(melodies, weights);
  melodies.forEach(({ hue, name }, index) => {
    const line = $("legend").children[index] ?? $("legend").appendChild(document.createElement("li"));
    line.style.setProperty("--hue", HUES[hue]);
    setText(line, `${index + 1} ${name} · ${Math.round(100 * (weights[hue] ?? 0))} %`);
  });
  while ($("legend").children.length > melodies.length) $("legend").lastChild.remove();
  pad.update();
}

live.connect();
