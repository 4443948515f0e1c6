"use strict";

// Text of the run reaches the page as text: by textContent, never as markup.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // A page opened from a file may have no storage; the theme is then that of the system each time.
  const storage = {
    read() { try { return window.localStorage.getItem("hearlog-theme"); } catch { return null; } },
    write(theme) { try { window.localStorage.setItem("hearlog-theme", theme); } catch { /* kept for this visit */ } },
  };

  const chosen = storage.read();
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;

  function theme() { return document.documentElement.dataset.theme || (dark.matches ? "dark" : "light"); }

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function setUpTheme() {
    const button = document.getElementById("theme");
    const label = () => { button.textContent = theme() === "dark" ? "Light theme" : "Dark theme"; };
    button.hidden = false;
    label();
    dark.addEventListener("change", label);
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
      storage.write(theme());
      label();
    });
  }

  const words = new Intl.Collator("en", { numeric: true });

  function compare(a, b, numeric, direction) {
    if (a.hasAttribute("data-none") || b.hasAttribute("data-none")) {
      return a.hasAttribute("data-none") - b.hasAttribute("data-none"); // what has no value stands last either way
    }
    if (numeric) return direction * (Number(a.dataset.key) - Number(b.dataset.key));
    return direction * words.compare(a.textContent, b.textContent);
  }

  const nextOrder = { none: "ascending", ascending: "descending", descending: "none" };

  function sort(heading) {
    const column = heading.cellIndex;
    const body = heading.closest("table").tBodies[0];
    const order = nextOrder[heading.getAttribute("aria-sort")];
    const direction = order === "ascending" ? 1 : -1;
    const numeric = heading.classList.contains("number");
    const rows = [...body.rows].sort((a, b) => a.dataset.place - b.dataset.place);
    if (order !== "none") rows.sort((a, b) => compare(a.cells[column], b.cells[column], numeric, direction));
    body.append(...rows);
    for (const other of heading.parentElement.cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", order);
    document.getElementById("announcement").textContent =
      order === "none" ? "In the first order again" : `Sorted by ${heading.textContent}, ${order}`;
  }

  function setUpTables() {
    for (const body of document.querySelectorAll("tbody")) {
      [...body.rows].forEach((row, place) => { row.dataset.place = place; });
    }
    for (const button of document.querySelectorAll("thead button")) {
      button.addEventListener("click", () => sort(button.closest("th")));
    }
    const watcher = new ResizeObserver((entries) => { for (const entry of entries) markOverflow(entry.target); });
    for (const box of document.querySelectorAll(".scroll")) watcher.observe(box);
  }

  function markOverflow(box) {
    const wide = box.scrollWidth > box.clientWidth + 1;
    if (wide) box.tabIndex = 0; else box.removeAttribute("tabindex");
    const hint = box.previousElementSibling;
    if (hint && hint.classList.contains("hint")) hint.hidden = !wide;
  }

  function setUpContents() {
    const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(entry.target.id).setAttribute("aria-current", "true");
      }
    }, { rootMargin: "-20% 0px -75% 0px" });
    for (const id of links.keys()) watcher.observe(document.getElementById(id));
  }

  const titleOf = (song) => song.title || `Song ${song.id}`;
  const factsOf = (song) => [song.artist, song.genre].filter(Boolean).join(" \u00b7 ");
  const lineOf = (song) => [titleOf(song), factsOf(song)].filter(Boolean).join(" \u2014 ");
  const inPrint = (cosine) => cosine.toFixed(2).replace("-", "\u2212");

  function player(song) {
    const audio = element("audio", { controls: true, preload: "none", src: song.audio });
    audio.setAttribute("aria-label", `Play ${titleOf(song)}${song.artist ? ` by ${song.artist}` : ""}`);
    audio.addEventListener("play", () => {
      for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    });
    audio.addEventListener("error", () => {
      const words = "Cannot be played: there is no such file, or this browser does not know its format. File: ";
      const link = element("a", { href: song.audio, textContent: decodeURI(song.audio) });
      const warning = element("p", { className: "warning" }, words, link);
      warning.setAttribute("role", "alert");
      audio.after(warning);
    }, { once: true });
    return audio;
  }

  function describe(song, cosine, shared) {
    const facts = element("small", { textContent: factsOf(song) });
    const named = element("div", {}, element("b", { textContent: titleOf(song) }), facts);
    if (shared) named.append(element("span", { className: "both", textContent: "in both lists" }));
    const unit = element("small", { textContent: "cosine" });
    const number = element("div", { className: "cosine" }, inPrint(cosine), element("br"), unit);
    return element("div", { className: "song" }, named, number);
  }

  function setUpPanel() {
    const { songs, queries } = JSON.parse(document.getElementById("songs-data").textContent);
    const places = new Map(queries.map((query, place) => [query.song, place]));
    const [filter, list, count] = ["song-filter", "song", "song-count"].map((id) => document.getElementById(id));
    const entries = queries
      .map(({ song }, place) => ({ place, line: lineOf(songs[song]), id: songs[song].id }))
      .sort((a, b) => words.compare(a.line, b.line));
    let shown = -1;

    function neighbour([row, cosine], others) {
      const song = songs[row];
      const shared = others.some(([other]) => other === row);
      const item = element("li", {}, describe(song, cosine, shared), player(song));
      if (places.has(row)) {
        const button = element("button", { type: "button", className: "go", textContent: "Its neighbours" });
        button.setAttribute("aria-label", `Its neighbours: ${titleOf(song)}`);
        button.addEventListener("click", () => { filter.value = ""; fill(places.get(row)); list.focus(); });
        item.append(button);
      }
      return item;
    }

    function show(place) {
      const { song: row, cosine, cf, estimate } = queries[shown = place];
      const song = songs[row];
      const own = `Cosine of its estimate and its CF embedding: ${inPrint(cosine)}`;
      document.getElementById("picked").replaceChildren(
        element("h3", { textContent: titleOf(song) }),
        element("p", { textContent: factsOf(song) }),
        player(song),
        element("p", { className: "note", textContent: own }),
      );
      for (const [id, mine, others] of [["by-cf", cf, estimate], ["by-estimate", estimate, cf]]) {
        document.getElementById(id).replaceChildren(...mine.map((entry) => neighbour(entry, others)));
      }
    }

    // The songs that hold every word of the filter; the one that was picked stays so while it is among them.
    function fill(picked) {
      const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const holds = ({ line, id }) => wanted.every((word) => `${line} ${id}`.toLowerCase().includes(word));
      const found = entries.filter(holds);
      list.replaceChildren(...found.map(({ place, line }) => element("option", { value: place, textContent: line })));
      count.textContent = `${found.length} of ${entries.length} songs`;
      if (!found.length) return;
      const kept = found.some(({ place }) => place === picked) ? picked : found[0].place;
      list.value = String(kept);
      if (kept !== shown) show(kept);
    }

    filter.addEventListener("input", () => fill(shown));
    list.addEventListener("change", () => show(Number(list.value)));
    document.getElementById("panel").hidden = false;
    fill(-1);
  }

  document.addEventListener("DOMContentLoaded", () => {
    setUpTheme();
    setUpTables();
    setUpContents();
    setUpPanel();
  });
})();
