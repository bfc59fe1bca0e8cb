// Mixes that are kept, to come back to: where the puck was and how it was shaped. They are part of the session.

const $ = (id) => document.getElementById(id);

export class KeptMixes {
  constructor(live) {
    this._live = live;
    this._shown = "";
    $("keep").onclick = () => this.keep();
    $("kept").addEventListener("click", (event) => {
      const button = event.target.closest("[data-slot]");
      if (button) live.try(button.dataset.does, { slot: Number(button.dataset.slot), of: this._count });
    });
    live.addEventListener("state", () => this._show());
  }

  keep() {
    const used = new Set((this._live.state.snapshots ?? []).map(({ name }) => name));
    const name = [..."ABCDEFGH"].find((letter) => !used.has(letter)) ?? "A";
    this._live.try("keep", { name });
  }

  recall(slot) {
    if (slot < this._count) this._live.try("recall", { slot, of: this._count });
  }

  get _count() {
    return (this._live.state.snapshots ?? []).length;
  }

  _show() {
    const names = (this._live.state.snapshots ?? []).map(({ name }, slot) => name || `${slot + 1}`);
    if (names.join() === this._shown) return;
    this._shown = names.join();
    $("kept").replaceChildren(...names.map((name, slot) => {
      const chip = document.createElement("span");
      chip.className = "chip";
      chip.append(
        button(name, "recall", slot, `Back to mix ${name} (shift ${slot + 1})`),
        button("×", "forget", slot, `Forget mix ${name}`),
      );
      return chip;
    }));
    $("keep").disabled = names.length >= 8;
  }
}

function button(text, does, slot, title) {
  const made = Object.assign(document.createElement("button"), { textContent: text, title, ariaLabel: title });
  Object.assign(made.dataset, { does, slot });
  return made;
}
