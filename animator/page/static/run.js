// One run: the picture as it is painted, its frames, and what can be done with it.
import { button, clock, confirmed, el, number, say, svg } from "./dom.js";
import { fileOf, frameOf, get, listen, pictureOf, post, remove, runs, tried, what } from "./api.js";
import { faultOf, shareOf, stateText } from "./browse.js";
import { enlarge } from "./viewer.js";

const STRIP = 60; // Pictures of a long film that the strip shows at first, evenly spread.

export async function run(place, name) {
  let details = await get(`/runs/${name}`);
  runs.set(name, { ...details });
  const still = details.mode === "still";
  const stage = el("div", { class: "stage" });
  const status = el("p", { class: "status", role: "status" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const actions = el("div", { class: "row actions" });
  const strip = el("div", { class: still ? "grid" : "strip" });
  const more = el("div", { class: "row" });
  const side = el("div", { class: "columns" });
  let showAll = still;
  let mode = "";
  let losses = null;

  place.append(
    el("div", { class: "title" }, el("h1", {}, details.scene), el("p", { class: "soft" }, details.folder)),
    stage, el("div", { class: "progress" }, bar, status), actions,
    el("h2", {}, still ? "Pictures" : "Frames"), strip, more, side);

  const current = () => runs.get(name) || details;
  const promptAt = (frame) => {
    const sets = (details.prompts || []).filter((one) => one.from <= frame);
    return sets.length ? sets[sets.length - 1].text : "";
  };

  function drawStage() {
    const now = current();
    const film = details.film && now.state === "done" && !still;
    const wanted = film ? `film ${details.film} ${now.modified}` : `picture ${pictureOf(now)}`;
    if (wanted === mode) { return; }
    const before = stage.querySelector("img");
    if (film) {
      const scale = now.size ? Math.min(4 * now.size[0], 1600) : 1600;
      stage.replaceChildren(el("video", {
        src: fileOf(name, details.film, String(Math.round(now.modified * 1000))), controls: true, loop: true, preload: "auto",
        "aria-label": `The film of ${details.scene}`, style: { "max-width": `${scale}px` },
      }));
    } else if (pictureOf(now)) {
      const image = before || el("img", {});
      image.src = pictureOf(now);
      image.alt = now.live ? "The picture as it is painted" : "The newest picture";
      if (now.size) { image.style.setProperty("max-width", `${Math.min(4 * now.size[0], 1600)}px`); }
      if (!before || stage.children.length !== 1) { stage.replaceChildren(image); }
    } else {
      stage.replaceChildren(el("p", { class: "none" }, now.state === "running" || now.state === "starting" ? "The networks are being loaded …" : "No picture yet"));
    }
    mode = wanted;
  }

  function drawStatus() {
    const now = current();
    const progress = now.progress || {};
    const step = progress.step && now.state === "running" ? `step ${progress.step[0]} of ${progress.step[1]}` : "";
    const stageName = now.state === "running" && progress.stage && !step ? progress.stage : "";
    status.textContent = [stateText(now), step, stageName, now.state === "paused" ? "its memory stays taken" : ""].filter(Boolean).join(" · ");
    bar.value = shareOf(now);
    bar.hidden = now.state === "done";
    if (faultOf(now)) { status.textContent += ` · ${faultOf(now)}`; }
    status.classList.toggle("bad", Boolean(faultOf(now)));
  }

  function drawActions() {
    const now = current();
    const focused = document.activeElement && actions.contains(document.activeElement) ? document.activeElement.textContent : "";
    const act = (action, done, body) => () => tried(() => post(`/runs/${name}/${action}`, body || {}), done);
    const found = [];
    if (now.state === "starting") {
      found.push(button("Stop", act("stop", "It stops.")));
    } else if (now.state === "running") {
      found.push(button("Pause", act("pause", "Paused."), { title: "Halt where it is; its memory stays taken" }),
        button("Stop", act("stop", "It stops after this step."), { title: "End in order; Resume continues after the last finished frame" }));
    } else if (now.state === "paused") {
      found.push(button("Continue", act("continue", "It continues."), { class: "primary" }), button("Stop", act("stop", "It stops.")));
    } else if (now.state === "stopped") {
      found.push(button("Resume", act("resume", "It resumes after the last finished frame."), { class: "primary" }));
    }
    found.push(button("Edit the scene", edit));
    if (now.state === "done" || now.state === "stopped") { found.push(button("Paint again", again)); }
    found.push(
      markButton("picked", "Pick"), markButton("rejected", "Reject"),
      button("Open the folder", act("open", "Opened.")));
    if ((details.files || []).includes("report.html")) {
      found.push(el("a", { class: "button", href: fileOf(name, "report.html"), target: "_blank", rel: "noopener" }, "Report"));
    }
    if (now.state === "done" || now.state === "stopped") { found.push(button("Delete", gone, { class: "danger" })); }
    const key = found.map((one) => one.textContent + one.getAttribute("aria-pressed")).join("|");
    if (actions.dataset.key === key) { return; }
    actions.dataset.key = key;
    actions.replaceChildren(...found);
    const again_ = found.find((one) => one.textContent === focused);
    if (again_) { again_.focus(); }
  }

  function markButton(kind, text) {
    return button(text, async () => {
      const mark = current().mark === kind ? "" : kind;
      await tried(() => post(`/runs/${name}/mark`, { mark }));
    }, { "aria-pressed": String(current().mark === kind) });
  }

  async function edit() {
    if (details.source) { location.hash = `#/scene/${details.source}/${name}`; return; }
    await tried(async () => {
      const { text } = await get(`/runs/${name}/scene`);
      const made = await post("/scenes", { file: `scenes/${details.scene.replace(/[^\w.+-]+/g, "-") || "scene"}.yaml`, text });
      location.hash = `#/scene/${made.id}/${name}`;
    });
  }

  async function again() {
    const started = await tried(() => post(`/runs/${name}/again`), "It is painted again, in a new run.");
    if (started) { setTimeout(() => { location.hash = "#/"; }, 600); }
  }

  async function gone() {
    if (!await confirmed(`Delete ${details.folder} with all its pictures? This cannot be undone.`, "Delete")) { return; }
    leaving = true; // Nothing more is asked of it, for it may be gone before the answer comes.
    leaving = await tried(() => remove(`/runs/${name}`, { confirm: details.folder }), "Deleted.");
    if (leaving) { location.hash = "#/"; }
  }

  async function make(action, picture) {
    const made = await tried(() => post(`/runs/${name}/${action}`, { picture }), "A new scene was written.");
    if (made) { location.hash = `#/scene/${made.scene}`; }
  }

  async function markPicture(frame, kind) {
    const key = String(frame.number);
    const mark = details.marks[key] === kind ? "" : kind;
    await tried(async () => {
      await post(`/runs/${name}/mark`, { picture: frame.number, mark });
      if (mark) { details.marks[key] = mark; } else { delete details.marks[key]; }
      drawStrip();
    });
  }

  function open(frames, at) {
    const items = frames.map((frame) => ({
      source: frameOf(name, frame.number, frame.version),
      title: `${still ? "Picture" : "Frame"} ${frame.number}`,
      text: [promptAt(frame.number), `seed ${frame.seed}`, ...frame.notes].filter(Boolean).join(" · "),
      actions: () => [
        ["Pick", () => markPicture(frame, "picked"), details.marks[String(frame.number)] === "picked"],
        ["Reject", () => markPicture(frame, "rejected"), details.marks[String(frame.number)] === "rejected"],
        ["More like this", () => { document.querySelector("dialog.viewer").close(); return make("more", frame.number); }],
        ["Grow a film from this", () => { document.querySelector("dialog.viewer").close(); return make("grow", frame.number); }],
      ],
    }));
    enlarge(items, at, (last) => {
      const figure = strip.querySelector(`[data-number="${frames[last].number}"] button`);
      if (figure) { figure.focus(); }
    });
  }

  const figures = new Map();

  // Each still says its prompt, and of a film each frame with which another prompt begins.
  function figureOf(frame, ahead) {
    const prompt = promptAt(frame.number);
    const said = still || !ahead || promptAt(ahead.number) !== prompt;
    const key = `${frame.version} ${details.marks[String(frame.number)] || ""} ${said} ${prompt}`;
    const before = figures.get(frame.number);
    if (before && before.key === key) { return before.figure; }
    const image = el("img", { src: frameOf(name, frame.number, frame.version), alt: prompt || `number ${frame.number}`, loading: "lazy", decoding: "async" });
    const figure = el("figure", { class: details.marks[String(frame.number)] || "", "data-number": frame.number },
      button([image], () => { const all = details.frames.filter((one) => one.there); open(all, all.indexOf(frame)); },
        { class: "thumb", "aria-label": `Enlarge ${still ? "picture" : "frame"} ${frame.number}` }),
      el("figcaption", {}, el("b", {}, String(frame.number)),
        still ? el("span", { class: "soft" }, ` seed ${frame.seed}`) : null,
        said ? el("span", { class: "prompt", title: prompt }, prompt) : null));
    figures.set(frame.number, { key, figure });
    return figure;
  }

  function drawStrip() {
    const frames = details.frames.filter((one) => one.there);
    let shown = frames;
    if (!showAll && frames.length > STRIP) {
      shown = [...new Set(Array.from({ length: STRIP }, (_, at) => Math.round(at * (frames.length - 1) / (STRIP - 1))))].map((at) => frames[at]);
    }
    const wanted = shown.map((frame, at) => figureOf(frame, shown[at - 1]));
    const now = [...strip.children];
    if (now.length !== wanted.length || now.some((one, at) => one !== wanted[at])) {
      const end = strip.scrollLeft + strip.clientWidth >= strip.scrollWidth - 40;
      strip.replaceChildren(...wanted);
      if (end && !still && current().state === "running") { strip.scrollLeft = strip.scrollWidth; }
    }
    if (!frames.length) { strip.replaceChildren(el("p", { class: "soft" }, details.frames.length ? "The pictures were pruned; the film shows them." : "None is finished yet.")); }
    more.replaceChildren(!showAll && frames.length > STRIP ? button(`Show all ${frames.length}`, () => { showAll = true; drawStrip(); }) : "");
  }

  function drawSide() {
    const files = [...(details.films || []), ...(details.files || []).filter((one) => one.endsWith(".png"))];
    const films = files.map((film) => el("li", {}, el("a", { href: fileOf(name, film), target: "_blank", rel: "noopener" }, film)));
    const log = el("pre", { class: "log", tabindex: 0, "aria-label": "Log" });
    const scene = el("pre", { class: "log", tabindex: 0, "aria-label": "Scene" });
    losses = el("div", { class: "losses" });
    const parts = [
      el("section", {}, el("h2", {}, "Prompts"),
        el("dl", { class: "prompts" }, (details.prompts || []).map((one) => [
          el("dt", {}, still ? `from ${one.from}` : `from frame ${one.from}`), el("dd", {}, one.text)]))),
      figureTable(details, still),
      el("section", {}, el("h2", {}, "Losses of the newest picture"), losses),
      notices(details),
      films.length ? el("section", {}, el("h2", {}, "Files"), el("ul", {}, films)) : null,
      fold("Settings", scene, async () => { scene.textContent = (await get(`/runs/${name}/scene`)).text; }),
      fold("Log", log, async () => { log.textContent = (await get(`/runs/${name}/log`)).log || "empty"; log.scrollTop = log.scrollHeight; }),
    ];
    side.replaceChildren(...parts.filter(Boolean));
    drawLosses();
  }

  async function drawLosses() {
    const done = details.frames.length ? current().last : null;
    if (!done || !losses) { return; }
    const found = (await get(`/runs/${name}/losses/${done.number}`).catch(() => ({ losses: {} }))).losses;
    losses.replaceChildren(plot(found));
  }

  let fresh = Promise.resolve();
  let known = "";
  let leaving = false;
  function refresh() {
    const now = current();
    const key = `${now.done} ${now.last ? now.last.version : ""} ${now.state} ${now.film}`;
    if (leaving || key === known) { return; }
    known = key;
    fresh = fresh.then(async () => {
      if (leaving) { return; }
      const found = await get(`/runs/${name}`).catch(() => null);
      if (!found) { return; }
      if (found.mode !== details.mode) { // It was opened before it was known whether it makes a film or stills.
        window.dispatchEvent(new HashChangeEvent("hashchange"));
        return;
      }
      const ended = found.state !== details.state || found.film !== details.film;
      details = found;
      drawStrip();
      drawStage();
      if (ended) { actions.dataset.key = ""; drawActions(); drawSide(); } else { drawLosses(); }
    });
  }

  drawStage();
  drawStatus();
  drawActions();
  drawStrip();
  drawSide();
  known = `${details.done} ${details.last ? details.last.version : ""} ${details.state} ${details.film}`;
  return listen((kind, data) => {
    if (kind === "gone" && data.id === name) { say("This run was deleted.", true); return; }
    if ((kind === "run" && data.id === name) || kind === "runs") { drawStage(); drawStatus(); drawActions(); refresh(); }
  });
}

function fold(title, content, load) {
  return el("details", { ontoggle: (event) => { if (event.target.open) { tried(load); } } }, el("summary", {}, title), content);
}

function notices(details) {
  const found = [...details.notices, ...details.frames.flatMap((one) => one.notes.map((note) => `${one.number}: ${note}`))];
  return found.length ? el("section", { class: "warn" }, el("h2", {}, "Worth knowing"), el("ul", {}, found.slice(0, 40).map((one) => el("li", {}, one)))) : null;
}

function figureTable(details, still) {
  const figures = details.figures || {};
  const rows = [];
  const add = (name, value, words) => { if (value !== null && value !== undefined) { rows.push([name, value, words]); } };
  const seconds = details.frames.reduce((sum, one) => sum + one.seconds, 0);
  add("size", details.size ? `${details.size[0]} × ${details.size[1]}` : null, "pixels");
  add("seed", details.seed, "");
  add("painting took", clock(seconds), `${number(seconds / Math.max(1, details.frames.length))} s a ${what(details, 1)}`);
  if (figures.brightness && !still) { add("brightness", percent(figures.brightness.drift_percent), figures.brightness.words); }
  if (figures.saturation && !still) { add("saturation", percent(figures.saturation.drift_percent), figures.saturation.words); }
  if (figures.flicker && !still) { add("flicker", figures.flicker.mean === null ? null : number(figures.flicker.mean), figures.flicker.words); }
  if (figures.clip_score) { add("answers its prompts", figures.clip_score.mean === null ? null : number(figures.clip_score.mean), "CLIP score, up to 1"); }
  return el("section", {}, el("h2", {}, "Figures"),
    el("table", {}, el("tbody", {}, rows.map(([name, value, words]) => el("tr", {}, el("th", {}, name), el("td", {}, String(value)), el("td", { class: "soft" }, words))))));
}

function percent(value) { return value === null || value === undefined ? null : `${value > 0 ? "+" : ""}${number(value)} %`; }

export function plot(losses) {
  const names = Object.keys(losses).filter((name) => losses[name].some((one) => one !== null));
  if (!names.length) { return el("p", { class: "soft" }, "None kept."); }
  return el("div", { class: "small-plots" }, names.slice(0, 12).map((name) => {
    const values = losses[name].map((one, at) => [at, one]).filter(([, one]) => one !== null);
    const low = Math.min(...values.map(([, one]) => one));
    const high = Math.max(...values.map(([, one]) => one));
    const x = (at) => 2 + 116 * at / Math.max(1, losses[name].length - 1);
    const y = (one) => 38 - 34 * (one - low) / ((high - low) || 1);
    const points = values.map(([at, one]) => `${x(at).toFixed(1)},${y(one).toFixed(1)}`).join(" ");
    return el("figure", {}, svg("svg", { viewBox: "0 0 120 40", role: "img", "aria-label": `${name}: ${number(values[0][1])} to ${number(values[values.length - 1][1])}` },
      svg("polyline", { points, class: "line" })),
      el("figcaption", {}, `${name} ${number(values[0][1])} → ${number(values[values.length - 1][1])}`));
  }));
}

