"""As much of curl as examples/api needs, for machines that have none: `python curl.py OPTIONS URL`."""

from __future__ import annotations

import argparse
import base64
import sys
import urllib.error
import urllib.request


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--show-error", action="store_true")
    parser.add_argument("--fail-with-body", action="store_true")
    parser.add_argument("--write-out", default="")
    parser.add_argument("--request")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--user")
    parser.add_argument("--data")
    parser.add_argument("url")
    asked = parser.parse_args()
    data = None if asked.data is None else asked.data.encode()
    method = asked.request or ("GET" if data is None else "POST")
    request = urllib.request.Request(asked.url, data, method=method)
    for header in asked.header:
        name, _, value = header.partition(":")
        request.add_header(name, value.strip())
    if asked.user:
        request.add_header("Authorization", "Basic " + base64.b64encode(asked.user.encode()).decode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    status = 0
    try:
        with opener.open(request, timeout=30) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
        status = 22 if asked.fail_with_body else 0
        print(f"curl: (22) the server answered {error.code}", file=sys.stderr)
    sys.stdout.buffer.write(body + asked.write_out.replace("\\n", "\n").encode())
    return status


if __name__ == "__main__":
    sys.exit(main())
