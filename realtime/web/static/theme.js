// Light and dark: as the system has it, or as somebody has chosen here.

const KEPT_AT = "latentmix.theme"; // in localStorage

/** `redraw` is called after each change. */
export function setUp(redraw) {
  const dark = matchMedia("(prefers-color-scheme: dark)"), { dataset } = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEPT_AT);
  } catch { /* a browser that keeps nothing */ }
  const show = () => {
    dataset.theme = chosen ?? (dark.matches ? "dark" : "light");
    redraw();
  };
  document.getElementById("theme").onclick = () => {
    chosen = dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEPT_AT, chosen);
    } catch { /* it counts until the page is closed */ }
    show();
  };
  dark.onchange = show;
  show();
}
