"""The process behind a job's ``moxing``: it holds the keys and moves the bytes.

Started by :mod:`trainshed.agent.moxing_gateway` on the first connection, or outside a job by
``moxing`` itself. Standard library only.
"""
