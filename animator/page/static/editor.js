// The text of a scene in CodeMirror: colours, completion of settings, problems at their lines.
import {
  EditorState, EditorView, HighlightStyle, autocompletion, bracketMatching, completionKeymap, defaultKeymap, drawSelection,
  highlightActiveLine, highlightActiveLineGutter, highlightSelectionMatches, history, historyKeymap, indentOnInput, keymap,
  lineNumbers, lintGutter, lintKeymap, searchKeymap, setDiagnostics, syntaxHighlighting, tags, yaml,
} from "./vendor/codemirror.js";

const COLOURS = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--key)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: tags.string, color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.atom], color: "var(--mark)" },
]);

export class Editor {
  // changed(text) is called after each change; save() by Ctrl-S or Cmd-S; render() by Ctrl-Enter.
  constructor(place, text, { changed, save, render, settings }) {
    const nonce = document.querySelector("meta[name=nonce]").content;
    const sure = (action) => () => { action(); return true; };
    this.settings = settings || [];
    this.end = text.includes("\r\n") ? "\r\n" : "\n"; // The editor itself knows lines alone.
    this.view = new EditorView({
      parent: place,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          lineNumbers(), highlightActiveLine(), highlightActiveLineGutter(), drawSelection(), history(), indentOnInput(),
          bracketMatching(), highlightSelectionMatches(), yaml(), syntaxHighlighting(COLOURS), lintGutter(),
          autocompletion({ override: [(context) => this.complete(context)] }),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "The text of the scene", spellcheck: "false" }),
          keymap.of([
            { key: "Mod-s", run: sure(save), preventDefault: true },
            { key: "Mod-Enter", run: sure(render), preventDefault: true },
            ...completionKeymap, ...lintKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap,
          ]),
          EditorView.updateListener.of((update) => { if (update.docChanged) { changed(this.text); } }),
        ],
      }),
    });
  }

  // With the ends of lines that the file has.
  get text() { return this.view.state.doc.toString().replaceAll("\n", this.end); }

  // Replaces only what differs, so that the cursor stays and one undo takes it back.
  set text(given) {
    const now = this.view.state.doc.toString();
    const wanted = given.replaceAll("\r\n", "\n");
    let begin = 0;
    while (begin < now.length && begin < wanted.length && now[begin] === wanted[begin]) { begin += 1; }
    let end = 0;
    while (end < now.length - begin && end < wanted.length - begin && now[now.length - 1 - end] === wanted[wanted.length - 1 - end]) { end += 1; }
    if (now !== wanted) {
      this.view.dispatch({ changes: { from: begin, to: now.length - end, insert: wanted.slice(begin, wanted.length - end) } });
    }
  }

  show(problems) {
    const doc = this.view.state.doc;
    const found = problems.map((one) => {
      const line = doc.line(Math.max(1, Math.min(doc.lines, one.line || 1)));
      const from = Math.min(line.to, line.from + Math.max(0, (one.column || 1) - 1));
      const word = /^[^\s,{}[\]#]+/.exec(doc.sliceString(from, line.to));
      const to = Math.max(from, Math.min(line.to, from + (word ? word[0].length : 1)));
      return { from, to, severity: one.level === "error" ? "error" : "warning", message: one.key ? `${one.key}: ${one.message}` : one.message };
    });
    this.view.dispatch(setDiagnostics(this.view.state, found));
  }

  goTo(line, column) {
    const doc = this.view.state.doc;
    const at = doc.line(Math.max(1, Math.min(doc.lines, line || 1)));
    const from = Math.min(at.to, at.from + Math.max(0, (column || 1) - 1));
    this.view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    this.view.focus();
  }

  // The section that some names lead to, such as camera, or regions.* where they are the name of a region.
  known(names) {
    for (let many = 1; many <= names.length; many += 1) {
      const each = `${names.slice(0, many).join(".")}.*`;
      if (this.settings.some((one) => one.name.startsWith(`${each}.`))) { return each; }
    }
    return names.join(".");
  }

  destroy() { this.view.destroy(); }

  complete(context) {
    const doc = context.state.doc;
    const line = doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const value = /([\w.-]+):[ ]+([\w.-]*)$/.exec(before);
    const parent = this.known(namesAbove(doc, line, before));
    const byName = new Map(this.settings.map((one) => [one.name, one]));
    if (value) {
      const setting = byName.get(parent ? `${parent}.${value[1]}` : value[1]);
      const choices = setting ? setting.choices : [];
      if (!choices.length) { return null; }
      return { from: context.pos - value[2].length, options: choices.map((label) => ({ label, type: "enum" })), validFor: /^[\w.-]*$/ };
    }
    const word = /(?:^|[{,]|\s)([A-Za-z_]\w*)?$/.exec(before);
    if (!word || (!word[1] && !context.explicit) || /#/.test(before) || /["']/.test(before)) { return null; }
    const ahead = parent ? `${parent}.` : "";
    const options = this.settings
      .filter((one) => one.name.startsWith(ahead) && !one.name.slice(ahead.length).includes("."))
      .map((one) => {
        const label = one.name.slice(ahead.length);
        return {
          label, type: one.section ? "namespace" : "property", apply: one.section ? `${label}:` : `${label}: `,
          detail: one.default === null ? "" : String(one.default), info: one.about || undefined,
        };
      });
    return options.length ? { from: context.pos - (word[1] || "").length, options, validFor: /^\w*$/ } : null;
  }
}

// The names of the mappings in which the cursor is, by the lines above and the braces before it; * has no name.
function namesAbove(doc, line, before) {
  const names = [];
  for (const [brace, name] of before.matchAll(/(?:([\w.-]+):\s*)?(?:\[\s*)?\{|\}/g)) {
    if (brace === "}") { names.pop(); } else { names.push(name || "*"); }
  }
  const start = (text) => /^(\s*)((?:-\s+)*)/.exec(text);
  let [, { length: indent }, dashes] = start(line.text);
  if (dashes && names[0] !== "*") { names.unshift("*"); }
  for (let number = line.number - 1; number > 0 && (indent > 0 || dashes); number -= 1) {
    const text = doc.line(number).text;
    const [, { length: less }, item] = start(text);
    const match = /^([\w.-]+):/.exec(text.trimStart().slice(item.length));
    if (item && !dashes && less < indent) { names.unshift("*"); [indent, dashes] = [less, item]; }
    else if (match && !item && (less < indent || (dashes && less === indent))) { names.unshift(match[1]); [indent, dashes] = [less, ""]; }
  }
  return names;
}
