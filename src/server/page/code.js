// Blocks of code: a head with the language and a button that copies, and colours by a plain reading
// of comments, strings, numbers and common words.

import { element, icon } from "./dom.js";

const MAX_COLOURED = 60000;  // characters; longer code is shown as it stands

const WORDS = new Set(("abstract and as assert async await auto base begin bool boolean break byte case catch char class const constexpr continue "
  + "def default defer del delete do double elif else elseif end enum except export extends extern false False final finally float fn for foreach "
  + "from func function global go goto if impl implements import in include inline instanceof int interface is lambda let local long loop match "
  + "mod module mut namespace new nil None nonlocal not null nullptr operator or override package pass private protected pub public raise range "
  + "readonly ref return self short signed sizeof static string struct super switch template then this throw throws trait true True try type "
  + "typedef typeof typename union unsafe unsigned until use using val var virtual void volatile when where while with yield").split(" "));
const SQL = new Set(("select from where insert into values update set delete create table alter drop join left right inner outer on group by order "
  + "having limit offset as and or not null primary key foreign references distinct union all case when then else end index view").split(" "));

const HASH = new Set(["py", "python", "sh", "bash", "shell", "zsh", "rb", "ruby", "yaml", "yml", "toml", "ini", "r", "perl", "make", "makefile", "dockerfile", "cmake", "elixir", "nix"]);
const DASH = new Set(["sql", "lua", "haskell", "hs", "ada", "elm"]);
const MARKUP = new Set(["html", "xml", "svg", "vue"]);
const PLAIN = new Set(["", "text", "txt", "plain", "plaintext", "console", "output", "markdown", "md", "diff"]);

function patternOf(language) {
  const parts = [];
  if (MARKUP.has(language)) parts.push("(?<comment><!--[\\s\\S]*?(?:-->|$))");
  else if (HASH.has(language)) parts.push("(?<comment>(?<![\\w$&\\\\])#[^\\n]*)");
  else if (DASH.has(language)) parts.push("(?<comment>--[^\\n]*)");
  else parts.push("(?<comment>\\/\\/[^\\n]*|\\/\\*[\\s\\S]*?(?:\\*\\/|$))");
  if (language === "py" || language === "python") parts.push("(?<long>\"\"\"[\\s\\S]*?(?:\"\"\"|$)|'''[\\s\\S]*?(?:'''|$))");
  parts.push("(?<string>\"(?:[^\"\\\\\\n]|\\\\.)*\"?|'(?:[^'\\\\\\n]|\\\\.)*'|`(?:[^`\\\\]|\\\\.)*`)");
  parts.push("(?<number>\\b(?:0[xXbBoO][\\da-fA-F_]+|\\d[\\d_]*(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)\\w*)");
  parts.push("(?<word>[A-Za-z_$][\\w$]*)(?<call>(?=\\())?");
  return new RegExp(parts.join("|"), "g");
}

function colour(node, code, language) {
  const pattern = patternOf(language);
  const words = language === "sql" ? SQL : WORDS;
  const known = (word) => words.has(language === "sql" ? word.toLowerCase() : word);
  let plain = 0;
  for (const found of code.matchAll(pattern)) {
    const { comment, long, string, number, word, call } = found.groups;
    let kind = null;
    if (comment !== undefined) kind = "comment";
    else if (long !== undefined || string !== undefined) kind = "string";
    else if (number !== undefined) kind = "number";
    else if (known(word)) kind = "word";
    else if (call !== undefined) kind = "call";
    if (!kind) continue;
    if (found.index > plain) node.append(code.slice(plain, found.index));
    node.append(element("span", { class: `code-${kind}` }, found[0]));
    plain = found.index + found[0].length;
  }
  node.append(code.slice(plain));
}

export function copyButton(label, text) {
  const name = element("span", {}, label);
  const button = element("button", { type: "button", class: "copy", "aria-label": label || "Copy", title: "Copy" }, icon("copy"), name);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.firstChild.replaceWith(icon("check"));
      if (label) name.textContent = "Copied";
    } catch {
      name.textContent = "Not allowed here";
    }
    setTimeout(() => {
      button.firstChild.replaceWith(icon("copy"));
      name.textContent = label;
    }, 1600);
  });
  return button;
}

export function codeBlock(code, language) {
  const inside = element("code");
  const short = language.toLowerCase();
  if (PLAIN.has(short) || code.length > MAX_COLOURED) inside.append(code);
  else colour(inside, code, short);
  return element("figure", { class: "code" },
    element("figcaption", {}, element("span", {}, language || "text"), copyButton("Copy", () => code)),
    element("pre", { tabindex: "0" }, inside));
}
