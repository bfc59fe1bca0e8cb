// Keys of a page: what each does, but where somebody writes or a dialog is open.

const $ = (id) => document.getElementById(id);

/** `keys` are those by name, called with whether shift is held; `number` is called with 0 to 7, and shift, of digits. */
export function listen(keys, number) {
  addEventListener("keydown", (event) => {
    const undoes = (event.ctrlKey || event.metaKey) && !event.altKey && /^[zy]$/i.test(event.key);
    const isText = event.target.closest?.("input:not([type=range]), textarea");
    if (undoes && !isText && !document.querySelector("dialog[open]")) {
      $(event.shiftKey || event.key.toLowerCase() === "y" ? "redo" : "undo").click();
      return event.preventDefault();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const inField = event.target.closest?.("input, select, textarea");
    if (inField && !(event.key === " " && event.target.type === "range")) return;
    if (event.key === " " && event.target.closest?.("button, a")) return; // it presses that
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.repeat && !/^(Arrow.*|z)$/.test(key)) return event.preventDefault(); // held down: it was pressed once
    const digit = /^Digit([1-8])$/.exec(event.code)?.[1];
    if (digit && event.shiftKey) number(Number(digit) - 1, true);
    else if (/^[1-8]$/.test(key)) number(Number(key) - 1, false);
    else if (key === "z") $(event.shiftKey ? "redo" : "undo").click();
    else if (keys[key]) keys[key](event.shiftKey);
    else return;
    event.preventDefault();
  });
}

/** Those of a puck on a pad. */
export const padKeys = (pad) => ({
  "0": () => pad.moveTo(0.5, 0.5),
  ArrowLeft: (far) => pad.nudge(-1, 0, far),
  ArrowRight: (far) => pad.nudge(1, 0, far),
  ArrowUp: (far) => pad.nudge(0, 1, far),
  ArrowDown: (far) => pad.nudge(0, -1, far),
});
