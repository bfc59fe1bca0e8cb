// Files to take home: what is wrong is said on the page rather than in a file, and that a long one takes a while.

import { OFFLINE, request } from "./live.js";

const PATIENCE = 2000; // ms
const $ = (id) => document.getElementById(id);
const nameOf = (link) => `latentmix-${decodeURIComponent(link.pathname.split("/").at(-1))}${link.dataset.suffix ?? ""}`;

export function setUp(list, tell) {
  list.addEventListener("click", async (event) => {
    const link = event.target.closest("a[download]");
    if (!/\/(take-home|recordings)\//.test(link?.pathname)) return;
    event.preventDefault();
    if (link.ariaBusy === "true") return;
    link.ariaBusy = "true";
    const waiting = setTimeout(() => tell("It is being made; a long one takes a while."), PATIENCE);
    try {
      const answer = await request(link.href);
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({ error: OFFLINE }))).error);
      const url = URL.createObjectURL(await answer.blob());
      Object.assign(document.createElement("a"), { href: url, download: nameOf(link) }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    } catch (error) {
      tell(error.message, "error");
    }
    clearTimeout(waiting);
    link.ariaBusy = "false";
  });
}

/** How often, in how many steps and with which sound melodies are taken home; gives what follows another sound. */
export function setUpMelodies(live, sound) {
  const query = () => {
    const { program } = sound.setting;
    for (const kind of ["mid", "wav"]) $(`loop${kind}`).href = `./take-home/loop.${kind}?times=${$("times").value}&program=${program}`;
    $("performancewav").href = `./take-home/performance.wav?program=${program}`;
    $("linemid").href = `./take-home/line.mid?steps=${$("steps").value}`;
    $("gridmid").href = `./take-home/grid.mid?side=${$("side").value}`;
  };
  for (const id of ["times", "steps", "side"]) $(id).onchange = query;
  query();
  live.addEventListener("melodies", () => ($("gridrow").hidden = live.melodies.length < 4));
  return query;
}
