"""The official anthropic package against a server on the demo model: anthropic_client_test.py INGOT"""

import json
import unittest

import anthropic
from server_process import MODEL, TIME_TOOL, ServerProcess, program

INGOT = program()
TOOL = {
    "name": TIME_TOOL["name"],
    "description": TIME_TOOL["description"],
    "input_schema": TIME_TOOL["parameters"],
}
SUM = [{"role": "user", "content": "What is 47+38?"}]
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["answer"],
    "additionalProperties": False,
}
CITY = [{"role": "user", "content": "What time is it in Rome?"}]


class AnthropicClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = ServerProcess(INGOT)
        cls.addClassCleanup(cls.server.stop)
        cls.client = anthropic.Anthropic(base_url=cls.server.url, api_key="none", max_retries=0)

    def ask(self, messages=SUM, **options):
        options.setdefault("max_tokens", 100)
        # The package has given up on temperatures; the interface has them.
        body = {"temperature": 0, **options.pop("extra_body", {})}
        return self.client.messages.create(
            model=MODEL, messages=messages, extra_body=body, **options
        )

    def stream(self, messages=SUM, **options):
        """The last message, and the types of the events as they came over the wire."""
        events = []
        with self.client.messages.stream(
            model=MODEL, messages=messages, max_tokens=100, extra_body={"temperature": 0}, **options
        ) as stream:
            for event in stream:
                if event.type.startswith(("message_", "content_block_")):
                    events.append(event)
            return stream.get_final_message(), events

    def test_a_message_and_its_figures(self):
        message = self.ask()
        self.assertEqual([(block.type, block.text) for block in message.content], [("text", "85")])
        self.assertEqual(message.stop_reason, "end_turn")
        self.assertTrue(message.id.startswith("msg_"))
        self.assertGreater(message.usage.output_tokens, 0)
        again = self.ask()
        whole = message.usage.input_tokens + message.usage.cache_read_input_tokens
        self.assertEqual(again.usage.input_tokens + again.usage.cache_read_input_tokens, whole)
        counted = self.client.messages.count_tokens(model=MODEL, messages=SUM)
        self.assertEqual(counted.input_tokens, whole)

    def test_the_events_of_a_stream(self):
        message, events = self.stream()
        types = [event.type for event in events]
        self.assertEqual(types[:2], ["message_start", "content_block_start"])
        self.assertEqual(types[-3:], ["content_block_stop", "message_delta", "message_stop"])
        self.assertEqual({*types[2:-3]}, {"content_block_delta"})
        self.assertEqual(events[-2].delta.stop_reason, "end_turn")
        self.assertEqual(message.content[0].text, "85")

    def test_thinking_is_turned_off(self):
        off = self.ask(thinking={"type": "disabled"})
        self.assertEqual([block.type for block in off.content], ["text"])

    def test_a_tool_is_called_and_its_result_read(self):
        message = self.ask(CITY, tools=[TOOL])
        self.assertEqual(message.stop_reason, "tool_use")
        call = message.content[-1]
        self.assertEqual(
            (call.type, call.name, call.input), ("tool_use", "get_time", {"city": "Rome"})
        )
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "15:00"}
        turns = [
            *CITY,
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [result]},
        ]
        self.assertIn("15:00", self.ask(turns, tools=[TOOL]).content[0].text)
        streamed, _ = self.stream(CITY, tools=[TOOL])
        self.assertEqual(streamed.content[-1].input, {"city": "Rome"})

    def test_a_call_is_made_where_it_must_be(self):
        choose = {"name": "choose", "input_schema": SCHEMA}
        for choice in ({"type": "any"}, {"type": "tool", "name": "choose"}):
            message = self.ask(tools=[TOOL, choose], tool_choice=choice)
            streamed, _ = self.stream(tools=[TOOL, choose], tool_choice=choice)
            for one in (message, streamed):
                self.assertEqual(one.stop_reason, "tool_use")
                calls = [block for block in one.content if block.type == "tool_use"]
                self.assertGreaterEqual(len(calls), 1)
                if choice["type"] == "tool":
                    self.assertEqual([call.name for call in calls], ["choose"])
                for call in calls:
                    if call.name == "choose":
                        self.assertIn(call.input["answer"].strip(), ("yes", "no"))
        none = self.ask(CITY, tools=[TOOL], tool_choice={"type": "none"}, max_tokens=5)
        self.assertNotIn("tool_use", [block.type for block in none.content])

    def test_an_answer_keeps_to_its_schema(self):
        form = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
        for thinking in ({"type": "disabled"}, {"type": "enabled", "budget_tokens": 1024}):
            message = self.ask(extra_body=form, thinking=thinking)
            self.assertIn(json.loads(message.content[-1].text)["answer"], ("yes", "no"))
        events = self.client.messages.create(
            model=MODEL,
            messages=SUM,
            max_tokens=100,
            stream=True,
            extra_body={"temperature": 0, **form},
        )
        text = "".join(e.delta.text for e in events if e.type == "content_block_delta")
        self.assertIn(json.loads(text)["answer"], ("yes", "no"))
        wrong = {"type": "json_schema", "schema": {"type": "integer", "minimum": 3, "maximum": 2}}
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.ask(extra_body={"output_config": {"format": wrong}})
        self.assertIn("output_config.format", str(caught.exception))

    def test_tokens_are_counted_as_they_are_read(self):
        fields = {"tools": [TOOL], "system": "Be brief."}
        counted = self.client.messages.count_tokens(model=MODEL, messages=CITY, **fields)
        usage = self.ask(CITY, max_tokens=1, **fields).usage
        self.assertEqual(counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens)

    def test_what_ends_an_answer(self):
        spell = [{"role": "user", "content": "Spell tiger."}]
        self.assertEqual(self.ask(spell, max_tokens=2).stop_reason, "max_tokens")
        text = self.ask(spell).content[0].text
        middle = text[len(text) // 2]
        cut = self.ask(spell, stop_sequences=[middle])
        self.assertEqual((cut.stop_reason, cut.stop_sequence), ("stop_sequence", middle))
        self.assertEqual(cut.content[0].text, text.split(middle)[0])

    def test_a_system_prompt_and_blocks(self):
        message = self.ask(
            [{"role": "user", "content": [{"type": "text", "text": "What is 47+38?"}]}],
            system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        )
        self.assertTrue(message.content[0].text)

    def test_errors_have_their_classes(self):
        with self.assertRaises(anthropic.NotFoundError) as caught:
            self.client.messages.create(model="nowhere", messages=SUM, max_tokens=5)
        self.assertEqual(caught.exception.body["type"], "error")
        self.assertEqual(caught.exception.body["error"]["type"], "not_found_error")
        self.assertTrue(caught.exception.body["request_id"].startswith("req_"))
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.ask(extra_body={"temperature": 1.5})
        self.assertIn("temperature", str(caught.exception))
        with self.assertRaises(anthropic.BadRequestError):
            self.ask(extra_body={"colour": "red"})
        picture = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
        with self.assertRaises(anthropic.BadRequestError):
            self.ask([{"role": "user", "content": [{"type": "image", "source": picture}]}])

    def test_models(self):
        models = list(self.client.models.list())
        self.assertEqual([model.id for model in models], [f"{MODEL}:latest"])
        self.assertEqual(self.client.models.retrieve(MODEL).display_name, f"{MODEL}:latest")

    def test_a_key_is_wanted(self):
        server = ServerProcess(INGOT, keys="ann infer ann-secret-0123456789\n")
        self.addCleanup(server.stop)
        with self.assertRaises(anthropic.AuthenticationError):
            anthropic.Anthropic(
                base_url=server.url, api_key="wrong", max_retries=0
            ).messages.create(model=MODEL, messages=SUM, max_tokens=5)
        ann = anthropic.Anthropic(
            base_url=server.url, api_key="ann-secret-0123456789", max_retries=0
        )
        self.assertTrue(ann.messages.create(model=MODEL, messages=SUM, max_tokens=5).content)


if __name__ == "__main__":
    unittest.main()
