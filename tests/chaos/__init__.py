"""Faults at random over many small jobs, and an audit that nothing was lost, doubled or left behind."""
