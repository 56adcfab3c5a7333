// Curves as plots with keys to drag, and prompts on a time line. A key is also moved by the arrow keys.
import { el, number, svg } from "./dom.js";

const WIDTH = 360;
const HEIGHT = 110;
const LEFT = 44;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 20;
const SPARE = 0.15; // Part of the span that is free above and below, to drag into.

// move(name, key, frame, value) changes the text; frame or value may be undefined.
export function curves(place, found, frames, move) {
  const held = place.querySelector("[data-held]");
  if (held) { return; } // Somebody drags just now.
  const focused = document.activeElement && place.contains(document.activeElement) ? document.activeElement.dataset.key : "";
  place.replaceChildren(
    ...(found.prompts && found.prompts.length ? [timeline(found.prompts, frames, move)] : []),
    ...found.curves.map((curve) => plot(curve, found.prompts || [], frames, move)));
  const again = focused ? place.querySelector(`[data-key="${focused}"]`) : null;
  if (again) { again.focus(); }
}

function spanOf(curve) {
  const values = [...curve.points.map(([, value]) => value), ...curve.keys.map((key) => key.value).filter((value) => value !== null)];
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (high - low < 1e-9) { const size = Math.max(Math.abs(high) * 0.5, 0.5); low -= size; high += size; }
  const more = (high - low) * SPARE;
  return [low - more, high + more];
}

function plot(curve, prompts, frames, move) {
  const [low, high] = spanOf(curve);
  const last = Math.max(1, frames - 1);
  const x = (frame) => LEFT + (WIDTH - LEFT - RIGHT) * frame / last;
  const y = (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low);
  const frameAt = (at) => Math.max(0, Math.min(last, Math.round((at - LEFT) / (WIDTH - LEFT - RIGHT) * last)));
  const valueAt = (at) => low + (HEIGHT - BOTTOM - at) / (HEIGHT - TOP - BOTTOM) * (high - low);
  const step = Number(((high - low) / 100).toPrecision(1));
  const tidy = (value) => Number((Math.round(value / step) * step).toPrecision(6));
  const line = svg("polyline", { class: "line", points: curve.points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ") });
  const said = svg("text", { class: "said", x: WIDTH - RIGHT, y: TOP + 2, "text-anchor": "end" });
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": curve.name, class: "curve" },
    [low, high].map((end, at) => end + (at ? -1 : 1) * (high - low) * SPARE / (1 + 2 * SPARE)).map((end) => Number(end.toFixed(9))).map((value) => [
      svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { class: "axis", x: LEFT - 10, y: y(value) + 3, "text-anchor": "end" }, number(value))]),
    [0, last].map((frame) => svg("text", { class: "axis", x: x(frame), y: HEIGHT - 6, "text-anchor": frame ? "end" : "start" }, String(frame))),
    prompts.slice(1).map((one) => svg("line", { class: "change", x1: x(one.from), x2: x(one.from), y1: TOP, y2: HEIGHT - BOTTOM })),
    line, said);
  if (curve.keys.length) {
    drawing.addEventListener("dblclick", (event) => {
      if (event.target.classList.contains("key")) { return; }
      const box = drawing.getBoundingClientRect();
      const frame = frameAt((event.clientX - box.left) / box.width * WIDTH);
      move(curve.name, null, frame, tidy(valueAt((event.clientY - box.top) / box.height * HEIGHT)));
    });
  }
  curve.keys.forEach((given, at) => {
    const key = { ...given };
    if (key.value === null || !(key.moves[0] || key.moves[1])) { return; }
    const fixed = key.frame === null;
    const handle = svg("circle", {
      class: "key", cx: fixed ? x(last / 2) : x(Math.min(key.frame, last)), cy: y(key.value), r: 6, tabindex: 0, role: "slider",
      "data-key": `${curve.name} ${at}`, "aria-label": `${curve.name}${fixed ? "" : ` at frame ${key.frame}`}`,
      "aria-valuemin": Number(Math.min(low, key.value).toPrecision(6)), "aria-valuemax": Number(Math.max(high, key.value).toPrecision(6)), "aria-valuenow": key.value, "aria-valuetext": fixed ? number(key.value) : `${number(key.value)} at frame ${key.frame}`,
    });
    dragged(handle, drawing, (point, done) => {
      const frame = fixed || !key.moves[0] ? undefined : frameAt(point.x);
      const value = key.moves[1] ? tidy(valueAt(point.y)) : undefined;
      if (frame !== undefined) { handle.setAttribute("cx", x(frame)); }
      if (value !== undefined) { handle.setAttribute("cy", y(value)); }
      said.textContent = [frame === undefined ? "" : `frame ${frame}`, value === undefined ? "" : number(value)].filter(Boolean).join(": ");
      if (done) { said.textContent = ""; move(curve.name, at, frame, value); }
    });
    handle.addEventListener("keydown", (event) => {
      const big = event.shiftKey ? 10 : 1;
      const up = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      const right = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (event.key === "+" && !fixed) {
        const next = curve.keys[at + 1] ? curve.keys[at + 1].frame : last;
        const frame = Math.round((key.frame + next) / 2);
        const point = curve.points.reduce((a, b) => (Math.abs(b[0] - frame) < Math.abs(a[0] - frame) ? b : a));
        move(curve.name, null, frame, tidy(point[1]));
      }
      if (up && key.moves[1]) {
        event.preventDefault();
        key.value = tidy(key.value + up * big * step); // A held arrow goes on from here before the text is back.
        handle.setAttribute("cy", y(key.value));
        move(curve.name, at, undefined, key.value);
      }
      if (right && key.moves[0] && !fixed) {
        event.preventDefault();
        key.frame = Math.max(0, Math.min(last, key.frame + right * big));
        handle.setAttribute("cx", x(key.frame));
        move(curve.name, at, key.frame, undefined);
      }
    });
    drawing.append(handle);
  });
  return el("section", { class: "plot" }, el("h3", {}, curve.name), drawing);
}

