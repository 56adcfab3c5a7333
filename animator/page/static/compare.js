// Two runs side by side, with a slider between them.
import { button, el } from "./dom.js";
import { frameOf, get, pictureOf } from "./api.js";

export async function compare(a, b) {
  const [first, second] = await Promise.all([a, b].map((run) => get(`/runs/${run.id}`).catch(() => ({ frames: [] }))));
  const sides = [first, second].map((one) => one.frames.filter((frame) => frame.there));
  const last = Math.min(...sides.map((frames) => frames.length)) - 1;
  const left = el("img", { alt: `${a.scene}, ${a.folder}` });
  const right = el("img", { alt: `${b.scene}, ${b.folder}`, class: "over" });
  const line = el("i", { class: "line" });
  const stage = el("div", { class: "compare" }, left, right, line);
  const said = el("p", { class: "soft", "aria-live": "polite" });

  function split(value) {
    stage.style.setProperty("--at", `${value}%`);
  }

  function show(at) {
    const source = (run, frames) => (frames[at] ? frameOf(run.id, frames[at].number, frames[at].version) : pictureOf(run));
    left.src = source(a, sides[0]);
    right.src = source(b, sides[1]);
    const number = sides[0][at] ? sides[0][at].number : "";
    said.textContent = `left ${a.folder} · right ${b.folder}${number === "" ? "" : ` · number ${number}`}`;
  }

  const divide = el("input", {
    type: "range", min: 0, max: 100, value: "50", "aria-label": "How much of each is shown",
    oninput: (event) => split(event.target.value),
  });
  const frame = el("input", {
    type: "range", min: 0, max: String(Math.max(0, last)), value: String(Math.max(0, last)), "aria-label": "Which picture",
    oninput: (event) => show(Number(event.target.value)),
  });
  const dialog = el("dialog", { class: "wide", "aria-label": "Compare two runs" },
    el("div", { class: "row head" }, el("h2", {}, `${a.scene} and ${b.scene}`), button("Close", () => dialog.close())),
    stage,
    el("label", { class: "slide" }, "Left or right", divide),
    last > 0 ? el("label", { class: "slide" }, "Which picture", frame) : null,
    said);
  stage.addEventListener("pointermove", (event) => {
    if (!event.buttons && event.pointerType === "mouse") { return; }
    const box = stage.getBoundingClientRect();
    divide.value = String(100 * (event.clientX - box.left) / box.width);
    split(divide.value);
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  split(50);
  show(Math.max(0, last));
  dialog.showModal();
}
