"""`hubspotlib.hubspot`, `jsforce` and `skyflowlib.skyflow`."""

from __future__ import annotations

import json
import urllib.parse

import pytest

from tests.libraries.harness import reply, use, value
from tests.libraries.jwt import Pair, part


def test_hubspot() -> None:
    code = """
        const client = new hubspotlib.hubspot.Client({ accessToken: 'token' })
        const made = await client.crm.contacts.basicApi.create({ properties: { email: 'a@b.c' }, associations: [] })
        const failure = await client.crm.companies.basicApi.getById('7').catch((error) => [error.code, error.body.message])
        return [made.id, made.properties, failure]
        """
    contact = {"id": "1", "properties": {"email": "a@b.c"}, "createdAt": "2026-01-01T00:00:00Z"}
    conversation = use(
        code,
        reply({**contact, "updatedAt": "2026-01-01T00:00:00Z"}, 201),
        reply({"message": "none", "status": "error", "category": "x", "correlationId": "y"}, 404),
    )
    made, sought = conversation.asked

    assert conversation.value == ["1", {"email": "a@b.c"}, [404, "none"]]
    assert (made.message["method"], made.message["url"]) == (
        "POST",
        "https://api.hubapi.com/crm/v3/objects/contacts",
    )
    assert made.headers["Authorization"] == "Bearer token"
    assert json.loads(made.body or b"") == {"associations": [], "properties": {"email": "a@b.c"}}
    assert sought.message["url"].startswith("https://api.hubapi.com/crm/v3/objects/companies/7")


def test_jsforce() -> None:
    code = """
        const connection = new jsforce.Connection({ instanceUrl: 'https://x.my.salesforce.com', accessToken: 'T' })
        const found = await connection.query("SELECT Id FROM Account WHERE Name = 'é'")
        const made = await connection.sobject('Account').create({ Name: 'n' })
        const failure = await connection.sobject('Account').update({ Id: '3', Name: '' }).catch((error) => [error.name, error.message])
        return [found.records[0].Id, made.id, failure]
        """
    conversation = use(
        code,
        reply({"totalSize": 1, "done": True, "records": [{"Id": "1"}]}),
        reply({"id": "2", "success": True, "errors": []}, 201),
        reply([{"errorCode": "REQUIRED_FIELD_MISSING", "message": "Name"}], 400),
    )
    query, made, changed = conversation.asked

    assert conversation.value == ["1", "2", ["REQUIRED_FIELD_MISSING", "Name"]]
    url = urllib.parse.urlsplit(query.message["url"])
    assert (url.netloc, url.path) == ("x.my.salesforce.com", "/services/data/v42.0/query")
    assert urllib.parse.parse_qs(url.query) == {"q": ["SELECT Id FROM Account WHERE Name = 'é'"]}
    assert query.headers["Authorization"] == "Bearer T"
    assert (made.message["method"], made.body) == ("POST", b'{"Name":"n"}')
    assert changed.message["method"] == "PATCH"


def test_jsforce_logs_in() -> None:
    code = """
        const connection = new jsforce.Connection({ loginUrl: 'https://login.example' })
        const user = await connection.login('me@x', 'pass<word')
        return [user.id, connection.accessToken, connection.instanceUrl]
        """
    answer = """<?xml version="1.0"?><soapenv:Envelope><soapenv:Body><loginResponse><result>
        <serverUrl>https://x.my.salesforce.com/services/Soap/u/42.0/1</serverUrl><sessionId>S</sessionId>
        <userId>U</userId><userInfo><organizationId>O</organizationId></userInfo>
        </result></loginResponse></soapenv:Body></soapenv:Envelope>"""
    conversation = use(code, reply(answer, content_type="text/xml"))
    (asked,) = conversation.asked

    assert conversation.value == ["U", "S", "https://x.my.salesforce.com"]
    assert asked.message["url"] == "https://login.example/services/Soap/u/42.0"
    assert b"<username>me@x</username>" in (asked.body or b"")


@pytest.mark.parametrize(
    "use_of", ["topic('t').subscribe(hear)", "channel('/u/c').subscribe(hear)", "createClient()"]
)
def test_jsforce_cannot_stream_and_says_so(use_of: str) -> None:
    code = f"""
        const hear = () => {{}}
        const connection = new jsforce.Connection({{ instanceUrl: 'https://x.example', accessToken: 'T' }})
        try {{ connection.streaming.{use_of} }} catch (error) {{ return error.message }}
        """

    assert value(code) == "streaming: functions cannot wait for messages, an invocation ends before they come"


def test_jsforce_pushes_to_a_channel() -> None:
    code = """
        const connection = new jsforce.Connection({ instanceUrl: 'https://x.example', accessToken: 'T' })
        return connection.streaming.channel('/u/c').push({ payload: 'p', userIds: [] })
        """
    conversation = use(code, reply({"records": [{"Id": "C"}], "done": True}), reply([{"fanoutCount": 1}]))
    _, pushed = conversation.asked

    assert conversation.value == {"fanoutCount": 1}
    assert pushed.message["url"].endswith("/sobjects/StreamingChannel/C/push")
    assert json.loads(pushed.body or b"") == {"pushEvents": [{"payload": "p", "userIds": []}]}


def test_a_service_account_of_skyflow() -> None:
    pair = Pair("RS256")
    account = {
        "clientID": "c",
        "clientName": "n",
        "keyID": "k",
        "tokenURI": "https://manage.example/token",
        "privateKey": pair.private,
    }
    code = f"return skyflowlib.skyflow.generateBearerTokenFromCreds({json.dumps(json.dumps(account))})"
    conversation = use(code, reply({"accessToken": "A", "tokenType": "Bearer"}))
    (asked,) = conversation.asked

    assert conversation.value["accessToken"] == "A"
    assert asked.message["url"] == account["tokenURI"]
    signed, _, signature = json.loads(asked.body or b"")["assertion"].rpartition(".")
    pair.verify(part(signature), signed.encode())
    assert json.loads(part(signed.partition(".")[2]))["iss"] == "c"


def test_skyflow() -> None:
    token = "h." + "eyJleHAiOjQxMDI0NDQ4MDB9" + ".s"
    code = f"""
        const client = skyflowlib.skyflow.Skyflow.init({{
          vaultID: 'vault', vaultURL: 'https://vault.example', getBearerToken: async () => '{token}' }})
        const inserted = await client.insert({{ records: [{{ table: 'cards', fields: {{ number: '4111' }} }}] }}, {{ tokens: true }})
        return inserted.records
        """
    answer = {
        "vaultID": "vault",
        "responses": [{"records": [{"skyflow_id": "1", "tokens": {"number": "tok"}}]}],
    }
    conversation = use(code, reply(answer))
    (asked,) = conversation.asked

    assert conversation.value[0]["fields"]["number"] == "tok"
    assert asked.message["url"] == "https://vault.example/v1/vaults/vault"
    assert asked.headers["authorization"] == f"Bearer {token}"
    assert json.loads(asked.body or b"")["records"][0]["fields"] == {"number": "4111"}
