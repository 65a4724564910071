"""Work spread over the processes of a Dask cluster.

`connected` opens a cluster, `run` applies a function to many items on it. Dask is imported when a cluster is
opened, not with these modules.
"""
