"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const openAll = () => document.querySelectorAll("details").forEach((one) => { one.open = true; });
  addEventListener("beforeprint", openAll);

  const opened = () => {  // a link to what is folded away opens it
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const folded = target && target.closest("details");
    if (folded) { folded.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", opened);
  opened();

  const depth = document.getElementById("depth");
  if (!depth || !data.places.length) return;
  const cursor = document.querySelector("#cursor rect");
  const account = document.getElementById("account");
  const [left, top, right, bottom] = data.edges;
  const last = data.places.length - 1;
  const row = (bottom - top) / data.places.length;
  const PAGE = 10, THIN = 0.004;  // places of Page Up; least height of the cursor, in shares of the sheet
  const linesOf = data.places.map(() => []);
  data.of.forEach((place, i) => { if (place >= 0) linesOf[place].push(data.lines[i]); });
  let at = -1, pinned = false;

  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const decades = (value) => value === null ? "?" : typeof value === "string" ? value
    : (value.toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "\u2212"));
  const size = (value) => value === null ? "not measured" : typeof value === "string" ? value
    : `${decades(value)} (${(10 ** value).toPrecision(2)})`;
  const share = (value) => `${(100 * value).toPrecision(3)} %`;

  const bar = (value, most) => {
    const cell = make("td", undefined, "bars"), track = make("div");
    if (value !== null && value !== 0) {
      const part = typeof value === "string" ? 1 : Math.min(Math.abs(value) / most, 1);
      const mark = make("i", undefined, typeof value === "string" || value < 0 ? "less" : "more");
      mark.style.width = `${50 * part}%`;
      track.append(mark);
    }
    cell.append(track);
    return cell;
  };
  const entry = (label, text, value, most) => {
    const made = make("tr"), head = make("th", label);
    head.scope = "row";
    made.append(head, make("td", text));
    if (value !== undefined && most) made.append(bar(value, most));
    return made;
  };
  const readings = (place) => {
    const table = make("table"), body = make("tbody");
    table.append(make("caption", "Read here, in decades where it is no share"), body);
    place[3].forEach((value, i) => {
      const [label, isShare] = data.readings[i];
      if (value !== null) body.append(entry(label, isShare && typeof value === "number" ? share(value) : size(value)));
    });
    place[4].forEach((name) => body.append(entry(`${name}: NaN or Inf`, "seen")));
    return body.children.length ? table : make("p", "Nothing was measured here.");
  };
  const ledger = ([name, answer, arrives, moves, rest, factors]) => {
    const box = make("div");
    const title = make("h4");
    title.append(make("bdi", name, "name"), answer ? `: ${answer}` : "");
    const table = make("table"), body = make("tbody");
    const sizes = factors.map(([, value]) => typeof value === "number" ? Math.abs(value) : 0);
    const most = Math.max(1, ...sizes);
    const shown = factors.filter(([, value]) => decades(value) !== "0.00");
    shown.forEach(([factor, value]) => body.append(entry(data.factors[factor], decades(value), value, most)));
    const total = entry("moves", decades(moves));
    total.className = "total";
    body.append(total, entry("left open", rest), entry("arrives", decades(arrives)));
    table.append(make("caption", shown.length < factors.length ? "Ledger, in decades; what is 0 is left out" : "Ledger, in decades"), body);
    box.append(title, table);
    return box;
  };
  const spoken = (number) => {
    const [name, kind] = data.places[number];
    const told = linesOf[number].slice(0, 1).map(([, answer, arrives, moves]) =>
      `, arrives ${decades(arrives)}, moves ${decades(moves)} decades${answer ? `, ${answer}` : ""}`);
    return `${number + 1} of ${last + 1}: ${name}, ${kind}${told.join("")}`;
  };
  const show = (number) => {
    if (number === at) return;
    at = number;
    const place = data.places[number], tall = Math.max(row, THIN), middle = top + row * (number + 0.5);
    for (const [name, value] of Object.entries({ x: left, y: middle - tall / 2, width: right - left, height: tall })) cursor.setAttribute(name, value);
    depth.setAttribute("aria-valuenow", number + 1);
    depth.setAttribute("aria-valuetext", spoken(number));
    const title = make("h3");
    const parts = make("div", undefined, "parts"), made = place[2].toLowerCase() === place[1] ? place[2] : [place[2], place[1]].filter(Boolean).join(", ");
    title.append(make("bdi", place[0], "name"), " ", make("span", `depth ${number}, ${made}${pinned ? "; held, click again to let go" : ""}`, "kind"));
    parts.append(readings(place), ...linesOf[number].map(ledger));
    if (!linesOf[number].length) parts.append(make("p", "No tensor of its own is trained here.", "soft"));
    account.replaceChildren(title, parts);
    account.hidden = false;
  };
  const under = (event) => {
    const box = depth.getBoundingClientRect();
    const down = (event.clientY - box.top) / box.height;
    return down < top || down > bottom ? -1 : Math.min(Math.floor((down - top) / row), last);
  };
  const near = (isNear) => account.classList.toggle("near", isNear || pinned);
  const hold = (number, isHeld) => { pinned = isHeld; at = -1; show(number); };

  Object.entries({ role: "slider", tabindex: 0, "aria-valuemin": 1, "aria-valuemax": last + 1 })
    .forEach(([name, value]) => depth.setAttribute(name, value));
  depth.addEventListener("pointermove", (event) => {
    const number = under(event);
    if (event.pointerType === "touch" || number < 0) return;
    near(true);
    if (!pinned) show(number);
  });
  depth.addEventListener("pointerleave", (event) => near(account.contains(event.relatedTarget)));
  account.addEventListener("pointerleave", (event) => near(depth.contains(event.relatedTarget)));
  depth.addEventListener("blur", () => near(false));
  depth.addEventListener("click", (event) => {
    const number = under(event);
    if (number < 0) return;
    hold(number, !(pinned && number === at));
    near(true);
  });
  const moves = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: PAGE, PageUp: -PAGE, Home: -Infinity, End: Infinity };
  depth.addEventListener("keydown", (event) => {
    if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    hold(Math.min(Math.max(at + moves[event.key], 0), last), false);
    near(true);
  });
  const start = Math.max(data.found.find((place) => place >= 0) ?? 0, 0);
  hold(start, false);

  document.querySelectorAll("[data-finding]").forEach((link) => {
    const place = data.found[link.dataset.finding - 1];
    if (!(place >= 0)) return;
    link.hidden = false;
    link.addEventListener("click", (event) => {
      event.preventDefault();  // a jump to the section would take the focus away again
      hold(place, true);
      near(true);
      cursor.scrollIntoView({ block: "center" });
      depth.focus({ preventScroll: true });
    });
  });
  document.documentElement.dataset.ready = performance.now().toFixed(0);
})();
