"""What a server says that has been given limits: each test starts its own."""

import contextlib
import os
import pathlib
import re
import subprocess
import threading
import urllib.request

import boto3
import pytest
from botocore.config import Config

from conftest import CLAUDE, user

ONE_TRY = Config(retries={"max_attempts": 1, "mode": "standard"}, read_timeout=120)


@contextlib.contextmanager
def limited(server, folder, ready=True, **settings):
    """A client of a further server with the settings in its environment."""
    environment = os.environ | {f"OUTCROP_{name}": str(value) for name, value in settings.items()}
    log = (pathlib.Path(folder) / "log").open("wb")
    process = subprocess.Popen(
        [server.binary, "serve", "--listen", "127.0.0.1:0", "--data", str(folder), "--offline"],
        env=environment, stdout=log, stderr=log,
    )
    try:
        address = wait(pathlib.Path(folder) / "address", process)
        until_answer(f"http://{address}/health/{'ready' if ready else 'live'}", process)
        printed = subprocess.run(
            [server.binary, "env", "--data", str(folder)], env=environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout
        values = dict(re.findall(r"^export (\w+)='(.*)'$", printed, re.MULTILINE))
        assert values["AWS_ENDPOINT_URL"] == f"http://{address}"
        yield boto3.client(
            "bedrock-runtime", endpoint_url=values["AWS_ENDPOINT_URL"], config=ONE_TRY,
            aws_access_key_id=values["AWS_ACCESS_KEY_ID"], aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
        )
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()


def poll(process, attempt, seconds=60):
    """Asks again until the attempt gives something; the event is never set and only spaces the tries."""
    never = threading.Event()
    for _ in range(seconds * 20):
        if (result := attempt()) is not None:
            return result
        assert process.poll() is None, "the server ended"
        never.wait(0.05)
    raise AssertionError("the server did not start")


def wait(path, process):
    return poll(process, lambda: path.read_text() if path.exists() and path.read_text() else None)


def until_answer(url, process):
    def attempt():
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.status
        except OSError:
            return None

    return poll(process, attempt)


def ask(client, tokens=1):
    return client.converse(modelId=CLAUDE, messages=user("Tell me a long story."), inferenceConfig={"maxTokens": tokens})


def test_too_many_requests(server, tmp_path):
    with limited(server, tmp_path, LIMITS_REQUESTS_PER_MINUTE=1) as client:
        ask(client)
        with pytest.raises(client.exceptions.ThrottlingException, match="Too many requests, please wait before trying again."):
            ask(client)
        with pytest.raises(client.exceptions.ThrottlingException):
            client.converse_stream(modelId=CLAUDE, messages=user("Hi"))


def test_an_answer_that_takes_too_long(server, tmp_path):
    with limited(server, tmp_path, TIMEOUTS_MODEL="30ms") as client:
        with pytest.raises(client.exceptions.ModelTimeoutException, match="Model has timed out in processing the request"):
            ask(client, tokens=2000)


def test_more_requests_than_wait(server, tmp_path):
    with limited(server, tmp_path, ENGINE_QUEUE=1, ENGINE_PARALLEL=1) as client:
        ask(client)  # the model is loaded
        refused, answered = [], []

        def one():
            try:
                answered.append(ask(client, tokens=200))
            except client.exceptions.ServiceUnavailableException as error:
                refused.append(str(error))

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answered) + len(refused) == 8
        assert answered, "nobody was answered"
        assert refused and all("Too many connections, please wait before trying again." in text for text in refused)
        ask(client)


def test_engine_that_is_not_there(server, tmp_path):
    with limited(server, tmp_path, ready=False, MODELS=tmp_path / "empty") as client:
        with pytest.raises(client.exceptions.ModelNotReadyException, match="could not be fetched"):
            ask(client)


def test_unknown_model_as_newer_regions_answer(server, tmp_path):
    with limited(server, tmp_path, COMPAT_UNKNOWN_MODEL="validation") as client:
        with pytest.raises(client.exceptions.ValidationException, match="The provided model identifier is invalid."):
            client.converse(modelId="anthropic.no-such-model-v1:0", messages=user("Hi"))


def test_model_outside_of_its_regions(server, tmp_path):
    with limited(server, tmp_path, REGIONS="[{match: 'anthropic.*', regions: [eu-west-1]}]") as client:
        with pytest.raises(client.exceptions.ResourceNotFoundException, match="Could not resolve the foundation model"):
            ask(client)
