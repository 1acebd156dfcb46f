"""Bytes to facts and back. Pure; what is wrong with a datagram is a value, never an exception."""
