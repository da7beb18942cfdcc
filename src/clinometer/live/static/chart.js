// The course of the loss: mean of each stretch as a line, lowest to highest as a band; NaN and Inf are marked.

import uPlot from "./uPlot.esm.js";
import { colour } from "./dom.js";
import { figure, whole } from "./words.js";

const HEIGHT = 230;
const AXIS = 30; // px for the numbers below

export class Chart {
  constructor(root, { onPick, onHover }) {
    this.root = root;
    this.onPick = onPick;
    this.onHover = onHover;
    this.curves = [null, null];
    this.level = null;
    this.step = null;
    this.plot = null;
    new ResizeObserver(() => this.resize()).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.rebuild());
  }

  take(curve, other, level) {
    const rebuilds = !this.plot || Boolean(other) !== Boolean(this.curves[1]);
    this.curves = [curve, other];
    this.level = level;
    if (rebuilds) this.rebuild();
    else this.plot.setData(this.data());
  }

  mark(step) {
    this.step = step;
    this.plot?.redraw(false, false);
  }

  data() {
    const [one, other] = this.curves;
    const own = [one.step, one.high, one.low, one.mean];
    return other ? uPlot.join([own, [other.step, other.high, other.low, other.mean]]) : own;
  }

  resize() {
    const width = Math.floor(this.root.clientWidth);
    if (this.plot && width && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    if (!this.curves[0]) return;
    const series = [{}, ...lines("--one", "--one-band"), ...(this.curves[1] ? lines("--two", "--two-band") : [])];
    const bands = [{ series: [1, 2], fill: colour("--one-band") }];
    if (this.curves[1]) bands.push({ series: [4, 5], fill: colour("--two-band") });
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    this.plot = new uPlot({
      width: Math.max(Math.floor(this.root.clientWidth), 200),
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: false }, y: { range: (_, low, high) => this.range(low, high) } },
      axes: [{ ...axis, size: AXIS, values: (_, ticks) => ticks.map((x) => (Number.isInteger(x) ? whole(x) : "")) }, { ...axis, size: 56, values: (_, ticks) => ticks.map((x) => figure(x)) }],
      series,
      bands,
      hooks: {
        draw: [(plot) => this.draw(plot)],
        setCursor: [(plot) => this.hover(plot)],
      },
    }, this.data(), this.root);
    this.plot.over.addEventListener("click", () => {
      const { left } = this.plot.cursor;
      if (left >= 0) this.onPick(this.plot.posToVal(left, "x"));
    });
  }

  range(low, high) {
    if (low === null || low === undefined) return [0, 1];
    const level = typeof this.level === "number" ? this.level : low;
    const ends = [Math.min(low, level), Math.max(high, level)];
    const margin = (ends[1] - ends[0] || Math.abs(ends[1]) || 1) * 0.06;
    return [ends[0] >= 0 ? Math.max(0, ends[0] - margin) : ends[0] - margin, ends[1] + margin];
  }

  hover(plot) {
    const at = plot.cursor.idx;
    if (at === null || at === undefined) { this.onHover(null); return; }
    const value = (row) => (plot.data[row] ? plot.data[row][at] : undefined);
    this.onHover({ step: plot.data[0][at], loss: value(3), other: value(6) });
  }

  draw(plot) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    if (typeof this.level === "number") {
      const y = Math.round(plot.valToPos(this.level, "y", true));
      line(ctx, [bbox.left, y], [bbox.left + bbox.width, y], colour("--ink"), [5 * ratio, 4 * ratio], ratio);
      tag(ctx, `no information ${figure(this.level)}`, bbox.left + bbox.width - 6 * ratio, y + (y - bbox.top > 24 * ratio ? -13 : 13) * ratio, ratio);
    }
    this.curves.forEach((curve, i) => {
      ctx.fillStyle = colour(i ? "--two" : "--bad");
      for (const at of curve?.bad ?? []) {
        const x = plot.valToPos(curve.step[at], "x", true);
        ctx.beginPath();
        ctx.moveTo(x - 5 * ratio, bbox.top);
        ctx.lineTo(x + 5 * ratio, bbox.top);
        ctx.lineTo(x, bbox.top + 8 * ratio);
        ctx.fill();
      }
    });
    if (this.step !== null) {
      const x = Math.round(plot.valToPos(this.step, "x", true));
      line(ctx, [x, bbox.top], [x, bbox.top + bbox.height], colour("--accent"), [], 2 * ratio);
    }
    ctx.restore();
  }
}

function lines(stroke, band) {
  const edge = { stroke: colour(band), width: 0, points: { show: false } };
  return [edge, edge, { stroke: colour(stroke), width: 1.6, points: { show: false }, spanGaps: false }];
}

// A text that stays legible on a curve.
function tag(ctx, text, right, y, ratio) {
  ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const wide = ctx.measureText(text).width;
  ctx.fillStyle = colour("--card");
  ctx.globalAlpha = 0.85;
  ctx.fillRect(right - wide - 5 * ratio, y - 9 * ratio, wide + 10 * ratio, 18 * ratio);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour("--ink");
  ctx.fillText(text, right, y);
}

function line(ctx, [x1, y1], [x2, y2], stroke, dash, width) {
  ctx.strokeStyle = stroke;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}
