// The drums in the mix, by name: put in, put another in the place of one, taken away.

const $ = (id) => document.getElementById(id);

export class GrooveList {
  constructor(live, files, tell) {
    Object.assign(this, { _live: live, _files: files, _tell: tell, _shown: "" });
    live.addEventListener("melodies", () => this._show());
    $("adddrums").onclick = () => files.ask(null, { drums: null });
    $("grooves").addEventListener("click", (event) => {
      const button = event.target.closest("[data-at]");
      if (button) this._act(button.dataset.action, Number(button.dataset.at));
    });
  }

  async _act(action, at) {
    if (action === "file") return this._files.ask(null, { drums: at });
    if (await this._live.try("remove-drums", { at, of: this._live.grooves.length })) this._tell("Taken away; Z brings it back.");
    if (document.activeElement === document.body) $("adddrums").focus(); // what had the focus is gone
  }

  _show() {
    const { grooves, hello } = this._live, names = grooves.map(({ name }, at) => name || `drums ${at + 1}`);
    $("groovebox").hidden = !hello.drums;
    const full = grooves.length >= hello.most_drums;
    Object.assign($("adddrums"), { disabled: full, title: full ? `${hello.most_drums} are the most: take one away, or put another in its place` : "" });
    if (this._shown === JSON.stringify(names)) return;
    this._shown = JSON.stringify(names);
    $("grooves").replaceChildren(...names.map((name, at) => {
      const chip = document.createElement("span");
      chip.className = "chip";
      chip.append(button("file", at, name, `Drums instead of ${name}`), button("remove", at, "×", `Take away ${name}`));
      return chip;
    }));
  }
}

export function button(action, at, text, label) {
  const made = document.createElement("button");
  Object.assign(made, { textContent: text, title: label });
  made.setAttribute("aria-label", label);
  Object.assign(made.dataset, { action, at });
  return made;
}
