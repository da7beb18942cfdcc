// The page of one run; with `with=` in the address, of two.

import { Chart } from "./chart.js";
import { byId, el, put, show } from "./dom.js";
import { drawLedger } from "./ledger.js";
import { Log } from "./log.js";
import { Source } from "./source.js";
import { ago, figure, last, many, percent, sentence, state, tone, whole } from "./words.js";

const MOST_CHOICES = 200; // runs offered for an overlay; more can be chosen in the list
const TICK_MS = 5000;
const given = new URLSearchParams(location.search);
const key = (name) => (/^[0-9a-f]{16}$/.test(given.get(name) ?? "") ? given.get(name) : null);

const one = new Source(key("id") ?? "none", change);
const two = key("with") && key("with") !== key("id") ? new Source(key("with"), change) : null;
const log = new Log(byId("log"), drawLayer);
const chart = new Chart(byId("chart"), { onPick: (step) => scrub(one.head ? one.head.frames[one.at(step)] : null), onHover: tellPoint });
const slider = byId("step");
let step = null; // null follows the end of the run

slider.addEventListener("input", () => {
  const steps = one.head?.frames ?? [];
  scrub(Number(slider.value) < steps.length ? steps[Number(slider.value)] : null);
});
byId("latest").addEventListener("click", () => scrub(null));
byId("other").addEventListener("focus", offer, { once: true });
byId("other").addEventListener("pointerdown", offer, { once: true });
byId("other").addEventListener("change", overlay);
setInterval(() => { if (one.row && !document.hidden) tellState(); }, TICK_MS);
tellOther();

function change(source, what) {
  if (what === "gone") gone(source);
  else if (what === "row") row(source);
  else if (what === "head") head(source);
  else draw();
}

function gone(source) {
  show(byId("problem"), true);
  const name = source.row?.name ?? "This recording";
  put(byId("problem"), source.row ? `${name} was removed; what is shown is the last that was read.` : "There is no such recording in the folder (any more).");
  if (source === one && !source.row) { put(byId("name"), "Not here"); put(byId("because"), ""); }
}

function row(source) {
  if (source === one) {
    put(byId("name"), one.row.name);
    document.title = `${one.row.name} · ${one.row.verdict ?? "reading"} · Clinometer`;
    put(byId("verdict"), one.row.verdict ?? "reading");
    byId("verdict").dataset.tone = tone(one.row.verdict);
    put(byId("because"), sentence(one.row) || (one.row.problem ? "" : "Reading the recording."));
    show(byId("problem"), Boolean(one.row.problem));
    put(byId("problem"), one.row.problem);
    tellState();
  }
  tellOther();
  facts();
  if (one.row) chart.take(one.row.curve, two?.row?.curve ?? null, one.head?.loss.no_information ?? null);
}

function tellState() {
  const { ended, when } = one.row;
  byId("state").dataset.ended = ended;
  put(byId("state"), ended === "running" ? `running · written ${ago(Date.now() / 1000 - when)}` : state(ended));
}

function facts() {
  const told = [["step", steps], ["loss", last]];
  if (one.head) {
    told.push(["no information", () => figure(one.head.loss.no_information, 4)]);
    told.push(["observed", () => many(one.head.observed, "step")]);
    const { measured, budget } = one.head.run.overhead;
    if (measured !== null) told.push(["overhead", () => `${percent(measured)} of ${percent(budget)} allowed`]);
  }
  byId("facts").replaceChildren(...told.map(([name, write]) => el("div", {},
    el("dt", {}, name), el("dd", {}, write(one.row ?? {}), two?.row && ["step", "loss"].includes(name) ? el("span", { class: "two" }, ` ${write(two.row)}`) : null))));
}

const steps = ({ steps: taken }) => (taken ? whole(taken - 1) : "none yet");

function head(source) {
  if (source === one) {
    log.setPlaces(one.head.places, one.head.findings);
    findings();
    rest();
    slider.max = one.head.frames.length;
    put(byId("loss-text"), `Loss from ${figure(one.head.loss.first)} to ${figure(one.head.loss.last)}; no information: ${figure(one.head.loss.no_information)}.`);
    chart.take(one.row.curve, two?.row?.curve ?? null, one.head.loss.no_information);
    facts();
  }
  source.asked = null;
  scrub(step);
}

function scrub(to) {
  step = to;
  if (!one.head) return;
  const at = one.at(step);
  slider.value = at;
  const text = words(one, at);
  put(byId("at"), text);
  slider.setAttribute("aria-valuetext", text);
  byId("latest").disabled = step === null;
  chart.mark(step === null ? null : one.head.frames[at]);
  one.show(step);
  two?.show(step);
}

