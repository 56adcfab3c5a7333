"use strict";
// Texts come from scenes of strangers: they are set as text, never as HTML.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const cells = data.cells;
  const figures = [...document.querySelectorAll(".cell")].sort((a, b) => a.dataset.cell - b.dataset.cell);
  const slots = figures.map((figure) => figure.parentElement);
  const flat = document.getElementById("flat");
  const pages = document.getElementById("pages");
  const dialog = document.getElementById("big");
  const store = "animator-study " + data.name;
  let marks = {};
  let byScore = false;
  let opened = -1;

  function byId(id) { return document.getElementById(id); }

  function made(name, text, className) {
    const element = document.createElement(name);
    if (text !== undefined) { element.textContent = text; }
    if (className) { element.className = className; }
    return element;
  }

  function loadMarks() {
    try { marks = JSON.parse(localStorage.getItem(store)) || {}; } catch (error) { marks = {}; }
  }

  function saveMarks() {
    try { localStorage.setItem(store, JSON.stringify(marks)); } catch (error) {
      say("this browser keeps no marks of a page like this; export them before you close it");
    }
  }

  function say(text) {
    for (const place of document.querySelectorAll(".said")) { place.textContent = text; }
  }

  function markOf(number) { return (cells[number].name && marks[cells[number].name]) || ""; }

  function mark(number, wanted) {
    const name = cells[number].name;
    if (!name) { return; }
    if (marks[name] === wanted) { delete marks[name]; } else { marks[name] = wanted; }
    saveMarks();
    show();
    if (dialog.open && opened === number) { pressed(number); }
  }

  function pressed(number) {
    byId("pick").setAttribute("aria-pressed", String(markOf(number) === "picked"));
    byId("reject").setAttribute("aria-pressed", String(markOf(number) === "rejected"));
  }

  function wanted(number) {
    const which = byId("which").value;
    if (which === "picked") { return markOf(number) === "picked"; }
    if (which === "left") { return markOf(number) !== "rejected"; }
    return true;
  }

  function order() {
    const numbers = cells.map((cell, number) => number);
    if (!byScore) { return numbers; }
    const score = (number) => (cells[number].score === null ? -2 : cells[number].score);
    return numbers.sort((a, b) => score(b) - score(a) || a - b);
  }

  function show() {
    const active = document.activeElement;
    for (const number of order()) {
      const figure = figures[number];
      figure.classList.toggle("picked", markOf(number) === "picked");
      figure.classList.toggle("rejected", markOf(number) === "rejected");
      figure.hidden = !wanted(number);
      (byScore ? flat : slots[number]).append(figure);
    }
    pages.hidden = byScore;
    flat.hidden = !byScore;
    byId("order").setAttribute("aria-pressed", String(byScore));
    const counts = Object.values(marks);
    byId("marks").textContent = counts.filter((one) => one === "picked").length + " picked, " +
      counts.filter((one) => one === "rejected").length + " rejected";
    if (active && active.classList.contains("cell")) { active.focus(); }
  }

  function row(table, name, value) {
    if (value === null || value === undefined || value === "") { return; }
    const line = made("tr");
    line.append(made("th", name), made("td", String(value)));
    table.append(line);
  }

  function open(number) {
    opened = number;
    const cell = cells[number];
    byId("name").textContent = cell.name ? "cell " + cell.name : "a cell without a picture";
    const pictures = byId("pictures");
    pictures.replaceChildren();
    const thumb = figures[number].querySelector("img");
    for (const path of cell.pictures) {
      const image = made("img");
      image.alt = data.axes.map((axis, at) => axis + " " + cell.values[at]).join(", ");
      // The picture itself lies beside the page; alone, the page has its small ones.
      image.addEventListener("error", () => { if (thumb && image.src !== thumb.src) { image.src = thumb.src; } });
      image.src = path;
      pictures.append(image);
    }
    if (!cell.pictures.length) { pictures.append(made("p", cell.reason || "not painted yet", "soft")); }
    const table = byId("settings");
    table.replaceChildren();
    data.axes.forEach((axis, at) => row(table, axis, cell.values[at]));
    row(table, "score", cell.score === null ? "" : cell.score.toFixed(4) + " by " + data.judge);
    row(table, "seed", cell.seed);
    row(table, "seconds", cell.seconds);
    row(table, "state", cell.state + (cell.reason ? ": " + cell.reason : ""));
    const film = byId("film");
    film.hidden = !cell.film;
    if (cell.film) { film.href = cell.film; }
    byId("scene").textContent = data.scenes[cell.scene] || "";
    byId("command").textContent = cell.command;
    byId("grown").hidden = !cell.scene;
    pressed(number);
    say("");
    if (!dialog.open) { dialog.showModal(); }
    dialog.scrollTop = 0;
  }

  function step(by) {
    const shown = order().filter(wanted);
    const at = shown.indexOf(opened);
    const next = shown[at + by];
    if (next !== undefined) { open(next); figures[next].scrollIntoView({ block: "nearest" }); }
  }

  // The nearest cell that is shown in a direction, by where the cells are on the page.
  function neighbour(from, x, y) {
    const here = figures[from].getBoundingClientRect();
    const mid = (box) => [box.left + box.width / 2, box.top + box.height / 2];
    const [cx, cy] = mid(here);
    let best = -1;
    let least = Infinity;
    figures.forEach((figure, number) => {
      if (number === from || figure.hidden || !figure.offsetParent) { return; }
      const [ox, oy] = mid(figure.getBoundingClientRect());
      const along = (ox - cx) * x + (oy - cy) * y;
      const aside = Math.abs((ox - cx) * y) + Math.abs((oy - cy) * x);
      if (along > 4 && along + 3 * aside < least) { least = along + 3 * aside; best = number; }
    });
    return best;
  }

  function current() {
    const active = document.activeElement;
    return active && active.classList.contains("cell") ? Number(active.dataset.cell) : -1;
  }

  function download(name, text) {
    const link = made("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function copy(text) {
    const done = () => say("copied");
    const byHand = () => {
      const area = made("textarea");
      area.value = text;
      dialog.append(area);
      area.select();
      const worked = document.execCommand("copy");
      area.remove();
      say(worked ? "copied" : "this browser does not let a page copy; select the text");
    };
    if (navigator.clipboard) { navigator.clipboard.writeText(text).then(done, byHand); } else { byHand(); }
  }

  function exported() {
    const chosen = (what) => cells.filter((cell, number) => markOf(number) === what).map((cell) => ({
      cell: cell.name,
      values: Object.fromEntries(data.axes.map((axis, at) => [axis, cell.values[at]])),
      score: cell.score,
      command: cell.command,
    }));
    const all = { study: data.name, picked: chosen("picked"), rejected: chosen("rejected") };
    download("picks.json", JSON.stringify(all, null, 2) + "\n");
  }

  function resort() { byScore = !byScore; show(); }

  figures.forEach((figure, number) => figure.addEventListener("click", () => open(number)));
  byId("order").addEventListener("click", resort);
  byId("which").addEventListener("change", show);
  byId("export").addEventListener("click", exported);
  byId("pick").addEventListener("click", () => mark(opened, "picked"));
  byId("reject").addEventListener("click", () => mark(opened, "rejected"));
  byId("close").addEventListener("click", () => dialog.close());
  byId("copy-scene").addEventListener("click", () => copy(byId("scene").textContent));
  byId("copy-command").addEventListener("click", () => copy(byId("command").textContent));
  byId("download").addEventListener("click", () => {
    download(data.file + "-" + cells[opened].name.replace(/[^0-9a-z]+/g, "-") + ".yaml", byId("scene").textContent);
  });
  dialog.addEventListener("close", () => { if (opened >= 0) { figures[opened].focus(); } });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") { return; }
    const inside = dialog.open;
    const number = inside ? opened : current();
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in ways) {
      const [x, y] = ways[event.key];
      if (inside && x) { step(x); event.preventDefault(); return; }
      if (inside) { return; }
      const next = number < 0 ? order().find(wanted) : neighbour(number, x, y);
      if (next !== undefined && next >= 0) {
        figures[next].focus();
        figures[next].scrollIntoView({ block: "nearest", inline: "nearest" });
        event.preventDefault();
      }
    } else if (event.key === "Enter" && !inside && number >= 0) {
      open(number);
      event.preventDefault();
    } else if (event.key === "p" && number >= 0) {
      mark(number, "picked");
    } else if (event.key === "r" && number >= 0) {
      mark(number, "rejected");
    } else if (event.key === "s" && !inside) {
      resort();
    }
  });

  loadMarks();
  show();
  const named = cells.findIndex((cell) => cell.name && "#" + cell.name === location.hash);
  if (named >= 0) { open(named); }
})();
