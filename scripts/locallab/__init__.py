"""The lab as local processes: an environment to run in, the processes, and the commands over them."""
