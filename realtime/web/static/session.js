// The whole session as a link or a file, and back. The link holds it after the #, which browsers keep to themselves.

const $ = (id) => document.getElementById(id);
const MOST_BYTES = 400_000;
const NOT_KEPT = ["panic", "tap", "record", "play", "preset"];

/** What is to be restored, as the server's session file has it. */
export function sessionOf(live) {
  if (!live.melodies.length) return null;
  return {
    format: "latentmix.session",
    version: 1,
    melodies: live.melodies,
    values: Object.fromEntries(Object.entries(live.values).filter(([name]) => !NOT_KEPT.includes(name))),
    moved: live.state.mode,
    loop: live.state.loop,
    path: live.state.path,
  };
}

export async function linkOf(session) {
  const bytes = await through(new TextEncoder().encode(JSON.stringify(session)), new CompressionStream("deflate-raw"));
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return `${location.origin}/#s=${text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

export async function sessionFromLink(hash) {
  const text = /^#s=([\w-]+)$/.exec(hash)?.[1];
  if (!text || text.length > MOST_BYTES) return null;
  try {
    const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = await through(Uint8Array.from(raw, (c) => c.charCodeAt(0)), new DecompressionStream("deflate-raw"));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Error("expected a link to a session, found one that is damaged");
  }
}

async function through(bytes, stream) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    size += value.length;
    if (size > MOST_BYTES) throw new Error("too long");
    parts.push(value);
  }
}

/** Wire up links and files; a link in the address is restored once the mixer is there. */
export function setUp(live, tell) {
  live.keep = () => sessionOf(live);
  const restore = async (session) => {
    if (session && (await live.try("restore", { session })) !== null) tell("The session is restored.");
  };
  const read = async (file) => {
    try {
      if (file.size > MOST_BYTES) throw new Error("");
      return JSON.parse(await file.text());
    } catch {
      live.say(`${file.name}: expected a session of latentmix`);
      return null;
    }
  };
  const follow = async () => {
    try {
      const session = await sessionFromLink(location.hash);
      if (!session) return;
      history.replaceState(null, "", location.pathname);
      await restore(session);
    } catch (error) {
      live.say(error.message);
    }
  };
  live.addEventListener("hello", follow, { once: true });
  addEventListener("hashchange", follow);
  $("open").onclick = () => $("sessionfile").click();
  $("sessionfile").onchange = async () => restore(await read($("sessionfile").files[0]));
  $("link").onclick = async () => {
    const link = await linkOf(sessionOf(live));
    try {
      await navigator.clipboard.writeText(link);
      tell("The link is copied. It holds the whole session and opens in any latentmix page of this address.");
    } catch {
      history.replaceState(null, "", link); // no clipboard here; setting the hash would restore it and wipe it
      tell("The link stands in the address bar.");
    }
  };
  const query = () => {
    for (const kind of ["mid", "wav"]) $(`loop${kind}`).href = `./take-home/loop.${kind}?times=${$("times").value}`;
    $("linemid").href = `./take-home/line.mid?steps=${$("steps").value}`;
    $("gridmid").href = `./take-home/grid.mid?side=${$("side").value}`;
  };
  for (const id of ["times", "steps", "side"]) $(id).onchange = query;
  query();
  live.addEventListener("melodies", () => ($("gridrow").hidden = live.melodies.length < 4));
  return (file) => read(file).then(restore);
}
