"""`sendgrid.mail` and `sendgrid.client`."""

from __future__ import annotations

import json

from tests.libraries.harness import reply, use


def test_a_mail_and_a_request() -> None:
    code = """
        sendgrid.mail.setApiKey('SG.mail')
        const [sent] = await sendgrid.mail.send({ to: 'a@b.c', from: 'd@e.f', subject: 's', text: 't' })
        sendgrid.client.setApiKey('SG.client')
        const [, body] = await sendgrid.client.request({ method: 'GET', url: '/v3/lists', qs: { page: 2 } })
        const failure = await sendgrid.client.request({ method: 'PUT', url: '/v3/x', body: {} }).catch((e) => [e.code, e.response.body])
        return [sent.statusCode, body, failure]
        """
    conversation = use(code, reply("", 202), reply({"a": 1}), reply({"errors": []}, 401))
    mail, request, _ = conversation.asked

    assert conversation.value == [202, {"a": 1}, [401, {"errors": []}]]
    assert (mail.message["method"], mail.message["url"]) == ("POST", "https://api.sendgrid.com/v3/mail/send")
    assert mail.headers["Authorization"] == "Bearer SG.mail"
    assert mail.headers["Content-Type"] == "application/json"
    assert json.loads(mail.body or b"") == {
        "from": {"email": "d@e.f"},
        "subject": "s",
        "personalizations": [{"to": [{"email": "a@b.c"}]}],
        "content": [{"value": "t", "type": "text/plain"}],
    }
    assert request.message["url"] == "https://api.sendgrid.com/v3/lists?page=2"
    assert request.headers["Authorization"] == "Bearer SG.client"
