// One melody by itself, once through: of a card, or of a file before it is taken. The mix of this page is silent meanwhile.

const AHEAD = 0.15; // s that notes are scheduled ahead
const EVERY = 40; // ms

export class Audition extends EventTarget {
  constructor(live, sound, synth, scheduler, drums) {
    super();
    Object.assign(this, { _live: live, _sound: sound, _synth: synth, _scheduler: scheduler, _drums: drums });
    this.key = null; // what is played, by the name that play() was given
  }

  /** Play notes [{start, end, pitch}], in sixteenths, or hits [{start, end, drum}]; the same key a second time stops
   *  them. Event "change". */
  async toggle(key, notes, tempo) {
    const again = key === this.key;
    this.stop();
    if (again || !notes.length) return;
    await this._sound.unlock();
    if (notes[0].drum !== undefined) await this._drums.load();
    if (!this._synth.ready) return;
    const step = 15 / tempo, first = notes[0].start;
    Object.assign(this, { key, _left: [...notes], _from: this._synth.context.currentTime + 0.05 - first * step, _step: step });
    this._scheduler.hush(true);
    this._timer = setInterval(() => this._tick(), EVERY);
    this._tick();
    this.dispatchEvent(new Event("change"));
  }

  stop() {
    if (this.key === null) return;
    clearInterval(this._timer);
    this._end?.(0);
    this._end = null;
    this._drums.silence();
    this.key = null;
    this._scheduler.hush(false);
    this.dispatchEvent(new Event("change"));
  }

  _tick() {
    const now = this._synth.context.currentTime;
    while (this._left.length && this._from + this._left[0].start * this._step < now + AHEAD) {
      const { start, end, pitch, drum } = this._left.shift(), at = this._from + start * this._step;
      this._over = this._from + end * this._step;
      if (drum !== undefined) {
        this._drums.strike(drum, this._live.values.velocity, at);
      } else {
        this._end = this._synth.start(pitch, at, this._live.values.velocity);
        this._end(this._over);
      }
      document.dispatchEvent(new CustomEvent("latentmix:audition", { detail: { key: this.key, pitch, drum } }));
    }
    if (!this._left.length && now > this._over) this.stop();
  }
}
