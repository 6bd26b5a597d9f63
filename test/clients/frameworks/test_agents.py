"""Agent frameworks that run the tool loop themselves: Strands Agents, pydantic-ai and LlamaIndex."""

import asyncio

import pytest
from conftest import CLAUDE, TITAN, check_loop
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.bedrock import BedrockEmbedding
from llama_index.llms.bedrock_converse import BedrockConverse
from pydantic import BaseModel
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.models.bedrock import BedrockConverseModel
from strands import Agent as StrandsAgent
from strands import tool
from strands.models import BedrockModel


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


weather.__name__ = "get_weather"


@pytest.fixture(params=[True, False], ids=["stream", "whole"])
def strands(request):
    return BedrockModel(model_id=CLAUDE, streaming=request.param)


def test_strands_chat(strands, script):
    agent = StrandsAgent(model=strands, system_prompt="Be brief.", callback_handler=None)
    assert str(agent("What is the capital of France?")).strip() == "Paris is the capital of France."
    (call,) = script.calls()
    assert call["operation"] == ("ConverseStream" if strands.get_config()["streaming"] else "Converse")


def test_strands_tool_loop(strands, script):
    agent = StrandsAgent(model=strands, tools=[get_weather], callback_handler=None)
    assert str(agent("How is the weather?")).strip() == "The forecast says: sunny in Lisbon"
    check_loop(script)


def test_strands_stream():
    async def collect():
        agent = StrandsAgent(model=BedrockModel(model_id=CLAUDE), callback_handler=None)
        return [event["data"] async for event in agent.stream_async("What is the capital of France?") if "data" in event]

    assert asyncio.run(collect()) == ["Paris", " is", " the", " capital", " of", " France."]


def test_strands_structured_output(strands):
    agent = StrandsAgent(model=strands, callback_handler=None)
    answer = agent("Name a person.", structured_output_model=Person)
    assert answer.structured_output == Person(name="Ada", age=36)


def test_strands_throttled(strands, script):
    # Strands waits and asks again.
    agent = StrandsAgent(model=strands, callback_handler=None, retry_strategy=None)
    assert str(agent("Well, are you busy?")).strip() == "Not any more."
    assert script.rules() == ["busy", "not busy any more"]


def test_pydantic_ai_chat(script):
    agent = PydanticAgent(BedrockConverseModel(CLAUDE), instructions="Be brief.")
    result = agent.run_sync("What is the capital of France?")
    assert result.output == "Paris is the capital of France."
    assert result.usage.output_tokens == 6
    (call,) = script.calls()
    assert call["request"]["system"] == [{"type": "text", "text": "Be brief."}]


def test_pydantic_ai_stream():
    async def collect():
        agent = PydanticAgent(BedrockConverseModel(CLAUDE))
        async with agent.run_stream("What is the capital of France?") as run:
            return [piece async for piece in run.stream_text(delta=True, debounce_by=None)]

    assert asyncio.run(collect()) == ["Paris", " is", " the", " capital", " of", " France."]


def test_pydantic_ai_tool_loop(script):
    agent = PydanticAgent(BedrockConverseModel(CLAUDE), tools=[weather])
    assert agent.run_sync("How is the weather?").output == "The forecast says: sunny in Lisbon"
    check_loop(script)


def test_pydantic_ai_structured_output():
    agent = PydanticAgent(BedrockConverseModel(CLAUDE), output_type=Person)
    assert agent.run_sync("Name a person.").output == Person(name="Ada", age=36)


def test_llama_index_chat(script):
    llm = BedrockConverse(model=CLAUDE)
    answer = llm.chat([ChatMessage("Be brief.", role="system"), ChatMessage("What is the capital of France?")])
    assert answer.message.content == "Paris is the capital of France."
    (call,) = script.calls()
    assert call["request"]["system"] == [{"type": "text", "text": "Be brief."}]


def test_llama_index_stream():
    llm = BedrockConverse(model=CLAUDE)
    deltas = [chunk.delta for chunk in llm.stream_chat([ChatMessage("What is the capital of France?")])]
    assert [delta for delta in deltas if delta] == ["Paris", " is", " the", " capital", " of", " France."]


def test_llama_index_tool_loop(script):
    async def run():
        agent = FunctionAgent(tools=[weather], llm=BedrockConverse(model=CLAUDE))
        return str(await agent.run("How is the weather?"))

    assert asyncio.run(run()) == "The forecast says: sunny in Lisbon"
    check_loop(script)


def test_llama_index_structured_output():
    llm = BedrockConverse(model=CLAUDE).as_structured_llm(Person)
    assert llm.complete("Name a person.").raw == Person(name="Ada", age=36)


def test_llama_index_embeddings(script):
    embedding = BedrockEmbedding(model_name=TITAN)
    first, again, other = embedding.get_text_embedding_batch(["the sea", "the sea", "a refund"])
    assert len(first) == 1024
    assert first == again != other
    assert len(script.calls("embed")) == 3
