"""What answers teach: how well each model does on a request, and how sure that is."""
