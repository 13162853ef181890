"""The official openai package against a server on the demo model: openai_client_test.py INGOT"""

import json
import unittest

import openai
from server_process import MODEL, TIME_TOOL, ServerProcess, program

INGOT = program()
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
SUM = [{"role": "user", "content": "What is 47+38?"}]
CITY = [{"role": "user", "content": "What time is it in Rome?"}]
TOOL = {"type": "function", "function": TIME_TOOL}
FLAT_TOOL = {"type": "function", **TIME_TOOL}
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["answer"],
    "additionalProperties": False,
}
CHOICE_TOOL = {"name": "choose", "description": "Chooses.", "parameters": SCHEMA}


class OpenAiClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = ServerProcess(INGOT)
        cls.addClassCleanup(cls.server.stop)
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key="none", max_retries=0)

    def chat(self, messages=SUM, **options):
        options.setdefault("temperature", 0)
        options.setdefault("reasoning_effort", "none")
        return self.client.chat.completions.create(model=MODEL, messages=messages, **options)

    # --- Chat completions ---

    def test_an_answer_and_its_figures(self):
        answer = self.chat()
        self.assertEqual(answer.choices[0].message.content, "85")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual(answer.object, "chat.completion")
        self.assertTrue(answer.id.startswith("chatcmpl-"))
        self.assertGreater(answer.usage.prompt_tokens, 5)
        self.assertEqual(
            answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens
        )

    def test_a_stream_says_the_same_in_order(self):
        chunks = list(self.chat(stream=True, stream_options={"include_usage": True}))
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertIsNone(chunks[1].choices[0].delta.role)
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, "85")
        self.assertEqual(chunks[-2].choices[0].finish_reason, "stop")
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, self.chat().usage.completion_tokens)
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)

    def test_several_choices(self):
        answer = self.chat(n=3, temperature=1, seed=7, max_tokens=8)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        again = self.chat(n=3, temperature=1, seed=7, max_tokens=8)
        self.assertEqual(
            [c.message.content for c in answer.choices], [c.message.content for c in again.choices]
        )
        indexes = {c.choices[0].index for c in self.chat(n=2, stream=True)}
        self.assertEqual(indexes, {0, 1})

    def test_an_answer_is_cut_at_max_tokens(self):
        answer = self.chat(messages=[{"role": "user", "content": "Spell tiger."}], max_tokens=2)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual(answer.usage.completion_tokens, 2)

    def test_a_stop_text_is_not_part_of_the_answer(self):
        whole = self.chat(messages=[{"role": "user", "content": "Spell tiger."}])
        text = whole.choices[0].message.content
        middle = text[len(text) // 2]
        cut = self.chat(messages=[{"role": "user", "content": "Spell tiger."}], stop=[middle])
        self.assertEqual(cut.choices[0].message.content, text.split(middle)[0])
        self.assertEqual(cut.choices[0].finish_reason, "stop")

    def test_logprobs(self):
        answer = self.chat(logprobs=True, top_logprobs=3)
        tokens = answer.choices[0].logprobs.content
        self.assertEqual("".join(token.token for token in tokens), "85")
        for token in tokens:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertAlmostEqual(token.top_logprobs[0].logprob, token.logprob, places=4)
            self.assertEqual(bytes(token.bytes).decode(), token.token)
        streamed = []
        for chunk in self.chat(logprobs=True, stream=True):
            if chunk.choices[0].logprobs:
                streamed += chunk.choices[0].logprobs.content
        self.assertEqual([t.token for t in streamed], [t.token for t in tokens])

    def test_a_bias_forbids_a_token(self):
        first = self.chat(max_tokens=1).choices[0].message.content
        self.assertEqual(first, "8")
        bias = {str(token): -100 for token in range(200)}
        other = self.chat(max_tokens=1, logit_bias=bias).choices[0].message.content
        self.assertNotEqual(other, first)

    def thinking(self):
        """Options with which the model thinks, as it does now and then: it depends on the seed."""
        for seed in range(100):
            options = {"reasoning_effort": "low", "temperature": 1, "seed": seed}
            message = self.chat(**options, extra_body={"top_k": 0}).choices[0].message
            if getattr(message, "reasoning", None):
                return options
        self.fail("the model never thinks")

    def test_thinking_stands_apart(self):
        options = self.thinking() | {"extra_body": {"top_k": 0}}
        message = self.chat(**options).choices[0].message
        self.assertIn("ones:", message.reasoning)
        self.assertNotIn("think", message.content)
        pieces = list(self.chat(**options, stream=True))
        reasoning = "".join(getattr(p.choices[0].delta, "reasoning", "") or "" for p in pieces)
        self.assertEqual(reasoning, message.reasoning)
        content = "".join(p.choices[0].delta.content or "" for p in pieces)
        self.assertEqual(content, message.content)

    def test_a_tool_is_called_and_its_result_read(self):
        answer = self.chat(CITY, tools=[TOOL])
        self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
        call = answer.choices[0].message.tool_calls[0]
        self.assertEqual(call.function.name, "get_time")
        self.assertEqual(json.loads(call.function.arguments), {"city": "Rome"})
        after = [
            *CITY,
            answer.choices[0].message,
            {"role": "tool", "tool_call_id": call.id, "content": "15:00"},
        ]
        self.assertIn("15:00", self.chat(after, tools=[TOOL]).choices[0].message.content)

    def test_a_tool_is_called_in_a_stream(self):
        chunks = list(self.chat(CITY, tools=[TOOL], stream=True))
        calls = [call for c in chunks for call in c.choices[0].delta.tool_calls or []]
        self.assertEqual([call.index for call in calls], [0])
        self.assertEqual(json.loads(calls[0].function.arguments), {"city": "Rome"})
        self.assertEqual(chunks[-1].choices[0].finish_reason, "tool_calls")

    def test_a_call_is_made_where_it_must_be(self):
        strict = {"type": "function", "function": {**CHOICE_TOOL, "strict": True}}
        named = {"type": "function", "function": {"name": "choose"}}
        for choice in ("required", named):
            for stream in (False, True):
                answer = self.chat(tools=[TOOL, strict], tool_choice=choice, stream=stream)
                if stream:
                    chunks = list(answer)
                    calls = [c for k in chunks for c in k.choices[0].delta.tool_calls or []]
                    finish = chunks[-1].choices[0].finish_reason
                else:
                    calls = answer.choices[0].message.tool_calls
                    finish = answer.choices[0].finish_reason
                self.assertEqual(finish, "tool_calls")
                self.assertGreaterEqual(len(calls), 1)
                for call in calls:
                    arguments = json.loads(call.function.arguments)
                    if call.function.name == "choose":
                        self.assertIn(arguments["answer"].strip(), ("yes", "no"))
                    else:
                        self.assertIsInstance(arguments["city"], str)
                if choice is named:
                    self.assertEqual([call.function.name for call in calls], ["choose"])
        none = self.chat(CITY, tools=[TOOL], tool_choice="none", max_tokens=5)
        self.assertIsNone(none.choices[0].message.tool_calls)

    def test_an_answer_keeps_to_its_schema(self):
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
        for options in ({}, {"reasoning_effort": "low"}, {"temperature": 1, "seed": 5, "n": 3}):
            for choice in self.chat(response_format=form, **options).choices:
                self.assertIn(json.loads(choice.message.content)["answer"], ("yes", "no"))
            texts = {}
            for chunk in self.chat(response_format=form, stream=True, **options):
                for choice in chunk.choices:
                    text = texts.get(choice.index, "")
                    texts[choice.index] = text + (choice.delta.content or "")
            for text in texts.values():
                self.assertIn(json.loads(text)["answer"], ("yes", "no"))
        for form, pattern in (
            ({"type": "regex", "pattern": "(yes|no)!"}, "^(yes|no)!$"),
            ({"type": "grammar", "grammar": 'root ::= "yes" | "no"'}, "^(yes|no)$"),
        ):
            answer = self.chat(extra_body={"response_format": form})
            self.assertRegex(answer.choices[0].message.content, pattern)
        answer = self.chat(response_format={"type": "json_object"}, max_tokens=200).choices[0]
        if answer.finish_reason == "stop":
            json.loads(answer.message.content)
        text = self.client.completions.create(
            model=MODEL,
            prompt="What",
            extra_body={"response_format": {"type": "regex", "pattern": "[a-c]{4}"}},
        )
        self.assertRegex(text.choices[0].text, "^[a-c]{4}$")

    def test_what_cannot_be_kept_to_is_refused(self):
        for schema in (
            {"type": "integer", "minimum": 3, "maximum": 2},
            {"$ref": "https://example.com/schema.json"},
        ):
            with self.assertRaises(openai.BadRequestError) as caught:
                self.chat(
                    response_format={"type": "json_schema", "json_schema": {"schema": schema}},
                    stream=True,
                )
            self.assertEqual(caught.exception.param, "response_format")

    def test_thinking_ends_with_its_budget(self):
        options = self.thinking()
        free = self.chat(**options, extra_body={"top_k": 0}).choices[0].message
        budget = {"top_k": 0, "reasoning": {"effort": "low", "max_tokens": 2}}
        short = self.chat(**options, extra_body=budget).choices[0].message
        self.assertLess(len(short.reasoning), len(free.reasoning))
        self.assertTrue(free.reasoning.startswith(short.reasoning.rstrip()))
        self.assertTrue(short.content)

    def test_what_there_is_not_is_said_so(self):
        with self.assertRaises(openai.NotFoundError):
            self.client.audio.transcriptions.create(model=MODEL, file=("a.wav", b"RIFF"))
        with self.assertRaises(openai.NotFoundError):
            self.client.images.generate(model=MODEL, prompt="x")
        for name, value in (
            ("store", True),
            ("service_tier", "flex"),
            ("verbosity", "low"),
            ("modalities", ["audio"]),
            ("prediction", {"type": "content", "content": "x"}),
            ("web_search_options", {}),
        ):
            with self.assertRaises(openai.BadRequestError) as caught:
                self.chat(**{name: value})
            self.assertEqual(caught.exception.param, name)

    def test_a_picture_is_refused_by_a_model_without_vision(self):
        message = {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": PICTURE}}],
        }
        with self.assertRaises(openai.BadRequestError):
            self.chat([message])
        message["content"][0]["image_url"]["url"] = "https://example.com/a.png"
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat([message])
        self.assertEqual(caught.exception.param, "messages[0].content[0].image_url")

    # --- Errors ---

    def test_errors_have_their_classes_and_places(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.chat.completions.create(model="nowhere", messages=SUM)
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(temperature=9)
        self.assertEqual(caught.exception.param, "temperature")
        self.assertEqual(caught.exception.type, "invalid_request_error")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(extra_body={"colour": "red"})
        self.assertIn("colour", str(caught.exception))
        with self.assertRaises(openai.BadRequestError):
            self.chat([{"role": "user", "content": "word " * 30000}], stream=True)

    # --- Completions ---

    def test_completions_of_texts_and_tokens(self):
        answer = self.client.completions.create(
            model=MODEL, prompt=["<|im_start|>", "What"], n=2, max_tokens=3
        )
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2, 3])
        tokens = self.client.completions.create(
            model=MODEL, prompt=[5, 6, 7], max_tokens=3, temperature=0, echo=True
        )
        plain = self.client.completions.create(
            model=MODEL, prompt=[5, 6, 7], max_tokens=3, temperature=0
        )
        self.assertTrue(tokens.choices[0].text.endswith(plain.choices[0].text))

    def test_echo_gives_logprobs_of_the_prompt(self):
        # As evaluation harnesses ask.
        answer = self.client.completions.create(
            model=MODEL,
            prompt="The number of Ann is 12.",
            max_tokens=1,
            logprobs=1,
            echo=True,
            temperature=0,
            seed=1234,
        )
        logprobs = answer.choices[0].logprobs
        count = answer.usage.prompt_tokens + answer.usage.completion_tokens
        self.assertEqual(len(logprobs.tokens), count)
        self.assertEqual(len(logprobs.top_logprobs), count)
        self.assertIsNone(logprobs.token_logprobs[0])
        self.assertTrue(all(value <= 0 for value in logprobs.token_logprobs[1:]))
        self.assertEqual("".join(logprobs.tokens), answer.choices[0].text)
        self.assertEqual(logprobs.text_offset[1], len(logprobs.tokens[0]))
        # The answer's token, where it is not the end, is the likeliest, greedily drawn.
        if answer.usage.completion_tokens:
            self.assertEqual(max(logprobs.top_logprobs[-1].values()), logprobs.token_logprobs[-1])

    def test_logprobs_of_a_prompt_do_not_depend_on_what_is_cached(self):
        request = {
            "model": MODEL,
            "prompt": "What is 47+38?",
            "max_tokens": 0,
            "logprobs": 0,
            "echo": True,
        }
        first, second = (self.client.completions.create(**request).choices[0] for _ in range(2))
        self.assertEqual(first.logprobs.token_logprobs, second.logprobs.token_logprobs)

    def test_a_stream_of_a_completion(self):
        chunks = list(
            self.client.completions.create(
                model=MODEL, prompt="What", max_tokens=4, stream=True, temperature=0
            )
        )
        whole = self.client.completions.create(
            model=MODEL, prompt="What", max_tokens=4, temperature=0
        )
        self.assertEqual("".join(c.choices[0].text for c in chunks), whole.choices[0].text)
        self.assertEqual(chunks[-1].choices[0].finish_reason, whole.choices[0].finish_reason)

    # --- Responses ---

    def test_a_response_and_one_that_goes_on_from_it(self):
        first = self.client.responses.create(
            model=MODEL, input="The number of Ann is 42.", temperature=0, metadata={"a": "b"}
        )
        self.assertEqual(first.status, "completed")
        self.assertEqual(first.metadata, {"a": "b"})
        second = self.client.responses.create(
            model=MODEL,
            input="What is the number of Ann?",
            previous_response_id=first.id,
            temperature=0,
        )
        self.assertEqual(second.output_text, "42")
        self.assertEqual(self.client.responses.retrieve(second.id).output_text, "42")
        items = self.client.responses.input_items.list(second.id).data
        self.assertEqual([item.type for item in items], ["message"] * 3)
        self.client.responses.delete(first.id)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(first.id)

    def test_a_response_that_is_not_stored_is_not_there(self):
        response = self.client.responses.create(model=MODEL, input="Hi!", store=False)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(response.id)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.create(model=MODEL, input="x", previous_response_id=response.id)

    def test_the_events_of_a_response(self):
        events = list(
            self.client.responses.create(
                model=MODEL, input="What is 47+38?", temperature=0, stream=True
            )
        )
        types = [event.type for event in events]
        self.assertEqual(
            types[:4],
            [
                "response.created",
                "response.in_progress",
                "response.output_item.added",
                "response.content_part.added",
            ],
        )
        self.assertEqual(
            types[-4:],
            [
                "response.output_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.completed",
            ],
        )
        self.assertEqual({*types[4:-4]}, {"response.output_text.delta"})
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        self.assertEqual(events[-1].response.output_text, "85")
        with self.client.responses.stream(
            model=MODEL, input="What is 47+38?", temperature=0
        ) as stream:
            for _ in stream:
                pass
            self.assertEqual(stream.get_final_response().output_text, "85")

    def test_a_response_calls_a_tool_and_reads_its_result(self):
        called = self.client.responses.create(
            model=MODEL, input="What time is it in Rome?", temperature=0, tools=[FLAT_TOOL]
        )
        call = called.output[-1]
        self.assertEqual((call.type, call.name), ("function_call", "get_time"))
        after = self.client.responses.create(
            model=MODEL,
            previous_response_id=called.id,
            tools=[FLAT_TOOL],
            temperature=0,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "15:00"}],
        )
        self.assertIn("15:00", after.output_text)

    def test_a_response_keeps_to_its_schema(self):
        form = {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}}
        fields = {"model": MODEL, "input": "Is 2 even?", "temperature": 0, "text": form}
        whole = self.client.responses.create(**fields)
        self.assertIn(json.loads(whole.output_text)["answer"], ("yes", "no"))
        with self.client.responses.stream(**fields) as stream:
            for _ in stream:
                pass
            text = stream.get_final_response().output_text
        self.assertEqual(text, whole.output_text)
        flat = {"type": "function", **CHOICE_TOOL, "strict": True}
        called = self.client.responses.create(
            model=MODEL,
            input="Is 2 even?",
            temperature=0,
            tools=[flat],
            tool_choice={"type": "function", "name": "choose"},
        )
        self.assertEqual([item.type for item in called.output], ["function_call"])
        self.assertIn(json.loads(called.output[0].arguments)["answer"].strip(), ("yes", "no"))

    # --- Models ---

    def test_models(self):
        models = self.client.models.list().data
        self.assertEqual([model.id for model in models], [f"{MODEL}:latest"])
        self.assertEqual(self.client.models.retrieve(MODEL).owned_by, "ingot")
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("nowhere")


class KeysTest(unittest.TestCase):
    def test_keys_are_wanted_and_responses_are_their_own(self):
        server = ServerProcess(
            INGOT, keys="ann infer ann-secret-0123456789\nbob infer bob-secret-0123456789\n"
        )
        self.addCleanup(server.stop)

        def client(key):
            return openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0)

        with self.assertRaises(openai.AuthenticationError):
            client("wrong").models.list()
        ann, bob = client("ann-secret-0123456789"), client("bob-secret-0123456789")
        response = ann.responses.create(model=MODEL, input="Hi!")
        self.assertEqual(ann.responses.retrieve(response.id).id, response.id)
        with self.assertRaises(openai.NotFoundError):
            bob.responses.retrieve(response.id)
        with self.assertRaises(openai.NotFoundError):
            bob.responses.create(model=MODEL, input="x", previous_response_id=response.id)
        with self.assertRaises(openai.NotFoundError):
            bob.responses.delete(response.id)


if __name__ == "__main__":
    unittest.main()
