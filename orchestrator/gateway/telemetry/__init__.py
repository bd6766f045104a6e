"""What is to be seen of a gateway while it runs: metrics, logs, traces elsewhere."""
