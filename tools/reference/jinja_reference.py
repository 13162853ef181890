#!/usr/bin/env python3
"""Renders templates with jinja2, in the sandbox that chat renderers set up, for comparison with ours.

    jinja_reference.py digests DIR MATRIX [--stride N]   a line a case: template, case, digest
    jinja_reference.py show TEMPLATE MATRIX CASE         what one case gives, for a person
    jinja_reference.py snippets FILE VARIABLES           a JSON line a snippet: its text, or null
    jinja_reference.py random SEED COUNT                 JSON lines: the variables, then made-up
                                                         templates and their texts
    jinja_reference.py characters                        JSON lines: every character's class

DIR holds *.jinja files, MATRIX the conversations, tools and options (see matrix()). The digest is
the first 16 hexadecimal digits of the text's SHA-256; "raised-" and a digest of the message where
the template refuses the conversation itself; "refused" for all other errors. The clock stands still
at 1700000000 seconds, so that what a template makes of the date does not change.
"""

import argparse
import copy
import hashlib
import json
import sys
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.utils
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = 1_700_000_000


class GenerationTag(jinja2.ext.Extension):
    """{% generation %}: marks what the assistant wrote. Here it only renders its body."""

    tags: ClassVar = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("render_body"), [], [], body).set_lineno(
            line
        )

    def render_body(self, caller):
        return caller()


class PublicNamespace(jinja2.utils.Namespace):
    """A namespace without attributes that begin with an underscore."""

    def __init__(*args, **kwargs):
        attributes = dict(*args[1:], **kwargs)
        for name in attributes:
            check_public(name)
        jinja2.utils.Namespace.__init__(args[0], attributes)

    def __setitem__(self, name, value):
        check_public(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)


def check_public(name):
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"private attribute {name!r}")


class Raised(jinja2.exceptions.TemplateError):
    """What a template said when it refused a conversation."""


def raise_exception(message):
    raise Raised(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = to_json
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.fromtimestamp(NOW).strftime(form)
    env.globals["namespace"] = PublicNamespace
    return env


ENVIRONMENT = environment()
address_seen = []  # texts that showed where an object lies in memory


def compiled(source):
    """The template, or None where jinja2 refuses it."""
    try:
        return ENVIRONMENT.from_string(source)
    except Exception:
        return None


def attempt(template, variables):
    """The text and None, or None and what the template raised, if it did. Texts that show an address
    in memory count as failures."""
    if template is None:
        return None, None
    try:
        text = template.render(**copy.deepcopy(variables))
        text.encode()
    except Raised as raised:
        return None, str(raised.message)
    except Exception:
        return None, None
    if " at 0x" in text:
        address_seen.append(text)
        return None, None
    return text, None


def rendered(template, variables):
    """The text, or None where rendering fails."""
    return attempt(template, variables)[0]


def matrix(directory):
    """Every conversation, without and with tools, with and without a generation prompt, for each
    set of options. The order is the same in the C++ test."""

    def read(name):
        return json.loads((Path(directory) / name).read_text())

    conversations, tools, options = (
        read("conversations.json"),
        read("tools.json"),
        read("options.json"),
    )
    for messages in conversations.values():
        for offered in (None, tools):
            for prompt in (True, False):
                for option in options:
                    yield {
                        "bos_token": "<s>",
                        "eos_token": "</s>",
                        "unk_token": "<unk>",
                        "pad_token": "<pad>",
                        "messages": messages,
                        "tools": offered,
                        "add_generation_prompt": prompt,
                        "documents": None,
                        **option,
                    }


def digest(text, raised=None):
    if text is not None:
        return hashlib.sha256(text.encode()).hexdigest()[:16]
    if raised is not None:
        return "raised-" + hashlib.sha256(raised.encode()).hexdigest()[:16]
    return "refused"


def command_digests(args):
    cases = list(matrix(args.matrix))
    for path in sorted(Path(args.templates).glob("*.jinja")):
        template = compiled(path.read_text())
        for case in range(0, len(cases), args.stride):
            print(path.name, case, digest(*attempt(template, cases[case])))


def command_show(args):
    case = list(matrix(args.matrix))[args.case]
    template = ENVIRONMENT.from_string(Path(args.template).read_text())
    print(template.render(**case), end="")


def command_snippets(args):
    variables = json.loads(Path(args.variables).read_text())
    for source in snippets(Path(args.file).read_text()):
        print(json.dumps(rendered(compiled(source), variables)))


def snippets(text):
    """Snippets stand one a line, or between lines of three equal signs."""
    if "\n===\n" not in text:
        return ["{{ " + line + " }}" for line in text.splitlines()]
    return text.removesuffix("\n").split("\n===\n")


def command_random(args):
    from jinja_random import Maker

    maker = Maker(args.seed)
    print(json.dumps(maker.variables))
    made = 0
    while made < args.count:
        source = maker.template()
        address_seen.clear()
        text = rendered(compiled(source), maker.variables)
        if address_seen:
            continue  # it used the printed form of an object: no two runs agree on that
        print(json.dumps({"source": source, "text": text}))
        made += 1


CHARACTER_TESTS = (
    "{{ s.upper() }}|{{ s.lower() }}|{{ s.title() }}|{{ s.swapcase() }}|{{ s.casefold() }}|{{ [s] }}"
    "{% for c in s %}{{ c.isalpha() | int }}{{ c.isdigit() | int }}{{ c.isdecimal() | int }}"
    "{{ c.isnumeric() | int }}{{ c.isspace() | int }}{{ c.islower() | int }}{{ c.isupper() | int }}"
    "{{ c.istitle() | int }}{{ c.isprintable() | int }}{{ ('x' ~ c).lower() }}{{ (c ~ 'x').title() }}"
    "{{ ('x\u03a3' ~ c).lower() }}{{ ('x' ~ c ~ '\u03a3').lower() }} {% endfor %}"
)


def command_characters(args):
    """Every character, in blocks, through all that depends on its class. Our tables are of Unicode
    14; an interpreter of another version is asked about long known characters alone."""
    known = unicodedata if unicodedata.unidata_version == "14.0.0" else unicodedata.ucd_3_2_0
    skipped = ("Cs", "Cn", "Co")
    characters = [chr(c) for c in range(1, 0x110000) if known.category(chr(c)) not in skipped]
    template = compiled(CHARACTER_TESTS)
    for at in range(0, len(characters), 128):
        s = "".join(characters[at : at + 128])
        print(json.dumps({"source": CHARACTER_TESTS, "s": s, "text": rendered(template, {"s": s})}))


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("digests")
    one.add_argument("templates")
    one.add_argument("matrix")
    one.add_argument("--stride", type=int, default=1)
    one.set_defaults(run=command_digests)
    one = commands.add_parser("show")
    one.add_argument("template")
    one.add_argument("matrix")
    one.add_argument("case", type=int)
    one.set_defaults(run=command_show)
    one = commands.add_parser("snippets")
    one.add_argument("file")
    one.add_argument("variables")
    one.set_defaults(run=command_snippets)
    one = commands.add_parser("random")
    one.add_argument("seed", type=int)
    one.add_argument("count", type=int)
    one.set_defaults(run=command_random)
    one = commands.add_parser("characters")
    one.set_defaults(run=command_characters)
    args = parser.parse_args()
    sys.setrecursionlimit(3000)
    args.run(args)


if __name__ == "__main__":
    main()
