"""What several processes and machines share, through Valkey or Redis."""
