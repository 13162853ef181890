"""Drives every endpoint of a server with the official `ollama` package.

tests/server/ollama_client.py URL

The server has the model "demo". Fails with an assertion where something is not as it should be.
"""

import hashlib
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import ollama

ROOT = Path(__file__).resolve().parents[2]

GREEDY = {"temperature": 0, "num_predict": 40, "seed": 1}
QUESTION = [{"role": "user", "content": "What is 2+2?"}]


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
      a: The first.
      b: The second.
    """
    return a + b


def refused(status: int, call, *arguments, **fields) -> str:
    try:
        result = call(*arguments, **fields)
        for _ in result if fields.get("stream") else []:
            pass
    except ollama.ResponseError as error:
        assert error.status_code == status, (error.status_code, error.error)
        return error.error
    raise AssertionError(f"not refused: {arguments} {fields}")


def check_chat(client: ollama.Client) -> None:
    whole = client.chat("demo", QUESTION, options=GREEDY, think=False)
    assert whole.message.role == "assistant" and whole.message.content
    assert whole.done and whole.done_reason in ("stop", "length")
    assert whole.prompt_eval_count > 0 and whole.eval_count > 0 and whole.total_duration > 0
    pieces = list(client.chat("demo", QUESTION, options=GREEDY, think=False, stream=True))
    assert "".join(piece.message.content for piece in pieces) == whole.message.content
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    hard = [{"role": "user", "content": "What is 58+67?"}]
    thinking = client.chat("demo", hard, options=GREEDY | {"num_predict": 200}, think=True)
    assert thinking.message.content == "125" and thinking.eval_count > whole.eval_count
    scored = client.chat(
        "demo", QUESTION, options=GREEDY, think=False, logprobs=True, top_logprobs=3
    )
    assert len(scored.logprobs[0].top_logprobs) == 3
    tools = client.chat("demo", QUESTION, options=GREEDY, think=False, tools=[add])
    assert tools.message.content or tools.message.tool_calls
    assert client.chat("demo", []).done_reason == "load"
    assert "images" in refused(
        400, client.chat, "demo", [{"role": "user", "content": "x", "images": [b"hi"]}]
    )
    refused(404, client.chat, "none", QUESTION)
    refused(404, client.chat, "none", QUESTION, stream=True)
    refused(400, client.chat, "demo", QUESTION, options={"top_p": 9})


def check_generate(client: ollama.Client) -> None:
    whole = client.generate("demo", "What is 2+2?", options=GREEDY, think=False)
    assert whole.response and whole.context
    pieces = list(client.generate("demo", "What is 2+2?", options=GREEDY, think=False, stream=True))
    assert "".join(piece.response for piece in pieces) == whole.response
    assert pieces[-1].context == whole.context
    more = client.generate("demo", "And 3+3?", context=whole.context, options=GREEDY, think=False)
    assert more.context[: len(whole.context)] == whole.context
    assert client.generate("demo", "What is", raw=True, options=GREEDY).response
    assert client.generate("demo", keep_alive=0).done_reason == "unload"
    refused(400, client.generate, "demo", "x", suffix="y")
    refused(400, client.generate, "demo", "x", images=[b"hi"])


def check_format(client: ollama.Client) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    for stream in (False, True):
        for think in (False, True):
            fields = {"format": schema, "options": GREEDY, "think": think, "stream": stream}
            told = client.chat("demo", QUESTION, **fields)
            pieces = list(told) if stream else [told]
            text = "".join(piece.message.content for piece in pieces)
            assert json.loads(text)["answer"] in ("yes", "no"), text
            told = client.generate("demo", "Is 2 even?", **fields)
            pieces = list(told) if stream else [told]
            text = "".join(piece.response for piece in pieces)
            assert json.loads(text)["answer"] in ("yes", "no"), text
    answer = client.chat("demo", QUESTION, format="json", options=GREEDY, think=False)
    if answer.done_reason == "stop":
        json.loads(answer.message.content)
    else:
        assert answer.message.content.lstrip()[0] in '{["-0123456789tfn'
    # What nothing can fit is refused, never answered without it.
    wrong = {"type": "integer", "minimum": 3, "maximum": 2}
    assert "format" in refused(400, client.chat, "demo", QUESTION, format=wrong)


def check_tools(client: ollama.Client) -> None:
    def get_time(city: str) -> str:
        """The time in a city.

        Args:
          city: Its name.
        """
        return city

    asked = [{"role": "user", "content": "What time is it in Rome?"}]
    tool = {
        "type": "function",
        "function": {
            "name": "get_time",
            "description": "The time in a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
    for tools in ([tool], [get_time]):
        whole = client.chat("demo", asked, tools=tools, options=GREEDY, think=False)
        pieces = client.chat("demo", asked, tools=tools, options=GREEDY, think=False, stream=True)
        calls = [call for piece in pieces for call in piece.message.tool_calls or []]
        for call in (*(whole.message.tool_calls or []), *calls):
            assert call.function.name == "get_time", call
        if tools == [tool]:
            assert [dict(call.function.arguments) for call in calls] == [{"city": "Rome"}]
            told = [
                *asked,
                whole.message,
                {"role": "tool", "tool_name": "get_time", "content": "15:00"},
            ]
            after = client.chat("demo", told, tools=tools, options=GREEDY, think=False)
            assert "15:00" in after.message.content, after.message


def check_embeddings(client: ollama.Client) -> None:
    both = client.embed("demo", ["one", "two"])
    assert len(both.embeddings) == 2 and both.prompt_eval_count > 0
    assert abs(sum(x * x for x in both.embeddings[0]) - 1) < 1e-3
    short = client.embed("demo", "one", dimensions=16)
    assert len(short.embeddings[0]) == 16
    assert len(client.embeddings("demo", "one").embedding) == len(both.embeddings[0])
    refused(404, client.embed, "none", "one")


def check_models(client: ollama.Client) -> None:
    assert "demo:latest" in [model.model for model in client.list().models]
    shown = client.show("demo")
    assert shown.details.format == "safetensors" and shown.modelinfo and shown.capabilities
    client.chat("demo", [])
    running = client.ps().models
    assert [model.model for model in running] == ["demo:latest"]
    assert running[0].size > 0 and running[0].context_length > 0
    client.copy("demo", "twin")
    client.delete("twin")
    refused(404, client.delete, "twin")
    created = client.create("brief", from_="demo", system="Be brief.")
    assert created.status == "success"
    assert client.show("brief").modelfile.count("Be brief.") == 1
    steps = [step.status for step in client.create("brief", from_="demo", stream=True)]
    assert steps[-1] == "success" and len(steps) > 1
    client.delete("brief")


def check_blobs(client: ollama.Client) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blob"
        path.write_bytes(b"x" * 3_000_000)
        expected = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
        assert client.create_blob(path) == expected
    files = {}
    for path in sorted((ROOT / "demo/model").iterdir()):
        files[path.name] = client.create_blob(path)
    assert client.create("uploaded", files=files).status == "success"
    answer = client.chat("uploaded", QUESTION, options=GREEDY, think=False)
    assert (
        answer.message.content
        == client.chat("demo", QUESTION, options=GREEDY, think=False).message.content
    )
    client.delete("uploaded")


class Registry:
    """Debian's docker-registry on loopback, open to everybody."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="ingot-test-registry.")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        config = Path(self.folder.name) / "config.yml"
        config.write_text(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n"
            f"storage:\n  filesystem:\n    rootdirectory: {self.folder.name}/blobs\n"
            f"http:\n  addr: {self.host}\n"
        )
        self.process = subprocess.Popen(
            [ROOT / ".deps/bin/docker-registry", "serve", config],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(1000):
            try:
                with urllib.request.urlopen(f"http://{self.host}/v2/") as answer:
                    assert answer.status == 200
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("docker-registry does not answer")

    def __enter__(self) -> str:
        return self.host

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def check_transfer(client: ollama.Client) -> None:
    with Registry() as host:
        name = f"{host}/me/m:latest"
        client.create(name, from_="demo", system="Be brief.")
        steps = list(client.push(name, insecure=True, stream=True))
        assert steps[0].status == "retrieving manifest" and steps[-1].status == "success", steps
        layers = [step for step in steps if step.digest]
        assert layers and all(step.completed <= step.total for step in layers if step.completed)
        assert client.push(name, insecure=True).status == "success"
        digest = {model.model: model.digest for model in client.list().models}[name]
        client.delete(name)
        steps = list(client.pull(name, insecure=True, stream=True))
        assert steps[0].status == "pulling manifest" and steps[-1].status == "success", steps
        assert {model.model: model.digest for model in client.list().models}[name] == digest
        assert client.pull(name, insecure=True).status == "success"
        answer = client.chat(name, QUESTION, options=GREEDY, think=False)
        assert answer.message.content
        client.delete(name)
        refused(404, client.pull, f"{host}/me/m:none", insecure=True)
        try:
            for _ in client.pull(f"{host}/me/m:none", insecure=True, stream=True):
                pass
            raise AssertionError("pulled what is not there")
        except ollama.ResponseError as error:
            assert "m:none" in error.error
    refused(404, client.push, "none")
    refused(404, client.push, "none", stream=True)


def main() -> None:
    client = ollama.Client(host=sys.argv[1])
    check_chat(client)
    check_generate(client)
    check_format(client)
    check_tools(client)
    check_embeddings(client)
    check_models(client)
    check_blobs(client)
    check_transfer(client)
    print("all endpoints answered")


main()
