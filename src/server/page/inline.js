// The part of Markdown inside a line: code, emphasis, links. See markdown.js for what it never does.

import { element } from "./dom.js";

const MAX_DEPTH = 8;
const SPECIAL = /[\\`*_~[!<]|https?:\/\//g;
// The longest label or address that is looked for, so that a million brackets stay cheap.
const REACH = 2000;
const TARGET = /^\(\s*(?:<([^<>\n]*)>|((?:[^\s()\\]|\\.|\([^\s()]*\))*))(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)/;
const BARE = /^https?:\/\/[^\s<>"'`]+/;
const ANGLE = /^<((?:https?:\/\/|mailto:)[^\s<>]+)>/;
const WORD = /[\p{L}\p{N}]/u;

function safeAddress(text) {
  let url;
  try {
    url = new URL(text);  // without a base: relative ones are refused
  } catch {
    return null;
  }
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

function link(address, title) {
  return element("a", { href: address, title: title ?? address, target: "_blank", rel: "noopener noreferrer nofollow" });
}

// The index after the bracket that closes the one at `at`, or -1.
function closing(text, at) {
  let depth = 0;
  for (let i = at; i < text.length && i - at < REACH; i += 1) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "[") depth += 1;
    else if (text[i] === "]" && (depth -= 1) === 0) return i + 1;
  }
  return -1;
}

class Scanner {
  constructor(text, depth, inLink) {
    this.text = text;
    this.depth = depth;
    this.inLink = inLink;
    this.hopeless = new Set();  // closing marks that do not come any more
  }

  // Each tries to read something at a place: [node, the end], or null.
  code(at) {
    const run = /^`+/.exec(this.text.slice(at, at + REACH))[0];
    if (this.hopeless.has(run)) return [run, at + run.length];
    let end = at + run.length;
    for (;;) {
      end = this.text.indexOf(run, end);
      if (end < 0) {
        this.hopeless.add(run);
        return [run, at + run.length];
      }
      let after = end + run.length;
      if (this.text[after] !== "`") break;
      while (this.text[after] === "`") after += 1;
      end = after;
    }
    let inside = this.text.slice(at + run.length, end);
    if (/^ .*[^ ].* $/.test(inside)) inside = inside.slice(1, -1);
    return [element("code", {}, inside), end + run.length];
  }

  emphasis(at) {
    const mark = this.text[at];
    const double = this.text[at + 1] === mark;
    if (mark === "~" && !double) return null;
    const run = double ? mark + mark : mark;
    const next = this.text[at + run.length];
    if (next === undefined || /\s/.test(next) || this.hopeless.has(run)) return null;
    if (mark === "_" && at > 0 && WORD.test(this.text[at - 1])) return null;
    let end = at + run.length;
    for (;;) {
      end = this.text.indexOf(run, end);
      if (end < 0) {
        this.hopeless.add(run);
        return null;
      }
      // Of `***`, the outermost closes last.
      while (double && this.text[end + 2] === mark) end += 1;
      const before = this.text[end - 1];
      const after = this.text[end + run.length];
      const single = run.length === 1 && (before === mark || after === mark);
      if (!/\s/.test(before) && before !== "\\" && !single && end > at + run.length && !(mark === "_" && after !== undefined && WORD.test(after))) break;
      end += single && after === mark ? 2 : 1;
    }
    const tag = mark === "~" ? "del" : double ? "strong" : "em";
    const inside = this.text.slice(at + run.length, end);
    return [inline(element(tag), inside, this.depth + 1, this.inLink), end + run.length];
  }

  bracket(at, picture) {
    const open = picture ? at + 1 : at;
    if (this.text[open] !== "[" || this.hopeless.has("]")) return null;
    const end = closing(this.text, open);
    if (end < 0) {
      if (this.text.indexOf("]", open) < 0) this.hopeless.add("]");
      return null;
    }
    const target = TARGET.exec(this.text.slice(end, end + REACH));
    if (!target) return null;
    const address = safeAddress((target[1] ?? target[2]).replace(/\\(.)/g, "$1"));
    if (!address || this.inLink) return null;
    const label = this.text.slice(open + 1, end - 1);
    const node = link(address);
    // A picture is not fetched: whoever wrote its address would learn who reads this.
    if (picture) node.append(`picture: ${label || address}`);
    else inline(node, label || address, this.depth + 1, true);
    return [node, end + target[0].length];
  }

  angle(at) {
    const found = ANGLE.exec(this.text.slice(at, at + REACH));
    const address = found && safeAddress(found[1]);
    if (!address || this.inLink) return null;
    const node = link(address);
    node.append(found[1]);
    return [node, at + found[0].length];
  }

  bare(at) {
    if (this.inLink) return null;
    let shown = BARE.exec(this.text.slice(at, at + REACH))?.[0] ?? "";
    shown = shown.replace(/[.,:;!?*_~\]]+$/, "");
    if (shown.endsWith(")") && !shown.includes("(")) shown = shown.replace(/\)+[.,:;!?]*$/, "");
    const address = safeAddress(shown);
    if (!address) return null;
    const node = link(address);
    node.append(shown);
    return [node, at + shown.length];
  }

  at(index) {
    switch (this.text[index]) {
      case "\\":
        return /[!-/:-@[-`{-~]/.test(this.text[index + 1] ?? "") ? [this.text[index + 1], index + 2] : null;
      case "`": return this.code(index);
      case "*": case "_": case "~": return this.emphasis(index);
      case "[": return this.bracket(index, false);
      case "!": return this.bracket(index, true);
      case "<": return this.angle(index);
      default: return this.bare(index);
    }
  }
}

// Adds a text to a node, and gives back the node.
export function inline(parent, text, depth = 0, inLink = false) {
  if (depth > MAX_DEPTH) {
    parent.append(text);
    return parent;
  }
  const scanner = new Scanner(text, depth, inLink);
  const pattern = new RegExp(SPECIAL);
  let plain = 0;
  for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
    const read = scanner.at(found.index);
    if (!read) {
      // `**` that closes nothing is two characters of text, not a beginning of `*`.
      if (/[*_~]/.test(found[0])) {
        while (text[pattern.lastIndex] === found[0]) pattern.lastIndex += 1;
      }
      continue;
    }
    if (found.index > plain) parent.append(text.slice(plain, found.index));
    parent.append(read[0]);
    plain = read[1];
    pattern.lastIndex = plain;
  }
  if (plain < text.length) parent.append(text.slice(plain));
  return parent;
}
