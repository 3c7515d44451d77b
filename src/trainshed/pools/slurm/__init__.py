"""A partition of a Slurm cluster as a pool.

Slurm queues, we do not: every job is one ``sbatch`` with an agent on each node, and Slurm says why it
waits. What the pool needs of the cluster is a folder that the service and all nodes see under the same
path: agents are brought there, and all that they have to tell lies there, whatever happens to a node.
"""

from trainshed.pools.slurm.pool import SlurmPool
from trainshed.pools.slurm.settings import SlurmSettings

__all__ = ["SlurmPool", "SlurmSettings"]
