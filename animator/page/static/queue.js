// What is at work, what waits, and what ended.
import { button, el } from "./dom.js";
import { get, listen, remove, runs, tried, work } from "./api.js";
import { stateText } from "./browse.js";

export async function queue(place) {
  Object.assign(work, await get("/queue"));
  const now = el("ul", { class: "list" });
  const next = el("ul", { class: "list" });
  const ended = el("ul", { class: "list" });
  place.append(el("h1", {}, "Queue"), el("h2", {}, "At work"), now, el("h2", {}, "Waiting"), next, el("h2", {}, "Ended"), ended);

  function line(job, more) {
    const run = [...runs.values()].find((one) => one.folder === job.run);
    const name = run ? el("a", { href: `#/run/${run.id}` }, job.run) : el("span", {}, job.run || "a new run");
    return el("li", {}, el("span", {}, job.scene), name, more);
  }

  const draw = () => {
    const busy = [...runs.values()].filter((run) => ["running", "paused", "starting"].includes(run.state));
    const starting = work.jobs.filter((job) => job.status === null && !busy.some((run) => run.folder === job.run));
    fill(now, [
      ...busy.map((run) => line({ scene: run.scene, run: run.folder }, el("span", { class: "soft" }, stateText(run)))),
      ...starting.map((job) => line(job, el("span", { class: "soft" }, "begins: networks are loaded"))),
    ], "Nothing.");
    fill(next, work.waiting.map((item) => line(item, button("Take out", () => tried(() => remove(`/queue/${item.id}`), "Taken out."),
      { "aria-label": `Take ${item.scene} out of the queue` }))), "Nothing. Add scenes on the page Scenes; they are rendered one after another.");
    fill(ended, work.jobs.filter((job) => job.status !== null).map((job) => line(job, el("span", { class: job.said ? "bad" : "soft" },
      job.said ? job.said.trim().split("\n").pop() : job.status === 0 ? "done" : job.status === 130 ? "stopped" : "ended"))), "Nothing yet.");
  };

  function fill(list, items, nothing) { list.replaceChildren(...(items.length ? items : [el("li", { class: "soft" }, nothing)])); }

  draw();
  return listen(draw);
}
