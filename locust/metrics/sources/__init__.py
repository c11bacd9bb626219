"""What the master looks at once a second beside the requests: doubles, calls, processes, a database. A module each."""
