"""`google.cloud.*`: the requests of its REST interfaces, whether a client would rather speak gRPC or not."""

from __future__ import annotations

import base64
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.libraries.harness import reply, use, value
from tests.libraries.jwt import part

if TYPE_CHECKING:
    from tests.guest.network import Asked, Conversation, Reply

OPTIONS = """({ projectId: 'p',
  credentials: { type: 'authorized_user', client_id: 'id', client_secret: 'hush', refresh_token: 'r' } })"""


def talk(code: str, *replies: Reply) -> tuple[Conversation, list[Asked]]:
    """What comes of *code* after the client has fetched its token, and what is asked from then on."""
    token = reply({"access_token": "T", "expires_in": 3600})
    conversation = use(f"const options = {OPTIONS}; {code}", token, *replies)
    first, *rest = conversation.asked
    assert first.message["url"] == "https://oauth2.googleapis.com/token"
    assert dict(urllib.parse.parse_qsl((first.body or b"").decode())) == {
        "grant_type": "refresh_token",
        "client_id": "id",
        "client_secret": "hush",
        "refresh_token": "r",
    }
    assert {asked.headers["Authorization"] for asked in rest} == {"Bearer T"}
    return conversation, rest


def body_of(asked: Asked) -> Any:
    return json.loads(asked.body or b"")


def test_pubsub() -> None:
    code = """
        const topic = new google.cloud.pubsub.PubSub(options).topic('t')
        return topic.publish(Buffer.from('hé'), { kind: 'x' })
        """
    conversation, (asked,) = talk(code, reply({"messageIds": ["7"]}))

    assert conversation.value == "7"
    assert asked.message["method"] == "POST"
    assert asked.message["url"].rstrip("?") == "https://pubsub.googleapis.com/v1/projects/p/topics/t:publish"
    data = base64.b64encode("hé".encode()).decode()
    assert body_of(asked) == {"messages": [{"data": data, "attributes": {"kind": "x"}}]}


