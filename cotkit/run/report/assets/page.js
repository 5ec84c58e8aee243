"use strict";
/* The browser of rows. The index (columns of small integers) is opened once; texts are opened block by block. */
(async () => {
  const $ = (id) => document.getElementById(id);
  const FACETS = ["step", "reason", "verdict", "source", "domain"];
  const LINE = 62; // height of a line in the list, px; the style sheet has the same
  const KEPT_BLOCKS = 16;
  const ANSWERS = new Set(["extracted", "reference"]);
  const number = (value) => value.toLocaleString("en-US");

  for (const element of document.querySelectorAll("section .text, section .evidence dd")) Maths.fill(element, element.textContent);

  if (typeof DecompressionStream === "undefined") {
    $("rows").append(make("p", "", "This browser is too old to open the rows; any of the last years can."));
    return;
  }

  // ---- data

  async function inflated(name) {
    const coded = $(`data-${name}`).textContent, raw = atob(coded), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
  }

  const blocks = new Map();
  function block(name) {
    const found = blocks.get(name) || inflated(name).then(JSON.parse);
    blocks.delete(name);
    blocks.set(name, found); // the latest is last
    if (blocks.size > KEPT_BLOCKS) blocks.delete(blocks.keys().next().value);
    return found;
  }

  const [index, heads] = await Promise.all([inflated("index").then(JSON.parse), inflated("heads")]);
  for (const name of ["index", "heads"]) $(`data-${name}`).remove();
  const { names } = index, columns = {};
  for (const [name, values] of Object.entries(index.columns)) columns[name] = Int32Array.from(values);
  const size = columns.step.length;
  const problems = heads ? heads.split("\x1e") : [];
  const word = (name, row) => names[name][columns[name][row]];
  const split = (row) => (columns.problem[row] < 0 ? ["", ""] : problems[columns.problem[row]].split("\x1f"));
  const identity = (row) => split(row)[0];
  const head = (row) => split(row)[1];
  const fate = (row) => word("reason", row) || index.end;
  const place = (row) => {
    const attempt = columns.sample[row] < 0 ? "" : ` · attempt ${columns.sample[row]}`;
    return `${word("source", row) || "unknown"}:${columns.source_row[row] < 0 ? "?" : columns.source_row[row]}${attempt}`;
  };

  // ---- filters

  const selects = Object.fromEntries(FACETS.map((name) => [name, document.querySelector(`[data-facet=${name}]`)]));
  let view = new Int32Array(0), chosen = -1, lowered;

  /** 1 for each problem that has all words; null where nothing is asked. */
  function matching(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return null;
    if (!lowered) {
      // One text for all: looking through it is one native call a hit, and a hit leads to the next problem's start.
      const text = heads.toLowerCase(), starts = new Int32Array(problems.length + 1);
      for (let i = 0, at = 0; i < problems.length; i++, at = text.indexOf("\x1e", at) + 1) starts[i] = at;
      starts[problems.length] = text.length + 1;
      lowered = { text, starts };
    }
    const { text, starts } = lowered, hits = new Uint8Array(problems.length);
    words.forEach((one, turn) => {
      let problem = 0;
      for (let at = text.indexOf(one); at >= 0; at = text.indexOf(one, starts[problem + 1])) {
        let low = problem, high = problems.length - 1;
        while (low < high) {
          const middle = (low + high + 1) >> 1;
          if (starts[middle] <= at) low = middle;
          else high = middle - 1;
        }
        problem = low;
        if (hits[problem] === turn) hits[problem]++;
      }
    });
    for (let i = 0; i < hits.length; i++) hits[i] = hits[i] === words.length ? 1 : 0;
    return hits;
  }

  /** SOURCE:NUMBER asks for one row of a source. */
  function asked(query) {
    const at = query.lastIndexOf(":"), source = names.source.indexOf(query.slice(0, at));
    return at > 0 && source >= 0 && /^\d{1,9}$/.test(query.slice(at + 1)) ? [source, Number(query.slice(at + 1))] : null;
  }

  function filter() {
    performance.mark("filter-start");
    const query = $("search").value.trim(), one = asked(query), hits = one ? null : matching(query), whole = $("whole").checked;
    const wanted = FACETS.map((name) => (selects[name].value === "" ? -1 : Number(selects[name].value)));
    const data = FACETS.map((name) => columns[name]);
    const counts = FACETS.map((name) => new Int32Array(names[name].length));
    const found = new Int32Array(size);
    let length = 0;
    for (let row = 0; row < size; row++) {
      if (hits && !(columns.problem[row] >= 0 && hits[columns.problem[row]])) continue;
      if (one && !(columns.source[row] === one[0] && columns.source_row[row] === one[1])) continue;
      if (whole && columns.trace[row] < 0) continue;
      let missed = -1, misses = 0;
      for (let f = 0; f < wanted.length && misses < 2; f++) {
        if (wanted[f] >= 0 && wanted[f] !== data[f][row]) { missed = f; misses++; }
      }
      // A choice counts what it would show: all rows that nothing but this very choice keeps out.
      if (misses === 0) { found[length++] = row; for (let f = 0; f < wanted.length; f++) counts[f][data[f][row]]++; }
      else if (misses === 1) counts[missed][data[missed][row]]++;
    }
    view = found.slice(0, length);
    const order = $("order").value, tokens = columns.completion_tokens;
    if (order === "long") view.sort((a, b) => tokens[b] - tokens[a] || a - b);
    if (order === "short") view.sort((a, b) => (tokens[a] < 0) - (tokens[b] < 0) || tokens[a] - tokens[b] || a - b);
    FACETS.forEach((name, f) => offer(name, counts[f]));
    $("count").textContent = length === size ? `${number(size)} rows` : `${number(length)} of ${number(size)} rows`;
    $("room").style.height = `${length * LINE}px`;
    $("list").scrollTop = 0;
    chosen = -1;
    draw();
    if (length && !narrow()) choose(0);
    else show(-1);
    performance.measure("filter", "filter-start");
  }

  function offer(name, counts) {
    const select = selects[name], value = select.value;
    select.replaceChildren(new Option("all", ""));
    const codes = [...names[name].keys()].filter((code) => counts[code] || String(code) === value);
    if (name !== "step") codes.sort((a, b) => counts[b] - counts[a]);
    for (const code of codes) {
      const label = names[name][code] || { reason: index.end, verdict: "not graded" }[name] || "unknown";
      select.append(new Option(`${label} (${number(counts[code])})`, code));
    }
    select.value = value;
  }

  // ---- the list: only the lines on the screen exist

  const narrow = () => matchMedia("(max-width: 60rem)").matches;

  function draw() {
    const list = $("list"), room = $("room");
    const first = Math.max(0, Math.floor(list.scrollTop / LINE) - 4);
    const last = Math.min(view.length, Math.ceil((list.scrollTop + list.clientHeight) / LINE) + 4);
    Maths.forget(room);
    const lines = [];
    for (let at = first; at < last; at++) lines.push(line(at));
    room.replaceChildren(...lines);
    for (const one of lines) Maths.fill(one.lastChild, one.lastChild.textContent, true);
    list.setAttribute("aria-activedescendant", chosen < 0 ? "" : `row-${chosen}`);
  }

  function line(at) {
    const row = view[at], one = make("div", "line");
    Object.assign(one, { id: `row-${at}`, role: "option", ariaSelected: String(at === chosen) });
    one.ariaSetSize = view.length;
    one.ariaPosInSet = at + 1;
    one.style.top = `${at * LINE}px`;
    const top = make("div", "top");
    const tokens = columns.completion_tokens[row];
    top.append(badge(row), make("bdi", "where", place(row)), make("span", "size", tokens < 0 ? "" : `${number(tokens)} tok`));
    one.append(top, make("div", "head", head(row).slice(0, 220).replace(/\s+/g, " ")));
    one.lastChild.dir = "auto";
    return one;
  }

  function badge(row) {
    const verdict = word("verdict", row), reason = word("reason", row);
    return make("span", `badge ${reason ? (verdict === reason ? verdict : "dropped") : "kept"}`, fate(row));
  }

  function choose(at) {
    if (!view.length) return;
    chosen = Math.max(0, Math.min(view.length - 1, at));
    const list = $("list"), top = chosen * LINE;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + LINE > list.scrollTop + list.clientHeight) list.scrollTop = top + LINE - list.clientHeight;
    draw();
    show(view[chosen]);
  }

  // ---- one row

  let shown = -1;
  async function show(row) {
    shown = row;
    const detail = $("detail");
    if (row < 0) {
      detail.replaceChildren(make("p", "soft empty", view.length ? "Choose a row." : "No row is like this."));
      return;
    }
    const { facts: at, trace: text } = columns;
    const facts = at[row] < 0 ? {} : (await block(`facts-${at[row]}`))[row];
    const trace = text[row] < 0 ? {} : (await block(`trace-${text[row]}`))[row];
    if (shown !== row) return; // another was chosen meanwhile
    Maths.forget(detail);
    detail.replaceChildren(...parts(row, facts, trace));
    detail.scrollTop = 0;
  }

  function parts(row, facts, trace) {
    const found = [];
    const bar = make("header", "");
    const close = make("button", "close", "Back to the list");
    close.type = "button";
    close.onclick = back;
    const step = word("step", row), reason = word("reason", row);
    bar.append(close, badge(row), make("span", "soft", reason ? `dropped at ${step}` : `came through ${step}`));
    found.push(bar);
    const tokens = columns.completion_tokens[row];
    found.push(list([
      ["row", place(row)], ["problem", identity(row)], ["domain", word("domain", row)], ["teacher", word("teacher", row)],
      ["trace", [word("status", row), tokens < 0 ? "" : `${number(tokens)} tokens`].filter(Boolean).join(", ")],
    ], "facts"));
    found.push(...titled("Problem", facts.problem || head(row)));
    if (facts.answer) found.push(...titled("Reference answer", facts.answer, "answer"));
    if (word("verdict", row)) {
      found.push(make("h3", "", "Verdict"), list([
        ["verdict", word("verdict", row)], ["extracted", facts.extracted],
        ["reference", facts.reference === facts.answer ? "" : facts.reference],
        ["method", word("method", row)], ["why", facts.said],
      ], "evidence"));
    }
    if (reason) {
      // What grading said stands above already.
      const said = { extracted: facts.extracted, reference: facts.reference, method: facts.method, why: facts.said };
      const evidence = facts.evidence && typeof facts.evidence === "object" ? facts.evidence : { evidence: facts.evidence };
      const given = Object.entries(evidence).filter(([key, value]) => value !== said[key]);
      found.push(make("h3", "", "Why it was dropped"), list([["step", step], ["reason", reason],
        ...given.map(([key, value]) => [key.replaceAll("_", " "), told(value)])], "evidence"));
    }
    if (columns.facts[row] < 0) found.push(make("p", "soft", "Its answer and evidence are not in this page."));
    if (columns.sample[row] >= 0) {
      if (columns.trace[row] < 0) found.push(make("p", "soft", "Its trace is not in this page."));
      else if (!trace.reasoning && !trace.response) found.push(make("p", "soft", trace.error || "The teacher wrote nothing."));
      if (trace.reasoning) found.push(...titled("Reasoning", trace.reasoning, "trace"));
      if (trace.response) found.push(...titled("Response", trace.response, "trace"));
    }
    found.push(...others(row));
    return found;
  }

  const told = (value) => (typeof value === "string" || value == null ? value : JSON.stringify(value, null, 1));

  function titled(title, text, kind = "") {
    const body = make("div", `text ${kind}`);
    body.dir = "auto";
    (kind === "answer" ? Maths.answer : Maths.fill)(body, text);
    return [make("h3", "", title), body];
  }

  function list(pairs, kind) {
    const all = make("dl", kind);
    for (const [key, value] of pairs) {
      if (value == null || value === "") continue;
      const given = make("dd", "");
      given.dir = "auto";
      (ANSWERS.has(key) ? Maths.answer : Maths.fill)(given, String(value));
      all.append(make("dt", "", key), given);
    }
    return all;
  }

  function others(row) {
    const same = [], problem = columns.problem[row];
    for (let other = 0; other < size && same.length < 16; other++) {
      if (problem >= 0 && columns.problem[other] === problem && other !== row) same.push(other);
    }
    if (!same.length) return [];
    const all = make("p", "others");
    for (const other of same) {
      const button = make("button", "chip", columns.sample[other] < 0 ? place(other) : `attempt ${columns.sample[other]}`);
      button.type = "button";
      button.append(" ", badge(other));
      button.onclick = () => { show(other); $("detail").focus(); };
      all.append(button);
    }
    return [make("h3", "", "The same problem elsewhere"), all];
  }

  function make(tag, kind, text) {
    const element = document.createElement(tag);
    if (kind) element.className = kind;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // ---- keys and clicks

  function open() {
    if (chosen < 0) choose(0);
    document.body.classList.add("reading");
    $("detail").focus({ preventScroll: true });
  }

  function back() {
    document.body.classList.remove("reading");
    $("list").focus({ preventScroll: true });
  }

  const moves = {
    ArrowDown: () => chosen + 1, ArrowUp: () => chosen - 1, Home: () => 0, End: () => view.length - 1,
    PageDown: () => chosen + Math.floor($("list").clientHeight / LINE), PageUp: () => chosen - Math.floor($("list").clientHeight / LINE),
  };
  $("list").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) choose(moves[event.key]());
    else if (event.key === "Enter") open();
    else return;
    event.preventDefault();
  });
  $("list").addEventListener("click", (event) => {
    const one = event.target.closest(".line");
    if (!one) return;
    choose(Number(one.id.slice(4)));
    if (narrow()) open();
  });
  $("detail").addEventListener("keydown", (event) => { if (event.key === "Escape") back(); });
  $("search").addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") { choose(0); $("list").focus(); event.preventDefault(); }
    else if (event.key === "Escape" && event.target.value) { event.target.value = ""; filter(); event.preventDefault(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    event.preventDefault();
    document.body.classList.remove("reading");
    $("search").focus();
  });
  let drawing = 0;
  $("list").addEventListener("scroll", () => {
    if (!drawing) drawing = requestAnimationFrame(() => { drawing = 0; draw(); });
  });
  addEventListener("resize", draw);
  let typed = 0;
  $("search").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(filter, 120); });
  $("filters").addEventListener("change", (event) => { if (event.target !== $("search")) filter(); });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", () => setTimeout(filter));

  /** Show only the rows that `given` names: {step, reason, verdict, source}. */
  function only(given) {
    $("filters").reset();
    clearTimeout(typed);
    for (const name of FACETS) {
      const code = given[name] === undefined ? -1 : names[name].indexOf(given[name]);
      if (code < 0) continue;
      selects[name].append(new Option("", code));
      selects[name].value = code;
    }
    filter();
    $("rows").scrollIntoView();
    $("list").focus({ preventScroll: true });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("main > section:not(#rows) button");
    if (!button) return;
    if (button.dataset.row === undefined) { only(button.dataset); return; }
    only({});
    choose(view.indexOf(Number(button.dataset.row)));
    if (narrow()) open();
  });

  $("browser").hidden = false;
  const every = columns.trace.every((code, row) => code >= 0 || columns.sample[row] < 0);
  $("whole-label").hidden = every;
  filter();
  performance.mark("ready");
})();
