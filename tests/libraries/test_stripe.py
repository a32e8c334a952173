"""`stripe`."""

from __future__ import annotations

import urllib.parse

from tests.libraries.harness import reply, use, value


def test_a_customer_is_made() -> None:
    code = """
        const client = stripe('sk_test_1')
        const customer = await client.customers.create({ email: 'a@b.c', metadata: { plan: 'é' } })
        const failure = await client.customers.retrieve('cus_2').catch((error) => [error.type, error.message])
        return [customer.id, failure]
        """
    refused = {"error": {"type": "invalid_request_error", "message": "No such customer"}}
    conversation = use(code, reply({"id": "cus_1"}), reply(refused, 404))
    made, sought = conversation.asked

    assert conversation.value == ["cus_1", ["StripeInvalidRequestError", "No such customer"]]
    assert (made.message["method"], made.message["url"]) == ("POST", "https://api.stripe.com/v1/customers")
    assert made.headers["Authorization"] == "Bearer sk_test_1"
    assert made.headers["User-Agent"] == "Stripe/v1 NodeBindings/8.115.0"
    assert made.body is not None
    assert dict(urllib.parse.parse_qsl(made.body.decode())) == {"email": "a@b.c", "metadata[plan]": "é"}
    assert sought.message["url"] == "https://api.stripe.com/v1/customers/cus_2"


def test_a_webhook_is_checked() -> None:
    code = """
        const client = stripe('sk_test_1')
        const payload = JSON.stringify({ id: 'evt_1' })
        const header = client.webhooks.generateTestHeaderString({ payload, secret: 's' })
        const check = (secret) => { try { return client.webhooks.constructEvent(payload, header, secret).id } catch (e) { return e.type } }
        return [check('s'), check('t')]
        """

    assert value(code) == ["evt_1", "StripeSignatureVerificationError"]
