"""A lean HTTP/1.1 client for one event loop: POST, answers as they come, connections kept."""
