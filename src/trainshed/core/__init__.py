"""Nouns and rules, without I/O and with nothing but the standard library.

The agent runs on nodes from a bare Python, so everything here must too.
"""
