// The page of sounds that play (livemix sound --page): their puck and their parameters, here and wherever else they move.

import { HUES } from "./colour.js";
import { inFrame, setAttribute, setText } from "./frame.js";
import { Live } from "./live.js";
import { Pad } from "./pad.js";
import { setUp as setUpTheme } from "./theme.js";

const SLIDERS = { pitch: "Pitch", loudness: "Loudness", harmonicity: "Tone", brightness: "Brightness" };
const UNITS = { pitch: "st", loudness: "dB", harmonicity: "dB", brightness: "dB" };
const TOASTED = 7000; // ms
const $ = (id) => document.getElementById(id);

const live = new Live();
const pad = new Pad(live, $("pad"), { kind: "sound", isFixed: true });
const sliders = new Map(); // parameter -> { input, output }
setUpTheme(() => inFrame(show));

live.addEventListener("online", () => {
  $("status").textContent = live.online ? "connected" : "connection lost, trying again …";
  $("status").className = `status ${live.online ? "on" : "off"}`;
});
live.addEventListener("hello", () => {
  $("mode").hidden = !live.hello.transfers;
  $("sliders").replaceChildren(...Object.keys(SLIDERS).map((name) => slider(live.hello.parameters[name])));
});
for (const kind of ["state", "melody", "melodies"]) live.addEventListener(kind, () => inFrame(show));

let toasting = 0;
live.addEventListener("say", ({ detail: { text, kind } }) => {
  clearTimeout(toasting);
  Object.assign($("toast"), { textContent: text, className: `toast ${kind}`, hidden: false });
  toasting = setTimeout(() => ($("toast").hidden = true), TOASTED);
});

const hold = () => live.set({ hold: !live.values.hold });
$("hold").onclick = hold;
$("mode").onchange = (event) => live.set({ mode: event.target.value });
$("reset").onclick = () => live.hello && live.set(Object.fromEntries(Object.keys(SLIDERS).map((name) => [name, live.hello.parameters[name].default])));
document.addEventListener("keydown", (event) => {
  if (event.key !== "h" && event.key !== "H") return;
  if (!event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey) hold();
});

function slider(parameter) {
  const label = document.createElement("label"), name = document.createElement("span");
  const output = document.createElement("output"), input = document.createElement("input");
  label.className = "slider";
  label.title = `${parameter.help} (double-click: as it was)`;
  name.textContent = SLIDERS[parameter.name];
  Object.assign(input, { type: "range", min: parameter.low, max: parameter.high, step: 0.1, value: parameter.default });
  input.dataset.parameter = parameter.name;
  input.oninput = () => live.set({ [parameter.name]: Number(input.value) });
  input.ondblclick = () => live.set({ [parameter.name]: parameter.default });
  label.append(name, input, output);
  sliders.set(parameter.name, { input, output });
  return label;
}

/** What is so now; with a hand on it a slider does not move. */
function show() {
  const { values, melodies } = live, weights = live.melody?.weights ?? {};
  for (const [name, { input, output }] of sliders) {
    const value = values[name] ?? 0;
    if (Number(input.value) !== value) input.value = value;
    setText(output, `${value > 0 ? "+" : ""}${Math.round(10 * value) / 10}`.replace("-", "−") + ` ${UNITS[name]}`);
  }
  setAttribute($("hold"), "aria-pressed", Boolean(values.hold));
  for (const radio of $("mode").querySelectorAll("input")) radio.checked = radio.value === values.mode;
  let at = 0;
  const parts = melodies.map(({ hue }) => `${HUES[hue]} ${at.toFixed(2)}% ${(at += 100 * (weights[hue] ?? 0)).toFixed(2)}%`);
  $("blend").style.backgroundImage = parts.length ? `linear-gradient(90deg, ${parts.join()})` : "";
  melodies.forEach(({ hue, name }, index) => {
    const line = $("legend").children[index] ?? $("legend").appendChild(document.createElement("li"));
    line.style.setProperty("--hue", HUES[hue]);
    setText(line, `${index + 1} ${name} · ${Math.round(100 * (weights[hue] ?? 0))} %`);
  });
  while ($("legend").children.length > melodies.length) $("legend").lastChild.remove();
  pad.update();
}

live.connect();
