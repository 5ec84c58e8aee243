"use strict";
/* Finds LaTeX in plain text and sets it as MathML once it comes near the screen.

   Text enters the page as text nodes only. A formula that Temml refuses, or that is too long or too deep, stays as
   its source. */
const Maths = (() => {
  const LONGEST = 3000; // characters of one formula
  const DEEPEST = 60; // braces in braces; layout takes seconds for hundreds
  const SLICE_MS = 10; // work between two frames
  const ENVIRONMENT = /^\\begin\{((?:equation|align|aligned|gather|gathered|multline|cases|array|[pbvBV]?matrix)\*?)\}/;

  /** [from, to, source, display] of the formula that opens at `at`, or null. `ahead` remembers closers. */
  function formula(text, at, ahead) {
    const close = (mark, from) => {
      // Each closer is looked for once and the finding kept, so that the whole text costs linear time.
      if (ahead[mark] === undefined || (ahead[mark] >= 0 && ahead[mark] < from)) ahead[mark] = text.indexOf(mark, from);
      return ahead[mark] < 0 || ahead[mark] - from > LONGEST ? -1 : ahead[mark];
    };
    const between = (open, mark, display) => {
      const from = at + open.length, to = close(mark, from);
      if (to <= from || text.slice(from, to).includes("\n\n")) return null;
      return [at, to + mark.length, text.slice(from, to), display];
    };
    if (text[at] === "$") {
      if (text[at + 1] === "$") return between("$$", "$$", true);
      // As Pandoc reads dollars: "$5 and $6" is no formula. Blanks inside both, "$ x^2 $", are let through.
      let to = close("$", at + 1);
      while (to > 0 && text[to - 1] === "\\") to = close("$", to + 1);
      if (to <= at + 1 || /\d/.test(text[to + 1] || "")) return null;
      const source = text.slice(at + 1, to), loose = /^\s/.test(source) + /\s$/.test(source);
      return source.includes("\n\n") || loose === 1 || (loose && !/[\\^_=+<>]|^[\s\d.,]+$/.test(source)) ? null : [at, to + 1, source, false];
    }
    const next = text[at + 1];
    if (next === "(") return between("\\(", "\\)", false);
    if (next === "[") return between("\\[", "\\]", true);
    if (next === "b" && text.startsWith("\\boxed{", at)) return boxed(text, at);
    const found = next === "b" && ENVIRONMENT.exec(text.slice(at, at + 30));
    if (!found) return null;
    const end = `\\end{${found[1]}}`, to = close(end, at);
    return to < 0 ? null : [at, to + end.length, text.slice(at, to + end.length), true];
  }

  /** A box outside of any formula, as teachers end their answers. */
  function boxed(text, at) {
    let depth = 0;
    for (let i = at + 6; i < Math.min(text.length, at + 400); i++) {
      if (text[i] === "\\") i++;
      else if (text[i] === "{") depth++;
      else if (text[i] === "}" && --depth === 0) return [at, i + 1, text.slice(at, i + 1), false];
    }
    return null;
  }

  function node(source, whole, display) {
    const span = document.createElement("span");
    span.className = display ? "tex display" : "tex";
    span.textContent = whole;
    span.formula = source;
    return span;
  }

  /** Replace what is in `element` by `text`, its formulas to be set when they are seen; in one line if asked so. */
  function fill(element, text, oneLine = false) {
    const parts = document.createDocumentFragment(), ahead = {}, seen = [], opener = /[$\\]/g;
    let done = 0, hit;
    while ((hit = opener.exec(text))) {
      const found = formula(text, hit.index, ahead);
      if (!found) {
        // \\ and \$ open nothing, nor does the second character of a refused $$.
        if (text[hit.index] === "\\" || text[hit.index + 1] === "$") opener.lastIndex = hit.index + 2;
        continue;
      }
      const [from, to, source] = found, display = found[3] && !oneLine;
      // A formula on a line of its own brings its own line breaks.
      parts.append(display && text[from - 1] === "\n" ? text.slice(done, from - 1) : text.slice(done, from));
      const span = node(source, text.slice(from, to), display);
      parts.append(span);
      seen.push(span);
      done = opener.lastIndex = display && text[to] === "\n" ? to + 1 : to;
    }
    parts.append(text.slice(done));
    forget(element);
    element.replaceChildren(parts);
    for (const span of seen) watcher.observe(span);
  }

  /** The same for an answer, which often is one formula without any delimiter. */
  function answer(element, text) {
    const bare = /\\[A-Za-z]/.test(text) && !/[$\n]|\\[([]|\\boxed|[A-Za-z]{2,} [A-Za-z]{2,}/.test(text);
    if (!bare || text.length > LONGEST) { fill(element, text); return; }
    const span = node(text, text, false);
    forget(element);
    element.replaceChildren(span);
    watcher.observe(span);
  }

  /** Formulas in `element` are no longer waited for. */
  function forget(element) {
    for (const span of element.querySelectorAll("span.tex:not(.set)")) watcher.unobserve(span);
  }

  const waiting = [];
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      if (waiting.push(entry.target) === 1) requestAnimationFrame(work);
    }
  }, { rootMargin: "300px", scrollMargin: "300px" });

  function work() {
    const until = performance.now() + SLICE_MS;
    while (waiting.length && performance.now() < until) set(waiting.shift());
    if (waiting.length) requestAnimationFrame(work);
  }

  function deepest(source) {
    let depth = 0, most = 0;
    for (const letter of source) {
      if (letter === "{") most = Math.max(most, ++depth);
      else if (letter === "}") depth--;
    }
    return most;
  }

  function set(span) {
    if (!span.isConnected) return;
    const box = document.createElement("span");
    try {
      if (deepest(span.formula) > DEEPEST) throw new RangeError("too deep");
      const displayMode = span.classList.contains("display");
      temml.render(span.formula, box, { displayMode, throwOnError: true, trust: false, maxExpand: 200, maxSize: [20, 60] });
      span.title = span.textContent;
      span.replaceChildren(...box.childNodes);
      span.classList.add("set");
    } catch {
      span.classList.add("set", "refused");
    }
  }

  return { fill, answer, forget };
})();
