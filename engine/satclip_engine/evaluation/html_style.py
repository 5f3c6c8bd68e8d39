"""The style sheet of reports: system fonts, light and dark by the reader's setting, nothing fetched."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f6f8; --ink: #1b1f24; --soft: #5a6470; --line: #dde1e6;
  --accent: #00617f; --bar: #5aa6bf; --right: 0, 107, 150; --wrong: 200, 80, 0; --on-heat: #ffffff;
  --good: #0b6b4f; --bad: #a63d00; --warn-paper: #fff4e0; --warn-line: #d08a1d; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15181c; --panel: #1e2228; --ink: #e7eaee; --soft: #9ba5b1; --line: #333a43;
  --accent: #6cc3e0; --bar: #3f8ea8; --right: 86, 180, 233; --wrong: 240, 140, 60; --on-heat: #0d1013;
  --good: #5fcfa6; --bad: #f2995f; --warn-paper: #33280f; --warn-line: #b9831f; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 28px 72px; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 52px 0 12px; padding-top: 18px; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 28px 0 8px; }
p { margin: 0 0 10px; max-width: 72ch; }
a { color: var(--accent); }
code, .mono { font: 0.86em/1.5 ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 12px 14px; margin: 0;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.eyebrow { color: var(--accent); font-weight: 600; margin: 0 0 6px; }
.lead { color: var(--soft); font-size: 1.06rem; margin: 0; max-width: none; }
.soft { color: var(--soft); }
nav { margin: 22px 0 0; display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 0.92rem; }
nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
.cards { display: flex; flex-wrap: wrap; gap: 16px; margin: 28px 0 18px; }
.card { flex: 1 1 300px; background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 20px 16px; }
.card.main { border-left: 5px solid var(--accent); }
.card .name { font-weight: 600; }
.card .value { font-size: 2.9rem; line-height: 1.15; font-weight: 650; letter-spacing: -0.02em;
  font-variant-numeric: tabular-nums; }
.card.side .value { color: var(--soft); }
.card p { font-size: 0.92rem; color: var(--soft); margin: 4px 0 0; }
.scroll { overflow-x: auto; margin: 10px 0 6px; }
table { border-collapse: collapse; font-size: 0.94rem; }
table.wide { width: 100%; }
th, td { padding: 6px 14px 6px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; font-size: 0.86rem; vertical-align: bottom; }
tbody th { font-weight: 500; }
td.meaning { min-width: 260px; } th.name { white-space: nowrap; }
th.num, td.num { text-align: right; font-variant-numeric: tabular-nums; }
td.num { white-space: nowrap; }
td.meaning { color: var(--soft); font-size: 0.88rem; }
.share { display: inline-flex; align-items: center; justify-content: flex-end; gap: 10px; }
.share .value { min-width: 3.9em; }
.track { position: relative; display: inline-block; width: 68px; height: 8px; border-radius: 4px;
  background: var(--line); overflow: hidden; }
.track i { position: absolute; left: 0; top: 0; bottom: 0; background: var(--bar); }
.range { position: relative; display: inline-block; width: 170px; height: 14px; vertical-align: middle; }
.range::before { content: ""; position: absolute; left: 0; right: 0; top: 6px; height: 2px; background: var(--line); }
.range .band { position: absolute; top: 3px; height: 8px; min-width: 2px; border-radius: 4px;
  background: var(--bar); opacity: 0.65; }
.range .dot { position: absolute; top: 0; width: 3px; height: 14px; margin-left: -1.5px; border-radius: 2px;
  background: var(--ink); }
.range .zero { position: absolute; top: 0; bottom: 0; left: 50%; border-left: 1px dashed var(--soft); }
.swatch { display: inline-block; width: 0.85em; height: 0.85em; border-radius: 3px; margin-right: 0.5em;
  vertical-align: -0.06em; border: 1px solid rgba(128, 128, 128, 0.6); }
table.confusion { font-size: 0.88rem; }
table.confusion td, table.confusion th { border: 0; padding: 0 0 0 2px; }
table.confusion td.cell { min-width: 58px; height: 38px; text-align: center; vertical-align: middle;
  font-variant-numeric: tabular-nums; border: 2px solid var(--paper); border-radius: 5px; padding: 0 4px; }
table.confusion td.cell.hi { color: var(--on-heat); }
@media (prefers-color-scheme: dark) { table.confusion td.cell.mid { color: var(--on-heat); } }
table.confusion.dense td.cell { min-width: 25px; height: 24px; font-size: 0.72rem; padding: 0; }
table.confusion thead th { text-align: center; padding: 0 4px 6px; color: var(--ink); font-weight: 500;
  max-width: 110px; hyphens: auto; }
table.confusion.dense thead th { padding: 0 0 6px; }
table.confusion.dense thead th span { writing-mode: vertical-rl; transform: rotate(180deg); }
table.confusion tbody th { text-align: right; padding-right: 10px; vertical-align: middle; white-space: nowrap; }
table.confusion thead th.axis, table.confusion thead th.corner { color: var(--soft); font-weight: 600; }
table.confusion thead th.corner { text-align: right; vertical-align: bottom; padding-right: 10px;
  white-space: nowrap; }
table.confusion td.num { color: var(--soft); padding-left: 14px; vertical-align: middle; }
.examples { display: flex; flex-wrap: wrap; gap: 26px 20px; margin: 18px 0 30px; }
.example { flex: 0 0 100%; min-width: 0; }
.example.one { flex-basis: calc(25% - 15px); min-width: 190px; }
.example.two { flex-basis: calc(50% - 10px); min-width: 300px; }
.example.one { display: flex; flex-direction: column; }
.example.one .pictures { margin-top: auto; padding-top: 8px; }
.example h3 { margin: 0 0 2px; overflow-wrap: anywhere; }
.example.one h3 { font-size: 0.9rem; } .example.one p, .example.two p { font-size: 0.88rem; margin: 0; }
.pictures { display: grid; gap: 12px; margin-top: 10px; align-items: end;
  grid-template-columns: repeat(auto-fit, minmax(min(200px, 40%), 1fr)); }
figure { margin: 0; }
figure img { display: block; width: 100%; height: auto; max-height: 520px;
  object-fit: contain; object-position: left top; border-radius: 4px; background: var(--panel); }
figcaption { font-size: 0.86rem; color: var(--soft); margin-bottom: 4px; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 0.88rem; margin-top: 8px; }
dl { display: grid; grid-template-columns: minmax(120px, max-content) 1fr; gap: 5px 22px; margin: 10px 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 0 0 10px; padding-left: 1.2em; max-width: 76ch; } li { margin-bottom: 5px; }
.warning { background: var(--warn-paper); border-left: 5px solid var(--warn-line); border-radius: 6px;
  padding: 12px 16px; margin: 18px 0; } .warning p { margin: 0; }
.better { color: var(--good); font-weight: 600; } .worse { color: var(--bad); font-weight: 600; }
footer { margin-top: 56px; padding-top: 14px; border-top: 1px solid var(--line); color: var(--soft);
  font-size: 0.86rem; }
@media (max-width: 640px) { main { padding: 24px 16px 48px; } h1 { font-size: 1.5rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; }
  .track { width: 48px; } .range { width: 100px; } }
@media print { main { max-width: none; padding: 0; } nav { display: none; } .example, tr { break-inside: avoid; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""
