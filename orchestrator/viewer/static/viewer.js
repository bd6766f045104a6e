"use strict";
// Live updates and keys. Everything else works without it; nothing is built from text.
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Moments in the reader's own time.
  const clock = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const ago = (seconds) => {
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
    }
    return "just now";
  };
  const dress = (root) => {
    for (const time of all("time[datetime]", root)) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = clock.format(at);
      time.textContent = time.classList.contains("ago") ? ago((Date.now() - at) / 1000) : clock.format(at);
    }
  };

  // Regions that are asked for anew while the page is looked at. The server says 304 where nothing changed.
  const watch = (region) => {
    const every = Number(region.dataset.every || 2) * 1000;
    let tag = region.dataset.tag || "", failures = 0;
    const look = async () => {
      if (!region.isConnected) return;
      if (document.hidden || region.dataset.paused) { setTimeout(look, every); return; }
      try {
        const answer = await fetch(region.dataset.live, { headers: tag ? { "If-None-Match": tag } : {}, credentials: "same-origin" });
        if (answer.status === 200) {
          tag = answer.headers.get("ETag") || "";
          replace(region, await answer.text());
          if (answer.headers.get("X-Mesh-Ended")) { region.removeAttribute("data-live"); location.reload(); return; }
        }
        failures = answer.ok || answer.status === 304 ? 0 : failures + 1;
      } catch { failures += 1; }
      const sign = find("[data-live-sign]");
      if (sign) sign.dataset.state = failures ? "lost" : "live";
      setTimeout(look, Math.min(every * 2 ** Math.min(failures, 5), 60000));
    };
    setTimeout(look, every);
  };
  // The answer is a page of our own server's templates, in which all text is escaped.
  const replace = (region, html) => {
    const fresh = new DOMParser().parseFromString(`<table>${html}</table>`, "text/html");
    const body = find("tbody", fresh);
    if (!body) return;
    const at = find(".at", region)?.dataset.at;
    const held = document.activeElement?.closest?.("[data-at]")?.dataset.at;
    region.replaceChildren(...[...body.children].map((row) => document.importNode(row, true)));
    dress(region);
    const named = (name) => name && all("[data-at]", region).find((row) => row.dataset.at === name);
    named(at)?.classList.add("at");
    const back = named(held);
    if (back) find("a[href]", back)?.focus({ preventScroll: true });
  };

  // Rows that are fetched where they stand: <a data-fetch="…rows…">, with data-keep below their link,
  // where a second click takes them away.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a[data-fetch]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (link.getAttribute("aria-busy")) return;
    if (link.getAttribute("aria-expanded") === "true") {
      let next = link.closest("tr").nextElementSibling;
      while (next && !next.classList.contains("group")) { const gone = next; next = next.nextElementSibling; gone.remove(); }
      link.setAttribute("aria-expanded", "false");
      return;
    }
    link.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(link.dataset.fetch, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(`<table>${await answer.text()}</table>`, "text/html");
      const rows = [...find("tbody", fresh).children].map((row) => document.importNode(row, true));
      const row = link.closest("tr");
      rows.forEach((made) => dress(made));
      if (link.dataset.keep) { row.after(...rows); link.setAttribute("aria-expanded", "true"); } else { row.replaceWith(...rows); }
      if (rows[0]) go(rows.find((made) => made.dataset.at));
    } catch { location.href = link.href; }
    link.removeAttribute("aria-busy");
  });

  // Rows by keys.
  const rows = () => all("[data-at]").filter((row) => row.offsetParent !== null);
  const go = (row) => {
    if (!row) return;
    all(".at").forEach((old) => old.classList.remove("at"));
    row.classList.add("at");
    row.scrollIntoView({ block: "nearest" });
    const link = find("a[href]", row);
    if (link) link.focus({ preventScroll: true });
  };
  const step = (by) => {
    const known = rows();
    if (!known.length) return;
    const now = known.findIndex((row) => row.classList.contains("at"));
    go(known[Math.max(0, Math.min(known.length - 1, now < 0 ? (by > 0 ? 0 : known.length - 1) : now + by))]);
  };
  const keys = find("#keys");
  const follow = (selector) => { const link = find(selector); if (link) link.click(); return Boolean(link); };
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.("input, select, textarea");
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "Escape") {
      if (field) field.blur();
      else if (!keys.open) all(".at").forEach((row) => row.classList.remove("at"));
      return;
    }
    if (field || keys.open) return;
    const known = {
      "/": () => { const box = find("[data-search]"); if (!box) return false; box.focus(); box.select(); return true; },
      "?": () => { keys.showModal(); return true; },
      j: () => { step(1); return true; }, k: () => { step(-1); return true; },
      Enter: () => event.target === document.body && follow(".at a[href]"),
      u: () => follow("[data-up]"), f: () => follow("[data-fault]"),
      1: () => follow("[data-tab='1']"), 2: () => follow("[data-tab='2']"), 3: () => follow("[data-tab='3']"),
      n: () => follow("[data-next]"), p: () => follow("[data-previous]"),
    }[event.key];
    if (known && known()) event.preventDefault();
  });
  const help = find("[data-help]");
  if (help) { help.hidden = false; help.addEventListener("click", () => keys.showModal()); }

  // A row is a link where it is clicked, too; a text that is being selected is left alone.
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("tr[data-at]");
    if (!row || event.target.closest("a, button, input, summary, details") || String(getSelection())) return;
    const link = find("a[href]", row);
    if (link) link.click();
  });
  for (const button of all("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const before = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = before; }, 1200);
    });
  }
  for (const form of all("form[data-clean]")) {
    // An address that is shared holds only what was said.
    form.addEventListener("submit", () => { for (const field of form.elements) if (field.name && !field.value) field.disabled = true; });
    window.addEventListener("pageshow", () => { for (const field of form.elements) field.disabled = false; });
  }
  for (const field of all("[data-submit]")) field.addEventListener("change", () => field.form.requestSubmit());
  dress(document);
  setInterval(() => { if (!document.hidden) dress(document); }, 30000);
  all("[data-live]").forEach(watch);
})();
