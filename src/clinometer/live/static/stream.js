// Server-sent events while the page is seen: a hidden page holds no connection, and asks for everything again.

import { byId, put } from "./dom.js";

const AGAIN_MS = 2000;

export function follow(url, handlers) {
  let source = null;
  let timer = null;

  function open() {
    if (source || document.hidden) return;
    source = new EventSource(url);
    source.onopen = () => put(byId("connection"), "");
    source.onerror = () => {
      close();
      put(byId("connection"), "The server does not answer. What is shown may be old; trying again.");
      timer = setTimeout(open, AGAIN_MS);
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        const data = JSON.parse(event.data);
        if (handle(data) === false) stop();
      });
    }
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  function seen() {
    if (document.hidden) close();
    else open();
  }

  function stop() {
    close();
    document.removeEventListener("visibilitychange", seen);
  }

  document.addEventListener("visibilitychange", seen);
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
  return stop;
}
