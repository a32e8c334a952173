"""The whole shelf: what there is, in which version, and that it costs nothing unless named (SPEC 4.3)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from headgate_runtime import guest, libraries
from tests.libraries.harness import value

README = Path(__file__).parents[2] / "guest" / "libraries" / "README.md"

LIBRARIES = [
    ("AWS", "aws-sdk", "2.488.0", "object"),
    ("OAuth", "oauth", "0.9.15", "object"),
    ("_", "lodash", "4.17.19", "function"),
    ("fetchretrylib.fetchretry", "fetch-retry", "6.0.0", "function"),
    ("google.cloud.automl", "@google-cloud/automl", "2.2.0", "object"),
    ("google.cloud.bigquery", "@google-cloud/bigquery", "5.3.0", "object"),
    ("google.cloud.datastore", "@google-cloud/datastore", "6.2.0", "object"),
    ("google.cloud.firestore", "@google-cloud/firestore", "4.4.0", "object"),
    ("google.cloud.functions", "@google-cloud/functions", "1.1.0", "object"),
    ("google.cloud.pubsub", "@google-cloud/pubsub", "2.6.0", "object"),
    ("google.cloud.storage", "@google-cloud/storage", "5.3.0", "object"),
    ("google.cloud.tasks", "@google-cloud/tasks", "2.6.0", "object"),
    ("hubspotlib.hubspot", "@hubspot/api-client", "13.5.0", "object"),
    ("jsforce", "jsforce", "1.11.0", "object"),
    ("jsonwebtoken", "jsonwebtoken", "8.5.1", "object"),
    ("libphonenumberjslib.libphonenumberjs", "libphonenumber-js", "1.13.16", "function"),
    ("mailchimplib.mailchimp", "@mailchimp/mailchimp_marketing", "3.0.80", "object"),
    ("moment", "moment-timezone", "0.5.31", "function"),
    ("nodemailjet.nodemailjet", "node-mailjet", "6.0.11", "function"),
    ("sendgrid.client", "@sendgrid/mail", "7.4.7", "object"),
    ("sendgrid.mail", "@sendgrid/mail", "7.4.7", "object"),
    ("skyflowlib.skyflow", "skyflow-node", "1.14.3", "object"),
    ("stripe", "stripe", "8.115.0", "function"),
    ("twilio", "twilio", "3.68.0", "function"),
    ("uuidv5.uuidv5", "uuidv5", "1.0.0", "function"),
    ("winstonlib.winston", "winston", "2.4.6", "object"),
    ("xml", "xml", "1.0.1", "function"),
    ("xml2js", "xml2js", "0.4.23", "object"),
]

IN_THE_PRELUDE = ["atob", "btoa", "FormData", "fetch", "crypto", "https", "zlib.zlib"]

INDEX = json.loads(guest.read("libraries/index.json"))


@pytest.mark.parametrize(("expression", "package", "version", "kind"), LIBRARIES)
def test_a_library(expression: str, package: str, version: str, kind: str) -> None:
    entry = INDEX[expression] if expression in INDEX else INDEX[expression.partition(".")[0]]

    assert (entry["package"], entry["version"]) == (package, version)
    use = f"{expression}.VERSION" if expression == "_" else expression
    assert value(f"{use}; return typeof {expression}") == kind


@pytest.mark.parametrize("expression", IN_THE_PRELUDE)
def test_what_needs_no_library(expression: str) -> None:
    assert not set(libraries.named_in(expression.encode())) & {name.encode() for name in INDEX}
    assert value(f"return typeof {expression}") in ("function", "object")


def test_nothing_else_is_indexed() -> None:
    named = {expression.partition(".")[0] for expression, *_ in LIBRARIES}

    assert {expression.partition(".")[0] for expression in INDEX} == named


def test_the_readme_lists_them_all() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (\S+) \| ([\d.]+) \|", README.read_text(), re.MULTILINE)
    listed = {package: version for _, package, version in rows}

    assert {entry["package"]: entry["version"] for entry in INDEX.values()}.items() <= listed.items()


@pytest.mark.parametrize(
    "source",
    ["", "function onTrack(event) { return event }", "const google = 1", "let pubsub = cloud", "$_"],
)
def test_unnamed_ones_are_left_out(source: str) -> None:
    assert libraries.named_in(source.encode()) == []


def test_one_of_google_is_one() -> None:
    assert len(libraries.named_in(b"new google.cloud.pubsub.PubSub()")) == 1


def test_packages_find_no_node_outside() -> None:
    code = """
        stripe; twilio; AWS
        return [typeof process, typeof require, typeof module, typeof exports, typeof global, typeof __dirname,
          typeof Buffer, window === globalThis]
        """

    assert value(code) == ["undefined"] * 6 + ["function", True]


def test_what_a_sandbox_lacks_says_so() -> None:
    code = """
        const { winston } = winstonlib
        try { new winston.transports.File({ filename: '/tmp/x' }).open(() => {}) } catch (error) { return error.message }
        """

    assert value(code).endswith("functions have no files, sockets, processes or threads")
