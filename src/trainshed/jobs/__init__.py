"""Pure rules over jobs: queue order, gang placement, restart, outcome, hang verdict. No I/O, no clock."""
