"""What each agent does around its model call."""
