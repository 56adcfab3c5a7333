// All scene files, and a new one.
import { button, el } from "./dom.js";
import { get, post, tried } from "./api.js";

export async function scenes(place) {
  const list = el("ul", { class: "list" });
  const name = el("input", { type: "text", value: "scenes/new.yaml", "aria-label": "File of the new scene", spellcheck: false });
  const kind = el("select", { "aria-label": "What it makes" },
    [["film", "a film"], ["still", "single pictures"]].map(([value, text]) => el("option", { value }, text)));
  const form = el("form", {
    class: "bar",
    onsubmit: async (event) => {
      event.preventDefault();
      const made = await tried(() => post("/scenes", { file: name.value, kind: kind.value }));
      if (made) { location.hash = `#/scene/${made.id}`; }
    },
  }, el("label", {}, "New scene ", name), kind, el("button", { type: "submit", class: "primary" }, "Write it"));
  place.append(el("h1", {}, "Scenes"), form, list);
  const found = (await get("/scenes")).scenes;
  list.replaceChildren(...found.map((scene) => el("li", {},
    el("a", { href: `#/scene/${scene.id}` }, scene.file),
    el("span", { class: "soft" }, new Date(scene.modified * 1000).toLocaleString()),
    el("span", { class: "row" },
      button("Render", async () => {
        const started = await tried(() => post("/runs", { scene: scene.id }), "It begins.");
        if (started) { location.hash = "#/"; }
      }, { "aria-label": `Render ${scene.file}` }),
      button("Add to queue", () => tried(() => post("/runs", { scene: scene.id, queue: true }), "It waits in the queue."),
        { "aria-label": `Add ${scene.file} to the queue` })))));
  if (!found.length) { list.replaceChildren(el("li", { class: "soft" }, "No scene in this folder yet.")); }
}
