"""`twilio`."""

from __future__ import annotations

import base64
import urllib.parse

from tests.libraries.harness import reply, use


def test_a_message_is_sent() -> None:
    code = """
        const client = twilio('AC1', 'token')
        const message = await client.messages.create({ body: 'hé', from: '+1', to: '+2' })
        const failure = await client.calls('CA1').fetch().catch((error) => [error.status, error.code, error.message])
        const answer = new twilio.twiml.MessagingResponse()
        answer.message('hi')
        return [message.sid, failure, answer.toString()]
        """
    refused = {"code": 20404, "message": "not found", "status": 404}
    conversation = use(code, reply({"sid": "SM1"}, 201), reply(refused, 404))
    sent, sought = conversation.asked

    assert conversation.value == [
        "SM1",
        [404, 20404, "not found"],
        '<?xml version="1.0" encoding="UTF-8"?><Response><Message>hi</Message></Response>',
    ]
    root = "https://api.twilio.com/2010-04-01/Accounts/AC1"
    assert (sent.message["method"], sent.message["url"]) == ("POST", f"{root}/Messages.json")
    assert sent.headers["Authorization"] == "Basic " + base64.b64encode(b"AC1:token").decode()
    assert sent.body is not None
    assert dict(urllib.parse.parse_qsl(sent.body.decode())) == {"Body": "hé", "From": "+1", "To": "+2"}
    assert (sought.message["method"], sought.message["url"]) == ("GET", f"{root}/Calls/CA1.json")
