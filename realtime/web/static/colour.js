// Colours of melodies and of their mixes. Mixing is done in OKLab (Ottosson 2020), where halfway looks halfway.

export const HUES = ["#ef5b3f", "#3a7df0", "#efa01b", "#9257de", "#10a37a", "#e0468a", "#08a2b6", "#84922a"];

const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const encoded = (c) => 255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

function toLab(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => linear(parseInt(hex.slice(at, at + 2), 16) / 255));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toRgb([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((c) => Math.round(Math.min(255, Math.max(0, encoded(Math.max(0, c))))));
}

const LABS = HUES.map(toLab);
const CHROMA = 0.145; // that mixes are brought near to: opposite hues would meet in grey

/** [r, g, b] 0..255 of hues mixed by weights; `pairs` is [[hue, weight], …]. */
export function mixRgb(pairs) {
  const lab = [0, 0, 0];
  let sum = 0;
  for (const [hue, weight] of pairs) {
    sum += weight;
    for (let i = 0; i < 3; i++) lab[i] += weight * LABS[hue][i];
  }
  if (!(sum > 0)) return toRgb([0.6, 0, 0]);
  const [L, a, b] = lab.map((c) => c / sum), chroma = Math.hypot(a, b);
  const vivid = chroma < CHROMA ? (chroma + (CHROMA - chroma) * (chroma / (chroma + 0.045))) / (chroma + 1e-6) : 1;
  return toRgb([L, a * vivid, b * vivid]);
}

/** The same as a colour for CSS and canvas. */
export function mixCss(pairs, alpha = 1) {
  return `rgb(${mixRgb(pairs).join(" ")} / ${alpha})`;
}

const luminance = (rgb) => rgb.reduce((sum, c, at) => sum + [0.2126, 0.7152, 0.0722][at] * linear(c / 255), 0);
const CONTRAST = 4.5, WHITE = "#fff", BLACK = "#0d0b10"; // WCAG 2.2, 1.4.3
const bearsWhite = (rgb) => 1.05 / (luminance(rgb) + 0.05) >= CONTRAST;

/** What is written on the colour of a melody, to be read. */
export const INKS = LABS.map((lab) => (bearsWhite(toRgb(lab)) ? WHITE : BLACK));

/** The colour of a mix, as dark as it has to be under white words. */
export function deepCss(pairs) {
  let rgb = mixRgb(pairs);
  while (!bearsWhite(rgb)) rgb = rgb.map((c) => Math.floor(0.96 * c));
  return `rgb(${rgb.join(" ")})`;
}

/** Shares of what lies on the pad as a bar, for CSS; `weights` are by hue. */
export function barCss(placed, weights) {
  const sum = placed.reduce((all, { hue }) => all + (weights[hue] ?? 0), 0) || 1;
  let at = 0;
  const parts = placed.map(({ hue }) => `${HUES[hue]} ${at.toFixed(2)}% ${(at += (100 * (weights[hue] ?? 0)) / sum).toFixed(2)}%`);
  return parts.length > 1 ? `linear-gradient(90deg, ${parts.join()})` : "";
}
