// The log: one row a layer, in order of execution, with four tracks. Curves as in `report --plot`.

import { el, put, svg } from "./dom.js";

export const ROW = 22; // px a layer; the style sheet has the same
const MARK = 3.5; // px: half of a mark
const WIDTH = 1000; // units across a track, whatever its width in px

// Where a value lies, from 0 at the left edge of its track to 1 at the right one.
const scale = (left, right) => (value) => (value - left) / (right - left);
const SHARE = scale(0, 1);
const GRADIENT = scale(-8, 0);
const ACTIVATION = scale(-4, 4);
const UPDATE = scale(-8, -1);
const GAIN = scale(-1, 1);

const TRACKS = [
  { name: "saturated", of: "saturated", divisions: 10, bold: 5, lines: [["dead", "0", "%", "100", "dead"], ["saturated", "0", "%", "100", "saturated"]] },
  { name: "gradient", of: "gradient", divisions: 8, bold: 4, lines: [["backup", "10⁻¹⁶", "", "10⁻⁸", "backup"], ["gradient RMS", "10⁻⁸", "", "1", "gradient"], ["activation RMS", "10⁻⁴", "", "10⁴", "activation"]] },
  { name: "update", of: "update_ratio", divisions: 7, bold: 7, lines: [["lost below", "10⁻⁸", "", "0.1", "rounding"], ["update ratio", "10⁻⁸", "", "0.1", "update"]] },
  { name: "gain", of: "gain", divisions: 2, bold: 1, lines: [["gain", "0.1", "", "10", "gain"]] },
];

const ROCKS = { activation: "activation", attention: "attention", embedding: "embedding", fork: "join", join: "join", normalisation: "normalisation", recurrent: "recurrent" };

const rock = (place) => (place.role === "weight" ? (/conv/i.test(place.class) ? "convolution" : "linear") : (ROCKS[place.role] ?? "other"));

export class Log {
  constructor(root, onShow) {
    this.root = root;
    this.onShow = onShow;
    this.places = [];
    this.at = -1;
    this.pinned = -1;
    this.list = el("ol", { class: "layers", role: "listbox", tabindex: "0", "aria-label": "Layers in order of execution" });
    this.tracks = TRACKS.map((track) => svg("svg", { class: `track track-${track.name}`, preserveAspectRatio: "none", "aria-hidden": "true" }));
    this.bar = el("div", { class: "log-bar" });
    this.bands = el("div", { class: "log-bands", "aria-hidden": "true" });
    this.body = el("div", { class: "log-body" }, this.bands, this.bar, this.list, ...this.tracks);
    root.replaceChildren(el("div", { class: "log-inner" }, head(), this.body));
    this.listen();
  }

  listen() {
    this.body.addEventListener("pointermove", (event) => this.point(event));
    this.body.addEventListener("pointerleave", () => this.to(this.pinned, { scrolls: false }));
    this.body.addEventListener("click", (event) => { this.point(event); this.pinned = this.at; });
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("focus", () => { if (this.at < 0) this.pin(0); });
  }

  point(event) {
    const y = event.clientY - this.body.getBoundingClientRect().top;
    this.to(Math.min(Math.floor(y / ROW), this.places.length - 1), { scrolls: false });
  }

