// The sheet of a study, as it is painted; a click on a cell makes a scene of it.
import { button, el, number } from "./dom.js";
import { get, post, tried } from "./api.js";

const PAUSE = 2000;

export async function studies(place) {
  const found = (await get("/studies")).studies;
  place.append(el("h1", {}, "Studies"),
    found.length ? el("ul", { class: "list" }, found.map((one) => el("li", {}, el("a", { href: `#/study/${one.id}` }, one.folder))))
      : el("p", { class: "soft" }, "No study in this folder. animator study scene.yaml --vary … paints one scene with other values."));
}

const source = (name, path, version) => `/studies/${name}/files/${path.split("/").map(encodeURIComponent).join("/")}${version ? `?v=${version}` : ""}`;

export async function study(place, name) {
  const head = el("p", { class: "soft", role: "status" });
  const sheet = el("div", {});
  place.append(el("h1", {}, "Study"), head, sheet);
  let last = "";

  function cellOf(found, cell) {
    const values = found.axes.map((axis, at) => `${axis.title}: ${axis.values[cell.place[at]]}`);
    const score = found.scores[cell.cell];
    const picture = cell.pictures.length
      ? el("img", { src: source(name, cell.pictures[cell.pictures.length - 1]), alt: values.join(", "), loading: "lazy" })
      : el("span", { class: "none" }, cell.reason ? `failed: ${cell.reason}` : cell.live ? "is painted now" : "not painted yet");
    return el("figure", { class: "cell" },
      button([picture], () => open(found, cell, values), { class: "thumb", "aria-label": `Open ${values.join(", ")}` }),
      el("figcaption", {}, values.map((one) => el("span", {}, one)), score === undefined ? null : el("b", {}, number(score))));
  }

  function open(found, cell, values) {
    const dialog = el("dialog", { class: "wide", "aria-label": "A cell of the study" },
      el("div", { class: "row head" }, el("h2", {}, values.join(", ")), button("Close", () => dialog.close())),
      cell.film ? el("video", { src: source(name, cell.film), controls: true, loop: true })
        : el("div", { class: "grid" }, cell.pictures.map((path) => el("img", { src: source(name, path), alt: values.join(", ") }))),
      cell.reason ? el("p", { class: "bad" }, cell.reason) : null,
      el("div", { class: "row" }, button("Make a scene of this", async () => {
        const made = await tried(() => post(`/studies/${name}/scene`, { cell: cell.cell }), "A new scene was written.");
        if (made) { dialog.close(); location.hash = `#/scene/${made.scene}`; }
      }, { class: "primary" })));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  async function draw() {
    const found = await get(`/studies/${name}`);
    const key = JSON.stringify(found);
    if (key === last) { return; }
    last = key;
    const done = found.cells.filter((one) => one.pictures.length).length;
    place.querySelector("h1").textContent = found.name;
    head.textContent = `${found.folder} · ${done} of ${found.cells.length} cells have pictures`;
    const [across, down, ...rest] = found.axes;
    if (!down || rest.length) {
      sheet.replaceChildren(el("div", { class: "grid" }, found.cells.map((cell) => cellOf(found, cell))));
      return;
    }
    const at = new Map(found.cells.map((cell) => [cell.place.slice(0, 2).join(), cell]));
    sheet.replaceChildren(el("div", { class: "scroll", tabindex: 0, "aria-label": "Sheet" }, el("table", { class: "matrix" },
      el("thead", {}, el("tr", {}, el("td", { class: "soft" }, `${down.title} ↓ ${across.title} →`), across.values.map((value) => el("th", { scope: "col" }, value)))),
      el("tbody", {}, down.values.map((value, y) => el("tr", {}, el("th", { scope: "row" }, value),
        across.values.map((_, x) => el("td", {}, at.has(`${x},${y}`) ? cellOf(found, at.get(`${x},${y}`)) : null))))))));
  }

  await draw();
  const timer = setInterval(() => draw().catch(() => undefined), PAUSE);
  return () => clearInterval(timer);
}
