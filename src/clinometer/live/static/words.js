// Numbers and states in words.

export const MINUS = "\u2212";

export function figure(value, digits = 3) {
  if (value === null || value === undefined) return "not measured";
  if (value === "zero") return "0";
  if (value === "inf") return "infinite";
  const size = Math.abs(value);
  const text = size && (size < 1e-3 || size >= 1e5) ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
  return text.replace("-", MINUS).replace(/e\+?/, "e").replace("e-", `e${MINUS}`);
}

export function decades(value) {
  if (typeof value !== "number") return value === "zero" ? "exactly 0" : figure(value);
  return (value > 0 ? "+" : "") + value.toFixed(2).replace("-", MINUS);
}

export const power = (value) => (typeof value === "number" ? figure(10 ** value) : figure(value));

export const percent = (value) => (typeof value === "number" ? `${figure(100 * value)} %` : figure(value));

export const whole = (value) => value.toLocaleString("en");

const ENDED = {
  running: "running",
  normal: "finished",
  exception: "ended by an exception",
  interrupted: "interrupted",
  killed: "killed: its process is gone",
};

export const state = (ended) => ENDED[ended] ?? ended;

export function ago(seconds) {
  if (seconds < 5) return "just now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(Date.now() - 1000 * seconds).toISOString().slice(0, 10);
}

const TONE = { learning: "good", learned: "good", stuck: "bad", diverged: "bad", "not-training": "bad" };

export const tone = (verdict) => TONE[verdict] ?? "open";

// The sentence without the verdict that stands before it already.
export function sentence({ verdict, because }) {
  const begin = `${verdict ?? ""}: `;
  if (!because?.toLowerCase().startsWith(begin)) return because ?? "";
  return because.charAt(begin.length).toUpperCase() + because.slice(begin.length + 1);
}

const BROKEN = { nan: "NaN", inf: "infinite", "-inf": `${MINUS}infinite` };

export const last = (row) => (row.loss === null ? (BROKEN[row.loss_is] ?? "") : figure(row.loss, 4));

export function many(count, word) {
  return `${whole(count)} ${word}${count === 1 ? "" : "s"}`;
}
