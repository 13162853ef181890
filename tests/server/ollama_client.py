"""Drives every endpoint of a server with the official `ollama` package.

tests/server/ollama_client.py URL

The server has the model "demo". Fails with an assertion where something is not as it should be.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

import ollama

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
    """A format is honoured, or the request is refused by name; never passed over."""
    schema = {
        "type": "object",
        "properties": {"sum": {"type": "integer"}},
        "required": ["sum"],
        "additionalProperties": False,
    }
    import json

    for form in ("json", schema):
        try:
            answer = client.chat("demo", QUESTION, format=form, options=GREEDY, think=False)
        except ollama.ResponseError as error:
            assert error.status_code == 400 and "format" in error.error, error.error
            continue
        if answer.done_reason == "stop":
            value = json.loads(answer.message.content)
            assert form == "json" or set(value) == {"sum"}


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
    for path in sorted((Path(__file__).parents[2] / "demo/model").iterdir()):
        files[path.name] = client.create_blob(path)
    assert client.create("uploaded", files=files).status == "success"
    answer = client.chat("uploaded", QUESTION, options=GREEDY, think=False)
    assert (
        answer.message.content
        == client.chat("demo", QUESTION, options=GREEDY, think=False).message.content
    )
    client.delete("uploaded")


def check_transfer(client: ollama.Client) -> None:
    refused(500, client.pull, "http://127.0.0.1:1/a/b:c", insecure=True)
    try:
        for _ in client.pull("http://127.0.0.1:1/a/b:c", insecure=True, stream=True):
            pass
        raise AssertionError("pulled from nowhere")
    except ollama.ResponseError:
        pass
    refused(404, client.push, "none")


def main() -> None:
    client = ollama.Client(host=sys.argv[1])
    check_chat(client)
    check_generate(client)
    check_format(client)
    check_embeddings(client)
    check_models(client)
    check_blobs(client)
    check_transfer(client)
    print("all endpoints answered")


main()
