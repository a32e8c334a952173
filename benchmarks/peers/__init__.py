"""Who is measured side by side: Headgate itself, and what people would take in its place."""
