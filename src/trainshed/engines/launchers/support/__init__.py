"""Small programs that launchers start beside or before a script.

They run in the engine's own interpreter (Python 3.6 to 3.13) with the standard library only and
import nothing of ours: ``python -I -S <file> …``.
"""
