"""What can be said of logs, songs and tasks before a run: what will stop it or spoil its result."""
