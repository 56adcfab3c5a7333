// Which page is shown: by what follows the # in the address.
import { el } from "./dom.js";
import { connect, listen, loadRuns, tried, work } from "./api.js";
import { browse } from "./browse.js";

const view = document.getElementById("view");
let leave = () => undefined;
let shown = 0;

const pages = [
  [/^$/, "runs", async () => browse],
  [/^run\/([0-9a-f]+)$/, "runs", async () => (await import("./run.js")).run],
  [/^scenes$/, "scenes", async () => (await import("./scenes.js")).scenes],
  [/^scene\/([0-9a-f]+)(?:\/([0-9a-f]+))?$/, "scenes", async () => (await import("./edit.js")).edit],
  [/^studies$/, "studies", async () => (await import("./study.js")).studies],
  [/^study\/([0-9a-f]+)$/, "studies", async () => (await import("./study.js")).study],
  [/^queue$/, "queue", async () => (await import("./queue.js")).queue],
];

async function show() {
  const path = location.hash.replace(/^#\/?/, "");
  if (path === "view") { view.focus(); return; }
  const turn = ++shown;
  const [pattern, name, load] = pages.find(([one]) => one.test(path)) || pages[0];
  const words = (path.match(pattern) || []).slice(1);
  const page = await load();
  if (turn !== shown) { return; }
  leave();
  leave = () => undefined;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === name) { link.setAttribute("aria-current", "page"); }
    else { link.removeAttribute("aria-current"); }
  }
  const place = el("div", { class: "page" });
  view.replaceChildren(place);
  window.scrollTo(0, 0);
  const left = await tried(async () => page(place, ...words));
  if (turn === shown) { leave = left || leave; } else if (left) { left(); }
  if (turn === shown) {
    const head = place.querySelector("h1");
    document.title = head && head.textContent ? `${head.textContent} – animator` : "animator";
  }
}

function count() {
  const place = document.getElementById("waiting");
  const busy = work.jobs.filter((job) => job.status === null).length + work.waiting.length;
  place.hidden = !busy;
  place.textContent = String(busy);
}

listen((kind) => { if (kind === "work") { count(); } });
window.addEventListener("hashchange", show);
connect();
tried(loadRuns);
show();
