// The field of the pad: at each place the colour of the mix that the puck would make there.

import { mixRgb } from "./colour.js";

const CELLS = 56; // on a side

/** places is [[x, y, hue], …]; inset the margin of the pad, as a share of its side, where colours no longer change. */
export function paintField(canvas, places, isLine, inset) {
  if (!places.length) return;
  const wide = CELLS, high = isLine ? 1 : CELLS;
  const image = new ImageData(wide, high);
  const inside = (share) => Math.min(1, Math.max(0, (share - inset) / (1 - 2 * inset)));
  for (let row = 0; row < high; row++)
    for (let column = 0; column < wide; column++) {
      const x = inside(column / (wide - 1)), y = isLine ? 0.5 : 1 - inside(row / (high - 1));
      const near = (px, py) => (isLine ? Math.max(0, 1 - Math.abs(px - x)) : 1 / ((x - px) ** 2 + (y - py) ** 2 + 4e-4));
      image.data.set([...mixRgb(places.map(([px, py, hue]) => [hue, near(px, py)])), 255], 4 * (row * wide + column));
    }
  [canvas.width, canvas.height] = [wide, high];
  canvas.getContext("2d").putImageData(image, 0, 0);
}
