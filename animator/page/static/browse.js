// All runs: find one, compare two, pick and reject.
import { button, clock, el, say } from "./dom.js";
import { listen, pictureOf, post, runs, state, tried, what } from "./api.js";
import { compare } from "./compare.js";

const kept = { words: "", which: "all", order: "newest" };

const ORDERS = {
  newest: ["newest first", (a, b) => b.modified - a.modified],
  oldest: ["oldest first", (a, b) => a.modified - b.modified],
  name: ["by name", (a, b) => a.folder.localeCompare(b.folder)],
  longest: ["longest first", (a, b) => b.done - a.done],
  picked: ["picked first", (a, b) => (b.mark === "picked") - (a.mark === "picked") || b.modified - a.modified],
};

const WHICH = {
  all: ["all runs", () => true],
  running: ["at work", (run) => ["running", "paused", "starting"].includes(run.state)],
  films: ["films", (run) => run.mode !== "still"],
  stills: ["stills", (run) => run.mode === "still"],
  picked: ["picked", (run) => run.mark === "picked"],
  left: ["not rejected", (run) => run.mark !== "rejected"],
};

export function stateText(run) {
  const many = run.pictures === null ? run.done : `${run.done} of ${run.pictures}`;
  if (run.state === "starting") { return "begins: the networks are loaded"; }
  if (run.state === "done") { return `${run.done} ${what(run, run.done)}`; }
  const progress = run.progress || {};
  if (run.state === "running") {
    const done = progress.finished !== undefined && progress.of ? progressText(run) : `${many} ${what(run)}`;
    const left = leftOf(run);
    return `${done}${left ? `, ${clock(left)} left` : ""}`;
  }
  return `${run.state} at ${many} ${what(run)}`;
}

function progressText(run) {
  const { frame, finished, of } = run.progress;
  return `${what(run, 1)} ${Math.min(of, (frame ?? finished) + 1)} of ${of}`;
}

// The last line of what a render said that failed.
export function faultOf(run) { return ((run.progress || {}).said || "").trim().split("\n").pop(); }

export function leftOf(run) {
  const progress = run.progress || {};
  if (progress.left !== undefined && progress.left !== null) { return progress.left; }
  return run.pace && run.pictures ? run.pace * Math.max(0, run.pictures - run.done) : null;
}

export function shareOf(run) { return run.pictures ? Math.min(1, run.done / run.pictures) : 0; }

function card(run, chosen, change) {
  const source = pictureOf(run);
  const image = el("img", { alt: `${run.scene}: newest picture`, loading: "lazy", decoding: "async" });
  if (source) { image.src = source; }
  const words = (run.prompts || []).map((one) => one.text).join(" → ") + (run.more ? ` → and ${run.more} more` : "");
  const picture = el("a", { class: "picture", href: `#/run/${run.id}`, "aria-label": `Open ${run.scene}, ${run.folder}` },
    source ? image : el("span", { class: "none" }, "no picture yet"));
  const box = el("input", {
    type: "checkbox", checked: chosen.has(run.id), "aria-label": `Compare ${run.folder}`,
    onchange: (event) => { if (event.target.checked) { chosen.add(run.id); } else { chosen.delete(run.id); } change(); },
  });
  return el("article", { class: `card ${run.state} ${run.mark || ""}`, role: "listitem", "data-run": run.id },
    picture,
    el("div", { class: "about" },
      el("h3", {}, el("a", { href: `#/run/${run.id}` }, run.scene)),
      el("p", { class: "prompt" }, words || "no prompt known"),
      el("p", { class: "soft state" }, el("i", { class: `dot ${run.state}` }), stateText(run)),
      faultOf(run) ? el("p", { class: "bad" }, faultOf(run)) : null,
      run.state === "done" ? null : el("progress", { max: 1, value: shareOf(run), "aria-label": `Progress of ${run.folder}` }),
      el("div", { class: "row small" },
        el("label", { class: "tick" }, box, "Compare"),
        markButton(run, "picked", "Pick"),
        markButton(run, "rejected", "Reject"),
        el("span", { class: "soft folder" }, run.folder))));
}

