// Steer: the scene as a text, its curves, a preview of its motion, and the run that is made of it.
import { button, el, later, say } from "./dom.js";
import { Fault, get, listen, pictureOf, post, put, runs, tried } from "./api.js";
import { faultOf, shareOf, stateText } from "./browse.js";
import { curves } from "./curves.js";
import { Editor } from "./editor.js";

const PAUSE = 250; // Milliseconds after the last key until the text is checked.

export async function edit(place, name, into) {
  const scene = await get(`/scenes/${name}`);
  let version = scene.version;
  let saved = scene.text;
  let checked = null;
  let target = into || "";
  let turn = 0;
  let moving = 0; // Moves of keys that are not in the text yet.
  let moved = Promise.resolve();

  const problems = el("ul", { class: "problems", role: "status", "aria-label": "Problems" });
  const facts = el("p", { class: "soft" });
  const plots = el("div", { class: "plots" });
  const stage = el("div", { class: "stage small" });
  const status = el("p", { class: "status", role: "status" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const steer = el("div", { class: "row actions" });
  const text = el("div", { class: "text" });
  const where = el("select", { "aria-label": "Where it is rendered", onchange: (event) => { target = event.target.value; drawRun(); } });
  const each = el("input", { type: "checkbox", "aria-label": "Render on each save" });
  const saveButton = button("Save", () => save(), { title: "Ctrl-S" });
  const renderButton = button("Render", () => render(), { class: "primary", title: "Ctrl-Enter" });
  const previewButton = button("Preview the motion", () => preview());

  place.append(
    el("div", { class: "title" }, el("h1", {}, scene.file), facts),
    el("div", { class: "bar" }, saveButton, renderButton, el("label", {}, "into ", where),
      el("label", { class: "tick" }, each, "on each save"), previewButton,
      button("Add to queue", () => queue())),
    el("div", { class: "steer" },
      el("div", {}, text, problems),
      el("div", { class: "beside" }, stage, el("div", { class: "progress" }, bar, status), steer, plots)));

  const found = await get("/settings").catch(() => ({ settings: [] }));
  const place_ = `scene ${name}`;
  const unsaved = sessionStorage.getItem(place_);
  sessionStorage.removeItem(place_);
  const editor = new Editor(text, unsaved ?? scene.text, { changed: change, save, render, settings: found.settings });
  const checkSoon = later(PAUSE, check);

  function change(now) {
    saveButton.textContent = now === saved ? "Saved" : "Save";
    saveButton.classList.toggle("primary", now !== saved);
    checkSoon();
  }

  async function check() {
    const mine = ++turn;
    const now = editor.text;
    const answer = await tried(() => post("/check", { scene: name, text: now }));
    if (!answer || mine !== turn) { return; }
    editor.show(answer.problems);
    problems.replaceChildren(...answer.problems.map((one) => el("li", { class: one.level },
      button(one.line ? `line ${one.line}` : "the scene", () => editor.goTo(one.line, one.column), { class: "quiet" }),
      el("span", {}, one.key ? `${one.key}: ${one.message}` : one.message))));
    const faulty = answer.problems.some((one) => one.level === "error");
    renderButton.disabled = faulty;
    previewButton.disabled = faulty || (answer.facts && answer.facts.mode === "still");
    plots.classList.toggle("old", faulty);
    if (!faulty) {
      checked = answer;
      const f = answer.facts;
      facts.textContent = `${f.mode} · ${f.size[0]} × ${f.size[1]} · ${f.pictures} ${f.mode === "still" ? "pictures" : "frames"} · ${f.steps} steps`;
      if (!moving) { curves(plots, answer, f.pictures, move); }
    }
  }

  // One after another, each in the text that the one before it left; what is drawn is the last.
  function move(curve, key, frame, value) {
    moving += 1;
    moved = moved.then(async () => {
      const answer = await tried(() => post("/move", { scene: name, text: editor.text, name: curve, key, frame, value }));
      moving -= 1;
      if (answer) { editor.text = answer.text; }
      if (moving) { return; }
      if (answer) { await check(); } else if (checked) { curves(plots, checked, checked.facts.pictures, move); }
    });
  }

  async function save() {
    const now = editor.text;
    if (now === saved) { return true; }
    try {
      version = (await put(`/scenes/${name}`, { text: now, version })).version;
    } catch (error) {
      if (error instanceof Fault && error.status === 409) { conflict(error.message); } else { say(error.message, true); }
      return false;
    }
    saved = now;
    change(editor.text);
    say("Saved.");
    if (each.checked && !renderButton.disabled) { await start(); }
    return true;
  }

  function conflict(message) {
    problems.prepend(el("li", { class: "error" }, el("span", {}, message),
      button("Load it again (my changes are lost)", async () => {
        const fresh = await get(`/scenes/${name}`);
        version = fresh.version;
        saved = fresh.text;
        editor.text = fresh.text;
      }),
      button("Save mine over it", async () => { version = (await get(`/scenes/${name}`)).version; await save(); })));
  }

  async function start() {
    const started = await tried(() => post("/runs", { scene: name, run: target || undefined }), "It begins.");
    if (started && started.run) { target = started.run; drawWhere(); }
  }

  async function render() {
    const automatic = each.checked && editor.text !== saved;
    if (await save() && !renderButton.disabled && !automatic) { await start(); }
  }

  async function queue() {
    if (await save()) { await tried(() => post("/runs", { scene: name, queue: true }), "It waits in the queue."); }
  }

  async function preview() {
    previewButton.disabled = true;
    say("The motion is being previewed …");
    const made = await tried(() => post("/preview", { scene: name, text: editor.text }), "The preview is ready.");
    previewButton.disabled = false;
    if (made) {
      const dialog = el("dialog", { class: "wide", "aria-label": "Preview of the motion" },
        el("div", { class: "row head" }, el("h2", {}, "Preview of the motion"), button("Close", () => dialog.close())),
        el("video", { src: made.film, controls: true, autoplay: true, loop: true, muted: true }));
      dialog.addEventListener("close", () => dialog.remove());
      document.body.append(dialog);
      dialog.showModal();
    }
  }

  function drawWhere() {
    const stem = scene.file.split("/").pop().replace(/\.ya?ml$/i, "");
    const fits = [...runs.values()].filter((run) => run.scene === stem || run.id === target || run.id === into).sort((a, b) => b.modified - a.modified);
    const options = [el("option", { value: "", selected: !target }, "a new run"),
      ...fits.map((run) => el("option", { value: run.id, selected: run.id === target }, run.folder))];
    if (target && !fits.some((run) => run.id === target)) { options.push(el("option", { value: target, selected: true }, "the run that begins")); }
    const key = options.map((one) => one.value + one.selected + one.textContent).join("|");
    if (where.dataset.key !== key) { where.dataset.key = key; where.replaceChildren(...options); }
  }

  function drawRun() {
    const run = runs.get(target);
    if (!run) {
      stage.replaceChildren(el("p", { class: "none" }, target ? "The networks are being loaded …" : "Render, and the picture grows here."));
      steer.replaceChildren();
      status.textContent = "";
      bar.hidden = true;
      return;
    }
    const source = pictureOf(run);
    const image = stage.querySelector("img") || el("img", {});
    if (source && image.getAttribute("src") !== source) { image.setAttribute("src", source); }
    image.alt = run.live ? "The picture as it is painted" : "The newest picture";
    if (source && !image.isConnected) { stage.replaceChildren(image); }
    if (!source) { stage.replaceChildren(el("p", { class: "none" }, run.state === "starting" ? "The networks are being loaded …" : "No picture yet")); }
    const progress = run.progress || {};
    status.textContent = [stateText(run), progress.step && run.state === "running" ? `step ${progress.step[0]} of ${progress.step[1]}` : "",
      faultOf(run)].filter(Boolean).join(" · ");
    status.classList.toggle("bad", Boolean(faultOf(run)));
    bar.value = shareOf(run);
    bar.hidden = run.state === "done";
    const act = (action, done) => () => tried(() => post(`/runs/${run.id}/${action}`), done);
    const buttons = {
      starting: [["Stop", act("stop", "It stops.")]],
      running: [["Pause", act("pause", "Paused.")], ["Stop", act("stop", "It stops after this step.")]],
      paused: [["Continue", act("continue", "It continues.")], ["Stop", act("stop", "It stops.")]],
      stopped: [["Resume", act("resume", "It resumes.")]],
      done: [],
    }[run.state];
    const key = `${run.state} ${run.id}`;
    if (steer.dataset.key !== key) {
      steer.dataset.key = key;
      steer.replaceChildren(...buttons.map(([label, action]) => button(label, action)), el("a", { class: "button", href: `#/run/${run.id}` }, "Open the run"));
    }
  }

  const warn = (event) => { if (editor.text !== saved) { event.preventDefault(); } };
  window.addEventListener("beforeunload", warn);
  drawWhere();
  drawRun();
  change(editor.text);
  const quiet = listen((kind, data) => {
    if (kind === "runs" || kind === "gone" || (kind === "run" && data.id === target)) { drawRun(); drawWhere(); }
  });
  return () => {
    quiet();
    window.removeEventListener("beforeunload", warn);
    if (editor.text !== saved) {
      sessionStorage.setItem(place_, editor.text);
      say("This scene has changes that are not saved. They are kept as long as this window is open.", true);
    }
    editor.destroy();
  };
}