function dragged(handle, drawing, go) {
  const point = (event) => {
    const box = drawing.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width * WIDTH, y: (event.clientY - box.top) / box.height * (drawing.viewBox.baseVal.height) };
  };
  let moved = false;
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    handle.dataset.held = "1";
    moved = false;
    event.preventDefault();
    handle.focus();
  });
  handle.addEventListener("pointermove", (event) => { if (handle.dataset.held) { moved = true; go(point(event), false); } });
  const end = (event) => {
    if (!handle.dataset.held) { return; }
    delete handle.dataset.held;
    if (moved && event.type === "pointerup") { go(point(event), true); }
  };
  handle.addEventListener("pointerup", end);
  handle.addEventListener("pointercancel", end);
}

function timeline(prompts, frames, move) {
  const last = Math.max(1, frames - 1);
  const high = 46;
  const x = (frame) => LEFT + (WIDTH - LEFT - RIGHT) * frame / last;
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${high}`, class: "curve", role: "group", "aria-label": "Prompts over the film" });
  prompts.forEach((given, at) => {
    const one = { ...given };
    const end = at + 1 < prompts.length ? prompts[at + 1].from : last;
    drawing.append(svg("rect", { class: `part part${at % 2}`, x: x(one.from), y: 8, width: Math.max(1, x(end) - x(one.from)), height: 18, rx: 3 }),
      svg("text", { class: "axis", x: x(one.from) + 2, y: 40 }, String(one.from)));
    if (one.key === null || at === 0) { return; }
    const handle = svg("rect", {
      class: "key", x: x(one.from) - 4, y: 4, width: 8, height: 26, rx: 3, tabindex: 0, role: "slider", "data-key": `prompts ${one.key}`,
      "aria-label": `Frame from which on: ${one.texts[0]}`, "aria-valuenow": one.from, "aria-valuemin": 0, "aria-valuemax": last,
    });
    dragged(handle, drawing, (point, done) => {
      const frame = Math.max(0, Math.min(last, Math.round((point.x - LEFT) / (WIDTH - LEFT - RIGHT) * last)));
      handle.setAttribute("x", x(frame) - 4);
      if (done) { move("prompts", one.key, frame, undefined); }
    });
    handle.addEventListener("keydown", (event) => {
      const right = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!right) { return; }
      event.preventDefault();
      one.from = Math.max(0, Math.min(last, one.from + right * (event.shiftKey ? 10 : 1)));
      handle.setAttribute("x", x(one.from) - 4);
      move("prompts", one.key, one.from, undefined);
    });
    drawing.append(handle);
  });
  return el("section", { class: "plot" }, el("h3", {}, "Prompts"), drawing,
    el("ol", { class: "prompts" }, prompts.map((one) => el("li", {}, el("b", {}, `${one.from} `), one.texts.join(" | ")))));
}
