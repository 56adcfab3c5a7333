// Makes elements. Texts come from scenes of strangers: they are always set as text, never as HTML.
const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) { continue; }
    if (name.startsWith("on")) { element.addEventListener(name.slice(2), value); }
    else if (name === "style") { Object.entries(value).forEach(([key, one]) => element.style.setProperty(key, one)); }
    else if (name in element && !name.includes("-") && typeof value !== "string") { element[name] = value; }
    else { element.setAttribute(name, value === true ? "" : String(value)); }
  }
  for (const child of children.flat(3)) {
    if (child !== null && child !== undefined && child !== false) { element.append(child); }
  }
  return element;
}

export function el(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) { element.addEventListener(key.slice(2), value); }
    else if (value !== undefined && value !== null && value !== false) { element.setAttribute(key, String(value)); }
  }
  for (const child of children.flat(3)) { if (child) { element.append(child); } }
  return element;
}

export function button(text, action, attributes) {
  return el("button", { type: "button", onclick: action, ...attributes }, text);
}

let quiet = 0;
export function say(text, bad) {
  const place = document.getElementById("said");
  if (place.showPopover) {  // shown anew, it lies over a dialog that was opened since
    if (place.matches(":popover-open")) { place.hidePopover(); }
    if (text) { place.showPopover(); }
  }
  place.textContent = text;
  place.classList.toggle("bad", Boolean(bad));
  place.classList.toggle("shown", Boolean(text));
  clearTimeout(quiet);
  if (text) { quiet = setTimeout(() => place.classList.remove("shown"), bad ? 12000 : 4000); }
}

export function clock(seconds) {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) { return ""; }
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole >= 172800) { return `${Math.floor(whole / 86400)} d ${Math.floor(whole % 86400 / 3600)} h`; }
  if (whole >= 3600) { return `${Math.floor(whole / 3600)}:${two(Math.floor(whole % 3600 / 60))}:${two(whole % 60)}`; }
  return `${Math.floor(whole / 60)}:${two(whole % 60)}`;
}

export function number(value) {
  if (value === null || value === undefined) { return "–"; }
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

// A question that must be answered before something is lost.
export function confirmed(question, yes) {
  return new Promise((answer) => {
    const dialog = el("dialog", { class: "ask", "aria-label": question });
    const done = (value) => { dialog.close(); dialog.remove(); answer(value); };
    dialog.append(
      el("p", {}, question),
      el("div", { class: "row" },
        button("Cancel", () => done(false), { autofocus: true }),
        button(yes, () => done(true), { class: "danger" })),
    );
    dialog.addEventListener("cancel", () => done(false));
    document.body.append(dialog);
    dialog.showModal();
  });
}

// Does something when the user has paused.
export function later(milliseconds, action) {
  let timer = 0;
  return (...words) => { clearTimeout(timer); timer = setTimeout(() => action(...words), milliseconds); };
}
