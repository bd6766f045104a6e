"""What the cache of answers is worth: wrong hits, hits on a day of traffic, time of a look-up."""
