// The log: one row a layer, in order of execution, with four tracks. Curves as in `report --plot`.

import { el, put, svg } from "./dom.js";
import { ROW, TRACKS, WIDTH, content, grid } from "./tracks.js";

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
