// The server's answers, and what it tells by itself.
import { say } from "./dom.js";

export class Fault extends Error {
  constructor(message, status) { super(message); this.status = status; }
}

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    throw new Fault("The server does not answer. Start it again: animator page. Renders continue.", 0);
  }
  const content = await answer.json().catch(() => ({ error: "The answer cannot be read." }));
  if (!answer.ok) { throw new Fault(content.error || `The server answered ${answer.status}.`, answer.status); }
  return content;
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const put = (path, body) => ask("PUT", path, body);
export const remove = (path, body = {}) => ask("DELETE", path, body);

// Does something that may fail, and says so.
export async function tried(action, done) {
  try {
    const result = await action();
    if (done) { say(done); }
    return result;
  } catch (error) {
    say(error.message, true);
    return undefined;
  }
}

// All runs by their names, as far as they are known, and what is queued.
export const runs = new Map();
export const work = { jobs: [], waiting: [] };
export const state = { loaded: false };

const listeners = new Set();

// Calls a function with each thing that is new, until the returned function is called.
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(kind, data) { for (const listener of [...listeners]) { listener(kind, data); } }

export async function loadRuns() {
  const found = await get("/runs");
  const names = new Set(found.runs.map((one) => one.id));
  for (const name of runs.keys()) { if (!names.has(name)) { runs.delete(name); } }
  for (const run of found.runs) { runs.set(run.id, run); }
  state.loaded = true;
  tell("runs", found);
}

const RECEIVED = {
  run(run) {
    if (runs.has(run.id) && JSON.stringify(runs.get(run.id)) === JSON.stringify(run)) { return; }
    runs.set(run.id, run);
    tell("run", run);
  },
  gone({ id }) {
    runs.delete(id);
    tell("gone", { id });
  },
  work(found) {
    Object.assign(work, found);
    tell("work", work);
  },
  again() { loadRuns().catch(() => undefined); },
  link(there) {
    const link = document.getElementById("link");
    if (there && !link.hidden) { RECEIVED.again(); }
    link.hidden = there;
  },
};

// One tab listens and tells the others: a browser has six connections to a server, and a seventh tab would hang.
export function connect() {
  if (!navigator.locks) { hear(() => undefined); return; } // As on another machine without https.
  const tabs = new BroadcastChannel("animator");
  tabs.onmessage = ({ data: [kind, data] }) => RECEIVED[kind](data);
  get("/queue").then(RECEIVED.work).catch(() => undefined);
  navigator.locks.request("animator", () => new Promise(() => hear((kind, data) => tabs.postMessage([kind, data]))));
}

function hear(pass) {
  const source = new EventSource("/events");
  const receive = (kind, data) => { RECEIVED[kind](data); pass(kind, data); };
  source.onopen = () => receive("link", true);
  source.onerror = () => receive("link", false);
  for (const kind of ["run", "gone", "work", "again"]) {
    source.addEventListener(kind, (event) => receive(kind, JSON.parse(event.data)));
  }
}

export const fileOf = (run, path, version) =>
  `/runs/${run}/files/${path.split("/").map(encodeURIComponent).join("/")}${version ? `?v=${version}` : ""}`;

export const frameOf = (run, number, version) =>
  fileOf(run, `frames/${String(number).padStart(6, "0")}.png`, version);

// The newest picture of a run: as it is painted, or its last one.
export function pictureOf(run) {
  if (run.live) { return fileOf(run.id, "progress.png", run.live); }
  return run.last ? frameOf(run.id, run.last.number, run.last.version) : "";
}

export const what = (run, count) => (run.mode === "still" ? (count === 1 ? "picture" : "pictures") : count === 1 ? "frame" : "frames");
