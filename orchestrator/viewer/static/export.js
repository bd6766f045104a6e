"use strict";
// An exported trace: one page of it at a time, by the address's end. Without it all stand below each other.
(() => {
  const pages = [...document.querySelectorAll("section.page")];
  const clock = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = clock.format(at);
  }
  const shown = () => pages.find((page) => !page.hidden);
  const show = () => {
    const name = decodeURIComponent(location.hash.slice(1));
    const target = name ? document.getElementById(name) : null;
    const page = target?.closest("section.page") || pages[0];
    const before = shown();
    for (const one of pages) one.hidden = one !== page;
    if (target && target !== page) target.scrollIntoView();
    else if (before !== page) scrollTo(0, 0);
  };
  addEventListener("hashchange", show);
  show();

  // The lines of a long trace are made when their group is opened; they are pages of our own templates.
  for (const group of document.querySelectorAll("details[data-lines]")) {
    group.addEventListener("toggle", () => {
      const data = document.getElementById(group.dataset.lines);
      if (!group.open || !data) return;
      const fresh = new DOMParser().parseFromString(`<table>${JSON.parse(data.textContent)}</table>`, "text/html");
      group.querySelector("tbody").append(...fresh.querySelectorAll("tr"));
      data.remove();
    });
  }

  const rows = () => [...shown().querySelectorAll("[data-at]")].filter((row) => row.offsetParent !== null);
  const step = (by) => {
    const known = rows();
    const now = known.findIndex((row) => row.classList.contains("at"));
    const next = known[Math.max(0, Math.min(known.length - 1, now < 0 ? 0 : now + by))];
    if (!next) return;
    for (const row of known) row.classList.toggle("at", row === next);
    next.scrollIntoView({ block: "nearest" });
    next.querySelector("a[href]")?.focus({ preventScroll: true });
  };
  const follow = (selector) => shown().querySelector(selector)?.click();
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest?.("input, textarea")) return;
    const known = {
      j: () => step(1), k: () => step(-1), u: () => follow("[data-up]"), f: () => follow("[data-fault]"),
      n: () => follow("[data-next]"), p: () => follow("[data-previous]"),
    }[event.key];
    if (known) { event.preventDefault(); known(); }
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("tr[data-at]");
    if (!row || event.target.closest("a, summary, details") || String(getSelection())) return;
    row.querySelector("a[href]")?.click();
  });
})();
