// The engine's clock as this page knows it, by how long answers take. Pure: times are passed in, in seconds.

const KEPT = 20; // answers
const DRIFT = 2e-4; // s a second that two clocks may run apart

export class Clock {
  constructor() {
    this.forget();
  }

  /** What the engine's clock is ahead of ours; null while nothing is known. */
  get offset() {
    return this._best?.offset ?? null;
  }

  forget() {
    this._answers = [];
    this._best = null;
  }

  /**
   * An answer to a question sent and got at times of ours, with the engine's time of it. Whether it is at odds with what
   * was known: half a trip is all an offset can be wrong by, so one of the clocks has jumped (a page or machine that
   * slept), and only what was asked since counts.
   */
  answer(sent, got, theirs) {
    const trip = got - sent, offset = theirs - (sent + got) / 2, now = { trip, offset, got };
    const agree = (then) => Math.abs(then.offset - offset) <= (then.trip + trip) / 2 + DRIFT * Math.abs(got - then.got) + 1e-4;
    const all = this._answers.length;
    this._answers = [...this._answers.filter(agree), now].slice(-KEPT);
    this._best = this._answers.reduce((a, b) => (b.trip < a.trip ? b : a));
    return all > 0 && this._answers.length === 1;
  }
}
