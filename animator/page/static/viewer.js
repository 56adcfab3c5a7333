// One picture as large as the window, with the next and the one before a key away.
import { button, el } from "./dom.js";

// items: [{ source, title, text, actions: [[label, function, pressed]] }]
export function enlarge(items, at, changed) {
  const image = el("img", { alt: "" });
  const title = el("h2", {});
  const text = el("p", { class: "prompt" });
  const actions = el("div", { class: "row actions" });
  let now = at;

  function show(number) {
    now = Math.max(0, Math.min(items.length - 1, number));
    const item = items[now];
    image.src = item.source;
    image.alt = item.text || item.title;
    title.textContent = `${item.title}${items.length > 1 ? ` (${now + 1} of ${items.length})` : ""}`;
    text.textContent = item.text || "";
    actions.replaceChildren(...(item.actions ? item.actions() : []).map(([label, action, pressed]) => button(label, async () => {
      await action();
      show(now);
    }, pressed === undefined ? {} : { "aria-pressed": String(pressed) })));
    before.disabled = now === 0;
    after.disabled = now === items.length - 1;
  }

  const before = button("‹ Before", () => show(now - 1));
  const after = button("Next ›", () => show(now + 1));
  const dialog = el("dialog", { class: "wide viewer", "aria-label": "One picture" },
    el("div", { class: "row head" }, title, before, after, button("Close", () => dialog.close())),
    el("div", { class: "big" }, image), text, actions);
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { show(now + step); event.preventDefault(); }
    const at_ = { p: 0, r: 1 }[event.key];
    if (at_ !== undefined && !event.ctrlKey && !event.metaKey && actions.children[at_]) { actions.children[at_].click(); }
    if (event.key === "Home") { show(0); }
    if (event.key === "End") { show(items.length - 1); }
  });
  dialog.addEventListener("close", () => { dialog.remove(); if (changed) { changed(now); } });
  document.body.append(dialog);
  show(at);
  dialog.showModal();
}
