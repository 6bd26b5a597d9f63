"""Buckets on the same port, as boto3's S3 client uses them: over plain HTTP and
TLS, with its default checksums, and with both kinds of presigned URLs."""

import hashlib
import io
import re
import ssl
import urllib.error
import urllib.request
import uuid
import zlib

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

PART = 5 << 20  # the smallest that S3 takes, except for the last


def client(endpoint=None, **config):
    return boto3.client("s3", endpoint_url=endpoint, config=Config(retries={"max_attempts": 1, "mode": "standard"}, **config))


@pytest.fixture(params=["http", "https"])
def s3(request, server):
    return client(getattr(server, request.param))


@pytest.fixture
def bucket(s3):
    name = f"test-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        if found := page.get("Contents"):
            s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": o["Key"]} for o in found]})
    s3.delete_bucket(Bucket=name)


def code(caught):
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def text_of(s3, bucket, key, **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def test_buckets(s3, bucket):
    listed = s3.list_buckets()
    assert bucket in [b["Name"] for b in listed["Buckets"]]
    assert listed["Owner"]["ID"] == "000000000000"
    assert s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(ClientError) as caught:
        s3.delete_bucket(Bucket=f"none-{uuid.uuid4()}")
    assert code(caught) == ("NoSuchBucket", 404)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-2"])
def test_bucket_of_any_region(server, region):
    s3 = boto3.client("s3", region_name=region)
    name = f"test-{uuid.uuid4()}"
    if region == "us-east-1":
        s3.create_bucket(Bucket=name)
    else:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == region
    s3.delete_bucket(Bucket=name)


KEYS = [
    "plain.txt", "with space.txt", "a+b.txt", "100%.txt", "a%20b.txt", "ümläut/世界.md", "emoji 🙂.txt", "deep/er/still/file.txt",
    "quote's \"two\".txt", "semi;colon,comma=equals&and.txt", "(round)[square]{curly}.txt", "~tilde*star!.txt", "question?.txt", "hash#.txt",
    "dots..in..it.txt", ".hidden", "back`tick|pipe^caret.txt", "at@dollar$colon:.txt",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_object(s3, bucket, key):
    body = f"the text of {key}".encode()
    put = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/plain", Metadata={"who": "me"})
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == body
    assert (got["ContentType"], got["Metadata"], got["ContentLength"]) == ("text/plain", {"who": "me"}, len(body))
    head = s3.head_object(Bucket=bucket, Key=key)
    assert head["ETag"] == put["ETag"]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert [o["Key"] for o in s3.list_objects(Bucket=bucket)["Contents"]] == [key]
    assert text_of(s3, bucket, key, Range="bytes=4-7") == body[4:8]
    assert text_of(s3, bucket, key, IfMatch=put["ETag"]) == body
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key=key, IfMatch='"another"')
    assert code(caught) == ("PreconditionFailed", 412)
    s3.copy_object(Bucket=bucket, Key="copy of it", CopySource={"Bucket": bucket, "Key": key})
    assert text_of(s3, bucket, "copy of it") == body
    s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(s3.exceptions.NoSuchKey) as caught:
        s3.get_object(Bucket=bucket, Key=key)
    assert code(caught) == ("NoSuchKey", 404)


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "..", "a/./b", "a//b"])
def test_keys_that_are_no_paths(s3, bucket, key):
    """What a folder cannot hold is refused, and nothing is written beside the bucket."""
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert code(caught)[1] == 400
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_empty_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert text_of(s3, bucket, "empty") == b""
    s3.put_object(Bucket=bucket, Key="folder/", Body=b"")
    # An empty body leaves the connection fit for a body that is not.
    s3.put_object(Bucket=bucket, Key="full", Body=b"text")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["empty", "folder/", "full"]


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])  # the others take awscrt
def test_checksums(s3, bucket, algorithm):
    body = b"checked " * 100_000
    put = s3.put_object(Bucket=bucket, Key="sum", Body=body, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]


def test_wrong_checksum(s3, bucket):
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="sum", Body=b"text", ChecksumCRC32="AAAAAA==")
    assert code(caught) == ("BadDigest", 400)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


