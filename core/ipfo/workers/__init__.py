"""What may be slow, and strangers' code: a process each, called with a deadline."""
