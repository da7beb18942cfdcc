// What is drawn in the tracks of the log: a few paths a track, however many layers.

import { svg } from "./dom.js";

export const ROW = 22; // px a layer; the style sheet has the same
const MARK = 3.5; // px: half of a mark
export const WIDTH = 1000; // units across a track, whatever its width in px

// Where a value lies, from 0 at the left edge of its track to 1 at the right one.
const scale = (left, right) => (value) => (value - left) / (right - left);
const SHARE = scale(0, 1);
const GRADIENT = scale(-8, 0);
const ACTIVATION = scale(-4, 4);
const UPDATE = scale(-8, -1);
const GAIN = scale(-1, 1);

export const TRACKS = [
  { name: "saturated", of: "saturated", divisions: 10, bold: 5, lines: [["dead", "0", "%", "100", "dead"], ["saturated", "0", "%", "100", "saturated"]] },
  { name: "gradient", of: "gradient", divisions: 8, bold: 4, lines: [["backup", "10⁻¹⁶", "", "10⁻⁸", "backup"], ["gradient RMS", "10⁻⁸", "", "1", "gradient"], ["activation RMS", "10⁻⁴", "", "10⁴", "activation"]] },
  { name: "update", of: "update_ratio", divisions: 7, bold: 7, lines: [["lost below", "10⁻⁸", "", "0.1", "rounding"], ["update ratio", "10⁻⁸", "", "0.1", "update"]] },
  { name: "gain", of: "gain", divisions: 2, bold: 1, lines: [["gain", "0.1", "", "10", "gain"]] },
];

const middle = (i) => (i + 0.5) * ROW;

export function grid({ divisions, bold }, many) {
  const lines = [];
  for (let i = 1; i < divisions; i += 1) {
    const x = (i * WIDTH) / divisions;
    lines.push(stroke(i % bold === 0 ? "grid bold" : "grid", `M${x} 0V${many * ROW}`));
  }
  return lines;
}

const stroke = (kind, d) => svg("path", { class: kind, d, "vector-effect": "non-scaling-stroke" });

export function content(name, frame, other, places) {
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
