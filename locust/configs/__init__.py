"""What a run is told: settings from the environment, the targets it is held to, the load profiles."""