  key(event) {
    const end = this.places.length - 1;
    const page = Math.max(1, Math.floor(this.root.clientHeight / ROW) - 4);
    const moves = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: this.at + page, PageUp: this.at - page, Home: 0, End: end };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.pin(Math.max(0, Math.min(end, moves[event.key])));
  }

  pin(at) {
    this.pinned = at;
    this.to(at);
  }

  // Show a layer: by the pointer it only passes, by the keyboard or a finding it stays.
  to(at, { scrolls = true } = {}) {
    const node = this.list.children[at];
    if (at !== this.at) {
      this.list.children[this.at]?.setAttribute("aria-selected", "false");
      node?.setAttribute("aria-selected", "true");
      this.at = node ? at : -1;
      if (node) this.list.setAttribute("aria-activedescendant", node.id);
      else this.list.removeAttribute("aria-activedescendant");
      this.bar.hidden = !node;
      this.bar.style.top = `${at * ROW}px`;
      this.onShow(this.at);
    }
    if (node && scrolls) node.scrollIntoView({ block: "nearest" });
  }

  // A finding's layer names a call, a module, or the owner of a tensor.
  find(layer) {
    for (const wanted of [layer, layer.slice(0, Math.max(layer.lastIndexOf("."), 0))]) {
      if (!wanted) continue;
      const exact = this.places.findIndex(({ name }) => name === wanted);
      if (exact >= 0) return exact;
      const inside = this.places.findIndex(({ name }) => name.startsWith(wanted) && ".:#".includes(name[wanted.length]));
      if (inside >= 0) return inside;
    }
    return -1;
  }

  setPlaces(places, findings) {
    const key = JSON.stringify(places.map(({ name, class: made, role }) => [name, made, role]));
    if (key !== this.key_) {
      this.key_ = key;
      this.list.replaceChildren(...places.map((place, i) => layer(place, i)));
      this.body.style.height = `${places.length * ROW}px`;
      this.tracks.forEach((track) => {
        track.setAttribute("viewBox", `0 0 ${WIDTH} ${Math.max(places.length, 1) * ROW}`);
      });
      this.at = this.pinned = -1;
      this.bar.hidden = true;
    }
    this.places = places;
    this.blame(findings);
  }

  blame(findings) {
    const codes = new Map();
    for (const finding of findings.filter(({ severity }) => severity !== "note")) {
      for (const name of finding.layers) {
        const at = this.find(name);
        if (at >= 0 && !codes.has(at)) codes.set(at, finding);
      }
    }
    this.bands.replaceChildren(...[...codes].map(([at, { severity }]) => {
      const band = el("div", { class: "band", "data-severity": severity });
      band.style.top = `${at * ROW}px`;
      return band;
    }));
    [...this.list.children].forEach((node, at) => put(node.querySelector(".code"), codes.get(at)?.code ?? ""));
  }

  draw(frame, other) {
    const places = this.places;
    this.tracks.forEach((track, i) => track.replaceChildren(...grid(TRACKS[i], places.length), ...content(TRACKS[i].name, frame, other, places)));
  }
}

function layer(place, i) {
  return el("li", { id: `layer-${i}`, role: "option", "aria-selected": "false", title: `${place.name} (${place.class})` },
    el("span", { class: "depth" }, String(i)),
    el("span", { class: "rock", "data-rock": rock(place), "aria-hidden": "true" }),
    el("span", { class: "layer-name" }, place.name),
    el("span", { class: "made" }, place.class),
    el("span", { class: "code" }));
}

function head() {
  return el("div", { class: "log-head", "aria-hidden": "true" },
    el("div", { class: "layers-head" }, "layer"),
    ...TRACKS.map((track) => el("div", { class: "track-head" },
      ...track.lines.map(([name, left, unit, right, kind]) => el("p", { class: "curve-head", "data-curve": kind },
        el("span", {}, left), el("span", {}, name + (unit ? ` ${unit}` : "")), el("span", {}, right))))));
}

const middle = (i) => (i + 0.5) * ROW;

function grid({ divisions, bold }, many) {
  const lines = [];
  for (let i = 1; i < divisions; i += 1) {
    const x = (i * WIDTH) / divisions;
    lines.push(stroke(i % bold === 0 ? "grid bold" : "grid", `M${x} 0V${many * ROW}`));
  }
  return lines;
}

const stroke = (kind, d) => svg("path", { class: kind, d, "vector-effect": "non-scaling-stroke" });

function content(name, frame, other, places) {
  if (!frame) return [];
  if (name === "saturated") return saturated(frame, other);
  if (name === "gradient") return gradient(frame, other);
  if (name === "update") return update(frame, other, places);
  return gain(frame, other);
}

function saturated({ curves }, other) {
  return [
    bars("area", curves.saturated, SHARE, 0, ROW - 2),
    ...marks("dead", curves.dead, SHARE, 1.6),
    ...(other ? marks("two", other.curves.saturated, SHARE, 2) : []),
  ];
}

