"""Requests that no SDK would send. Each gets a modeled error, and the server goes on."""

import json

import pytest
from conftest import CLAUDE, LLAMA, TITAN_EMBED, user
from wire import converse_path, idle_connections, invoke_path, post

CONVERSE = converse_path(CLAUDE)
MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
def server_goes_on(runtime):
    yield
    response = runtime.converse(modelId=CLAUDE, messages=user("Hi"), inferenceConfig={"maxTokens": 2})
    assert response["usage"]["outputTokens"] > 0


def converse_body(**changes):
    return json.dumps({"messages": user("Hi"), **changes}).encode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(CONVERSE, converse_body()[:-5], id="truncated JSON"),
        pytest.param(CONVERSE, b"", id="empty body"),
        pytest.param(CONVERSE, b"[]", id="array instead of object"),
        pytest.param(CONVERSE, b"null", id="null"),
        pytest.param(CONVERSE, b'"Hi"', id="string instead of object"),
        pytest.param(CONVERSE, converse_body(messages="Hi"), id="wrong type"),
        pytest.param(CONVERSE, converse_body(messages=[{"role": "user", "content": "Hi"}]), id="native content in Converse"),
        pytest.param(CONVERSE, b"[" * 100_000 + b"]" * 100_000, id="nested arrays"),
        pytest.param(CONVERSE, b'{"messages":' * 100_000 + b"1" + b"}" * 100_000, id="nested objects"),
        pytest.param(
            CONVERSE,
            b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"additionalModelRequestFields":'
            + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
            id="nested document",
        ),
        pytest.param(CONVERSE, b'{"messages":[{"role":"user","content":[{"text":"\xff\xfe"}]}]}', id="invalid UTF-8"),
        pytest.param(CONVERSE, converse_body(messages=[{"role": "user", "content": [{"hologram": {}}]}]), id="unknown union member"),
        pytest.param(CONVERSE, converse_body(messages=[{"role": "user", "content": [{}]}]), id="union without a member"),
        pytest.param(
            CONVERSE,
            converse_body(messages=[{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": "%%%"}}}]}]),
            id="base64 that is none",
        ),
        pytest.param(CONVERSE, converse_body(inferenceConfig={"maxTokens": 0}), id="no tokens"),
        pytest.param(CONVERSE, converse_body(inferenceConfig={"maxTokens": -1}), id="negative tokens"),
        pytest.param(CONVERSE, converse_body(inferenceConfig={"maxTokens": "many"}), id="tokens in words"),
        pytest.param(CONVERSE, converse_body(messages=[{"role": "system", "content": [{"text": "Hi"}]}]), id="role that is none"),
        pytest.param(invoke_path(CLAUDE), b'{"messages":' * 100_000, id="native nested objects"),
        pytest.param(
            invoke_path(CLAUDE),
            b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":0,"messages":[{"role":"user","content":"Hi"}]}',
            id="native without tokens",
        ),
        pytest.param(invoke_path(LLAMA), b'{"prompt":"\xff\xfe"}', id="native invalid UTF-8"),
        pytest.param(invoke_path(LLAMA), b'{"prompt":7}', id="native wrong type"),
        pytest.param(invoke_path(TITAN_EMBED), b'{"inputText":["a"]}', id="embedding wrong type"),
    ],
)
def test_is_a_modeled_error(path, body):
    reply = post(path, body)
    assert reply.status == 400, reply.body
    assert reply.error in ("ValidationException", "SerializationException")
    assert reply.headers["content-type"] == "application/json"
    assert len(reply.headers["x-amzn-requestid"]) == 36
    assert reply.message


@pytest.mark.parametrize("path", [CONVERSE, invoke_path(CLAUDE)], ids=["Converse", "native"])
def test_body_over_the_limit(path):
    body = b'{"messages":[{"role":"user","content":[{"text":"' + b"a" * (40 * MEBIBYTE) + b'"}]}]}'
    reply = post(path, body)
    assert reply.status in (400, 413), reply.body
    assert reply.error
    assert reply.message


def test_constraint_texts_of_two_errors_at_once():
    reply = post(CONVERSE, converse_body(inferenceConfig={"maxTokens": 0, "temperature": 99.0}))
    assert reply.message.startswith("2 validation errors detected: ")
    assert "Value '0' at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1" in reply.message
    assert "Value '99.0' at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than or equal to 1" in reply.message


def test_unknown_members_are_ignored(runtime):
    reply = post(CONVERSE, converse_body(invented={"by": "nobody"}, inferenceConfig={"maxTokens": 2}))
    assert reply.status == 200, reply.body


def test_path_that_is_no_operation():
    reply = post("/no/such/operation", b"{}")
    assert 400 <= reply.status < 500
    assert b"UnknownOperationException" in reply.body or "UnknownOperation" in reply.error


def test_a_thousand_idle_connections(runtime):
    resource = pytest.importorskip("resource", reason="only POSIX systems limit open files this way")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY and hard < 4096 else 4096, hard))
    try:
        sockets = idle_connections(1000)
        try:
            response = runtime.converse(modelId=CLAUDE, messages=user("Hi"), inferenceConfig={"maxTokens": 2})
            assert response["usage"]["outputTokens"] > 0
        finally:
            for s in sockets:
                s.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
