"""The engine: the only part that waits, and it waits in one place."""
