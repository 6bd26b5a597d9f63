"""Writes botocore_requests.jsonl: what botocore sends for one set of made-up
parameters per operation, and the parameters. Run with the botocore release of
api/MODELS.lock:

    python botocore_requests.py > botocore_requests.jsonl
"""

import base64
import datetime
import json
import random

import botocore.serialize
import botocore.session
from botocore.awsrequest import AWSRequest

SERVICES = ["bedrock", "bedrock-agent", "bedrock-agent-runtime", "bedrock-runtime"]
TEXTS = ["arn:aws:bedrock:us-east-1:123456789012:thing/x y", "plain", '\u00fcn\u00ef"\\\n\U0001f600', "a/b?c=d&e+f%20g"]
LABEL = "arn:aws:bedrock:us-east-1:123456789012:thing/x.y-v1:0"
WHEN = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)

rng = random.Random(1)


def make(shape, depth=0):
    """Returns parameters for a shape, or None when it nests too deeply."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return {"any": [1, "x", {"y": 2.5}]}
    if kind == "structure":
        names = list(shape.members)
        if getattr(shape, "is_tagged_union", False):
            rng.shuffle(names)
            for name in names:
                value = make(shape.members[name], depth + 1)
                if value is not None:
                    return {name: value}
            return None
        out = {}
        for name in names:
            member = shape.members[name]
            if member.serialization.get("eventstream") or depth > 8:
                continue
            if name in shape.required_members or depth < 4 and rng.random() < 0.7:
                value = make(member, depth + 1)
                if value is not None:
                    out[name] = value
        return out
    if kind in ("list", "map") and depth > 8:
        return None
    if kind == "list":
        items = [make(shape.member, depth + 1) for _ in range(2 if depth < 2 else 1)]
        return [i for i in items if i is not None] or None
    if kind == "map":
        return {"a key": make(shape.value, depth + 1)}
    if kind == "string":
        return rng.choice(shape.enum or TEXTS)
    if kind in ("integer", "long"):
        return rng.randint(0, 10**6)
    if kind in ("float", "double"):
        return rng.choice([0.5, 1.0, 0.1])
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "timestamp":
        return WHEN
    if kind == "blob":
        return bytes(rng.randrange(256) for _ in range(9))
    raise ValueError(kind)


def plain(shape, value):
    """Returns the JSON form of parameters: base64 blobs, ISO timestamps."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return value
    if kind == "structure":
        return {k: plain(shape.members[k], v) for k, v in value.items()}
    if kind == "list":
        return [plain(shape.member, v) for v in value]
    if kind == "map":
        return {k: plain(shape.value, v) for k, v in value.items()}
    if kind == "timestamp":
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind == "blob":
        return base64.b64encode(value).decode()
    return value


def main():
    session = botocore.session.Session()
    serializer = botocore.serialize.create_serializer("rest-json", include_validation=False)
    for service in SERVICES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            op = model.operation_model(name)
            params = make(op.input_shape) or {}
            for key, member in op.input_shape.members.items():
                where = member.serialization.get("location")
                if where in ("header", "uri") and key in params and member.type_name == "string" and not member.enum:
                    params[key] = LABEL
            sent = serializer.serialize_to_request(params, op)
            body = sent["body"] or b""
            if isinstance(body, str):
                body = body.encode()
            url = AWSRequest(method=sent["method"], url="http://h" + sent["url_path"], params=sent["query_string"]).prepare().url
            line = {
                "service": service, "op": name, "method": sent["method"], "url": url.removeprefix("http://h"),
                "headers": dict(sent["headers"]), "body": base64.b64encode(body).decode(),
                "params": plain(op.input_shape, params),
            }
            print(json.dumps(line, sort_keys=True))


main()
