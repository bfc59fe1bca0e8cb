// What the sides of the pad are: melodies where they stand, or rhythm and pitch of the first two.

import { inFrame, setAttribute, setText } from "./frame.js";

const $ = (id) => document.getElementById(id);

export class Axes {
  constructor(live, pad) {
    const put = () => {
      setAttribute($("axes"), "aria-pressed", pad.isCrossed);
      const melodies = pad.isLine ? "Drag the puck from one melody to the other." : "Drag the puck, or move the melodies around it.";
      setText($("padhint"), pad.isCrossed ? "Rhythm from melody 1 to melody 2 across, pitch upwards." : melodies);
      Object.assign($("draw"), { disabled: pad.isLine, title: pad.isLine ? "With two melodies there is only the way between them" : "Draw a path over the pad (P)" });
    };
    for (const kind of ["state", "melodies"]) live.addEventListener(kind, () => inFrame(put));
    $("axes").onclick = () => {
      const { x, y } = pad.puck;
      live.set(pad.isCrossed ? { axes: "melodies" } : { axes: "rhythm-pitch", x, y });
    };
  }
}
