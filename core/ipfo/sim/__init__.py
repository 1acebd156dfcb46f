"""Seeded worlds round the same machine and the same wire format as the daemon's. No real time passes."""
