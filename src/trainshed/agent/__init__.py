"""The agent: our process beside the script on a node. It prepares, launches, watches and reports.

It runs from a bare Python with the standard library only, and is a session of its own: neither
the death of the server nor that of the agent itself loses a byte of what the script printed or wrote.
"""
