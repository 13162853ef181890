// Markdown as models write it, made into DOM nodes. What a model says is never parsed as HTML: tags
// in it are shown as they stand, pictures become links, and links lead to http, https and mailto
// only. Hostile text costs no more than long text: depth is bounded, and a search for a closing mark
// that failed is not made again.

import { element } from "./dom.js";
import { codeBlock } from "./code.js";
import { inline } from "./inline.js";

const MAX_DEPTH = 12;

const FENCE = /^( {0,3})(`{3,}|~{3,})[ \t]*([^`\s]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const RULE = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])([ \t]+|$)/;
const DELIMITERS = /^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const BLANK = /^[ \t]*$/;

function interrupts(line) {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);
}

function isTable(lines, at) {
  return at + 1 < lines.length && lines[at].includes("|") && lines[at + 1].includes("|") && DELIMITERS.test(lines[at + 1]);
}

// Where the block that begins at a line ends, and how to make it: [end, make].
function blockAt(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return fenced(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) {
    // The page has its own first two levels.
    return [at + 1, () => inline(element(`h${Math.min(6, heading[1].length + 2)}`), heading[2] ?? "")];
  }
  if (RULE.test(line)) return [at + 1, () => element("hr")];
  if (QUOTE.test(line)) return quote(lines, at, depth);
  if (ITEM.test(line)) return list(lines, at, depth);
  if (isTable(lines, at)) return table(lines, at);
  let end = at + 1;
  while (end < lines.length && !BLANK.test(lines[end]) && !interrupts(lines[end]) && !isTable(lines, end)) end += 1;
  return [end, () => paragraph(lines.slice(at, end))];
}

function paragraph(lines) {
  const node = element("p");
  lines.forEach((line, i) => {
    if (i > 0) node.append(/(?: {2}|\\)$/.test(lines[i - 1]) ? element("br") : "\n");
    inline(node, line.trim().replace(/\\$/, i + 1 < lines.length ? "" : "\\"));
  });
  return node;
}

function fenced(lines, at, [, indent, mark, language]) {
  const close = new RegExp(`^ {0,3}${mark[0]}{${mark.length},}[ \\t]*$`);
  let end = at + 1;
  while (end < lines.length && !close.test(lines[end])) end += 1;
  const strip = new RegExp(`^ {0,${indent.length}}`);
  const code = lines.slice(at + 1, end).map((line) => line.replace(strip, "")).join("\n");
  return [Math.min(end + 1, lines.length), () => codeBlock(code, language)];
}

function quote(lines, at, depth) {
  let end = at;
  while (end < lines.length && (QUOTE.test(lines[end]) || (end > at && !BLANK.test(lines[end]) && !interrupts(lines[end])))) end += 1;
  return [end, () => blocks(element("blockquote"), lines.slice(at, end).map((line) => line.replace(QUOTE, "")), depth + 1)];
}

function list(lines, at, depth) {
  const ordered = /\d/.test(ITEM.exec(lines[at])[2]);
  const items = [];
  let loose = false;
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || /\d/.test(item[2]) !== ordered || RULE.test(lines[end])) break;
    // What stands under the text of the item belongs to it.
    const width = item[3].length > 4 ? item[1].length + item[2].length + 1 : item[0].length || 2;
    const inside = new RegExp(`^(?: {${Math.min(width, 2)},}|\\t)`);
    const strip = new RegExp(`^(?: {1,${width}}|\\t)`);
    const own = [lines[end].slice(item[0].length)];
    end += 1;
    while (end < lines.length) {
      if (BLANK.test(lines[end])) {
        let next = end;
        while (next < lines.length && BLANK.test(lines[next])) next += 1;
        if (next >= lines.length || !inside.test(lines[next])) {
          if (next < lines.length && ITEM.test(lines[next]) && /\d/.test(ITEM.exec(lines[next])[2]) === ordered) {
            loose = true;
            end = next;
          }
          break;
        }
        loose = true;
        while (end < next) {
          own.push("");
          end += 1;
        }
      } else if (inside.test(lines[end])) {
        own.push(lines[end].replace(strip, ""));
        end += 1;
      } else if (!interrupts(lines[end]) && !BLANK.test(lines[end - 1])) {
        own.push(lines[end]);
        end += 1;
      } else {
        break;
      }
    }
    items.push(own);
  }
  const start = ordered ? parseInt(ITEM.exec(lines[at])[2], 10) : 1;
  return [end, () => {
    const node = element(ordered ? "ol" : "ul", { class: loose ? "loose" : null, start: ordered && start !== 1 ? String(start) : null });
    for (const own of items) node.append(listItem(own, depth));
    return node;
  }];
}

function listItem(lines, depth) {
  const node = element("li");
  const task = /^\[([ xX])\][ \t]+/.exec(lines[0]);
  if (task) {
    lines = [lines[0].slice(task[0].length), ...lines.slice(1)];
    node.className = "task";
    const box = element("input", { type: "checkbox", disabled: true, "aria-label": task[1] === " " ? "open" : "done" });
    box.checked = task[1] !== " ";
    node.append(box);
  }
  return blocks(node, lines, depth + 1);
}

function cells(line) {
  const row = line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1");
  return row.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function table(lines, at) {
  let end = at + 2;
  while (end < lines.length && !BLANK.test(lines[end]) && lines[end].includes("|")) end += 1;
  return [end, () => {
    const align = cells(lines[at + 1]).map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : null));
    const row = (line, tag) => element("tr", {}, ...cells(line).slice(0, 64).map((cell, i) => inline(element(tag, { class: align[i] }), cell)));
    return element("div", { class: "table", tabindex: "0" }, element("table", {},
      element("thead", {}, row(lines[at], "th")),
      element("tbody", {}, ...lines.slice(at + 2, end).map((line) => row(line, "td")))));
  }];
}

function blocks(parent, lines, depth) {
  if (depth > MAX_DEPTH) {
    parent.append(lines.join("\n"));
    return parent;
  }
  for (let at = 0; at < lines.length;) {
    if (BLANK.test(lines[at])) {
      at += 1;
      continue;
    }
    const [end, make] = blockAt(lines, at, depth);
    parent.append(make());
    at = end;
  }
  return parent;
}

// A text that grows: blocks that did not change keep their nodes, so that a selection in them, and
// the work of making them, is kept too.
export class MarkdownView {
  constructor(node) {
    this.node = node;
    this.sources = [];
  }

  show(text) {
    const lines = text.replace(/\r\n?/g, "\n").split("\n");
    const found = [];
    for (let at = 0; at < lines.length;) {
      if (BLANK.test(lines[at])) {
        at += 1;
        continue;
      }
      const [end, make] = blockAt(lines, at, 0);
      found.push([lines.slice(at, end).join("\n"), make]);
      at = end;
    }
    let same = 0;
    while (same < found.length && same < this.sources.length && found[same][0] === this.sources[same]) same += 1;
    while (this.node.childNodes.length > same) this.node.lastChild.remove();
    for (const [, make] of found.slice(same)) this.node.append(make());
    this.sources = found.map(([source]) => source);
  }
}
