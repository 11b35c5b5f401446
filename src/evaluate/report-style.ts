// The style sheet and the one script of a report page. No resource from outside.

/** Light and dark by the reader's system; one column on a phone. */
export const REPORT_STYLE: string = `
:root{
  color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#16181d;--quiet:#5d6573;--line:#e1e5eb;
  --accent:#2f6fde;--second:#d97706;--good:#13804a;--bad:#c2331f;--track:#e8ebf0;
  --shadow:0 1px 2px #1018280d;
}
@media (prefers-color-scheme:dark){
  :root{
    --bg:#111317;--card:#1a1d23;--ink:#e8eaee;--quiet:#9aa3b2;--line:#2c313a;--accent:#6ea3ff;
    --second:#f0a83c;--good:#4cc38a;--bad:#ff7a66;--track:#2a2f38;--shadow:none;
  }
}
*{box-sizing:border-box}
body{
  margin:0;background:var(--bg);color:var(--ink);
  font:15px/1.5 Inter,system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;
  overflow-wrap:anywhere;
}
main{max-width:1120px;margin:0 auto;padding:32px 20px 64px}
header{margin-bottom:20px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:18px;margin:0 0 12px}
h3{font-size:14px;margin:20px 0 8px;color:var(--quiet);font-weight:600}
p{margin:0 0 10px;max-width:75ch}
.lead{font-size:17px;margin-top:12px}
.quiet{color:var(--quiet)}
.warning{margin:0 0 16px;padding:12px 16px;border:2px solid var(--bad);border-radius:8px;font-weight:600}
section{
  background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px;
  margin-top:16px;box-shadow:var(--shadow);
}
figure{margin:0}
svg{display:block;width:100%;height:auto;font-family:inherit}
.figures{
  display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin-top:16px;
}
.figure{
  background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;
  box-shadow:var(--shadow);
}
.figure b{
  display:block;font-size:26px;line-height:1.2;font-weight:650;font-variant-numeric:tabular-nums;
  letter-spacing:-.01em;
}
.figure span{display:block;font-size:13px;color:var(--quiet)}
.figure.main b{color:var(--accent)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:20px}
.split{
  display:grid;grid-template-columns:minmax(0,340px) minmax(0,1fr);gap:28px;align-items:start;
}
.grid{stroke:var(--line)}
.tick{fill:var(--quiet);font-size:11px}
.band{font-weight:600}
.chart-title{fill:var(--ink);font-size:13px;font-weight:600}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.line.s0{stroke:var(--accent)}
.line.s1{stroke:var(--second)}
.dot.s0{fill:var(--accent)}
.dot.s1{fill:var(--second)}
.line.s2{stroke:#0f9d8a}.dot.s2{fill:#0f9d8a}
.line.s3{stroke:#b4479f}.dot.s3{fill:#b4479f}
.line.s4{stroke:#7a68e8}.dot.s4{fill:#7a68e8}
.line.s5{stroke:#a5793a}.dot.s5{fill:#a5793a}
.line.s6{stroke:#d9525e}.dot.s6{fill:#d9525e}
.line.s7{stroke:#8a93a3}.dot.s7{fill:#8a93a3}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 12px;font-size:14px}
.key svg{display:inline-block;vertical-align:-1px;width:24px;height:12px;margin-right:7px}
.claim{font-weight:650}
.nowrap{white-space:nowrap}
.after{margin-top:14px}
.tall:has(.cards){max-height:none}
ul{margin:0 0 10px;padding-left:20px}
.stage{stroke:var(--quiet);stroke-dasharray:2 4}
.diagonal{stroke:var(--ink);stroke-dasharray:4 4;opacity:.55}
.bin{fill:var(--accent);opacity:.85}
.gap.over{fill:var(--bad);opacity:.5}
.gap.under{fill:var(--accent);opacity:.35}
.count{fill:var(--quiet);opacity:.55}
.confusion{overflow-x:auto}
.none{fill:var(--track);fill-opacity:.45}
.hit{fill:var(--accent)}
.miss{fill:var(--bad)}
.cell{fill:var(--ink);font-size:12px;font-variant-numeric:tabular-nums}
.cell.strong{fill:var(--card)}
.scroll{overflow-x:auto}
.tall{max-height:560px;overflow-y:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:6px 10px;text-align:left;border-bottom:1px solid var(--line);
  max-width:24em;overflow-wrap:break-word}
th{color:var(--quiet);font-weight:600;font-size:13px;position:sticky;top:0;background:var(--card)}
td:first-child,th:first-child{padding-left:0}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th.num{white-space:normal}
.wide{min-width:110px;width:22%}
[data-sortable] th:not(.wide){cursor:pointer}
.meter{display:block;height:8px;border-radius:4px;background:var(--track);overflow:hidden}
.meter span{display:block;height:100%;background:var(--accent)}
.gallery{
  display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,460px),1fr));gap:16px;
}
.card{cursor:zoom-in;border:1px solid var(--line);border-radius:8px;overflow:hidden;display:block}
.card input{position:absolute;opacity:0;pointer-events:none}
.card:focus-within{outline:2px solid var(--accent)}
.card:has(:checked){grid-column:1/-1;cursor:zoom-out}
.card img{display:block;width:100%;max-height:80vh;object-fit:contain;background:#fff}
.panels{
  display:grid;grid-template-columns:repeat(3,1fr);gap:0 1%;padding:8px 0 4px;font-size:12px;
  line-height:1.3;color:var(--quiet);align-items:end;
}
.panels span{padding:0 6px}
.answers{
  display:grid;grid-template-columns:minmax(0,1fr) minmax(60px,35%) max-content;gap:2px 12px;
  align-items:center;margin:8px 0;font-size:13px;
}
.card figcaption{padding:10px 12px;font-size:14px;border-top:1px solid var(--line)}
.missing{padding:40px;text-align:center;color:var(--quiet)}
.right{color:var(--good)}
.wrong{color:var(--bad)}
pre{
  background:var(--bg);border:1px solid var(--line);border-radius:8px;padding:12px 14px;
  margin:0 0 10px;overflow-x:auto;
  font:13px/1.5 ui-monospace,"Liberation Mono",Menlo,Consolas,monospace;overflow-wrap:normal;
}
.command{user-select:all}
details summary{cursor:pointer;color:var(--quiet);margin:6px 0}
dl{
  display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 18px;margin:0;
  font-size:14px;
}
dt{color:var(--quiet)}
dd{margin:0}
ol.next{margin:0;padding-left:20px}
ol.next li{margin-bottom:12px}
ol.next pre{margin:6px 0 0}
footer{margin-top:24px;font-size:13px;color:var(--quiet)}
.cards th,.cards td{padding:6px 7px;max-width:none}
.cards th:first-child,.cards td:first-child{padding-left:0}
@media (max-width:960px){
  .cards{font-size:13px}
  .cards th{font-size:12px}
  .cards th,.cards td{padding:6px 5px}
}
@media (max-width:560px){
  .wide{display:none}
  table{font-size:13px}
  th{font-size:12px}
  th,td{padding:6px 5px;max-width:9em}
  .cards thead{display:none}
  .cards,.cards tbody{display:block}
  .cards tr{display:block;padding:8px 0;border-bottom:1px solid var(--line)}
  .cards td{
    display:grid;grid-template-columns:140px minmax(0,1fr);gap:10px;padding:2px 0;border:0;
    text-align:left;white-space:normal;overflow-wrap:anywhere;
  }
  .cards td:empty{display:none}
  .cards td::before{content:attr(data-label);color:var(--quiet)}
}
@media (max-width:760px){
  main{padding:20px 12px 40px}
  section{padding:16px 14px}
  .split{grid-template-columns:1fr}
  .reliability{max-width:360px}
  .wide{min-width:72px}
  th,td{padding:6px 5px}
  h1{font-size:23px}
  dl{grid-template-columns:1fr;gap:0}
  dd{margin-bottom:8px}
}
@media print{
  section{break-inside:avoid}
  .tall{max-height:none}
}
`;

/** Sorts a table by the heading clicked; a second click reverses. The page works without it. */
export const REPORT_SCRIPT: string = `
for (const table of document.querySelectorAll('[data-sortable]')) {
  table.tHead.addEventListener('click', ({ target }) => {
    const head = target.closest('th');
    if (!head) return;
    const up = head.dataset.up !== 'true';
    head.dataset.up = String(up);
    const cell = (row) => row.cells[head.cellIndex];
    const key = (row) => cell(row).dataset.v ?? cell(row).textContent;
    const order = (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
    const number = (a, b) => Number(key(a)) - Number(key(b));
    const rows = [...table.tBodies[0].rows];
    const numeric = rows.every((row) => key(row) !== '' && !Number.isNaN(Number(key(row))));
    rows.sort(numeric ? number : order);
    if (!up) rows.reverse();
    table.tBodies[0].append(...rows);
  });
}
`;
