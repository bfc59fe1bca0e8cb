// What every page has: how the connection is, what is said, undo and redo, the engine's warnings, earlier recordings.

import { inFrame, setAttribute } from "./frame.js";

const READ = 60; // ms that a letter takes to be read
const HASTY = 1500; // ms within which good news does not take the place of bad
const $ = (id) => document.getElementById(id);

let toasting = 0, toasted = -Infinity;
/** Say something for a while; `kind` is "error" for what went wrong. */
export function toast(text, kind = "") {
  clearTimeout(toasting);
  const since = performance.now() - toasted, isBad = $("toast").classList.contains("error") && !$("toast").hidden;
  toasted = performance.now();
  if (isBad && kind !== "error" && since < HASTY && $("toast").textContent !== text) [text, kind] = [`${$("toast").textContent}\n${text}`, "error"];
  Object.assign($("toast"), { textContent: text, className: `toast ${kind}`, hidden: false });
  (document.querySelector("dialog[open]") ?? document.body).append($("toast")); // beside an open dialog nothing is read
  toasting = setTimeout(() => ($("toast").hidden = true), Math.max(kind === "error" ? 7000 : 4500, Math.min(READ * text.length, 20_000)));
}

/** Wire it up; `title` gives the words for what was changed. */
export function setUp(live, title) {
  addEventListener("close", () => document.body.append($("toast")), { capture: true });
  live.addEventListener("say", (event) => toast(event.detail.text, event.detail.kind));
  live.addEventListener("online", () => {
    $("status").textContent = live.online ? "connected" : "connection lost, trying again …";
    $("status").className = `status ${live.online ? "on" : "off"}`;
  });
  for (const id of ["undo", "redo"]) $(id).onclick = () => live.try(id);
  $("recordings").onchange = chooseRecording;
  const show = () => {
    const { state } = live;
    for (const [id, word, key] of [["undo", "Undo", "Z"], ["redo", "Redo", "shift Z"]]) {
      const what = state[id] ? `${word}: ${title(state[id])}` : `Nothing to ${id}`;
      $(id).disabled = !state[id];
      setAttribute($(id), "title", `${what} (${key})`);
      setAttribute($(id), "aria-label", what);
    }
    showRecordings(state.recordings ?? []);
    const news = newsOf(live.hello?.instance, state.warned ?? 0);
    if (news) toast(state.warnings.slice(-news).join("\n"), "error"); // only the newest few are in the list
  };
  live.addEventListener("state", () => inFrame(show));
}

const toldOf = {}; // instance of the server -> how many of its warnings were shown; kept over a reload of this tab
/** How many more warnings there are than were shown, which then count as shown. */
function newsOf(instance, warned) {
  const key = `latentmix.warned.${instance}`;
  try {
    toldOf[key] ??= Number(sessionStorage.getItem(key));
    sessionStorage.setItem(key, warned);
  } catch {
    // a browser that keeps nothing: told again after a reload
  }
  const news = warned - (toldOf[key] ?? 0);
  toldOf[key] = warned;
  return Math.max(news, 0);
}

let shownRecordings = "";
function showRecordings(names) {
  if (shownRecordings === names.join()) return;
  shownRecordings = names.join();
  $("earlier").hidden = !names.length;
  $("recordings").replaceChildren(...names.map((name) => new Option(name.replaceAll(".", ":"), name)));
  chooseRecording();
}

function chooseRecording() {
  $("recording").href = `./recordings/${encodeURIComponent($("recordings").value)}`;
}
