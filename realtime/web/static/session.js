// The session as a file, and as the browser keeps it; links are links.js.

const $ = (id) => document.getElementById(id);
export const MAX_BYTES = 2 ** 21; // as the server has it (messages.py): eight recordings and eight long drums have a third of that
const KEEP_AFTER = 1000; // ms after a change
export const NOT_KEPT = ["panic", "tap", "next", "record", "play", "preset"];

/** What every session has: the values of parameters, and mixes to come back to. */
export function shapeOf(live) {
  return {
    values: Object.fromEntries(Object.entries(live.values).filter(([name]) => !NOT_KEPT.includes(name))),
    moved: live.state.mode,
    snapshots: live.state.snapshots ?? [],
  };
}

/** A session that was read, where it may be one of a kind; the mixer looks at all that is in it. */
export function checked(session, { format, expected }) {
  if (session?.format !== format) throw new Error(`expected ${expected} saves it, found something else`);
  return session;
}

/**
 * Wire it up. `kind` is {format, expected, keptAt, of}: its name, what it is to be for people, where the browser keeps it,
 * and what gives the session as it is. Gives {open, restore, keepSoon}; what is wrong with a file is thrown, for people.
 */
export function setUp(live, kind, tell) {
  live.keep = kind.of;
  live.kept = () => {
    try {
      return JSON.parse(localStorage.getItem(kind.keptAt));
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
        if (text.length < MAX_BYTES) localStorage.setItem(kind.keptAt, text);
      } catch { /* a browser that keeps nothing; the server does */ }
    }, KEEP_AFTER);
  };
  for (const each of ["melodies", "state"]) live.addEventListener(each, keepSoon);
  const restore = async (session) => {
    await live.do("restore", { session });
    tell("The session is restored.");
  };
  const open = async (file) => {
    try {
      if (file.size > MAX_BYTES) throw new Error(`expected a session of latentmix, of at most ${MAX_BYTES >> 20} MB`);
      const text = await file.text();
      let session = null;
      try {
        session = JSON.parse(text);
      } catch { /* no JSON: no session either */ }
      await restore(checked(session, kind));
    } catch (error) {
      throw new Error(`${file.name}: ${error.message}`);
    }
  };
  $("open").onclick = () => ($("sessionfile").value = "", $("sessionfile").click());
  $("sessionfile").onchange = () => open($("sessionfile").files[0]).catch((error) => live.say(error.message));
  return { open, restore, keepSoon };
}
