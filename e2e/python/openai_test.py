"""OpenAI's own Python SDK, unmodified, against a running stack.

Run by scripts/python-clients.ts, which sets INFERNET_BASE_URL, INFERNET_API_KEY, INFERNET_MODEL.
"""

import json
import os

import openai
import pytest

BASE_URL = os.environ["INFERNET_BASE_URL"]
API_KEY = os.environ["INFERNET_API_KEY"]
MODEL = os.environ["INFERNET_MODEL"]

QUESTION = [{"role": "user", "content": "Count from 3 to 7"}]
ANSWER = "3, 4, 5, 6, 7"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def client() -> openai.OpenAI:
    return openai.OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0, timeout=60)


@pytest.fixture(scope="module")
def endpoints(client: openai.OpenAI) -> list[str]:
    """What the demo model can be asked."""
    return client.models.retrieve(MODEL).model_extra["endpoints"]


class TestChat:
    def test_answers_in_one_piece(self, client):
        answer = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0)
        assert answer.object == "chat.completion"
        assert answer.model == MODEL
        assert ANSWER in answer.choices[0].message.content
        assert answer.choices[0].finish_reason == "stop"
        usage = answer.usage
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
        assert usage.completion_tokens > 5

    def test_streams_the_same_under_one_id_with_usage(self, client):
        stream = client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
        text = "".join(
            choice.delta.content or "" for chunk in chunks for choice in chunk.choices
        )
        assert ANSWER in text
        assert len({chunk.id for chunk in chunks}) == 1
        assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
        finishes = [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason]
        assert finishes == ["stop"]
        assert chunks[-1].choices == []
        assert chunks[-1].usage.completion_tokens > 5

    def test_the_stream_helper_accumulates(self, client):
        with client.chat.completions.stream(
            model=MODEL, messages=QUESTION, temperature=0
        ) as stream:
            for _ in stream:
                pass
            final = stream.get_final_completion()
        assert ANSWER in final.choices[0].message.content

    def test_stops_at_the_limit(self, client):
        answer = client.chat.completions.create(
            model=MODEL, messages=QUESTION, temperature=0, max_completion_tokens=2
        )
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage.completion_tokens <= 2

    def test_headers_name_the_request_and_the_job(self, client):
        raw = client.chat.completions.with_raw_response.create(
            model=MODEL, messages=QUESTION, max_completion_tokens=2
        )
        assert raw.headers["x-request-id"].startswith("req_")
        assert raw.headers["x-infernet-job"].startswith("job_")
        assert raw.parse()._request_id == raw.headers["x-request-id"]

    def test_an_idempotency_key_answers_once(self, client):
        def ask():
            return client.chat.completions.with_raw_response.create(
                model=MODEL,
                messages=QUESTION,
                max_completion_tokens=4,
                extra_headers={"Idempotency-Key": f"python-{os.getpid()}"},
            )

        first, second = ask(), ask()
        assert second.headers["x-infernet-job"] == first.headers["x-infernet-job"]
        assert second.headers["idempotency-replayed"] == "true"
        assert second.parse() == first.parse()