class Unseekable(io.RawIOBase):
    """A body whose end nobody knows until it is there."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, size=-1):
        return self.data.read(size)


def test_transfer_of_a_stream(s3, bucket):
    """upload_fileobj cuts a stream into parts, which go as chunks with a trailer over TLS."""
    body = bytes(range(256)) * (3 * PART // 256) + b"the last part is shorter"
    s3.upload_fileobj(Unseekable(body), bucket, "stream", Config=TransferConfig(multipart_threshold=PART, multipart_chunksize=PART))
    target = io.BytesIO()
    s3.download_fileobj(bucket, "stream", target)
    assert zlib.crc32(target.getvalue()) == zlib.crc32(body)


def test_multipart(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large", ContentType="application/x-large")["UploadId"]
    parts = []
    for number, fill in enumerate([b"a", b"b", b"c"], start=1):
        answer = s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=number, Body=fill * PART)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    assert [p["Size"] for p in s3.list_parts(Bucket=bucket, Key="large", UploadId=upload)["Parts"]] == [PART] * 3
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    done = s3.complete_multipart_upload(Bucket=bucket, Key="large", UploadId=upload, MultipartUpload={"Parts": parts})
    assert done["ETag"].endswith('-3"')
    got = s3.get_object(Bucket=bucket, Key="large")
    assert got["ContentType"] == "application/x-large"
    assert got["Body"].read() == b"a" * PART + b"b" * PART + b"c" * PART
    assert text_of(s3, bucket, "large", Range=f"bytes={PART - 2}-{PART + 1}") == b"aabb"


def test_abandoned_multipart(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="large", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    with pytest.raises(ClientError) as caught:
        s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=2, Body=b"x")
    assert code(caught) == ("NoSuchUpload", 404)


def test_list(s3, bucket):
    names = [f"{folder}/{number:02}.txt" for folder in ("a", "a-b", "b") for number in range(7)]
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=name.encode())
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4}))
    assert len(pages) == 6
    assert [o["Key"] for page in pages for o in page["Contents"]] == sorted(names)
    old = s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
    assert [o["Key"] for page in old for o in page["Contents"]] == sorted(names)
    folders = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in folders["CommonPrefixes"]] == ["a-b/", "a/", "b/"]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix="a/", StartAfter="a/04.txt")["Contents"]] == ["a/05.txt", "a/06.txt"]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in names[:20]], "Quiet": True})
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["b/06.txt"]


def test_bucket_that_is_not_empty(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    with pytest.raises(ClientError) as caught:
        s3.delete_bucket(Bucket=bucket)
    assert code(caught) == ("BucketNotEmpty", 409)


def test_tags(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", Tagging="team=docs")
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == [{"Key": "team", "Value": "docs"}]


def test_expected_owner(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ExpectedBucketOwner="000000000000")
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="a", ExpectedBucketOwner="111111111111")
    assert code(caught) == ("AccessDenied", 403)


def fetch(url, data=None, method=None, headers=None):
    """A request by somebody who has nothing but the URL; the certificate is the server's own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30, context=context if url.startswith("https") else None) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


# boto3 presigns with the signature of version 2 where nobody says otherwise.
@pytest.mark.parametrize("version", [None, "s3v4", "s3"], ids=["default", "version 4", "version 2"])
def test_presigned(server, s3, bucket, version):
    signer = client(s3.meta.endpoint_url, signature_version=version) if version else s3
    where = {"Bucket": bucket, "Key": "a folder/ü+1.txt"}
    put = signer.generate_presigned_url("put_object", Params=where | {"ContentType": "text/plain"})
    assert fetch(put, data=b"by URL", method="PUT", headers={"Content-Type": "text/plain"})[0] == 200
    get = signer.generate_presigned_url("get_object", Params=where | {"ResponseContentType": "text/x-other"})
    assert fetch(get) == (200, b"by URL")
    assert s3.head_object(**where)["ContentType"] == "text/plain"
    status, body = fetch(get.replace("Signature=", "Signature=A"))
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)
    status, body = fetch(get.replace("folder", "f0lder"))
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)
    status, body = fetch(get, method="DELETE")
    assert status == 403
    expired = signer.generate_presigned_url("get_object", Params=where, ExpiresIn=-10)
    status, body = fetch(expired)
    assert status in (400, 403), body  # version 4 says that a negative life is none
    assert b"<Error>" in body


def test_wrong_secret(server):
    s3 = boto3.client("s3", aws_secret_access_key="wrong", aws_access_key_id=boto3.Session().get_credentials().access_key)
    with pytest.raises(ClientError) as caught:
        s3.list_buckets()
    assert code(caught) == ("SignatureDoesNotMatch", 403)


def test_unknown_key(server):
    s3 = boto3.client("s3", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="wrong")
    with pytest.raises(ClientError) as caught:
        s3.list_buckets()
    assert code(caught) == ("InvalidAccessKeyId", 403)


def test_key_of_a_user(server, bucket, s3):
    printed = server.outcrop("keys", "create", "--user", "writer")
    access_key = re.search(r"AWS_ACCESS_KEY_ID=(\S+)", printed).group(1)
    secret = re.search(r"AWS_SECRET_ACCESS_KEY=(\S+)", printed).group(1)
    mine = boto3.client("s3", aws_access_key_id=access_key, aws_secret_access_key=secret)
    mine.put_object(Bucket=bucket, Key="mine", Body=b"x")
    assert text_of(s3, bucket, "mine") == b"x"
    server.outcrop("keys", "revoke", access_key)


def test_what_is_not_built(s3, bucket):
    for call in (
        lambda: s3.put_bucket_policy(Bucket=bucket, Policy="{}"),
        lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}),
        lambda: s3.put_bucket_acl(Bucket=bucket, ACL="public-read"),
        lambda: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": []}),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert code(caught) == ("NotImplemented", 501)


def test_answers_name_the_request(s3, bucket):
    answer = s3.put_object(Bucket=bucket, Key="a", Body=b"text")["ResponseMetadata"]
    assert uuid.UUID(answer["RequestId"]).version == 4


def test_errors_name_the_request(s3):
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=f"none-{uuid.uuid4()}", Key="a")
    assert code(caught) == ("NoSuchBucket", 404)
    answer = caught.value.response["ResponseMetadata"]
    assert uuid.UUID(answer["RequestId"]).version == 4


def test_nobody(server, s3, bucket):
    """Without a signature a request is not S3's: nothing says that it is."""
    anonymous = client(server.http, signature_version=UNSIGNED)
    with pytest.raises(ClientError) as caught:
        anonymous.list_objects_v2(Bucket=bucket)
    assert code(caught)[1] in (403, 404)


def test_a_large_refused_body(s3):
    """The error arrives although the client is still sending."""
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=f"none-{uuid.uuid4()}", Key="a", Body=b"x" * (40 << 20))
    assert code(caught) == ("NoSuchBucket", 404)
