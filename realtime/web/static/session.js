// The whole session as a link or a file, and back. The link holds it after the #, which browsers keep to themselves.

const $ = (id) => document.getElementById(id);
const MAX_BYTES = 2 ** 21; // as the server has it (messages.py): eight recordings and eight long drums have a third of that
const FORMAT = "latentmix.session"; // wire.py
const KEPT_AT = "latentmix.session"; // in localStorage
const KEEP_AFTER = 1000; // ms after a change
const USUAL = `${location.protocol}//127.0.0.1:8420/`; // where somebody else's mixer answers, unless told otherwise
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const NOT_KEPT = ["panic", "tap", "next", "record", "play", "preset"];

/** What is to be restored, as the server's session file has it. */
export function sessionOf(live, sound) {
  if (!live.melodies.length) return null;
  return {
    format: FORMAT,
    version: 1,
    melodies: live.melodies,
    values: Object.fromEntries(Object.entries(live.values).filter(([name]) => !NOT_KEPT.includes(name))),
    moved: live.state.mode,
    loop: live.state.loop,
    path: live.state.path,
    sound,
    snapshots: live.state.snapshots ?? [],
    drums: live.grooves,
  };
}

export async function linkOf(session) {
  const bytes = await through(new TextEncoder().encode(JSON.stringify(session)), new CompressionStream("deflate-raw"));
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  // This machine's own name means another machine to everybody else: there it is their own mixer's.
  const page = LOOPBACK.test(location.hostname) ? USUAL : `${location.origin}${location.pathname}`;
  return `${page}#s=${text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

/** A session that was read, where it may be one; the mixer looks at all that is in it. */
function checked(session) {
  if (session?.format !== FORMAT) throw new Error("expected a session of latentmix, as the page saves it, found something else");
  return session;
}

/** The session of a link, or of what comes after its address; null where there is none. */
export async function sessionFromLink(link) {
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
  return checked(found);
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

/** Wire up links and files; a link in the address is restored once the mixer is there. */
export function setUp(live, sound, tell) {
  live.keep = () => sessionOf(live, sound.setting);
  live.kept = () => {
    try {
      return JSON.parse(localStorage.getItem(KEPT_AT));
    } catch {
      return null;
    }
  };
  let keeping = 0;
  const keepSoon = () => {
    if (keeping || live.state.fresh !== false) return; // nobody's work yet
    keeping = setTimeout(() => {
      keeping = 0;
      const text = JSON.stringify(live.keep());
      try {
        if (text.length < MAX_BYTES) localStorage.setItem(KEPT_AT, text);
      } catch { /* a browser that keeps nothing; the server does */ }
    }, KEEP_AFTER);
  };
  for (const kind of ["melodies", "state"]) live.addEventListener(kind, keepSoon);
  const restore = async (session) => {
    await live.do("restore", { session });
    tell("The session is restored.");
  };
  /** Open a file; what is wrong with it is thrown, for people. */
  const open = async (file) => {
    try {
      if (file.size > MAX_BYTES) throw new Error(`expected a session of latentmix, of at most ${MAX_BYTES >> 20} MB`);
      const text = await file.text();
      let session = null;
      try {
        session = JSON.parse(text);
      } catch { /* no JSON: no session either */ }
      await restore(checked(session));
    } catch (error) {
      throw new Error(`${file.name}: ${error.message}`);
    }
  };
  const follow = async (link = location.hash) => {
    try {
      const session = await sessionFromLink(link);
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
  $("open").onclick = () => $("sessionfile").click();
  $("sessionfile").onchange = () => open($("sessionfile").files[0]).catch((error) => live.say(error.message));
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
  const query = () => {
    const { program } = sound.setting;
    for (const kind of ["mid", "wav"]) $(`loop${kind}`).href = `./take-home/loop.${kind}?times=${$("times").value}&program=${program}`;
    $("performancewav").href = `./take-home/performance.wav?program=${program}`;
    $("linemid").href = `./take-home/line.mid?steps=${$("steps").value}`;
    $("gridmid").href = `./take-home/grid.mid?side=${$("side").value}`;
  };
  for (const id of ["times", "steps", "side"]) $(id).onchange = query;
  query();
  sound.dispatch = () => (query(), keepSoon());
  live.addEventListener("melodies", () => ($("gridrow").hidden = live.melodies.length < 4));
  return open;
}
