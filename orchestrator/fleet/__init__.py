"""Models and deployments: prices, weights, health, and the snapshot that routing sees."""