class TestTools:
    def test_a_tool_is_called_or_the_request_is_refused_by_name(self, client):
        """The demo model may be too small for tools: then nobody serves the request, and it says so."""
        try:
            answer = client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": "What is the weather in Oslo?"}],
                tools=[WEATHER],
                tool_choice="auto",
                max_completion_tokens=64,
            )
        except openai.APIStatusError as error:
            assert error.status_code in (400, 503)
            assert error.code
            return
        for call in answer.choices[0].message.tool_calls or []:
            assert call.type == "function"
            assert call.function.name == "get_weather"
            json.loads(call.function.arguments)

    def test_a_conversation_with_tool_results_goes_on(self, client):
        call = {
            "id": "call_1",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'},
        }
        answer = client.chat.completions.create(
            model=MODEL,
            messages=[
                {"role": "user", "content": "What is the weather in Oslo?"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": "Snow."},
            ],
            max_completion_tokens=8,
        )
        assert answer.choices[0].finish_reason in ("stop", "length")

    def test_a_choice_without_tools_is_refused(self, client):
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(
                model=MODEL, messages=QUESTION, tool_choice="required"
            )
        assert refused.value.param == "tool_choice"


class TestCompletions:
    def test_continues_a_prompt(self, client, endpoints):
        assert "completions" in endpoints
        answer = client.completions.create(model=MODEL, prompt="Once", max_tokens=4)
        assert answer.object == "text_completion"
        assert answer.usage.completion_tokens <= 4

    def test_streams(self, client):
        chunks = list(
            client.completions.create(model=MODEL, prompt="Once", max_tokens=4, stream=True)
        )
        assert {chunk.object for chunk in chunks} == {"text_completion"}
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"


class TestEmbeddings:
    def test_one_vector_per_input_or_nobody_serves_it(self, client, endpoints):
        """The SDK asks for base64 by itself and decodes it."""
        ask = lambda: client.embeddings.create(model=MODEL, input=["one", "two"])
        if "embeddings" in endpoints:
            answer = ask()
            assert [item.index for item in answer.data] == [0, 1]
            assert len(answer.data[0].embedding) == len(answer.data[1].embedding) > 0
            return
        with pytest.raises(openai.APIStatusError) as refused:
            ask()
        assert refused.value.status_code in (400, 404, 503)
        assert refused.value.code


class TestResponses:
    def test_answers_and_is_stored(self, client):
        response = client.responses.create(
            model=MODEL, input="Count from 3 to 7", temperature=0
        )
        assert response.status == "completed"
        assert ANSWER in response.output_text
        assert response.usage.output_tokens > 5
        stored = client.responses.retrieve(response.id)
        assert stored.output_text == response.output_text
        assert len(client.responses.input_items.list(response.id).data) == 1
        client.responses.delete(response.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(response.id)

    def test_streams_events_in_order(self, client):
        events = list(
            client.responses.create(
                model=MODEL, input="Count from 3 to 7", temperature=0, stream=True, store=False
            )
        )
        assert events[0].type == "response.created"
        assert events[-1].type == "response.completed"
        assert [event.sequence_number for event in events] == list(range(len(events)))
        text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
        assert text == events[-1].response.output_text
        assert ANSWER in text

    def test_goes_on_from_an_earlier_one(self, client):
        first = client.responses.create(model=MODEL, input="Hello", max_output_tokens=16)
        second = client.responses.create(
            model=MODEL, input="And now?", previous_response_id=first.id, max_output_tokens=16
        )
        assert second.previous_response_id == first.id


class TestModels:
    def test_lists_what_is_served(self, client):
        models = {model.id: model for model in client.models.list()}
        assert models[MODEL].object == "model"
        assert float(models[MODEL].model_extra["pricing"]["prompt"]) >= 0

    def test_one_that_nobody_serves_is_not_found(self, client):
        with pytest.raises(openai.NotFoundError) as missing:
            client.models.retrieve("nobody/serves-this")
        assert missing.value.code == "model_not_found"


class TestErrors:
    def test_a_bad_key(self):
        stranger = openai.OpenAI(base_url=BASE_URL, api_key="sk-nobody", max_retries=0)
        with pytest.raises(openai.AuthenticationError) as refused:
            stranger.models.list()
        assert refused.value.code == "invalid_api_key"
        assert refused.value.request_id.startswith("req_")

    def test_a_bad_field_is_named(self, client):
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=9)
        assert refused.value.param == "temperature"
        assert set(refused.value.body) == {"message", "type", "param", "code"}

    def test_a_model_that_nobody_serves(self, client):
        with pytest.raises(openai.NotFoundError) as missing:
            client.chat.completions.create(model="nobody", messages=QUESTION)
        assert MODEL in missing.value.message

    def test_a_caller_that_leaves_can_come_back(self, client):
        stream = client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
        next(iter(stream))
        stream.close()
        answer = client.chat.completions.create(
            model=MODEL, messages=QUESTION, max_completion_tokens=2
        )
        assert answer.choices