def test_a_service_account() -> None:
    """The grant is a token that the account's key signs (RFC 7523), which the double checks as Google would."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": pem,
        "client_email": "robot@p.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    code = f"""
        const credentials = {json.dumps(account)}
        const topic = new google.cloud.pubsub.PubSub({{ projectId: 'p', credentials }}).topic('t')
        return [await topic.publish(Buffer.from('a')), await topic.publish(Buffer.from('b'))]
        """
    conversation = use(
        code,
        reply({"access_token": "T", "expires_in": 3600, "token_type": "Bearer"}),
        reply({"messageIds": ["7"]}),
        reply({"messageIds": ["8"]}),
    )
    asked, *published = conversation.asked

    assert conversation.value == ["7", "8"]
    assert asked.message["method"] == "POST"
    assert asked.message["url"] == "https://www.googleapis.com/oauth2/v4/token"
    grant = dict(urllib.parse.parse_qsl((asked.body or b"").decode()))
    assert grant["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    signed, _, signature = grant["assertion"].rpartition(".")
    key.public_key().verify(part(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    header, claims = (json.loads(part(each)) for each in signed.split("."))
    assert header["alg"] == "RS256"
    assert claims["iss"] == account["client_email"]
    assert claims["aud"] == asked.message["url"]
    assert "https://www.googleapis.com/auth/pubsub" in claims["scope"].split()
    assert claims["exp"] - claims["iat"] == 3600
    assert [each.headers["Authorization"] for each in published] == ["Bearer T"] * 2
    assert [base64.b64decode(body_of(each)["messages"][0]["data"]) for each in published] == [b"a", b"b"]


def test_pubsub_refused() -> None:
    code = """
        const topic = new google.cloud.pubsub.PubSub(options).topic('t')
        return topic.publish(Buffer.from('x')).catch((error) => [error.code, error.message])
        """
    refused = {"error": {"code": 404, "message": "no such topic", "status": "NOT_FOUND"}}

    assert talk(code, reply(refused, 404))[0].value == [5, "no such topic"]


def test_storage() -> None:
    code = """
        const bucket = new google.cloud.storage.Storage(options).bucket('b')
        await bucket.file('f.txt').save('hi', { resumable: false, validation: false, contentType: 'text/plain' })
        const [content] = await bucket.file('g').download({ validation: false })
        const [exists] = await bucket.file('h').exists()
        return [content.toString(), exists]
        """
    conversation, (saved, loaded, _, sought) = talk(
        code,
        reply({"name": "f.txt"}),
        reply("stored", content_type="text/plain"),
        reply({"name": "g"}),
        reply({"error": {"code": 404}}, 404),
    )

    assert conversation.value == ["stored", False]
    assert saved.message["url"].startswith(
        "https://storage.googleapis.com/upload/storage/v1/b/b/o?uploadType=multipart"
    )
    assert b"\r\n\r\nhi\r\n" in (saved.body or b"")
    assert loaded.message["url"] == "https://storage.googleapis.com/storage/v1/b/b/o/g?alt=media"
    assert sought.message["url"].rstrip("?") == "https://storage.googleapis.com/storage/v1/b/b/o/h"


def test_bigquery() -> None:
    code = """
        const table = new google.cloud.bigquery.BigQuery(options).dataset('d').table('t')
        return table.insert([{ a: 1 }]).then(() => 'inserted')
        """
    conversation, (asked,) = talk(code, reply({}))

    assert conversation.value == "inserted"
    assert (
        urllib.parse.urlsplit(asked.message["url"]).path
        == "/bigquery/v2/projects/p/datasets/d/tables/t/insertAll"
    )
    assert [row["json"] for row in body_of(asked)["rows"]] == [{"a": 1}]


def test_datastore() -> None:
    code = """
        const datastore = new google.cloud.datastore.Datastore(options)
        const key = datastore.key(['Kind', 'name'])
        await datastore.save({ key, data: { x: 1, when: 'now' } })
        const [entity] = await datastore.get(key)
        return entity
        """
    path = {"partitionId": {"projectId": "p"}, "path": [{"kind": "Kind", "name": "name"}]}
    found = {"found": [{"entity": {"key": path, "properties": {"x": {"integerValue": "1"}}}}]}
    conversation, (saved, sought) = talk(code, reply({}), reply(found))

    assert conversation.value == {"x": 1}
    assert saved.message["url"].rstrip("?") == "https://datastore.googleapis.com/v1/projects/p:commit"
    (mutation,) = body_of(saved)["mutations"]
    assert mutation["upsert"]["key"]["path"] == [{"kind": "Kind", "name": "name"}]
    assert mutation["upsert"]["properties"]["when"] == {"stringValue": "now"}
    assert sought.message["url"].rstrip("?") == "https://datastore.googleapis.com/v1/projects/p:lookup"


def test_firestore() -> None:
    code = "return new google.cloud.firestore.Firestore(options).doc('a/b').set({ x: 'y' }).then((result) => result.writeTime.toMillis())"
    written = {"writeResults": [{"updateTime": "1970-01-01T00:00:01Z"}], "commitTime": "1970-01-01T00:00:01Z"}
    conversation, (asked,) = talk(code, reply(written))

    assert conversation.value == 1000
    root = "projects/p/databases/(default)/documents"
    assert asked.message["url"].rstrip("?") == f"https://firestore.googleapis.com/v1/{root}:commit"
    (write,) = body_of(asked)["writes"]
    assert write["update"] == {"name": f"{root}/a/b", "fields": {"x": {"stringValue": "y"}}}


def test_firestore_reads() -> None:
    code = """
        const firestore = new google.cloud.firestore.Firestore(options)
        const document = await firestore.doc('a/b').get()
        const found = await firestore.collection('a').where('x', '>', 0).get()
        return [document.exists, document.data(), found.docs.map((each) => each.id)]
        """
    when = "2026-01-01T00:00:00Z"
    name = "projects/p/databases/(default)/documents/a/b"
    document = {"name": name, "fields": {"x": {"integerValue": "1"}}, "createTime": when, "updateTime": when}
    conversation, (got, queried) = talk(
        code,
        reply([{"found": document, "readTime": when}]),
        reply(
            [
                {"document": document, "readTime": when},
                {"document": {**document, "name": f"{name}2"}, "readTime": when},
            ]
        ),
    )

    assert conversation.value == [True, {"x": 1}, ["b", "b2"]]
    assert body_of(got)["documents"] == [name]
    assert body_of(queried)["structuredQuery"]["from"] == [{"collectionId": "a"}]


def test_what_needs_a_socket_says_so() -> None:
    code = """
        const listen = (start) => new Promise((resolve) => start(resolve)).catch((error) => error).then((error) => error.message)
        const firestore = new google.cloud.firestore.Firestore(options)
        return listen((fail) => firestore.doc('a/b').onSnapshot(() => {}, fail))
        """

    assert "takes a socket" in use(f"const options = {OPTIONS}; {code}").value


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("await bucket.upload('/tmp/x')", "functions have no files"),
        ("await bucket.file('f').download({ destination: '/tmp/x' })", "functions have no files"),
        (
            "await new google.cloud.storage.Storage({ keyFilename: '/k' }).bucket('b').exists()",
            "functions have no files",
        ),
    ],
)
def test_what_needs_files_says_so(start: str, said: str) -> None:
    code = f"""
        const bucket = new google.cloud.storage.Storage({OPTIONS}).bucket('b')
        try {{ {start} }} catch (error) {{ return error.message }}
        """

    assert said in use(code).value


def test_a_subscription_says_why_it_hears_nothing() -> None:
    """Where it cannot be caught, since the client starts it behind the function's back, it ends the event."""
    code = f"""
        const subscription = new google.cloud.pubsub.PubSub({OPTIONS}).subscription('s')
        subscription.on('message', () => {{}})
        await new Promise((resolve) => setTimeout(resolve, 100))
        """

    with pytest.raises(
        AssertionError, match="streams over gRPC, which takes a socket, and functions have none"
    ):
        use(code)


