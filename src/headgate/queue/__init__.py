"""Stores accepted events until every destination has its outcome, and hands them out fairly."""