function words(source, at) {
  const { frames, late } = source.head;
  if (at < frames.length) return `step ${whole(frames[at])}`;
  return late ? `end: mean of steps ${whole(late[0])} to ${whole(late[1])}` : "no step was observed yet";
}

function draw() {
  if (!one.frame) return;
  log.draw(one.frame, two?.frame ? aligned() : null);
  drawLayer(log.at);
}

// The other run's curves on the depths of this one: layers are matched by their names.
function aligned() {
  const at = new Map(two.head.places.map(({ name }, i) => [name, i]));
  const place = one.head.places.map(({ name }) => at.get(name));
  const moved = (values) => place.map((i) => (i === undefined ? null : values[i]));
  const bad = new Set(two.frame.bad);
  return {
    curves: Object.fromEntries(Object.entries(two.frame.curves).map(([name, values]) => [name, moved(values)])),
    bad: place.flatMap((i, own) => (bad.has(i) ? [own] : [])),
    ledger: two.frame.ledger,
  };
}

function drawLayer(at) {
  const place = one.frame && at >= 0 ? one.head.places[at] : null;
  const twin = place && two?.frame ? { head: two.head, frame: aligned(), place: two.head.places.find(({ name }) => name === place.name) } : null;
  drawLedger(byId("ledger"), { place, at, when: place ? words(one, one.frame.frame) : "", one, two: twin });
}

function findings() {
  const faults = one.head.findings;
  show(byId("no-findings"), !faults.length);
  byId("findings").replaceChildren(...faults.map((finding) => {
    const button = el("button", { type: "button", class: "finding", "data-severity": finding.severity },
      el("span", { class: "finding-head" },
        el("span", { class: "severity" }, finding.severity), " ", el("span", { class: "code" }, finding.code), " ", finding.name,
        finding.layer ? el("span", { class: "where" }, ` at ${finding.layer}`) : null),
      el("span", { class: "explanation" }, finding.explanation));
    button.addEventListener("click", () => jump(finding));
    return el("li", {}, button);
  }));
}

// To the layer; where a finding is about the run as a whole, to its loss.
function jump(finding) {
  const at = [finding.layer, ...finding.layers].map((name) => log.find(name)).find((found) => found >= 0) ?? -1;
  if (at < 0) {
    byId("loss-title").focus();
    byId("loss-title").scrollIntoView({ block: "center" });
    return;
  }
  log.list.focus({ preventScroll: true });
  log.pin(at);
  log.root.scrollIntoView({ block: "nearest" });
  log.bar.classList.remove("found");
  requestAnimationFrame(() => log.bar.classList.add("found"));
}

function rest() {
  const told = one.head.not_judged.map(({ code, layer, why }) => el("li", {}, el("strong", {}, code ?? layer ?? "Note"), ` ${why}`));
  show(byId("rest"), told.length > 0);
  byId("not-judged").replaceChildren(...told);
}

function tellPoint(point) {
  if (!point) { put(byId("readout"), ""); return; }
  const parts = [`step ${whole(Math.floor(point.step))}`, point.loss === undefined || point.loss === null ? "no finite loss" : `loss ${figure(point.loss, 4)}`];
  if (two && typeof point.other === "number") parts.push(`other run ${figure(point.other, 4)}`);
  put(byId("readout"), parts.join(" · "));
}

function tellOther() {
  if (!two) return;
  const option = byId("other").querySelector(`option[value="${two.id}"]`) ?? byId("other").appendChild(el("option", { value: two.id }));
  put(option, two.row?.name ?? "the other run");
  byId("other").value = two.id;
  const { row } = two;
  show(byId("beside"), Boolean(row));
  if (!row) return;
  put(byId("beside-name"), row.name);
  byId("beside-name").href = `run?id=${two.id}`;
  put(byId("beside-verdict"), row.problem ? "unreadable" : (row.verdict ?? "reading"));
  byId("beside-verdict").dataset.tone = tone(row.verdict);
  put(byId("beside-because"), row.problem || sentence(row));
}

// The other runs, asked for once, when somebody opens the choice.
function offer() {
  const events = new EventSource("api/events");
  events.addEventListener("runs", (event) => {
    const { rows, complete } = JSON.parse(event.data);
    const others = rows.filter(({ id }) => id !== one.id && id !== two?.id).slice(0, MOST_CHOICES);
    byId("other").append(...others.map(({ id, name }) => el("option", { value: id }, name)));
    if (complete || rows.length) events.close();
  });
  events.addEventListener("error", () => events.close());
}

function overlay() {
  const other = byId("other").value;
  location.search = new URLSearchParams(other ? { id: one.id, with: other } : { id: one.id }).toString();
}
