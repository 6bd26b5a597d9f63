"""LangChain: ChatBedrockConverse, ChatBedrock and BedrockEmbeddings."""

import pytest
from conftest import CLAUDE, NOVA, TITAN, check_loop
from langchain_aws import BedrockEmbeddings, ChatBedrock, ChatBedrockConverse
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


class Person(BaseModel):
    """A person."""

    name: str
    age: int


CHATS = [
    pytest.param(lambda: ChatBedrockConverse(model=CLAUDE), id="ChatBedrockConverse"),
    pytest.param(lambda: ChatBedrockConverse(model=NOVA), id="ChatBedrockConverse, Nova"),
    pytest.param(lambda: ChatBedrock(model=CLAUDE), id="ChatBedrock"),
]


@pytest.fixture(params=CHATS)
def chat(request):
    return request.param()


def test_chat(chat, script):
    answer = chat.invoke([("system", "Be brief."), ("human", "What is the capital of France?")])
    assert answer.text == "Paris is the capital of France."
    assert answer.usage_metadata["output_tokens"] == 6
    (call,) = script.calls()
    assert call["request"]["system"] == [{"type": "text", "text": "Be brief."}]


def test_stream(chat):
    chunks = list(chat.stream("What is the capital of France?"))
    assert "".join(chunk.text for chunk in chunks) == "Paris is the capital of France."
    assert len([chunk for chunk in chunks if chunk.text]) == 6


def test_tool_loop(chat, script):
    with_tools = chat.bind_tools([get_weather])
    messages = [HumanMessage("How is the weather?")]
    answer = with_tools.invoke(messages)
    assert [call["args"] for call in answer.tool_calls] == [{"city": "Lisbon"}]
    messages += [answer, *(get_weather.invoke(call) for call in answer.tool_calls)]
    assert with_tools.invoke(messages).text == "The forecast says: sunny in Lisbon"
    check_loop(script)


def test_tool_call_in_a_stream(chat):
    whole = None
    for chunk in chat.bind_tools([get_weather]).stream("How is the weather?"):
        whole = chunk if whole is None else whole + chunk
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [("get_weather", {"city": "Lisbon"})]


def test_structured_output(chat):
    assert chat.with_structured_output(Person).invoke("Name a person.") == Person(name="Ada", age=36)


def test_structured_output_by_schema(script):
    chat = ChatBedrockConverse(model=CLAUDE)
    answer = chat.with_structured_output(Person, method="json_schema").invoke("Name a person.")
    assert answer == Person(name="Ada", age=36)
    assert script.rules() == ["person, by schema"]


def test_embeddings(script):
    embeddings = BedrockEmbeddings(model_id=TITAN)
    first, again, other = embeddings.embed_documents(["the sea", "the sea", "a refund"])
    assert len(first) == 1024
    assert first == again != other
    assert embeddings.embed_query("the sea") == first
    assert len(script.calls("embed")) >= 3
