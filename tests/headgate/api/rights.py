"""
Who may call what, as src/headgate/api/README.md tells people: one row for each operation, with what it needs, and one for
each role, with what it meets. `python -m tests.headgate.api.rights` writes the first anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, get_args

import headgate.api
from headgate.api.operation import Needs
from headgate.api.table import OPERATIONS

README: Final = Path(headgate.api.__file__).with_name("README.md")

NEEDS: Final[tuple[Needs, ...]] = get_args(Needs)

_BEGIN: Final = "<!-- operations -->\n"
_END: Final = "<!-- end of operations -->\n"


def operations() -> str:
    """The first table, as it must be."""
    rows = [f"| `{each.method} {each.path}` | {each.name} | {each.needs} |\n" for each in OPERATIONS]
    return "".join(["| Request | Operation | Needs |\n", "| --- | --- | --- |\n", *rows])


def operations_told() -> str:
    """The first table, as it stands."""
    return README.read_text().partition(_BEGIN)[2].partition(_END)[0]


def roles_told() -> dict[str, dict[str, bool]]:
    """The second table: for each role, whether it meets each of NEEDS."""
    text = README.read_text()
    table = re.search(r"^\| Who \|.*?(?=^\n)", text, re.MULTILINE | re.DOTALL)
    assert table is not None, "there is no table of roles"
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()]
    return {
        row[0]: {need: cell == "yes" for need, cell in zip(head[1:], row[1:], strict=True)} for row in rows
    }


def write() -> None:
    before, _, rest = README.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    README.write_text(before + _BEGIN + operations() + _END + after)


if __name__ == "__main__":
    write()
