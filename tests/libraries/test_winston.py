"""`winstonlib.winston`: its lines are the function's."""

from __future__ import annotations

from tests.libraries.shelf import use


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
