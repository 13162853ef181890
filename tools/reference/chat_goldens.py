#!/usr/bin/env python3
"""Writes what checkpoints' templates make of a few conversations, for the test of our own renderers.

    chat_goldens.py RENDERER=TEMPLATE… > tests/text/chat/goldens/renderers.json

RENDERER is the name of a renderer of ours, TEMPLATE the chat template of a checkpoint of its
family. Rendered by jinja2 as tools/reference/jinja_reference.py sets it up.
"""

import json
import sys
from pathlib import Path

from jinja_reference import compiled, rendered

DATA = Path(__file__).resolve().parents[2] / "tests/text/jinja/data"
CASES = ["question", "reasoning", "two_calls_answered", "call_null_content"]


def main():
    conversations = json.loads((DATA / "conversations.json").read_text())
    tools = json.loads((DATA / "tools.json").read_text())
    goldens = {}
    for argument in sys.argv[1:]:
        name, _, path = argument.partition("=")
        template = compiled(Path(path).read_text())
        for case in CASES:
            for thinking in (None, True, False):
                for offered in (None, tools):
                    variables = {
                        "bos_token": "<s>",
                        "eos_token": "</s>",
                        "messages": plain(conversations[case]),
                        "tools": offered,
                        "add_generation_prompt": True,
                    }
                    if thinking is not None:
                        variables["enable_thinking"] = variables["reasoning"] = thinking
                    text = rendered(template, variables)
                    if text is not None:
                        key = f"{name} {case} {thinking} {offered is not None}"
                        goldens[key] = text
    json.dump(goldens, sys.stdout, ensure_ascii=False, indent=0)
    print()


def plain(messages):
    """As our renderers hand messages to templates: text for lists of text parts, text for none."""
    out = []
    for message in messages:
        message = dict(message)
        if message.get("content") is None:
            message["content"] = ""
        if isinstance(message["content"], list):
            message["content"] = "".join(part["text"] for part in message["content"])
        out.append(message)
    return out


if __name__ == "__main__":
    main()
