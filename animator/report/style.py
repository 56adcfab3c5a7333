"""How the page looks, in light and in dark."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfaf8; --card: #fff; --ink: #22211f; --soft: #6d6a64; --line: #e4e0d9; --mark: #b4532a;
  --warn: #fdf3e1; --warn-line: #e0a73c; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #171614; --card: #201f1c; --ink: #ebe8e2; --soft: #a09b92; --line: #37342f; --mark: #ef9a6b;
  --warn: #2f2713; --warn-line: #a87b22; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 72px; }
h1 { font-size: 2.3rem; line-height: 1.15; font-weight: 650; letter-spacing: -.02em; margin: 0;
  overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; font-weight: 650; margin: 48px 0 14px; }
h3 { font-size: .92rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
p { margin: 0 0 12px; }
.soft, figcaption { color: var(--soft); font-size: .875rem; }
.lead { color: var(--soft); margin: 6px 0 24px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 1px;
  margin: 20px 0 0;
  border: 1px solid var(--line); border-radius: 10px; background: var(--card); overflow: hidden; }
.figures div { box-shadow: 0 0 0 1px var(--line); padding: 12px 14px; display: flex;
  flex-direction: column-reverse; justify-content: flex-end; }
.figures dd { margin: 0; font-size: 1.25rem; font-weight: 600; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.figures dt { color: var(--soft); font-size: .8rem; }
.warnings { background: var(--warn); border: 1px solid var(--warn-line); border-radius: 10px;
  margin: 24px 0 0; padding: 12px 18px; }
.warnings ul { margin: 4px 0 0; padding-left: 20px; font-size: .9rem; overflow-wrap: anywhere; }
video { display: block; width: 100%; max-height: 78vh; background: #000; border-radius: 10px; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(172px, 1fr)); gap: 14px 12px; }
.sheet figure { margin: 0; }
.sheet img { display: block; width: 100%; border-radius: 5px; }
.sheet .words { display: block; color: var(--ink); overflow-wrap: anywhere; }
.sheet figcaption { font-size: .78rem; margin-top: 3px; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 16px 10px; }
.card .soft { font-size: .8rem; margin: 0 0 8px; }
.chart { display: block; width: 100%; overflow: visible; }
.chart text { fill: var(--soft); font-size: 10.5px; font-variant-numeric: tabular-nums; }
.chart .left { text-anchor: end; } .chart .below { text-anchor: middle; }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.chart .change { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; }
.chart .curve { fill: none; stroke: var(--mark); stroke-width: 1.7; stroke-linejoin: round; }
.chart circle { fill: var(--mark); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
th { font-weight: 600; } thead th { color: var(--soft); font-size: .8rem; font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar { width: 46%; } .bar i { display: block; height: 12px; margin-top: 5px; min-width: 1px;
  background: var(--mark); border-radius: 3px; }
code { font: .84rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px;
  margin: 0; white-space: pre-wrap; user-select: all; }
a { color: var(--mark); }
footer { margin-top: 56px; color: var(--soft); font-size: .8rem; }
@media print { main { padding: 0; } .card, .sheet figure { break-inside: avoid; } }
"""
