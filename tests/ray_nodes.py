"""A Ray cluster of two nodes on this machine, in processes of its own: `python ray_nodes.py`, lines in, lines out.

It prints its address; told `lose` it ends its second node as if its machine had lost power, told `join` it gets
another one; it ends with its standard input.
"""

from __future__ import annotations

import sys
import warnings

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    from ray.cluster_utils import Cluster

    own = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": 80_000_000}  # the GPU is Ray's to give, and none
    cluster = Cluster(initialize_head=True, head_node_args={**own, "num_gpus": 0, "include_dashboard": False})
    second = cluster.add_node(**own)
    cluster.wait_for_nodes()
    print(f"address {cluster.address}", flush=True)
    for line in sys.stdin:
        if line.strip() == "lose":
            cluster.remove_node(second, allow_graceful=False)
        elif line.strip() == "join":
            second = cluster.add_node(**own)
            cluster.wait_for_nodes()
        print("done", flush=True)
    cluster.shutdown()
