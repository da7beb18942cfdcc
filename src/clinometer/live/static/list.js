// The list of runs: newest first, each row changed only where it changed.

import { byId, el, put, show, svg } from "./dom.js";
import { follow } from "./stream.js";
import { ago, last, many, sentence, state, tone, whole } from "./words.js";

const TICK_MS = 5000; // how often "3 s ago" is told anew
const shown = new Map(); // id -> {row, node, parts}
const chosen = new Set();
const list = byId("runs");
const filter = byId("filter");

follow("api/events", { runs: take });
setInterval(tellTimes, TICK_MS);
filter.addEventListener("input", sift);
filter.closest("label").addEventListener("submit", (event) => event.preventDefault());

function take(data) {
  if (data.all) {
    const kept = new Set(data.rows.map((row) => row.id));
    for (const id of [...shown.keys()]) if (!kept.has(id)) remove(id);
  }
  data.gone.forEach(remove);
  data.rows.forEach(update);
  place();
  sift();
  count(data);
}

function count(data) {
  const running = [...shown.values()].filter(({ row }) => row.ended === "running").length;
  const parts = [many(shown.size, "run")];
  if (running) parts.push(`${whole(running)} running`);
  if (data.left_out) parts.push(`${whole(data.left_out)} older left out`);
  if (!data.complete) parts.push("still looking");
  put(byId("count"), parts.join(" · "));
  show(byId("empty"), data.complete && !shown.size);
}

function remove(id) {
  shown.get(id)?.node.remove();
  shown.delete(id);
  chosen.delete(id);
  tellChosen();
}

function update(row) {
  let entry = shown.get(row.id);
  if (!entry) shown.set(row.id, (entry = made(row)));
  const { parts } = entry;
  entry.row = row;
  put(parts.link, row.name);
  put(parts.script, row.script);
  const verdict = row.problem ? "unreadable" : (row.verdict ?? "reading");
  put(parts.verdict, verdict);
  parts.verdict.dataset.tone = row.problem ? "bad" : tone(row.verdict);
  put(parts.because, row.problem || sentence(row));
  put(parts.finding, row.finding ? `${row.finding}${row.layer ? ` at ${row.layer}` : ""}` : "");
  put(parts.loss, last(row));
  put(parts.steps, row.steps ? many(row.steps, "step") : "");
  entry.node.dataset.ended = row.ended;
  draw(parts.spark, row.spark, parts.verdict.dataset.tone);
  tellTime(entry);
}

function made(row) {
  const box = el("input", { type: "checkbox", "aria-label": `Choose ${row.name} for an overlay` });
  box.addEventListener("change", () => choose(row.id, box));
  const parts = {
    box,
    link: el("a", { href: `run?id=${row.id}` }),
    script: el("span", { class: "script" }),
    verdict: el("span", { class: "pill" }),
    because: el("p", { class: "because" }),
    finding: el("p", { class: "finding-line" }),
    loss: el("span", { class: "loss" }),
    steps: el("span"),
    state: el("span", { class: "state" }),
    spark: svg("svg", { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" }),
  };
  const node = el("li", { class: "run" },
    el("div", { class: "pick" }, parts.box),
    el("div", { class: "who" }, el("p", { class: "name" }, parts.link), parts.script),
    el("div", { class: "what" }, el("p", { class: "head" }, parts.verdict, parts.finding), parts.because),
    el("div", { class: "course" }, parts.spark, el("span", { class: "visually-hidden" }, "loss "), parts.loss),
    el("div", { class: "when" }, parts.steps, parts.state));
  return { row, node, parts };
}

function draw(spark, heights, kind) {
  spark.dataset.tone = kind;
  const key = heights.join();
  if (spark.dataset.key === key) return;
  spark.dataset.key = key;
  const step = 100 / Math.max(heights.length - 1, 1);
  let pen = "M";
  const path = heights.map((height, i) => {
    if (height === null) { pen = "M"; return ""; }
    const point = `${pen}${(i * step).toFixed(1)} ${(26 - (height * 24) / 99).toFixed(1)}`;
    pen = "L";
    return point;
  }).join("");
  spark.replaceChildren(svg("path", { d: path, "vector-effect": "non-scaling-stroke" }));
}

const begun = (row) => Date.parse(row.started) / 1000 || row.when;

function place() {
  const order = [...shown.values()].sort((a, b) => begun(b.row) - begun(a.row));
  let before = null;
  for (const { node } of order) {
    const due = before ? before.nextSibling : list.firstChild;
    if (due !== node) list.insertBefore(node, due);
    before = node;
  }
}

function sift() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { row, node } of shown.values()) {
    const text = `${row.name} ${row.script} ${row.verdict ?? ""} ${row.finding ?? ""} ${row.ended}`.toLowerCase();
    show(node, words.every((word) => text.includes(word)));
  }
}

function tellTimes() {
  if (!document.hidden) shown.forEach(tellTime);
}

function tellTime({ row, parts }) {
  put(parts.state, [state(row.ended), ago(Date.now() / 1000 - row.when)].filter(Boolean).join(" · "));
}

function choose(id, box) {
  if (box.checked) chosen.add(id);
  else chosen.delete(id);
  if (chosen.size > 2) {
    const [oldest] = chosen;
    chosen.delete(oldest);
    shown.get(oldest).parts.box.checked = false;
  }
  tellChosen();
}

function tellChosen() {
  const link = byId("overlay");
  const [one, other] = chosen;
  const ready = chosen.size === 2;
  link.setAttribute("aria-disabled", String(!ready));
  if (ready) link.href = `run?id=${one}&with=${other}`;
  else link.removeAttribute("href");
}
