"""Buckets through the AWS CLI, as typed in a shell."""

import os
import subprocess
import urllib.request
import uuid

import pytest


def aws(*args, stdin=None):
    return subprocess.run(["aws", *args], input=stdin, capture_output=True, timeout=180, check=False, env=os.environ)


def output(*args, stdin=None):
    done = aws(*args, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture
def bucket():
    name = f"cli-{uuid.uuid4()}"
    assert output("s3", "mb", f"s3://{name}").strip() == f"make_bucket: {name}"
    yield f"s3://{name}"
    output("s3", "rb", "--force", f"s3://{name}")
    assert name not in output("s3", "ls")


def listed(bucket):
    lines = output("s3", "ls", "--recursive", f"{bucket}/").splitlines()
    return {line.split(None, 3)[3]: int(line.split(None, 3)[2]) for line in lines}


@pytest.fixture
def folder(tmp_path):
    for name, size in {"a.txt": 5, "with space+plus.txt": 6, "deep/er/ünï.md": 7, "large.bin": 20 << 20}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(os.urandom(size))
        # An object's time is in whole seconds, a file's is not: one uploaded in the second that wrote it looks newer.
        os.utime(tmp_path / name, (1_700_000_000, 1_700_000_000))
    return tmp_path


def test_list_of_buckets(bucket):
    assert bucket.removeprefix("s3://") in output("s3", "ls")


def test_copy_there_and_back(bucket, folder, tmp_path):
    for name in ("a.txt", "with space+plus.txt", "large.bin"):
        output("s3", "cp", str(folder / name), f"{bucket}/{name}")
        back = tmp_path / "back"
        output("s3", "cp", f"{bucket}/{name}", str(back))
        assert back.read_bytes() == (folder / name).read_bytes()
    output("s3", "cp", f"{bucket}/large.bin", f"{bucket}/copied/large.bin")
    output("s3", "mv", f"{bucket}/a.txt", f"{bucket}/moved.txt")
    assert listed(bucket) == {"copied/large.bin": 20 << 20, "large.bin": 20 << 20, "moved.txt": 5, "with space+plus.txt": 6}


def test_standard_input_and_output(bucket):
    output("s3", "cp", "-", f"{bucket}/piped", stdin=b"from a pipe")
    assert output("s3", "cp", f"{bucket}/piped", "-") == "from a pipe"


def test_sync(bucket, folder, tmp_path):
    output("s3", "sync", str(folder), f"{bucket}/docs")
    everything = {f"docs/{name}": size for name, size in {"a.txt": 5, "with space+plus.txt": 6, "deep/er/ünï.md": 7, "large.bin": 20 << 20}.items()}
    assert listed(bucket) == everything
    assert output("s3", "sync", str(folder), f"{bucket}/docs") == ""  # nothing has changed
    (folder / "a.txt").unlink()
    (folder / "new.txt").write_text("new")
    changes = output("s3", "sync", "--delete", str(folder), f"{bucket}/docs")
    assert "delete: " in changes and "upload: " in changes
    del everything["docs/a.txt"]
    assert listed(bucket) == everything | {"docs/new.txt": 3}
    target = tmp_path / "target"
    output("s3", "sync", f"{bucket}/docs", str(target))
    assert (target / "deep/er/ünï.md").read_bytes() == (folder / "deep/er/ünï.md").read_bytes()
    output("s3", "rm", "--recursive", f"{bucket}/docs/deep")
    assert "docs/deep/er/ünï.md" not in listed(bucket)


def test_presign(bucket):
    output("s3", "cp", "-", f"{bucket}/by url.txt", stdin=b"for everybody")
    url = output("s3", "presign", f"{bucket}/by url.txt").strip()
    with urllib.request.urlopen(url, timeout=30) as response:
        assert response.read() == b"for everybody"


def test_conditional_get(bucket, tmp_path):
    output("s3", "cp", "-", f"{bucket}/a", stdin=b"text")
    name = bucket.removeprefix("s3://")
    done = aws("s3api", "get-object", "--bucket", name, "--key", "a", "--if-match", '"other"', str(tmp_path / "x"))
    assert done.returncode != 0
    assert b"(PreconditionFailed)" in done.stderr or b"(412)" in done.stderr


def test_missing_bucket():
    done = aws("s3", "ls", f"s3://none-{uuid.uuid4()}")
    assert done.returncode != 0
    assert b"(NoSuchBucket)" in done.stderr
