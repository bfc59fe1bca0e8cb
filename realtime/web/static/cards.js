// A card for each melody: its roll, its share, what can be done with it.

import { HUES, INKS } from "./colour.js";
import { inFrame, setText } from "./frame.js";
import { describe } from "./notes.js";
import { Roll } from "./roll.js";

const icon = (name) => `<svg><use href="#i-${name}"/></svg>`;
const ACTIONS = [
  ["hear", "Hear", "play"],
  ["edit", "Edit", "edit"],
  ["vary", "Variation of", "vary"],
  ["random", "Random melody instead of", "dice"],
  ["file", "MIDI file instead of", "file"],
  ["remove", "Take away", "away"],
];

export class Cards extends EventTarget {
  constructor(live, root) {
    super();
    this._live = live;
    this._root = root;
    this._cards = new Map(); // hue -> {element, roll, ...}
    this._put = () => this._share();
    live.addEventListener("melodies", () => this._lay());
    live.addEventListener("melody", () => inFrame(this._put));
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-action]");
      if (button) this._act(button.dataset.action, Number(button.closest(".card").dataset.hue));
    });
  }

  /** Which one is heard by itself; null for none. */
  showHearing(hue) {
    for (const [each, { buttons }] of this._cards) {
      buttons.hear.setAttribute("aria-pressed", each === hue);
      buttons.hear.querySelector("use").setAttribute("href", each === hue ? "#i-stop" : "#i-play");
    }
  }

  setPlayhead(step) {
    const follows = this._live.melody?.tokens.length;
    for (const { roll } of this._cards.values()) {
      roll.playhead = step === null || !follows ? null : step % follows;
      roll.draw();
    }
  }

  redraw() {
    for (const { roll } of this._cards.values()) roll.draw();
  }

  _act(action, hue) {
    this.dispatchEvent(new CustomEvent(action, { detail: hue }));
  }

  _lay() {
    const { melodies, hello } = this._live;
    this._root.classList.toggle("many", melodies.length > 4);
    const hues = new Set(melodies.map((melody) => melody.hue));
    for (const [hue, card] of this._cards) {
      if (hues.has(hue)) continue;
      card.element.remove();
      this._cards.delete(hue);
    }
    melodies.forEach((melody, index) => {
      const card = this._cards.get(melody.hue) ?? this._make(melody.hue);
      if (this._root.children[index] !== card.element) this._root.insertBefore(card.element, this._root.children[index] ?? null);
      card.number.textContent = index + 1;
      card.name.textContent = melody.name || `melody ${index + 1}`;
      const bars = melody.tokens.length / melody.bar;
      card.name.title = `${card.name.textContent}, ${bars} bar${bars === 1 ? "" : "s"}`;
      const label = `Melody ${index + 1}, ${card.name.textContent}`;
      card.element.setAttribute("aria-label", label);
      card.canvas.setAttribute("aria-label", `${label}: ${describe(melody.tokens, melody.bar)}`);
      for (const [action, words] of ACTIONS) card.buttons[action].setAttribute("aria-label", `${words} ${card.name.textContent}`);
      card.small.setAttribute("aria-label", `Edit ${card.name.textContent}`);
      const isLeast = (card.buttons.remove.disabled = melodies.length <= (hello?.fewest ?? 2));
      card.buttons.remove.title = isLeast ? "A mix takes two melodies at least" : "Take away";
      const shown = JSON.stringify([melody.tokens, melody.bar]);
      if (card.shown !== shown) card.roll.show(melody);
      card.shown = shown;
    });
    this._share();
  }

  _make(hue) {
    const element = document.createElement("article");
    element.className = "card";
    element.dataset.hue = hue;
    element.style.setProperty("--hue", HUES[hue]);
    element.style.setProperty("--ink-on-hue", INKS[hue]);
    element.innerHTML = `<header><b></b><strong></strong><output></output></header>
      <button class="small" data-action="edit"><canvas role="img"></canvas></button><div class="share"><i></i></div>
      <footer>${ACTIONS.map(([action, words, name]) => `<button class="icon" data-action="${action}" title="${words.replace(/ (of|instead of)$/, "")}${action === "hear" ? " it alone" : ""}">${icon(name)}</button>`).join("")}</footer>`;
    const canvas = element.querySelector("canvas");
    const card = {
      element, canvas,
      roll: new Roll(canvas, { colour: () => HUES[hue] }),
      number: element.querySelector("header b"),
      name: element.querySelector("strong"),
      output: element.querySelector("output"),
      bar: element.querySelector(".share i"),
      small: element.querySelector(".small"),
      buttons: Object.fromEntries(ACTIONS.map(([action]) => [action, element.querySelector(`footer [data-action="${action}"]`)])),
    };
    this._cards.set(hue, card);
    return card;
  }

  _share() {
    const weights = this._live.melody?.weights ?? {};
    for (const [hue, { output, bar }] of this._cards) {
      const share = weights[hue] ?? 0;
      setText(output, `${Math.round(100 * share)} %`);
      bar.style.transform = `scaleX(${share})`;
    }
  }
}
