// The connection to the engine: what it says becomes this page's state, what hands do goes there.
// Events: "hello", "melodies", "state", "melody", "drums", "online", "say" (an error, for people).

import { Clock } from "./clock.js";

const GRAB = 250; // ms that a value which was moved here is not overwritten by echoes
const RETRY = [200, 400, 800, 1500, 2500];
const PING = 2000, BURST = 6; // ms between two questions for the time; so many soon after one another at first
export const OFFLINE = "The mixer is not connected. Start livemix web again; the page finds it.";

/** What the mixer answers to a request; where nobody does, that is said in our words rather than in the browser's. */
export async function request(address, options) {
  try {
    return await fetch(address, options);
  } catch {
    throw new Error(OFFLINE);
  }
}

export class Live extends EventTarget {
  constructor() {
    super();
    this.hello = null;
    this.melodies = [];
    this.grooves = this.sounds = [];
    this.melody = this.drums = null;
    this.state = { running: false, step: -1, time: 0, tempo: 120, path: { points: [], bars: 4, back: true, runs: false } };
    this.values = {};
    this.online = false;
    this.clock = new Clock();
    this.keep = () => null; // what to restore after the server was started again; set by session.js
    this.kept = () => null; // the same of a page that was open here before
    this._remote = {};
    this._grabbed = new Map();
    this._pending = new Map();
    this._next = 1;
    this._tries = 0;
  }

  /** Server seconds less ours. */
  get clockOffset() {
    return this.clock.offset;
  }

  connect() {
    const address = new URL("./live", location.href); // also below a sub-path of a proxy
    address.protocol = address.protocol.replace("http", "ws");
    address.hash = address.search = "";
    const socket = (this._socket = new WebSocket(address));
    socket.onopen = () => {
      this._tries = 0;
      this.clock.forget();
      this._pingOften();
    };
    socket.onmessage = (event) => this._take(JSON.parse(event.data));
    socket.onclose = () => this._lost();
    this._pinger ??= setInterval(() => this._ping(), PING);
    this._watcher ??= document.addEventListener("visibilitychange", () => document.hidden || this._pingOften()) ?? true;
  }

  /** Move parameters, now: {name: value}. */
  set(values) {
    // Sent before anything else: the melody is on its way while the page draws.
    if (!this._send({ set: values })) return this._sayOffline();
    const until = performance.now() + GRAB;
    for (const [name, value] of Object.entries(values)) {
      this.values[name] = value;
      this._grabbed.set(name, until);
    }
    this._letGoSoon();
    this._tell("state");
  }

  /** Have something done; a promise of the answer, {hue} of the melody it is about. */
  do(what, args = {}) {
    const id = this._next++;
    return new Promise((resolve, reject) => {
      if (!this._send({ do: what, id, ...args })) return reject(new Error(OFFLINE));
      this._pending.set(id, { resolve, reject });
    });
  }

  /** The same, where an error is said to the person, and the answer is null then. */
  async try(what, args) {
    try {
      return await this.do(what, args);
    } catch (error) {
      this.say(error.message);
      return null;
    }
  }

  say(text, kind = "error") {
    this.dispatchEvent(new CustomEvent("say", { detail: { text, kind } }));
  }

  /** When a step of the song is heard, in seconds of performance.now(); null while nothing runs. */
  timeOfStep(step) {
    const { running, step: at, time, tempo } = this.state;
    if (!running || at < 0 || this.clockOffset === null) return null;
    return time - this.clockOffset + ((this._played(step) - this._played(at)) * 15) / tempo;
  }

  /** The step, with its fraction, at a time of ours. */
  stepAt(seconds) {
    const { running, step: at, time, tempo } = this.state;
    if (!running || at < 0 || this.clockOffset === null) return null;
    return this._played(at) + ((seconds + this.clockOffset - time) * tempo) / 15;
  }

  /** Where a step is played, in steps: with swing every second one late (sequencer.py: swung). */
  _played(step) {
    return step % 2 === 1 ? step + 2 * (this.values.swing ?? 0.5) - 1 : step;
  }

  get pairs() {
    return Object.entries(this.melody?.weights ?? {}).map(([hue, weight]) => [Number(hue), weight]);
  }

  _send(message) {
    if (this._socket?.readyState !== WebSocket.OPEN) return false;
    this._socket.send(JSON.stringify(message));
    return true;
  }

  _sayOffline() {
    this.say(OFFLINE);
    this._tell("state"); // what was moved goes back to where it is
  }

  _ping() {
    this._send({ ping: performance.now() / 1000 });
  }

  _pingOften() {
    for (let i = 0; i < BURST; i++) setTimeout(() => this._ping(), 60 * i);
  }

  _pong(sent, server) {
    if (this.clock.answer(sent, performance.now() / 1000, server)) this._pingOften();
  }

  _take(message) {
    for (const answer of message.answers ?? []) {
      if ("pong" in answer) {
        this._pong(answer.pong, answer.time);
        continue;
      }
      const waiting = this._pending.get(answer.id);
      this._pending.delete(answer.id);
      if (answer.error) waiting ? waiting.reject(new Error(answer.error)) : this.say(answer.error);
      else waiting?.resolve(answer);
    }
    if (message.hello) this._greet(message.hello);
    if (message.melodies) {
      this.melodies = message.melodies.list;
      this.grooves = message.melodies.drums;
      this.sounds = message.melodies.sounds;
      this._tell("melodies");
    }
    if (message.state) {
      const { values, ...state } = message.state;
      Object.assign(this.state, state);
      Object.assign(this._remote, values);
      const now = performance.now();
      for (const [name, value] of Object.entries(values ?? {}))
        if (!(this._grabbed.get(name) > now)) this.values[name] = value;
      this._tell("state");
    }
    if (message.drums) {
      this.drums = message.drums;
      this._tell("drums");
    }
    if (message.melody) {
      this.melody = message.melody;
      this.melody.received = performance.now();
      this._tell("melody");
    }
  }

  _greet(hello) {
    const restarted = this.hello && this.hello.instance !== hello.instance;
    const kept = !hello.fresh ? null : restarted ? this.keep() : hello.resumes ? this.kept() : null;
    this.hello = hello;
    this.online = true;
    this._tell("hello");
    this._tell("online");
    if (kept) this.try("restore", { session: kept, fresh: true });
  }

  _letGoSoon() {
    this._letting ??= setTimeout(() => {
      this._letting = undefined;
      this._letGo();
      if (this._grabbed.size) this._letGoSoon();
    }, GRAB + 20);
  }

  _letGo() {
    const now = performance.now();
    let changed = false;
    for (const [name, until] of this._grabbed) {
      if (until > now) continue;
      this._grabbed.delete(name);
      if (name in this._remote && this.values[name] !== this._remote[name]) {
        this.values[name] = this._remote[name];
        changed = true;
      }
    }
    if (changed) this._tell("state");
  }

  _lost() {
    const was = this.online;
    this.online = false;
    for (const { reject } of this._pending.values()) reject(new Error(OFFLINE));
    this._pending.clear();
    if (was) this._tell("online");
    setTimeout(() => this.connect(), RETRY[Math.min(this._tries++, RETRY.length - 1)]);
  }

  _tell(kind) {
    this.dispatchEvent(new Event(kind));
  }
}
