"""`winstonlib.winston`: its lines are the function's."""

from __future__ import annotations

import json

from tests.libraries.harness import reply, use


def test_it_logs() -> None:
    code = """
        const { winston } = winstonlib
        const logger = new winston.Logger({ level: 'verbose', transports: [new winston.transports.Console()] })
        logger.info('hello', { a: 1 })
        logger.debug('not shown')
        logger.error(new Error('bad').message)
        winston.warn('%s of %d', 'one', 2)
        """
    logs = use(code).outcome.logs

    assert [line.message for line in logs] == ["info: hello a=1", "error: bad", "warn: one of 2"]


def test_it_logs_to_a_server() -> None:
    code = """
        const { winston } = winstonlib
        const transport = new winston.transports.Http({ host: 'logs.example', path: '/collect' })
        const logger = new winston.Logger({ transports: [transport] })
        return new Promise((resolve) => logger.info('hé', { a: 1 }, (error) => resolve(error ? error.message : 'sent')))
        """
    conversation = use(code, reply("ok"))
    (asked,) = conversation.asked

    assert conversation.value == "sent"
    assert (asked.message["method"], asked.message["url"]) == ("POST", "http://logs.example/collect")
    assert json.loads(asked.body or b"")["params"] == {"level": "info", "message": "hé", "meta": {"a": 1}}
