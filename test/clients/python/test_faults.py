"""Clients that go away and engines that die: one request suffers, not the server."""

import os
import signal

import boto3
import pytest
from botocore.exceptions import EventStreamError
from conftest import CLAUDE, user, words

LONG = {
    "modelId": CLAUDE,
    "messages": user("Write a very long story about the sea, with many chapters."),
    "inferenceConfig": {"maxTokens": 2000},
}


def answers(runtime):
    response = runtime.converse(modelId=CLAUDE, messages=user("Name a river."), inferenceConfig={"maxTokens": 20})
    return words(response["output"]["message"]["content"][0]["text"])


def test_client_hangs_up(runtime, warm):
    for _ in range(3):
        client = boto3.session.Session().client("bedrock-runtime")
        stream = client.converse_stream(**LONG)["stream"]
        next(iter(stream))
        stream.close()
        client.close()
    assert answers(runtime)


def test_two_streams_at_once(warm):
    streams = [
        iter(boto3.session.Session().client("bedrock-runtime").converse_stream(**{**LONG, "inferenceConfig": {"maxTokens": 60}})["stream"])
        for _ in range(2)
    ]
    texts = ["", ""]
    open_streams = {0, 1}
    while open_streams:
        for i in list(open_streams):
            event = next(streams[i], None)
            if event is None:
                open_streams.discard(i)
            elif "contentBlockDelta" in event:
                texts[i] += event["contentBlockDelta"]["delta"]["text"]
    for text in texts:
        words(text)


def test_runner_is_killed_in_the_middle_of_a_stream(server, runtime, warm):
    stream = iter(runtime.converse_stream(**LONG)["stream"])
    while "contentBlockDelta" not in next(stream):
        pass
    runners = server.runners()
    assert runners, "no runner among the server's children"
    for pid in runners:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(EventStreamError) as caught:
        for _ in stream:
            pass
    assert caught.value.response["Error"]["Code"] in (
        "modelStreamErrorException",
        "internalServerException",
        "serviceUnavailableException",
    )
    assert caught.value.response["Error"]["Message"]
    assert answers(runtime)
    assert not set(runners) & set(server.runners())
