"""`AWS`: requests as they leave, their signatures recomputed here (AWS Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
import re
import urllib.parse
from typing import TYPE_CHECKING

import pytest

from tests.libraries.harness import reply, use, value

if TYPE_CHECKING:
    from tests.guest.network import Asked

CONFIG = "AWS.config.update({ accessKeyId: 'AKID', secretAccessKey: 'SECRET', region: 'eu-west-1' });"

SENT = """<SendMessageResponse><SendMessageResult><MessageId>m1</MessageId>
  <MD5OfMessageBody>{digest}</MD5OfMessageBody></SendMessageResult></SendMessageResponse>"""


def signature(asked: Asked, service: str, secret: str = "SECRET", region: str = "eu-west-1") -> str:
    """The `Authorization` that *asked* must have, of what it says itself."""
    url = urllib.parse.urlsplit(asked.message["url"])
    headers = {name.lower(): text for name, text in asked.headers.items()}
    given = re.search(r"SignedHeaders=([^,]+)", headers["authorization"])
    assert given is not None
    signed = given[1].split(";")
    assert {"host", "x-amz-date"} <= set(signed)
    query = sorted(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
    canonical = "\n".join(
        [
            asked.message["method"],
            url.path,
            urllib.parse.urlencode(query, quote_via=urllib.parse.quote),
            *(f"{name}:{headers[name].strip()}" for name in signed),
            "",
            ";".join(signed),
            headers.get("x-amz-content-sha256") or hashlib.sha256(asked.body or b"").hexdigest(),
        ]
    )
    moment = headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    final = hmac.new(key, text.encode(), "sha256").hexdigest()
    return f"AWS4-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders={';'.join(signed)}, Signature={final}"


def test_sqs() -> None:
    body = "grüße"
    code = f"""{CONFIG}
        const sent = await new AWS.SQS().sendMessage({{
          QueueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/queue', MessageBody: '{body}' }}).promise()
        return sent.MessageId
        """
    answer = SENT.format(digest=hashlib.md5(body.encode()).hexdigest())
    conversation = use(code, reply(answer, content_type="text/xml"))
    (asked,) = conversation.asked

    assert conversation.value == "m1"
    assert asked.message["method"] == "POST"
    assert asked.message["url"].startswith("https://sqs.eu-west-1.amazonaws.com/")
    assert dict(urllib.parse.parse_qsl((asked.body or b"").decode())) == {
        "Action": "SendMessage",
        "Version": "2012-11-05",
        "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/queue",
        "MessageBody": body,
    }
    assert asked.headers["X-Amz-Content-Sha256"] == hashlib.sha256(asked.body or b"").hexdigest()
    assert asked.headers["Authorization"] == signature(asked, "sqs")
    assert asked.headers["Authorization"] != signature(asked, "sqs", "another secret")


def test_s3() -> None:
    code = f"""{CONFIG}
        const s3 = new AWS.S3({{ apiVersion: '2006-03-01' }})
        const put = await s3.putObject({{ Bucket: 'shelf', Key: 'a b/é.json', Body: JSON.stringify({{ x: 1 }}),
          ContentType: 'application/json' }}).promise()
        const got = await s3.getObject({{ Bucket: 'shelf', Key: 'k' }}).promise()
        const listed = await s3.listObjectsV2({{ Bucket: 'shelf', Prefix: 'a/' }}).promise()
        const refused = await s3.getObject({{ Bucket: 'shelf', Key: 'no' }}).promise().catch((e) => [e.code, e.statusCode])
        return [put, got.Body.toString(), listed.Contents.map((each) => each.Key), refused]
        """
    listing = "<ListBucketResult><Contents><Key>a/1</Key></Contents><Contents><Key>a/2</Key></Contents></ListBucketResult>"
    missing = "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
    conversation = use(
        code,
        reply("", content_type="application/xml"),
        reply("stored", content_type="application/octet-stream"),
        reply(listing, content_type="application/xml"),
        reply(missing, 404, "application/xml"),
    )
    put, got, listed, _ = conversation.asked

    assert conversation.value == [{}, "stored", ["a/1", "a/2"], ["NoSuchKey", 404]]
    assert (put.message["method"], put.message["url"]) == (
        "PUT",
        "https://shelf.s3.eu-west-1.amazonaws.com/a%20b/%C3%A9.json",
    )
    assert put.body == b'{"x":1}'
    # As it does in Node: over TLS the SDK leaves bodies of S3 out of the signature.
    assert put.headers["X-Amz-Content-Sha256"] == "UNSIGNED-PAYLOAD"
    for asked in (put, got, listed):
        assert asked.headers["Authorization"] == signature(asked, "s3")


def test_a_role_is_assumed() -> None:
    code = f"""{CONFIG}
        const {{ Credentials }} = await new AWS.STS().assumeRole({{ RoleArn: 'arn:aws:iam::1:role/r', RoleSessionName: 's' }}).promise()
        return Credentials.SessionToken
        """
    answer = """<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>
        <SessionToken>T</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
    conversation = use(code, reply(answer, content_type="text/xml"))

    (asked,) = conversation.asked

    assert conversation.value == "T"
    assert asked.message["url"] == "https://sts.amazonaws.com/"
    assert asked.headers["Authorization"] == signature(asked, "sts", region="us-east-1")


@pytest.mark.parametrize(
    "service", ["DynamoDB", "Kinesis", "Firehose", "SNS", "Lambda", "SES", "CloudWatchEvents", "KMS"]
)
def test_others_are_there(service: str) -> None:
    assert value(f"{CONFIG} return typeof new AWS.{service}().makeRequest") == "function"


def test_a_link_is_signed() -> None:
    code = f"{CONFIG} return new AWS.S3().getSignedUrl('getObject', {{ Bucket: 'shelf', Key: 'k', Expires: 60 }})"
    link = urllib.parse.urlsplit(value(code))

    assert link.netloc == "shelf.s3.eu-west-1.amazonaws.com"
    assert {"AWSAccessKeyId", "Signature", "Expires"} == set(urllib.parse.parse_qs(link.query))
