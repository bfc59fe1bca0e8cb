// A drag: what the pointer does until it is let go, told as soon as the browser knows it.

const SOONEST = 6; // ms between two places told between frames

/** move(event) at each place, also between two frames where the browser tells of them; done() at the end. */
export function track(root, event, move, done) {
  event.preventDefault();
  root.setPointerCapture(event.pointerId);
  let told = `${event.clientX} ${event.clientY}`, at = 0;
  const on = (moved) => {
    const place = `${moved.clientX} ${moved.clientY}`;
    if (moved.pointerId !== event.pointerId || place === told) return;
    if (moved.type !== "pointermove" && moved.timeStamp - at < SOONEST) return; // the next frame tells it
    [told, at] = [place, moved.timeStamp];
    move(moved);
  };
  const end = (ended) => {
    if (ended.pointerId !== event.pointerId) return;
    for (const kind of ["pointerrawupdate", "pointermove"]) root.removeEventListener(kind, on);
    for (const kind of ["pointerup", "pointercancel"]) root.removeEventListener(kind, end);
    done?.();
  };
  for (const kind of ["pointerrawupdate", "pointermove"]) root.addEventListener(kind, on);
  for (const kind of ["pointerup", "pointercancel"]) root.addEventListener(kind, end);
}
