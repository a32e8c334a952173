"""The management API: official clients administer Headgate after changing only the base URL (SPEC 12)."""
