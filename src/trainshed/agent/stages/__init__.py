"""The stages of a task, one file each, in the order in which :mod:`trainshed.agent.task` walks them."""