function markButton(run, kind, text) {
  return button(text, async () => {
    const mark = run.mark === kind ? "" : kind;
    await tried(() => post(`/runs/${run.id}/mark`, { mark }));
  }, { "aria-pressed": String(run.mark === kind), class: "quiet", "aria-label": `${text} ${run.folder}` });
}

export function browse(place) {
  const chosen = new Set();
  const list = el("div", { class: "cards", role: "list" });
  const head = el("p", { class: "soft", role: "status" });
  const both = button("Compare", () => side(), { disabled: true });
  const search = el("input", {
    type: "search", placeholder: "Filter by prompt or name", "aria-label": "Filter by prompt or name", value: kept.words,
    oninput: (event) => { kept.words = event.target.value; draw(); },
  });
  const select = (name, choices, label) => el("select", {
    "aria-label": label, onchange: (event) => { kept[name] = event.target.value; draw(); },
  }, Object.entries(choices).map(([value, [text]]) => el("option", { value, selected: kept[name] === value }, text)));
  place.append(
    el("h1", { class: "unseen" }, "Runs"),
    el("div", { class: "bar" }, search, select("which", WHICH, "Which runs"), select("order", ORDERS, "Order"), both,
      el("a", { class: "button primary", href: "#/scenes" }, "New")),
    head, list);

  function side() {
    const [a, b] = [...chosen].map((name) => runs.get(name)).filter(Boolean);
    if (a && b) { compare(a, b); }
  }

  function change() {
    both.disabled = chosen.size !== 2;
    both.textContent = chosen.size === 1 ? "Compare: choose one more" : "Compare";
    if (chosen.size > 2) { say("Choose two runs to compare."); }
  }

  function wanted() {
    const words = kept.words.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (run) => `${run.scene} ${run.folder} ${(run.prompts || []).map((one) => one.text).join(" ")} ${run.words || ""}`.toLowerCase();
    return [...runs.values()].filter(WHICH[kept.which][1])
      .filter((run) => { const all = text(run); return words.every((word) => all.includes(word)); })
      .sort(ORDERS[kept.order][1]);
  }

  const drawn = new Map();

  function draw() {
    const found = wanted();
    for (const name of chosen) { if (!runs.has(name)) { chosen.delete(name); } }
    const focused = document.activeElement && document.activeElement.closest ? document.activeElement.closest("[data-run]") : null;
    const cards = found.map((run) => {
      const key = JSON.stringify(run);
      const before = drawn.get(run.id);
      if (before && before.key === key) { return before.card; }
      if (before && focused === before.card) { return refreshed(before, run, key); }
      const made = card(run, chosen, change);
      drawn.set(run.id, { key, card: made });
      return made;
    });
    const now = [...list.children];
    if (now.length !== cards.length || now.some((one, at) => one !== cards[at])) { list.replaceChildren(...cards); }
    head.textContent = state.loaded ? summary(found.length) : "Looking for runs …";
    if (state.loaded && !runs.size) { list.replaceChildren(nothing()); }
    change();
  }

  // A card that has the keyboard's focus is changed, not replaced.
  function refreshed(before, run, key) {
    const made = card(run, chosen, change);
    const at = [...before.card.querySelectorAll("a, button, input")].indexOf(document.activeElement);
    before.card.replaceChildren(...made.childNodes);
    before.card.className = made.className;
    before.key = key;
    const again = before.card.querySelectorAll("a, button, input")[at];
    if (again) { again.focus(); }
    return before.card;
  }

  function summary(count) {
    const all = runs.size;
    if (!all) { return ""; }
    return count === all ? `${all} ${all === 1 ? "run" : "runs"}` : `${count} of ${all} runs`;
  }

  draw();
  let waits = 0;
  const soon = () => { if (!waits) { waits = setTimeout(() => { waits = 0; draw(); }, 60); } };
  const quiet = listen((kind) => { if (kind === "runs") { draw(); } else if (kind !== "work") { soon(); } });
  return () => { quiet(); clearTimeout(waits); };
}

function nothing() {
  return el("div", { class: "empty" },
    el("h2", {}, "No runs in this folder yet"),
    el("p", {}, "Write a scene and render it, or render one on the command line; it appears here at once."),
    el("a", { class: "button primary", href: "#/scenes" }, "Scenes"));
}

