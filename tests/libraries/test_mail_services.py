"""`mailchimplib.mailchimp` and `nodemailjet.nodemailjet`."""

from __future__ import annotations

import base64
import json

from tests.libraries.harness import reply, use


def test_mailchimp() -> None:
    code = """
        const { mailchimp } = mailchimplib
        mailchimp.setConfig({ apiKey: 'key', server: 'us1' })
        const member = await mailchimp.lists.addListMember('list', { email_address: 'a@b.c', status: 'subscribed' })
        const failure = await mailchimp.ping.get().catch((error) => [error.status, error.response.body.title])
        return [member.id, failure]
        """
    conversation = use(code, reply({"id": "m1"}), reply({"title": "API Key Invalid"}, 401))
    added, pinged = conversation.asked

    assert conversation.value == ["m1", [401, "API Key Invalid"]]
    assert (added.message["method"], added.message["url"]) == (
        "POST",
        "https://us1.api.mailchimp.com/3.0/lists/list/members",
    )
    assert added.headers["Authorization"] == "Basic " + base64.b64encode(b"user:key").decode()
    assert json.loads(added.body or b"") == {"email_address": "a@b.c", "status": "subscribed"}
    assert (pinged.message["method"], pinged.message["url"]) == (
        "GET",
        "https://us1.api.mailchimp.com/3.0/ping",
    )


def test_mailjet() -> None:
    code = """
        const client = nodemailjet.nodemailjet.apiConnect('public', 'private')
        const sent = await client.post('send', { version: 'v3.1' }).request({ Messages: [{ Subject: 'é' }] })
        const failure = await client.get('contact').id(7).request().catch((error) => [error.statusCode, error.message])
        return [sent.response.status, sent.body, failure]
        """
    conversation = use(code, reply({"ok": 1}), reply({"ErrorMessage": "no"}, 404))
    sent, sought = conversation.asked

    assert conversation.value == [200, {"ok": 1}, [404, 'Unsuccessful: Status Code: "404" Message: "no"']]
    assert (sent.message["method"], sent.message["url"]) == ("POST", "https://api.mailjet.com/v3.1/send")
    assert sent.headers["Authorization"] == "Basic " + base64.b64encode(b"public:private").decode()
    assert json.loads(sent.body or b"") == {"Messages": [{"Subject": "é"}]}
    assert sought.message["url"] == "https://api.mailjet.com/v3/REST/contact/7"
