// One run as the page has it: its row and loss by events, its sheet and frames when they are asked for.

import { follow } from "./stream.js";

export class Source {
  constructor(id, onChange) {
    this.id = id;
    this.onChange = onChange;
    this.row = null;
    this.head = null;
    this.frame = null;
    this.sheets = -1;
    this.asked = null;
    this.stop = follow(`api/events/${encodeURIComponent(id)}`, {
      run: (row) => this.take(row),
      gone: () => { this.onChange(this, "gone"); return false; },
    });
  }

  async take(row) {
    this.row = row;
    this.onChange(this, "row");
    if (!row.ready || row.sheets === this.sheets) return;
    const sheets = row.sheets;
    const head = await json(`api/runs/${encodeURIComponent(this.id)}`);
    if (head === null) return;
    this.sheets = sheets;
    this.head = head;
    this.frame = null;
    this.onChange(this, "head");
  }

  // The frame at or before a step; the end of the run for null.
  at(step) {
    const steps = this.head.frames;
    if (step === null) return steps.length;
    let low = 0;
    let high = steps.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (steps[middle] <= step) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // Fetch a frame; an answer that comes after a later question is not used.
  async show(step) {
    if (!this.head) return;
    const at = this.at(step);
    const question = `${this.sheets}/${at}`;
    if (this.asked === question) return;
    this.asked = question;
    const frame = await json(`api/runs/${encodeURIComponent(this.id)}/frames/${at}`);
    if (this.asked !== question) return;
    if (frame === null) { this.asked = null; return; }
    this.frame = frame;
    this.onChange(this, "frame");
  }
}

async function json(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // the stream says that the server is away
  }
}
