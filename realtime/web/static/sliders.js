// Sliders of parameters: moved by hand, by keys in steps that can be heard, back by a double click.

/** Arrow keys move a slider by steps that can be heard, with shift by those it has for the pointer. */
export function stepByKeys(event) {
  const { target: slider, key, shiftKey } = event, way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[key];
  if (!way || slider.type !== "range" || shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
  const low = Number(slider.min), high = Number(slider.max), fine = Number(slider.step);
  const step = Math.max(fine, [0.05, 0.1, 0.25, 0.5, 1, 5, 10].find((each) => (high - low) / each <= 24) ?? 10);
  const value = Math.min(high, Math.max(low, step * Math.round((Number(slider.value) + way * step) / step)));
  event.preventDefault();
  event.stopPropagation();
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}

/** One of a parameter, called `words`, {label, input, output}; `step` is that of the pointer. */
export function makeSlider(live, parameter, words, step) {
  const label = document.createElement("label"), name = document.createElement("span");
  const output = document.createElement("output"), input = document.createElement("input");
  label.className = "slider";
  label.title = `${parameter.help} (double-click: as it was)`;
  name.textContent = words;
  Object.assign(input, { type: "range", min: parameter.low, max: parameter.high, step, value: parameter.default });
  input.dataset.parameter = parameter.name;
  input.oninput = () => live.set({ [parameter.name]: Number(input.value) });
  input.ondblclick = () => live.set({ [parameter.name]: parameter.default });
  label.append(name, input, output);
  return { label, input, output };
}
