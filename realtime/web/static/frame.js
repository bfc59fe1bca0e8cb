// What is to be seen is drawn once a frame, however often it changes in between. Nothing else asks for frames.

const LATE = 500; // ms, after which no frame is coming: a page behind another may get none, hidden or not
const waiting = new Set();
let asked = 0, late;

/** Run this in the next frame, once; in a page that nobody sees, soon: there are no frames then. */
export function inFrame(task) {
  waiting.add(task);
  if (asked) return;
  asked = 1;
  if (document.hidden) setTimeout(run);
  else requestAnimationFrame(run);
  late = setTimeout(run, LATE);
}

function run() {
  asked = 0;
  clearTimeout(late);
  const tasks = [...waiting];
  waiting.clear();
  for (const task of tasks) task();
}

// A page that was hidden before its frame came would wait for it for ever.
document.addEventListener("visibilitychange", () => asked && document.hidden && setTimeout(run));

/** Say something else in an element; where it says it already, the browser need not lay out the page anew. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The same of an attribute. */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== `${value}`) element.setAttribute(name, value);
}