function gradient({ curves, bad }, other) {
  return [
    ...(other ? joined("two", other.curves.gradient, GRADIENT) : []),
    joined("activation", curves.activation, ACTIVATION)[0],
    ...joined("gradient", curves.gradient, GRADIENT),
    beyond(curves.gradient),
    flags("zero", curves.gradient.map((value) => value === "zero"), 0),
    flags("broken", curves.gradient.map((value, i) => value === "inf" || bad.includes(i)), 1),
  ];
}

function update({ curves }, other, places) {
  const limits = places.map((place) => place.rounding);
  return [
    ticks("rounding", limits, UPDATE),
    ...(other ? marks("two", other.curves.update_ratio, UPDATE, 2.6) : []),
    ...marks("update", curves.update_ratio, UPDATE, MARK),
    flags("zero", curves.update_ratio.map((value) => value === "zero"), 0),
  ];
}

function gain({ curves }, other) {
  const below = curves.gain.map((value) => (typeof value === "number" && value < 0 ? value : value === "zero" ? -1 : null));
  const above = curves.gain.map((value) => (typeof value === "number" && value >= 0 ? value : null));
  return [
    bars("lost", below, GAIN, 0.5, ROW - 6),
    bars("gained", above, GAIN, 0.5, ROW - 6),
    flags("zero", curves.gain.map((value) => value === "zero"), 0),
    ...(other ? marks("two", other.curves.gain, GAIN, 2.6) : []),
  ];
}

const clamp = (x) => Math.max(0, Math.min(1, x));

function bars(kind, values, place, from, height) {
  const d = values.map((value, i) => {
    if (typeof value !== "number") return "";
    const x = clamp(place(value)) * WIDTH;
    const top = middle(i) - height / 2;
    return `M${from * WIDTH} ${top}H${x}V${top + height}H${from * WIDTH}Z`;
  }).join("");
  return svg("path", { class: kind, d });
}

// A line through neighbouring places, and where it leaves the scale its dashed continuation on the next one.
function joined(kind, values, place) {
  return [0, 1, -1].map((shift) => {
    let pen = "M";
    const d = values.map((value, i) => {
      const x = typeof value === "number" ? place(value) + shift : NaN;
      if (!(x >= 0 && x <= 1)) { pen = "M"; return ""; }
      const alone = pen === "M" ? `M${x * WIDTH} ${middle(i) - 1.5}v3` : "";
      const point = `${pen}${(x * WIDTH).toFixed(1)} ${middle(i)}`;
      pen = "L";
      return alone + point;
    }).join("");
    return stroke(shift ? `${kind} backup` : kind, d);
  });
}

// Marks where a value lies; what is off scale has a pale one at the edge.
function marks(kind, values, place, half) {
  const at = (wanted) => values.map((value, i) => {
    const x = typeof value === "number" ? place(value) : NaN;
    const fits = x >= 0 && x <= 1;
    return !Number.isNaN(x) && fits === wanted ? `M${(clamp(x) * WIDTH).toFixed(1)} ${middle(i) - half}v${2 * half}` : "";
  }).join("");
  return [stroke(`mark ${kind}`, at(true)), stroke(`mark off ${kind}`, at(false))];
}

// Gradients that are off the backup scales, too.
function beyond(values) {
  const d = values.map((value, i) => {
    const x = typeof value === "number" ? GRADIENT(value) : 0;
    return x < -1 || x > 2 ? `M${x < 0 ? 4 : WIDTH - 4} ${middle(i) - MARK}v${2 * MARK}` : "";
  }).join("");
  return stroke("mark off", d);
}

function ticks(kind, values, place) {
  const d = values.map((value, i) => (typeof value === "number" ? `M${clamp(place(value)) * WIDTH} ${i * ROW}v${ROW}` : "")).join("");
  return stroke(kind, d);
}

// Exactly zero is not off scale, and NaN is no number: both are marks at an edge.
function flags(kind, which, edge) {
  const d = which.map((is, i) => (is ? `M${edge ? WIDTH - 4 : 4} ${middle(i) - 6}v12` : "")).join("");
  return stroke(`flag ${kind}`, d);
}
