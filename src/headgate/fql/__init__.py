"""FQL, the query language of destination filters (SPEC 9.2, 9.3)."""

from headgate.fql.budget import TooCostly
from headgate.fql.error import FqlError
from headgate.fql.path import read
from headgate.fql.query import FQL_BYTES, Query

__all__ = ["FQL_BYTES", "FqlError", "Query", "TooCostly", "read"]
