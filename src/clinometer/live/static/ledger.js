// The ledger of one layer: what each factor does to the gradient on its way to the weight, in decades.

import { el } from "./dom.js";
import { decades, figure, percent, power } from "./words.js";

const LEAST_SPAN = 1; // decades: a bar of a tenth of that is not blown up to the width of the table

export function drawLedger(root, { place, at, when, one, two }) {
  if (!place) {
    root.replaceChildren(el("p", { class: "muted" }, "Point at a layer of the log to see where its gradient goes."));
    return;
  }
  root.replaceChildren(
    el("p", { class: "ledger-name" }, el("strong", {}, place.name), " ", el("span", { class: "muted" }, place.class)),
    el("p", { class: "muted" }, when),
    readings(one, two, at),
    place.line === null
      ? el("p", { class: "muted" }, "No weights of its own here, so there is no ledger: it hands the gradient on.")
      : table(one, two, place),
  );
}

function readings(one, two, at) {
  const told = [
    ["gradient RMS", "gradient", power],
    ["activation RMS", "activation", power],
    ["gain backwards", "gain", (value) => (typeof value === "number" ? `× ${power(value)}` : figure(value))],
    ["saturated", "saturated", percent],
    ["dead units", "dead", percent],
  ];
  const list = el("dl", { class: "readings" });
  for (const [name, key, write] of told) {
    const value = one.frame.curves[key][at];
    const other = two?.frame.curves[key][at] ?? null;
    if (value === null && other === null) continue;
    list.append(el("dt", {}, name), el("dd", {}, write(value), two ? el("span", { class: "two" }, ` ${write(other)}`) : null));
  }
  if (one.frame.bad.includes(at)) list.append(el("dt", {}, "not finite"), el("dd", { class: "bad" }, "NaN or Inf seen here"));
  return list;
}

function table(one, two, place) {
  const about = one.head.lines[place.line];
  const values = one.frame.ledger[place.line];
  const others = two?.place?.line === null || !two?.place ? null : two.frame.ledger[two.place.line];
  const factors = one.head.factors;
  const known = factors.map((factor, i) => ({ ...factor, value: values[i], other: others?.[i] ?? null, reference: about.reference[factor.name] ?? null }))
    .filter(({ value, other }) => value !== null || other !== null);
  const idle = known.filter(isIdle).map(({ spoken }) => spoken);
  const blamed = worst(known);
  const span = Math.max(LEAST_SPAN, ...known.flatMap(({ value, other }) => [value, other]).filter((x) => typeof x === "number").map(Math.abs));
  const rows = known.filter((factor) => !isIdle(factor)).map((factor) => row(factor, span, factor === blamed, Boolean(two)));
  const [total, residual] = values.slice(-2);
  return el("table", { class: "factors" },
    el("caption", {}, `Decades from the loss to the motion of ${about.parameter}`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "factor"), el("th", { scope: "col" }, el("span", { class: "visually-hidden" }, "bar")), el("th", { scope: "col" }, "decades"), two ? el("th", { scope: "col", class: "two" }, "other run") : null)),
    el("tbody", {}, ...rows),
    el("tfoot", {},
      foot("moves by (step over weight)", decades(total), others ? decades(others.at(-2)) : null, two),
      foot("left open", left(residual), others ? left(others.at(-1)) : null, two),
      idle.length ? el("tr", {}, el("td", { class: "idle", colspan: two ? "4" : "3" }, `Without effect here: ${idle.join(", ")}.`)) : null));
}

const SEEN = 0.005; // decades: what rounds to 0.00

const isIdle = ({ value, other, reference }) => [value, other, reference].every((x) => x === null || Math.abs(x) < SEEN);

const left = (residual) => (residual === null ? "cannot be told" : decades(residual));

// The factor that falls furthest short of its reference, as the diagnosis names it.
function worst(known) {
  const lost = ({ value, reference }) => (value === "zero" ? Infinity : typeof value === "number" && typeof reference === "number" ? reference - value : -Infinity);
  const most = Math.max(...known.map(lost));
  return most > 0.3 ? known.find((factor) => lost(factor) === most) : null; // 0.3 decades: a factor of 2
}

function row({ spoken, value, other, reference }, span, isBlamed, hasTwo) {
  return el("tr", { class: isBlamed ? "blamed" : null },
    el("th", { scope: "row" }, spoken, isBlamed ? el("span", { class: "visually-hidden" }, ", lost most") : null),
    el("td", { class: "bar-cell" }, bar(value, span, reference), hasTwo ? bar(other, span, null, "two") : null),
    el("td", { class: "number" }, decades(value)),
    hasTwo ? el("td", { class: "number two" }, decades(other)) : null);
}

function bar(value, span, reference, kind = "") {
  const node = el("span", { class: `bar ${kind}`, "aria-hidden": "true" });
  const at = (x) => 50 + (50 * Math.max(-1, Math.min(1, x / span)));
  const fill = el("span", { class: "fill" });
  const end = value === "zero" ? 0 : typeof value === "number" ? at(value) : 50;
  fill.style.left = `${Math.min(50, end)}%`;
  fill.style.width = `${Math.abs(end - 50)}%`;
  fill.dataset.sign = end < 50 ? "lost" : "gained";
  node.append(fill);
  if (typeof reference === "number" && Math.abs(reference) > 1e-9) {
    const tick = el("span", { class: "reference" });
    tick.style.left = `${at(reference)}%`;
    node.append(tick);
  }
  return node;
}

function foot(name, value, other, two) {
  return el("tr", {}, el("th", { scope: "row", colspan: "2" }, name), el("td", { class: "number" }, value), two ? el("td", { class: "number two" }, other ?? "not measured") : null);
}
