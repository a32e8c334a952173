"""
Steps from the tables of any older version to those of tables.py. A step, once released, is never edited.

A new one: `alembic revision` is not needed; copy the last file of versions/, count on, and let tables.HEAD name it.
"""
