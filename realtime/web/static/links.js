// The whole session of melodies as a link, and back. It holds it after the #, which browsers keep to themselves.

import { MAX_BYTES, checked, shapeOf } from "./session.js";

const $ = (id) => document.getElementById(id);
const USUAL = `${location.protocol}//127.0.0.1:8420/`; // where somebody else's mixer answers, unless told otherwise
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** A session of melodies; `sound` is that of this page. */
export const melodySession = (live, sound) => ({
  format: "latentmix.session", // wire.py
  expected: "a session of latentmix, as the page",
  keptAt: "latentmix.session",
  of: () =>
    live.melodies.length
      ? {
          format: "latentmix.session",
          version: 1,
          melodies: live.melodies,
          ...shapeOf(live),
          loop: live.state.loop,
          path: live.state.path,
          sound: sound.setting,
          drums: live.grooves,
        }
      : null,
});

async function linkOf(session) {
  const bytes = await through(new TextEncoder().encode(JSON.stringify(session)), new CompressionStream("deflate-raw"));
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  // This machine's own name means another machine to everybody else: there it is their own mixer's.
  const page = LOOPBACK.test(location.hostname) ? USUAL : `${location.origin}${location.pathname}`;
  return `${page}#s=${text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

/** The session of a link, or of what comes after its address; null where there is none. */
async function sessionFromLink(link, kind) {
  const [, text] = link.trim().split("#s=");
  if (text === undefined) return null;
  let found;
  try {
    if (!/^[\w-]+$/.test(text) || text.length > MAX_BYTES) throw new Error();
    const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = await through(Uint8Array.from(raw, (c) => c.charCodeAt(0)), new DecompressionStream("deflate-raw"));
    found = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Error("expected a link to a session, found one that is damaged; copy all of it");
  }
  return checked(found, kind);
}

async function through(bytes, stream) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    size += value.length;
    if (size > MAX_BYTES) throw new Error("too long");
    parts.push(value);
  }
}

/** Wire up links; one in the address is restored once the mixer is there. `restore` is that of session.js. */
export function setUp(live, kind, restore, tell) {
  const follow = async (link = location.hash) => {
    try {
      const session = await sessionFromLink(link, kind);
      if (!session) return;
      if (link === location.hash) history.replaceState(null, "", location.pathname);
      await restore(session);
    } catch (error) {
      live.say(error.message);
    }
  };
  live.addEventListener("hello", () => follow(), { once: true });
  addEventListener("hashchange", () => follow());
  addEventListener("paste", (event) => {
    const link = event.clipboardData?.getData("text") ?? "";
    if (!event.target.closest?.("input, textarea") && link.includes("#s=")) follow(link);
  });
  $("link").onclick = async () => {
    const link = await linkOf(live.keep());
    try {
      await navigator.clipboard.writeText(link);
      tell("The link is copied. It holds the whole session: who has latentmix starts livemix web, then opens or pastes it there.");
    } catch {
      history.replaceState(null, "", link.slice(link.indexOf("#"))); // no clipboard here; setting the hash would restore it and wipe it
      tell("The link stands in the address bar.");
    }
  };
}