def test_functions() -> None:
    code = """
        const client = new google.cloud.functions.CloudFunctionsServiceClient(options)
        const [answer] = await client.callFunction({ name: 'projects/p/locations/l/functions/f', data: '{}' })
        return answer.result
        """
    conversation, (asked,) = talk(code, reply({"result": "done"}))

    assert conversation.value == "done"
    url = "https://cloudfunctions.googleapis.com/v1/projects/p/locations/l/functions/f:call"
    assert (asked.message["url"].rstrip("?"), body_of(asked)) == (url, {"data": "{}"})


def test_tasks() -> None:
    code = """
        const client = new google.cloud.tasks.CloudTasksClient(options)
        const [task] = await client.createTask({ parent: client.queuePath('p', 'l', 'q'),
          task: { httpRequest: { url: 'https://x.example/', body: Buffer.from('b').toString('base64') } } })
        return task.name
        """
    conversation, (asked,) = talk(code, reply({"name": "projects/p/locations/l/queues/q/tasks/1"}))

    assert conversation.value == "projects/p/locations/l/queues/q/tasks/1"
    url = "https://cloudtasks.googleapis.com/v2/projects/p/locations/l/queues/q/tasks"
    assert asked.message["url"].rstrip("?") == url
    assert body_of(asked)["task"]["httpRequest"]["url"] == "https://x.example/"


def test_automl() -> None:
    code = """
        const client = new google.cloud.automl.PredictionServiceClient(options)
        const [answer] = await client.predict({ name: client.modelPath('p', 'l', 'm'),
          payload: { textSnippet: { content: 'x', mimeType: 'text/plain' } } })
        return answer.payload.map((each) => each.displayName)
        """
    conversation, (asked,) = talk(code, reply({"payload": [{"displayName": "label"}]}))

    assert conversation.value == ["label"]
    url = "https://automl.googleapis.com/v1/projects/p/locations/l/models/m:predict"
    assert asked.message["url"].rstrip("?") == url
    assert body_of(asked)["payload"] == {"textSnippet": {"content": "x", "mimeType": "text/plain"}}


def test_several_share_a_namespace() -> None:
    code = "return [Object.keys(google.cloud).sort(), typeof google.cloud.pubsub.PubSub, typeof google.cloud.storage.Storage]"

    names = ["automl", "bigquery", "datastore", "firestore", "functions", "pubsub", "storage", "tasks"]
    assert value(code) == [names, "function", "function"]
