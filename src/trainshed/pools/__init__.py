"""Where jobs run: one module for each kind of pool, all behind :class:`trainshed.pools.base.Pool`."""
