"""Headgate from the command line: functions over files of events."""
