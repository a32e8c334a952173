"""What is kept of failures, to be looked at (SPEC 11.1, 11.3), and what functions used, day by day."""
